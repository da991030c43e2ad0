//! What holds for requests and differences over generated schemas and resources.

use proptest::prelude::*;
use scimkit_filter::generators::patch_request;
use scimkit_patch::{
    Abilities, Context, DiffError, DiffOptions, UpdateRequest, apply, apply_in_place, compile, diff, encode, split, update,
};
use scimkit_types::validate::{Accepted, Operation, Policy, accept};
use scimkit_types::{
    Attribute, Catalog, ComplexValue, Dialect, Mutability, PatchOp, PatchOperation, Profile, Resource, ResourceType, Tolerance, Value,
    Violation, generators,
};

use crate::support::json;

fn resource_type(catalog: &Catalog) -> &ResourceType {
    catalog.resource_type(generators::RESOURCE_TYPE).unwrap()
}

/// A catalog, a resource of its first type, and what a client may want to make of it.
fn step() -> impl Strategy<Value = (Catalog, Resource, Resource)> {
    generators::catalog_with_resources(1).prop_flat_map(|(catalog, mut resources)| {
        let current = resources.remove(0);
        let successor = generators::successor(&catalog, resource_type(&catalog), &current);
        (Just(catalog), Just(current), successor)
    })
}

fn options() -> impl Strategy<Value = DiffOptions> {
    any::<(bool, bool, bool)>().prop_map(|(has_value_paths, is_path_required, can_replace_lists)| {
        DiffOptions::default()
            .with_has_value_paths(has_value_paths)
            .with_is_path_required(is_path_required)
            .with_can_replace_lists(can_replace_lists)
    })
}

fn outbound() -> impl Strategy<Value = Dialect> {
    prop::sample::select(vec![Dialect::STRICT, Dialect::AWS, Dialect::ENTRA])
}

/// The attributes of the resource with the schema that defines them.
fn definitions(catalog: &Catalog) -> impl Iterator<Item = (Option<&str>, &Attribute)> {
    let resource_type = resource_type(catalog);
    let base = catalog.schema(resource_type.schema.as_str()).unwrap().attributes.iter().map(|attribute| (None, attribute));
    let extensions = resource_type.schema_extensions.iter().flat_map(|extension| {
        let schema = catalog.schema(extension.schema.as_str()).unwrap();
        schema.attributes.iter().map(|attribute| (Some(schema.id.as_str()), attribute))
    });
    base.chain(extensions)
}

fn part<'a>(resource: &'a Resource, schema: Option<&str>, name: &str) -> Option<&'a Value> {
    match schema {
        None => resource.get(name),
        Some(uri) => resource.extension(uri)?.get(name),
    }
}

/// What a client can write of a resource.
fn writable(catalog: &Catalog, resource: &Resource) -> ComplexValue {
    let mut writable = ComplexValue::new();
    for (schema, attribute) in definitions(catalog).filter(|(_, attribute)| attribute.mutability != Mutability::ReadOnly) {
        let Some(mut value) = part(resource, schema, attribute.name.as_str()).cloned() else { continue };
        let elements = match &mut value {
            Value::List(elements) => elements.as_mut_slice(),
            single => std::slice::from_mut(single),
        };
        for members in elements.iter_mut().filter_map(Value::as_complex_mut) {
            members.retain(|name, _| attribute.sub_attribute(name).is_some_and(|sub| sub.mutability != Mutability::ReadOnly));
        }
        writable.insert(format!("{}:{}", schema.unwrap_or_default(), attribute.name), value);
    }
    writable
}

/// Whether the extension that the path starts with has a value, or a part of one, that only the service provider writes.
fn holds_read_only(catalog: &Catalog, resource: &Resource, path: &str) -> bool {
    definitions(catalog).filter(|(schema, _)| schema.is_some_and(|uri| path.starts_with(uri))).any(|(schema, attribute)| {
        let Some(value) = part(resource, schema, attribute.name.as_str()) else { return false };
        let is_read_only = |name: &str| attribute.sub_attribute(name).is_some_and(|sub| sub.mutability == Mutability::ReadOnly);
        let mut members = value.elements().iter().filter_map(Value::as_complex).flat_map(|element| element.iter());
        attribute.mutability == Mutability::ReadOnly || members.any(|(name, _)| is_read_only(name))
    })
}

fn schemas(catalog: &Catalog) -> String {
    serde_json::to_string(catalog.schemas()).unwrap()
}

fn apply_all(current: &Resource, operations: Vec<PatchOperation>, context: &Context<'_>) -> Result<Resource, String> {
    if operations.is_empty() {
        return Ok(current.clone());
    }
    apply(current, &PatchOp::new(operations), context).map(|applied| applied.resource).map_err(|error| format!("{error:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// R7644-3.5.2-09: `apply(diff(a, b), a)` is `b` in what a client can write, and the service provider accepts it; `diff(a, a)` is
    /// empty; no operation can be left out.
    #[test]
    fn differences_lead_there_and_no_further(((catalog, current, desired), options) in (step(), options())) {
        let context = Context::new(&catalog, resource_type(&catalog));
        let find = |current: &Resource, desired: &Resource| diff(current, desired, &context, &options);
        prop_assert_eq!(find(&current, &current), Ok(Vec::new()));
        prop_assert_eq!(find(&desired, &desired), Ok(Vec::new()));
        let wanted = writable(&catalog, &desired);
        let operations = match find(&current, &desired) {
            Ok(operations) => operations,
            // Only what the options forbid is left.
            Err(DiffError::NotExpressible { .. }) if !options.can_replace_lists || !options.has_value_paths => return Ok(()),
            // An extension loses what it requires only as a whole, which what is read-only in it prevents.
            Err(DiffError::Required { path }) if path.contains(':') && (!options.can_replace_lists || holds_read_only(&catalog, &current, &path)) => {
                return Ok(());
            }
            Err(error) => return Err(TestCaseError::fail(format!("{error:?}\ncurrent {}\ndesired {}\nschemas {}", json(&current), json(&desired), schemas(&catalog)))),
        };
        prop_assert!(!options.is_path_required || operations.iter().all(|operation| operation.path.is_some()));
        let shown = || {
            let operations = serde_json::to_string(&PatchOp::new(operations.clone()).to_json()).unwrap();
            format!("{operations}\ncurrent {}\ndesired {}\nschemas {}", json(&current), json(&desired), schemas(&catalog))
        };
        let reached = apply_all(&current, operations.clone(), &context).map_err(|error| TestCaseError::fail(format!("{error}\n{}", shown())))?;
        prop_assert!(writable(&catalog, &reached).is_equivalent(&wanted), "{}\nreached {}", shown(), json(&reached));
        let accepted = accept(&catalog, resource_type(&catalog), &reached, Operation::Patch { current: &current }, &Policy::default());
        let accepted = accepted.map_err(|violations| TestCaseError::fail(format!("{violations:?}\n{}", shown())))?;
        prop_assert!(writable(&catalog, &accepted.resource).is_equivalent(&wanted), "{}\naccepted {}", shown(), json(&accepted.resource));
        for index in 0..operations.len() {
            let mut fewer = operations.clone();
            fewer.remove(index);
            if let Ok(reached) = apply_all(&current, fewer, &context) {
                prop_assert!(!writable(&catalog, &reached).is_equivalent(&wanted), "operation {index} can be left out: {}", shown());
            }
        }
        // Small portions, each encoded and read, lead to the same.
        let mut reached = current.clone();
        for portion in split(operations.clone(), 2, usize::MAX) {
            let body = encode(portion, &context);
            reached = apply_all(&reached, PatchOp::from_json(body).unwrap().operations, &context).map_err(|error| TestCaseError::fail(format!("{error}\n{}", shown())))?;
        }
        prop_assert!(writable(&catalog, &reached).is_equivalent(&wanted), "{}\nreached in portions {}", shown(), json(&reached));
    }

    /// R7644-3.5.2-09: a difference where a client cannot write is an error that names the place, not an operation.
    #[test]
    fn differences_that_a_client_cannot_write_are_errors(
        (catalog, current, other) in generators::catalog_with_resources(2).prop_map(|(catalog, mut resources)| {
            let other = resources.remove(0);
            (catalog, resources.remove(0), other)
        }),
    ) {
        let context = Context::new(&catalog, resource_type(&catalog));
        for (schema, attribute) in definitions(&catalog) {
            let name = attribute.name.as_str();
            let (before, after) = (part(&current, schema, name), part(&other, schema, name));
            let (Some(before), Some(after)) = (before, after) else { continue };
            if before.is_equivalent(after) {
                continue;
            }
            let mut desired = current.clone();
            match schema {
                None => drop(desired.insert(name, after.clone())),
                Some(uri) => drop(desired.get_mut(uri).and_then(Value::as_complex_mut).unwrap().insert(name, after.clone())),
            }
            let found = diff(&current, &desired, &context, &DiffOptions::default());
            match attribute.mutability {
                Mutability::ReadOnly => prop_assert!(matches!(found, Err(DiffError::ReadOnly { .. })), "{found:?}"),
                Mutability::Immutable if writable(&catalog, &current).is_equivalent(&writable(&catalog, &desired)) => {}
                Mutability::Immutable => prop_assert!(matches!(found, Err(DiffError::Immutable { .. })), "{found:?}"),
                _ => {}
            }
        }
    }

    /// R7644-3.5.2-14: any request that fits is applied whole or refused by the number of an operation; what only the service provider
    /// writes stays as it is; and the same request split into members and the rest is as good.
    #[test]
    fn requests_never_touch_what_is_read_only(
        (catalog, before, request) in generators::catalog_with_resources(1).prop_flat_map(|(catalog, resources)| {
            let request = patch_request(&catalog, resource_type(&catalog));
            (Just(catalog), Just(resources), request).prop_map(|(catalog, mut resources, request)| (catalog, resources.remove(0), request))
        }),
        dialect in prop::sample::select(vec![Dialect::STRICT, Dialect::LENIENT, Dialect::ENTRA]),
    ) {
        let context = Context::new(&catalog, resource_type(&catalog)).with_dialect(dialect);
        match apply(&before, &request, &context) {
            Ok(applied) => {
                let after = &applied.resource;
                for (schema, attribute) in definitions(&catalog) {
                    let name = attribute.name.as_str();
                    let (before, after) = (part(&before, schema, name), part(after, schema, name));
                    match attribute.mutability {
                        Mutability::ReadOnly => prop_assert_eq!(before, after, "{}", name),
                        Mutability::Immutable if before.is_some() => prop_assert!(before.zip(after).is_some_and(|(before, after)| before.is_equivalent(after)), "{} {:?}", name, after),
                        _ => {}
                    }
                    prop_assert!(!attribute.is_required || attribute.mutability == Mutability::ReadOnly || before.is_none() || after.is_some(), "{}", name);
                }
                let writes_secret = definitions(&catalog).any(|(_, attribute)| {
                    attribute.mutability == Mutability::WriteOnly || attribute.sub_attributes.iter().any(|sub| sub.mutability == Mutability::WriteOnly)
                });
                let differs = !after.as_complex().is_equivalent(before.as_complex());
                prop_assert!(applied.is_changed == differs || (writes_secret && applied.is_changed), "{} {}", applied.is_changed, json(after));
            }
            Err(error) => {
                prop_assert!(error.operation().is_some_and(|operation| operation < request.operations.len()), "{error:?}");
                let mut unharmed = before.clone();
                prop_assert_eq!(apply_in_place(&mut unharmed, &request, &context), Err(error));
                prop_assert_eq!(&unharmed, &before);
            }
        }
        let compiled = compile(&request, &context).unwrap_or_default();
        prop_assert!(compiled.document.operations.len() <= request.operations.len());
    }

    /// The requests of an update lead there within the limits; a service without PATCH gets the whole resource.
    #[test]
    fn updates_lead_there((catalog, current, desired) in step(), options in options(), limits in (1..4_usize, 1..4_usize), dialect in outbound()) {
        let resource_type = resource_type(&catalog);
        let context = Context::new(&catalog, resource_type);
        let mut profile = Profile::standard();
        profile.dialect = dialect;
        let abilities = Abilities::of(&profile).with_limits(limits.0, limits.1);
        let wanted = writable(&catalog, &desired);
        let lenient = context.with_dialect(Dialect::of(&[Tolerance::StringBooleans, Tolerance::RemoveByValue]));
        if let Ok(requests) = update(&current, &desired, &context, &abilities, &options) {
            let mut reached = current.clone();
            for request in &requests {
                let UpdateRequest::Patch(body) = request else { return Err(TestCaseError::fail("not a PATCH request")) };
                let request = PatchOp::from_json(body.clone()).unwrap();
                prop_assert!(request.operations.len() <= limits.0);
                let reader = if dialect == Dialect::ENTRA { lenient } else { context };
                reached = apply_all(&reached, request.operations, &reader)
                    .map_err(|error| TestCaseError::fail(format!("{error}\n{}\ncurrent {}\nschemas {}", serde_json::to_string(body).unwrap(), json(&current), schemas(&catalog))))?;
            }
            prop_assert!(writable(&catalog, &reached).is_equivalent(&wanted), "{requests:?}\nreached {}\nwanted {}", json(&reached), json(&desired));
        }
        match update(&current, &desired, &context, &abilities.with_patch(false), &options) {
            Ok(requests) if requests.is_empty() => prop_assert!(writable(&catalog, &current).is_equivalent(&wanted)),
            Ok(requests) => {
                let [UpdateRequest::Put(body)] = requests.as_slice() else { return Err(TestCaseError::fail("not one PUT request")) };
                let replaced = accept(&catalog, resource_type, body, Operation::Replace { current: &current }, &Policy::default());
                let expected = accept(&catalog, resource_type, &desired, Operation::Replace { current: &current }, &Policy::default());
                // Elements that only read-only values told apart are alike in the body, so only what a client can write is compared.
                let told = |accepted: Result<Accepted, Vec<Violation>>| accepted.map(|accepted| writable(&catalog, &accepted.resource));
                prop_assert_eq!(told(replaced), told(expected), "{}", json(body));
                prop_assert_eq!(body.id(), current.id());
                prop_assert!(body.get("meta").is_none());
                for (schema, attribute) in definitions(&catalog).filter(|(_, attribute)| attribute.mutability == Mutability::ReadOnly) {
                    prop_assert!(part(body, schema, attribute.name.as_str()).is_none());
                }
            }
            Err(error) => prop_assert!(matches!(error, DiffError::Required { .. }), "{error:?}"),
        }
    }
}
