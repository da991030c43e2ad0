//! What holds for filters and paths over generated schemas and resources.

use proptest::prelude::*;
use scimkit_filter::generators::{any_filter, attribute_path, filter, patch_path, patch_request};
use scimkit_filter::{
    AttributePath, CompareOperator, Filter, Fold, Node, Operand, ParseOptions, PatchPath, ResolvedFilter, ResolvedPath, resolve_path,
};
use scimkit_types::{Catalog, Dialect, PatchOp, Resource, ResourceType, generators};

fn resource_type(catalog: &Catalog) -> &ResourceType {
    catalog.resource_type(generators::RESOURCE_TYPE).unwrap()
}

/// A catalog, resources of its first type, and two filters that fit.
fn world() -> impl Strategy<Value = (Catalog, Vec<Resource>, Filter, Filter)> {
    generators::catalog_with_resources(4).prop_flat_map(|(catalog, resources)| {
        let filter = filter(&catalog, resource_type(&catalog));
        (Just(catalog), Just(resources), filter.clone(), filter)
    })
}

fn resolve(filter: &Filter, catalog: &Catalog) -> ResolvedFilter {
    filter.resolve(catalog, resource_type(catalog), Dialect::STRICT).unwrap()
}

/// Puts a filter together again, and notes where its paths stand.
#[derive(Default)]
struct Copy {
    parents: Vec<Option<ResolvedPath>>,
}

impl Fold for Copy {
    type Output = Node;
    type Error = &'static str;

    fn and(&mut self, parts: Vec<Node>) -> Result<Node, &'static str> {
        Ok(Node::And(parts))
    }

    fn or(&mut self, parts: Vec<Node>) -> Result<Node, &'static str> {
        Ok(Node::Or(parts))
    }

    fn not(&mut self, part: Node) -> Result<Node, &'static str> {
        Ok(Node::Not(Box::new(part)))
    }

    fn constant(&mut self, value: bool) -> Result<Node, &'static str> {
        Ok(Node::Constant(value))
    }

    fn present(&mut self, parent: Option<&ResolvedPath>, path: &ResolvedPath) -> Result<Node, &'static str> {
        self.parents.push(parent.cloned());
        Ok(Node::Present(path.clone()))
    }

    fn compare(
        &mut self,
        parent: Option<&ResolvedPath>,
        path: &ResolvedPath,
        operator: CompareOperator,
        operand: &Operand,
    ) -> Result<Node, &'static str> {
        self.parents.push(parent.cloned());
        if operator == CompareOperator::EndsWith {
            return Err("no `ew`");
        }
        Ok(Node::Compare { path: path.clone(), operator, operand: operand.clone() })
    }

    fn element(&mut self, _: Option<&ResolvedPath>, path: &ResolvedPath, part: Node) -> Result<Node, &'static str> {
        // Parts come before what they are part of.
        if self.parents.last() != Some(&Some(path.clone())) {
            return Err("expected a part of the elements");
        }
        Ok(Node::Element { path: path.clone(), filter: Box::new(part) })
    }
}

/// A fold hands over every node once, its parts first, and the first error ends it.
#[test]
fn a_fold_hands_over_every_node() {
    let catalog = Catalog::standard();
    let user_type = catalog.resource_type("User").unwrap();
    let resolve = |text: &str| Filter::parse(text).unwrap().resolve(&catalog, user_type, Dialect::LENIENT).unwrap();
    let whole = resolve(r#"title pr and (unknown pr or not (emails[type eq "work" and value pr])) and emails.primary ne true"#);
    let mut copy = Copy::default();
    assert_eq!(whole.fold(&mut copy).as_ref(), Ok(whole.root()));
    let parents: Vec<Option<String>> =
        copy.parents.iter().map(|parent| parent.as_ref().map(|path| path.to_attribute_path().to_string())).collect();
    let emails = Some("emails".to_owned());
    assert_eq!(parents[..3], [None, emails.clone(), emails]);
    assert_eq!(resolve(r#"title pr or title ew "x" or nickName pr"#).fold(&mut Copy::default()), Err("no `ew`"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// R7644-3.4.2.2-07: what fits is read as it was printed, resolves, and is true of a resource or not, never neither.
    #[test]
    fn filters_that_fit_are_two_valued((catalog, resources, left, right) in world()) {
        let options = ParseOptions::default().with_catalog(&catalog);
        for filter in [&left, &right] {
            let text = filter.to_string();
            prop_assert_eq!(&Filter::parse_with(&text, &options), &Ok(filter.clone()), "{}", text);
            prop_assert_eq!(&Filter::parse(&text), &Ok(filter.clone()), "{}", text);
        }
        let both = resolve(&Filter::and([left.clone(), right.clone()]).unwrap(), &catalog);
        let either = resolve(&Filter::or([left.clone(), right.clone()]).unwrap(), &catalog);
        let neither = resolve(&Filter::and([left.clone().negated(), right.clone().negated()]).unwrap(), &catalog);
        let [not_left, left, right] = [&left.clone().negated(), &left, &right].map(|filter| resolve(filter, &catalog));
        for resource in &resources {
            let (is_left, is_right) = (left.matches(resource), right.matches(resource));
            prop_assert_eq!(not_left.matches(resource), !is_left);
            prop_assert_eq!(both.matches(resource), is_left && is_right);
            prop_assert_eq!(either.matches(resource), is_left || is_right);
            prop_assert_eq!(neither.matches(resource), !either.matches(resource));
        }
    }

    /// A filter means the same of a resource that was written and read.
    #[test]
    fn writing_a_resource_changes_no_answer((catalog, resources, filter, _) in world()) {
        let filter = resolve(&filter, &catalog);
        for resource in &resources {
            let read: Resource = serde_json::from_str(&serde_json::to_string(resource).unwrap()).unwrap();
            prop_assert_eq!(filter.matches(&read), filter.matches(resource));
        }
    }

    /// Paths that fit are read as they were printed and found.
    #[test]
    fn paths_that_fit_are_found(
        (catalog, path, patch_path) in generators::catalog().prop_flat_map(|catalog| {
            let paths = (attribute_path(&catalog, resource_type(&catalog)), patch_path(&catalog, resource_type(&catalog)));
            (Just(catalog), paths).prop_map(|(catalog, (path, patch_path))| (catalog, path, patch_path))
        }),
    ) {
        let options = ParseOptions::default().with_catalog(&catalog);
        prop_assert_eq!(&AttributePath::parse_with(&path.to_string(), &options), &Ok(path.clone()));
        let (found, definition) = resolve_path(&path, &catalog, resource_type(&catalog)).unwrap();
        prop_assert_eq!(found.type_, definition.type_);
        prop_assert_eq!(resolve_path(&found.to_attribute_path(), &catalog, resource_type(&catalog)).unwrap().0, found);
        prop_assert_eq!(PatchPath::parse_with(&patch_path.to_string(), &options), Ok(patch_path));
    }

    /// Whatever the grammar can express gets an answer from every catalog and in every dialect, and is evaluated when it fits.
    #[test]
    fn every_filter_gets_an_answer(((catalog, resources), filter) in (generators::catalog_with_resources(1), any_filter())) {
        let inner = resource_type(&catalog);
        for dialect in [Dialect::STRICT, Dialect::LENIENT] {
            if let Ok(resolved) = filter.resolve(&catalog, inner, dialect) {
                let negated = filter.clone().negated().resolve(&catalog, inner, dialect).unwrap();
                prop_assert_eq!(negated.matches(&resources[0]), !resolved.matches(&resources[0]));
            }
        }
    }

    /// A PATCH request survives being written and read.
    #[test]
    fn requests_survive_a_round_trip(
        request in generators::catalog().prop_flat_map(|catalog| patch_request(&catalog, resource_type(&catalog))),
    ) {
        let text = serde_json::to_string(&request.to_json()).unwrap();
        prop_assert_eq!(PatchOp::from_json(serde_json::from_str(&text).unwrap()).unwrap(), request);
    }
}
