//! What holds for generated schemas and resources.

use proptest::prelude::*;
use scimkit_types::validate::{Operation, Policy, accept, accept_changes};
use scimkit_types::value::MemberName;
use scimkit_types::{AttributeType, Catalog, ComplexValue, Dialect, Mutability, Projection, Resource, ResourceType, Value, generators};

/// A catalog, resources of its first type, and what a client may want to make of the first one.
fn world() -> impl Strategy<Value = (Catalog, Vec<Resource>, Resource)> {
    generators::catalog_with_resources(2).prop_flat_map(|(catalog, resources)| {
        let successor = generators::successor(&catalog, resource_type(&catalog), &resources[0]);
        (Just(catalog), Just(resources), successor)
    })
}

fn resource_type(catalog: &Catalog) -> &ResourceType {
    catalog.resource_type(generators::RESOURCE_TYPE).unwrap()
}

/// Whether all that is in the smaller value is in the larger one, in the same order.
fn is_part(smaller: &Value, larger: &Value) -> bool {
    match (smaller, larger) {
        (Value::Complex(smaller), Value::Complex(larger)) => is_part_of_complex(smaller, larger),
        (Value::List(smaller), Value::List(larger)) => {
            let mut larger = larger.iter();
            smaller.iter().all(|element| larger.any(|other| is_part(element, other)))
        }
        (smaller, larger) => smaller == larger,
    }
}

fn is_part_of_complex(smaller: &ComplexValue, larger: &ComplexValue) -> bool {
    smaller.iter().all(|(name, value)| larger.get(name).is_some_and(|other| is_part(value, other)))
}

/// Names that a request may ask for: of attributes, sub-attributes and schemas.
fn names(catalog: &Catalog) -> Vec<String> {
    let mut names: Vec<String> = ["id", "meta", "meta.version", "schemas", "unknown"].map(str::to_owned).into();
    for schema in catalog.schemas() {
        names.push(schema.id.to_string());
        for attribute in &schema.attributes {
            names.extend([attribute.name.to_string(), format!("{}:{}", schema.id, attribute.name)]);
            names.extend(attribute.sub_attributes.iter().map(|sub| format!("{}:{}.{}", schema.id, attribute.name, sub.name)));
        }
    }
    names
}

/// What is written to one attribute or extension.
#[derive(Clone, Debug)]
enum Write {
    Keep,
    /// The value of the other resource, or none if it has none.
    Other,
    /// What the successor has.
    Next,
    Remove,
    /// Something that may be of no use there.
    Any(Value),
}

fn write() -> impl Strategy<Value = Write> {
    let texts = [
        "null",
        "true",
        "\"true\"",
        "\"\"",
        "\"x\"",
        "7",
        "[]",
        "[null, {}]",
        "{\"unknown\": 1}",
        "[\"a\", \"A\", \"a\"]",
        "[{\"value\": \"a\", \"primary\": true}, {\"value\": \"b\", \"primary\": true}, {\"value\": \"a\", \"type\": null}]",
        "{\"value\": \"a\"}",
    ];
    let any = prop::sample::select(texts.to_vec()).prop_map(|text| Write::Any(serde_json::from_str(text).unwrap()));
    prop_oneof![6 => Just(Write::Keep), 2 => Just(Write::Other), 2 => Just(Write::Next), 1 => Just(Write::Remove), 2 => any]
}

/// Writes to a resource; returns what the attributes that were written were before.
fn written(current: &mut Resource, names: &[String], writes: &[(Write, bool)], others: [&Resource; 2]) -> Vec<(MemberName, Option<Value>)> {
    let mut before = Vec::new();
    for (name, (write, is_moved)) in names.iter().zip(writes) {
        let value = match write {
            Write::Keep => continue,
            Write::Other => others[0].get(name).cloned(),
            Write::Next => others[1].get(name).cloned(),
            Write::Remove => None,
            Write::Any(value) => Some(value.clone()),
        };
        before.push((MemberName::from(name), current.get(name).cloned()));
        if value.is_none() || *is_moved {
            current.remove(name);
        }
        if let Some(value) = value {
            current.insert(if *is_moved { name.to_ascii_uppercase() } else { name.clone() }, value);
        }
    }
    before
}

fn policies() -> impl Strategy<Value = Policy> {
    let dialect = prop::sample::select(vec![Dialect::STRICT, Dialect::LENIENT, Dialect::ENTRA]);
    (dialect, any::<[bool; 3]>()).prop_map(|(dialect, [canonical, formats, unknown])| {
        let mut policy = Policy::default();
        policy.dialect = dialect;
        policy.enforces_canonical_values = canonical;
        policy.enforces_formats = formats;
        policy.rejects_unknown_attributes = unknown;
        policy
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Looking at what was written alone finds all that looking at the whole resource finds, and makes the same of it.
    #[test]
    fn what_was_not_written_stays_valid(
        (catalog, resources, successor) in world(),
        writes in prop::collection::vec((write(), any::<bool>()), 60),
        schemas in prop_oneof![5 => Just(Write::Keep), 1 => Just(Write::Other), 1 => Just(Write::Remove)],
        policy in policies(),
    ) {
        let resource_type = resource_type(&catalog);
        let accepted = accept(&catalog, resource_type, &resources[0], Operation::Patch { current: &resources[0] }, &policy);
        let Ok(current) = accepted.map(|accepted| accepted.resource) else { return Ok(()) };
        let base = catalog.schema(resource_type.schema.as_str()).into_iter().flat_map(|schema| &schema.attributes);
        let extensions = resource_type.schema_extensions.iter().map(|extension| extension.schema.to_string());
        let common = ["externalId", "id", "meta"].map(str::to_owned);
        let mut names: Vec<String> =
            ["schemas".to_owned()].into_iter().chain(base.map(|attribute| attribute.name.to_string())).chain(extensions).chain(common).collect();
        let mut known = std::collections::HashSet::new();
        names.retain(|name| known.insert(name.to_ascii_lowercase()));
        let writes: Vec<(Write, bool)> = std::iter::once((schemas, false)).chain(writes).collect();
        let mut patched = current.clone();
        let before = written(&mut patched, &names, &writes, [&resources[1], &successor]);
        let whole = accept(&catalog, resource_type, &patched, Operation::Patch { current: &current }, &policy);
        let part = accept_changes(&catalog, resource_type, patched, &before, &policy);
        prop_assert_eq!(&part, &whole);
        if let (Ok(part), Ok(whole)) = (part, whole) {
            let place = |name: &str| match name {
                "schemas" => 0,
                "id" => 1,
                "meta" => 4,
                name => if name.contains(':') { 3 } else { 2 },
            };
            prop_assert!(part.resource.as_complex().iter().is_sorted_by_key(|(name, _)| place(name)), "{:?}", part.resource);
            let spelled = |resource: &Resource| {
                let mut names: Vec<String> = resource.as_complex().iter().map(|(name, _)| name.to_owned()).collect();
                names.sort();
                names
            };
            prop_assert_eq!(spelled(&part.resource), spelled(&whole.resource), "in the spelling of the schemas");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// R7643-7-01: a schema and a resource type survive being written and read.
    #[test]
    fn schemas_survive_a_round_trip(catalog in generators::catalog()) {
        let text = |value: &dyn Fn() -> serde_json::Result<String>| value().unwrap();
        for schema in catalog.schemas() {
            let written = text(&|| serde_json::to_string(schema));
            let read: scimkit_types::Schema = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(text(&|| serde_json::to_string(&read)), written);
        }
        for resource_type in catalog.resource_types() {
            let written = text(&|| serde_json::to_string(resource_type));
            prop_assert_eq!(&serde_json::from_str::<ResourceType>(&written).unwrap(), resource_type);
        }
    }

    /// What was accepted is accepted again as it is, as new, in the place of itself and after a PATCH.
    #[test]
    fn accepting_is_idempotent((catalog, resources, successor) in world()) {
        let (resource_type, policy) = (resource_type(&catalog), Policy::default());
        let accept = |resource: &Resource, operation: Operation<'_>| accept(&catalog, resource_type, resource, operation, &policy);
        for stored in [&resources[0], &resources[1], &successor] {
            for operation in [Operation::Patch { current: stored }, Operation::Replace { current: stored }] {
                let again = accept(stored, operation).unwrap();
                prop_assert_eq!(&again.resource, stored, "{:?}", operation);
                prop_assert!(again.tolerances.is_empty());
            }
            let created = accept(stored, Operation::Create).unwrap().resource;
            prop_assert_eq!(&accept(&created, Operation::Create).unwrap().resource, &created);
            prop_assert!(is_part_of_complex(created.as_complex(), stored.as_complex()));
        }
        // What takes the place of another resource does so a second time.
        if let Ok(accepted) = accept(&resources[1], Operation::Replace { current: &resources[0] }) {
            let current = &accepted.resource;
            prop_assert_eq!(&accept(current, Operation::Replace { current }).unwrap().resource, current);
            prop_assert_eq!(current.get("id"), resources[0].get("id"));
        }
    }

    /// R7644-3.5.1-05, R7644-3.5.2-09: what only the service provider writes is as it was, and what can be set once too.
    #[test]
    fn what_a_client_cannot_write_stays((catalog, resources) in generators::catalog_with_resources(2)) {
        let (resource_type, policy) = (resource_type(&catalog), Policy::default());
        let (current, body) = (&resources[0], &resources[1]);
        let schema = catalog.schema(resource_type.schema.as_str()).unwrap();
        if let Ok(accepted) = accept(&catalog, resource_type, body, Operation::Replace { current }, &policy) {
            for attribute in schema.attributes.iter().filter(|attribute| attribute.mutability == Mutability::ReadOnly) {
                let name = attribute.name.as_str();
                prop_assert_eq!(accepted.resource.get(name), current.get(name), "{}", name);
            }
        }
        for attribute in schema.attributes.iter().filter(|attribute| attribute.mutability == Mutability::Immutable) {
            let name = attribute.name.as_str();
            let mut without = current.clone();
            if without.remove(name).is_some() && attribute.sub_attributes.iter().all(|sub| sub.mutability == Mutability::ReadWrite) {
                let violations = accept(&catalog, resource_type, &without, Operation::Patch { current }, &policy).unwrap_err();
                prop_assert!(violations.iter().any(|violation| violation.path == name), "{:?}", violations);
            }
        }
    }

    /// A value of another type is refused, and the violation names its place.
    #[test]
    fn a_value_of_another_type_is_refused((catalog, mut resources) in generators::catalog_with_resources(1)) {
        let resource_type = resource_type(&catalog);
        let schema = catalog.schema(resource_type.schema.as_str()).unwrap();
        let body = resources.remove(0);
        for attribute in schema.attributes.iter().filter(|attribute| attribute.mutability != Mutability::ReadOnly) {
            if attribute.type_ == AttributeType::Complex && attribute.sub_attributes.iter().all(|sub| sub.mutability == Mutability::ReadOnly) {
                continue;
            }
            let mut body = body.clone();
            let wrong = if attribute.type_ == AttributeType::Boolean { Value::from(1) } else { Value::from(true) };
            body.insert(attribute.name.as_str(), if attribute.is_multi_valued { Value::List(vec![wrong]) } else { wrong });
            let violations = accept(&catalog, resource_type, &body, Operation::Create, &Policy::default()).unwrap_err();
            prop_assert!(violations.iter().any(|violation| violation.path.starts_with(attribute.name.as_str())), "{:?}", violations);
        }
    }

    /// R7643-7-10, R7644-3.9-01: a projection leaves out and changes nothing, has nothing that is never returned and all that always is.
    #[test]
    fn projections_only_leave_out(
        (catalog, resources) in generators::catalog_with_resources(1),
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        excludes: bool,
    ) {
        let (resource_type, resource) = (resource_type(&catalog), &resources[0]);
        let all = names(&catalog);
        let chosen: Vec<String> = chosen.iter().map(|index| index.get(&all).clone()).collect();
        let (attributes, excluded): (&[String], &[String]) = if excludes { (&[], &chosen) } else { (&chosen, &[]) };
        let projection = Projection::new(&catalog, resource_type, attributes, excluded).unwrap();
        let projected = projection.apply(&catalog, resource_type, resource.clone());
        prop_assert!(is_part_of_complex(projected.as_complex(), resource.as_complex()));
        prop_assert_eq!(&projection.apply(&catalog, resource_type, projected.clone()), &projected);
        prop_assert_eq!(projected.get("id"), resource.get("id"));
        // What is answered without parameters does not depend on what was told of the type before.
        let usual = Projection::new(&catalog, resource_type, &[], &[]).unwrap();
        let untold = Projection::default().apply(&catalog, resource_type, resource.clone());
        let told = usual.apply(&catalog, resource_type, resource.clone());
        prop_assert_eq!(serde_json::to_string(&told).unwrap(), serde_json::to_string(&untold).unwrap());
        for (name, _) in projected.as_complex().iter() {
            prop_assert!(projection.includes(name), "{} is not included", name);
        }
        let uris = std::iter::once(&resource_type.schema).chain(resource_type.schema_extensions.iter().map(|extension| &extension.schema));
        for schema in uris.filter_map(|uri| catalog.schema(uri.as_str())) {
            let part = |resource: &Resource, name: &str| match schema.id == resource_type.schema {
                true => resource.get(name).cloned(),
                false => resource.extension(schema.id.as_str()).and_then(|members| members.get(name)).cloned(),
            };
            for attribute in &schema.attributes {
                let name = attribute.name.as_str();
                match attribute.returned {
                    scimkit_types::Returned::Never => prop_assert_eq!(part(&projected, name), None),
                    scimkit_types::Returned::Always if attribute.type_ != AttributeType::Complex => prop_assert_eq!(part(&projected, name).is_some(), part(resource, name).is_some()),
                    _ => {}
                }
            }
        }
    }
}
