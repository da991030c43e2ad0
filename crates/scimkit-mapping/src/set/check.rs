//! Whether mappings fit a source and a service provider.

use scimkit_types::{Attribute, Catalog, Mutability, Profile, ResourceType, Value};

use super::{Mapping, MappingSet, Source};
use crate::expression::Node;
use crate::fault::Fault;
use crate::record::graph_name;
use crate::target::Target;

impl MappingSet {
    /// What would go wrong with this source and service provider: attributes that the source does not have (when its attributes are
    /// given), attributes that the service provider does not know or requires and nobody maps, matching attributes that it cannot
    /// filter on, constants of a wrong type, lists where one value fits.
    pub fn check(&self, source_attributes: Option<&[&str]>, profile: &Profile) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(known) = source_attributes {
            self.check_source(known, &mut faults);
        }
        self.mappings.iter().for_each(|mapping| mapping.check_fit(&mut faults));
        match profile.catalog() {
            Ok(catalog) => match catalog.resource_type(&self.resource_type) {
                Some(resource_type) => self.check_target(&catalog, resource_type, &mut faults),
                None => {
                    let message = format!("`{}` has no resource type `{}`", profile.name, self.resource_type);
                    faults.push(Fault::new("object mapping", message));
                }
            },
            Err(error) => faults.push(Fault::new(format!("profile `{}`", profile.name), error.to_string())),
        }
        self.check_matching(profile, &mut faults);
        faults
    }

    fn check_source(&self, known: &[&str], faults: &mut Vec<Fault>) {
        let has = |name: &str| {
            let head = name.split(['.', '[']).next().unwrap_or(name);
            let names = [name, head, graph_name(name)];
            names.iter().any(|name| known.iter().any(|known| known.eq_ignore_ascii_case(name))) || graph_name(name) == "id"
        };
        let unknown = |name: &&str| !super::is_computed(name) && !has(name);
        for mapping in &self.mappings {
            if let Source::Expression(expression) = &mapping.source {
                for name in expression.attributes().into_iter().filter(unknown) {
                    faults.push(Fault::new(mapping.place(), format!("the source has no attribute `{name}`")));
                }
            }
        }
        for name in self.scope.attributes().filter(unknown) {
            faults.push(Fault::new("scope", format!("the source has no attribute `{name}`")));
        }
    }

    fn check_target(&self, catalog: &Catalog, resource_type: &ResourceType, faults: &mut Vec<Fault>) {
        for mapping in &self.mappings {
            if let Err(message) = Target::compile(&mapping.target.text, catalog, resource_type) {
                faults.push(Fault::new(mapping.place(), message));
            }
        }
        let extensions = resource_type.schema_extensions.iter().filter(|extension| extension.required);
        let required = std::iter::once((&resource_type.schema, false)).chain(extensions.map(|extension| (&extension.schema, true)));
        for (uri, is_extension) in required {
            let attributes = catalog.schema(uri.as_str()).map_or(&[][..], |schema| &schema.attributes);
            let is_own = |target: &Target| match &target.extension {
                Some(extension) => is_extension && extension == uri,
                None => !is_extension,
            };
            let targets: Vec<&Target> = self.mappings.iter().map(|mapping| &mapping.target).filter(|target| is_own(target)).collect();
            for attribute in attributes.iter().filter(|attribute| must_be_sent(attribute)) {
                for path in unmapped(attribute, &targets) {
                    faults.push(Fault::new("object mapping", format!("`{path}` is required and has no mapping")));
                }
            }
        }
    }

    fn check_matching(&self, profile: &Profile, faults: &mut Vec<Fault>) {
        if self.matching.is_empty() {
            faults.push(Fault::new("object mapping", "expected at least one matching attribute, found none"));
        }
        for matching in &self.matching {
            let path = matching.filter_path.to_string();
            if !profile.features.filter || !profile.can_filter(&self.resource_type, &path) {
                let message = format!("`{}` cannot filter on `{path}`, so it cannot be a matching attribute", profile.name);
                faults.push(Fault::new(super::place(&matching.target), message));
            }
        }
    }
}

fn must_be_sent(attribute: &Attribute) -> bool {
    attribute.is_required && attribute.mutability != Mutability::ReadOnly && attribute.name != *"schemas" && attribute.name != *"id"
}

/// The paths of a required attribute that no mapping writes: itself, or required sub-attributes of a single complex value.
fn unmapped(attribute: &Attribute, targets: &[&Target]) -> Vec<String> {
    let own: Vec<&&Target> = targets.iter().filter(|target| target.attribute.name == attribute.name).collect();
    if own.is_empty() {
        return vec![attribute.name.to_string()];
    }
    if attribute.is_multi_valued || own.iter().any(|target| target.leaf.is_none()) {
        return Vec::new();
    }
    let is_mapped = |sub: &Attribute| own.iter().any(|target| target.leaf.as_ref().is_some_and(|leaf| leaf.name == sub.name));
    let missing = attribute.sub_attributes.iter().filter(|sub| must_be_sent(sub) && !is_mapped(sub));
    missing.map(|sub| format!("{}.{}", attribute.name, sub.name)).collect()
}

impl Mapping {
    fn check_fit(&self, faults: &mut Vec<Fault>) {
        let Source::Expression(expression) = &self.source else { return };
        if self.target.is_single() && expression.outermost().is_some_and(|function| function.is_list) {
            faults.push(Fault::new(self.place(), "the expression gives several values, and the target has one"));
        }
        let constant = match &expression.root {
            Node::Text(text) => Value::from(text.as_str()),
            Node::Number { value, .. } => Value::from(*value),
            _ => return,
        };
        if let Err(kind) = self.target.convert(constant) {
            faults.push(Fault::new(self.place(), format!("the constant does not fit: {kind}")));
        }
    }
}
