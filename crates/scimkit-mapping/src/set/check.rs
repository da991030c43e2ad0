//! Whether mappings fit a source and a service provider.

use scimkit_types::{Attribute, Catalog, Mutability, Profile, ResourceType};

use super::fit::Known;
use super::{Mapping, MappingSet, Source};
use crate::expression::{ExpressionOptions, Node, Word};
use crate::fault::{At, Fault, Member};
use crate::functions::nearest_of;
use crate::record::graph_name;
use crate::schema::{AttributeDefinition, ObjectFlow, ObjectMapping};
use crate::target::Target;

impl ObjectMapping {
    /// All that is wrong with the mappings for this source and service provider, at once: what keeps them from being compiled, and what
    /// [`MappingSet::check`] finds of the rest.
    pub fn check(&self, source: Option<&[AttributeDefinition]>, profile: &Profile, options: &ExpressionOptions) -> Vec<Fault> {
        let whole = |message| vec![Fault::new("object mapping", message)];
        let catalog = match profile.catalog() {
            Ok(catalog) => catalog,
            Err(error) => return whole(format!("the profile `{}` has no valid schemas: {error}", profile.name)),
        };
        let Some(resource_type) = self.resource_type(&catalog) else {
            return whole(format!("`{}` has no resource type with the schema `{}`", profile.name, self.target_object_name));
        };
        let compiled = MappingSet::build(self, &catalog, resource_type, options);
        let mut faults = compiled.faults;
        faults.extend(compiled.set.check_fit(
            source,
            profile,
            (&catalog, resource_type),
            (&compiled.claimed, compiled.is_matching_claimed),
        ));
        faults
    }

    /// The resource type that the mapping's target names by its schema or one of its extensions, or else the one that is called as the
    /// source object.
    pub fn resource_type<'a>(&self, catalog: &'a Catalog) -> Option<&'a ResourceType> {
        let name = self.target_object_name.as_str();
        let is_named = |resource_type: &&ResourceType| {
            let mut schemas = std::iter::once(&resource_type.schema).chain(resource_type.schema_extensions.iter().map(|one| &one.schema));
            resource_type.name.eq_ignore_ascii_case(name) || schemas.any(|uri| uri.as_str().eq_ignore_ascii_case(name))
        };
        let known = catalog.resource_types().iter().find(is_named);
        known.or_else(|| if name.is_empty() { catalog.resource_type(&self.source_object_name) } else { None })
    }
}

impl MappingSet {
    /// What would go wrong with this source and service provider: attributes that the source does not have (when its attributes are
    /// given), attributes that the service provider does not know or requires and nobody maps, matching attributes that it cannot
    /// filter on, values of a type that cannot fit, lists where one value fits, and mappings that never flow.
    pub fn check(&self, source: Option<&[AttributeDefinition]>, profile: &Profile) -> Vec<Fault> {
        let fault = |message| vec![Fault::new("object mapping", message)];
        let catalog = match profile.catalog() {
            Ok(catalog) => catalog,
            Err(error) => return fault(format!("the profile `{}` has no valid schemas: {error}", profile.name)),
        };
        match catalog.resource_type(&self.resource_type) {
            Some(resource_type) => {
                let mut faults = self.check_targets(&catalog, resource_type);
                faults.extend(self.check_fit(source, profile, (&catalog, resource_type), (&[], false)));
                faults
            }
            None => fault(format!("`{}` has no resource type `{}`", profile.name, self.resource_type)),
        }
    }

    fn check_fit(
        &self,
        source: Option<&[AttributeDefinition]>,
        profile: &Profile,
        (catalog, resource_type): (&Catalog, &ResourceType),
        (claimed, is_matching_claimed): (&[Target], bool),
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(known) = source {
            self.check_source(known, &mut faults);
        }
        for mapping in &self.mappings {
            let messages = mapping.misfits(Known(source)).into_iter();
            faults.extend(messages.map(|message| mapping.fault(Member::Source, message)));
        }
        self.check_required(catalog, resource_type, claimed, &mut faults);
        self.check_matching(profile, is_matching_claimed, &mut faults);
        self.check_use(&mut faults);
        faults
    }

    fn check_source(&self, known: &[AttributeDefinition], faults: &mut Vec<Fault>) {
        let names = || known.iter().map(|known| known.name.as_str());
        let has = |name: &str| {
            let head = name.split(['.', '[']).next().unwrap_or(name);
            let spellings = [name, head, graph_name(name)];
            spellings.iter().any(|name| names().any(|known| known.eq_ignore_ascii_case(name))) || graph_name(name) == "id"
        };
        let unknown = |name: &&str| !super::is_computed(name) && !has(name);
        let message = |name: &str| {
            let near = nearest_of(names(), name).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("the source has no attribute `{name}`{near}")
        };
        for mapping in &self.mappings {
            let read = match &mapping.source {
                Source::Expression(expression) => expression.attributes(),
                Source::Reference(name) => vec![name.as_str()],
                Source::Default => Vec::new(),
            };
            faults.extend(read.into_iter().filter(unknown).map(|name| mapping.fault(Member::Source, message(name))));
        }
        for (at, name) in self.scope.places().filter(|(_, name)| unknown(name)) {
            faults.push(Fault::at(at, at.graph(), message(name)));
        }
    }

    fn check_targets(&self, catalog: &Catalog, resource_type: &ResourceType) -> Vec<Fault> {
        let fault = |mapping: &Mapping| {
            let message = Target::compile(&mapping.target.text, catalog, resource_type).err()?;
            Some(mapping.fault(Member::Target, message))
        };
        self.mappings.iter().filter_map(fault).collect()
    }

    fn check_required(&self, catalog: &Catalog, resource_type: &ResourceType, claimed: &[Target], faults: &mut Vec<Fault>) {
        let extensions = resource_type.schema_extensions.iter().filter(|extension| extension.required);
        let required = std::iter::once((&resource_type.schema, false)).chain(extensions.map(|extension| (&extension.schema, true)));
        for (uri, is_extension) in required {
            let attributes = catalog.schema(uri.as_str()).map_or(&[][..], |schema| &schema.attributes);
            let is_own = |target: &&Target| match &target.extension {
                Some(extension) => is_extension && extension == uri,
                None => !is_extension,
            };
            let targets: Vec<&Target> = self.mappings.iter().map(|mapping| &mapping.target).chain(claimed).filter(is_own).collect();
            for attribute in attributes.iter().filter(|attribute| must_be_sent(attribute)) {
                for path in unmapped(attribute, &targets) {
                    faults.push(Fault::new("object mapping", format!("`{path}` is required and has no mapping")));
                }
            }
        }
    }

    fn check_matching(&self, profile: &Profile, is_claimed: bool, faults: &mut Vec<Fault>) {
        if self.matching.is_empty() && !is_claimed {
            faults.push(Fault::new("object mapping", "expected at least one matching attribute, found none"));
        }
        for mapping in &self.mappings {
            let Some(matching) = mapping.matching_index.and_then(|index| self.matching.get(index)) else { continue };
            let path = matching.filter_path.to_string();
            if !profile.features.filter || !profile.can_filter(&self.resource_type, &path) {
                let message = format!("`{}` cannot filter on `{path}`, so it cannot be a matching attribute", profile.name);
                faults.push(mapping.fault(Member::Matching, message));
            }
        }
    }

    /// Names what has no effect whatever the record.
    fn check_use(&self, faults: &mut Vec<Fault>) {
        if self.flows.is_empty() {
            faults.push(Fault::new("object mapping", "it is disabled or allows no operation, so no mapping is used"));
            return;
        }
        let creates = self.allows(ObjectFlow::Create);
        for mapping in self.mappings.iter().filter(|mapping| mapping.precedence == 0) {
            let reason = match &mapping.source {
                Source::Default if mapping.default.is_empty() => "it has neither a source nor a default value",
                Source::Default if !creates => "a default value is for new objects, and none are created",
                Source::Expression(expression) if matches!(expression.root, Node::Word(Word::IgnoreAttributeFlow)) => {
                    "its expression always ignores the attribute"
                }
                _ if mapping.flows_once() && !creates => "it flows only when an object is created, and none are",
                _ => continue,
            };
            faults.push(mapping.fault(Member::Whole, format!("the mapping is never used: {reason}")));
        }
    }
}

impl Mapping {
    fn fault(&self, member: Member, message: String) -> Fault {
        Fault::at(At::Mapping(self.index, member), self.place(), message)
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
