//! What holds for every document.

use proptest::prelude::*;
use scimkit_types::validate::{Operation, Policy, accept};
use scimkit_types::{Catalog, ComplexValue, Dialect, Projection, Resource, Value, schema};

/// Text that occurs in no message of the crate.
const MARK: &str = "zqx";

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u8>().prop_map(|n| Value::from(format!("{MARK}{n}"))),
        Just(Value::from("true")),
        Just(Value::from("work")),
        Just(Value::from("")),
    ]
}

fn name() -> impl Strategy<Value = String> {
    let known = vec![
        "schemas",
        "id",
        "externalId",
        "meta",
        "USERNAME",
        "name",
        "familyName",
        "active",
        "emails",
        "value",
        "type",
        "primary",
        "$ref",
        "password",
        "groups",
        "members",
        "displayName",
        "x509Certificates",
        "profileUrl",
        "manager",
        "department",
        "unknown",
        schema::ENTERPRISE_USER,
        schema::USER,
    ];
    prop::sample::select(known).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::vec((name(), inner), 0..5).prop_map(|members| Value::Complex(members.into_iter().collect())),
        ]
    })
}

/// A document that is right more often than chance would have it.
fn document() -> impl Strategy<Value = Resource> {
    (any::<bool>(), prop::collection::vec((name(), value()), 0..8)).prop_map(|(is_typed, members)| {
        let mut resource = Resource::from(members.into_iter().collect::<ComplexValue>());
        if is_typed {
            resource.set_schemas([schema::USER]);
            resource.insert("userName", "o");
        }
        resource
    })
}

fn policy(is_lenient: bool) -> Policy {
    let mut policy = Policy::default();
    policy.dialect = if is_lenient { Dialect::LENIENT } else { Dialect::STRICT };
    policy
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What was accepted is accepted again unchanged, without a tolerance; what was refused names a place and no value.
    #[test]
    fn accepting_is_idempotent_and_discreet(body in document(), current in document(), is_lenient: bool) {
        let catalog = Catalog::standard();
        let user_type = catalog.resource_type("User").unwrap();
        let (policy, lenient) = (policy(is_lenient), policy(true));
        let current = accept(&catalog, user_type, &current, Operation::Create, &lenient);
        let mut current = current.map_or_else(|_| Resource::new([schema::USER]), |accepted| accepted.resource);
        current.insert("userName", "o");
        current.insert("id", "1");
        for operation in [Operation::Create, Operation::Replace { current: &current }, Operation::Patch { current: &current }] {
            match accept(&catalog, user_type, &body, operation, &policy) {
                Ok(accepted) => {
                    let stored = accepted.resource;
                    let again = accept(&catalog, user_type, &stored, Operation::Patch { current: &stored }, &Policy::default()).unwrap();
                    prop_assert_eq!(&again.resource, &stored);
                    prop_assert!(again.tolerances.is_empty());
                }
                Err(violations) => {
                    prop_assert!(!violations.is_empty());
                    for violation in violations {
                        prop_assert!(!violation.path.is_empty());
                        prop_assert!(!violation.to_string().contains(MARK), "{}", violation);
                    }
                }
            }
        }
    }

    /// R7643-7-10, R7644-3.9-01: a projection returns what was there, keeps `schemas` and `id`, has no password, and `includes` what it
    /// returns. Projecting twice is projecting once.
    #[test]
    fn projections_only_leave_out(body in document(), names in prop::collection::vec(name(), 0..4), excludes: bool) {
        let catalog = Catalog::standard();
        let user_type = catalog.resource_type("User").unwrap();
        let (attributes, excluded): (&[String], &[String]) = if excludes { (&[], &names) } else { (&names, &[]) };
        let projection = Projection::new(&catalog, user_type, attributes, excluded).unwrap();
        let projected = projection.apply(&catalog, user_type, body.clone());
        for (name, _) in projected.as_complex().iter() {
            prop_assert!(body.get(name).is_some());
            prop_assert!(projection.includes(name), "{} is not included", name);
        }
        prop_assert_eq!(projected.get("id"), body.get("id"));
        prop_assert_eq!(projected.get("schemas"), body.get("schemas"));
        prop_assert!(projected.get("password").is_none());
        prop_assert_eq!(projection.apply(&catalog, user_type, projected.clone()), projected);
    }
}
