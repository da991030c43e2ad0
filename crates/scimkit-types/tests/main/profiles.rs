//! The profiles in `testdata/profiles`.

use scimkit_types::profile::RequestLimit;
use scimkit_types::validate::{Operation, Policy, accept};
use scimkit_types::{Dialect, Profile, Resource, Value};

fn profile(name: &str) -> Profile {
    let path = format!("{}/../../testdata/profiles/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The faults of a new user.
fn faults(profile: &Profile, body: &serde_json::Value) -> Vec<String> {
    let catalog = profile.catalog().unwrap();
    let body: Resource = serde_json::from_value(body.clone()).unwrap();
    let result = accept(&catalog, catalog.resource_type("User").unwrap(), &body, Operation::Create, &Policy::from(profile));
    result.map(|_| Vec::new()).unwrap_or_else(|violations| violations.iter().map(ToString::to_string).collect())
}

fn new_user() -> serde_json::Value {
    serde_json::json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
        "externalId": "701985",
        "userName": "kari@example.com",
        "name": {"familyName": "Nordmann", "givenName": "Kari"},
        "emails": [{"type": "work", "value": "kari@example.com"}],
        "addresses": [{"type": "work", "locality": "Oslo", "country": "NO"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales", "costCenter": "7"}
    })
}

#[test]
fn the_standard_profile_is_the_default() {
    assert_eq!(profile("standard"), Profile::standard());
    assert_eq!(profile("standard").features.bulk, None);
}

#[test]
fn ringcentral_has_users_only_and_its_own_limits() {
    let profile = profile("ringcentral");
    let catalog = profile.catalog().unwrap();
    assert_eq!(catalog.resource_types().iter().map(|type_| type_.name.as_str()).collect::<Vec<_>>(), ["User"]);
    assert_eq!(profile.dialect, Dialect::RINGCENTRAL);
    assert_eq!(profile.limits.read, Some(RequestLimit::new(300, 60)));
    assert_eq!(profile.limits.write, Some(RequestLimit::new(1000, 60)));
    assert_eq!((profile.paging.default_count, profile.paging.max_count), (100, 100));
    assert!(profile.can_filter("User", "USERNAME") && profile.can_filter("User", "emails.value"));
    assert!(!profile.can_filter("User", "externalId"));
    assert_eq!(profile.echo("addresses.country", "US"), "United States");
    assert_eq!(profile.defaults["User"]["active"], Value::from(false));
}

#[test]
fn ringcentral_takes_its_own_kind_of_user() {
    let profile = profile("ringcentral");
    assert_eq!(faults(&profile, &new_user()), Vec::<String>::new());
    let mut user = new_user();
    user["emails"] = serde_json::json!([{"type": "home", "value": "kari@example.com"}]);
    user["phoneNumbers"] = serde_json::json!([{"type": "fax", "value": "1"}, {"type": "other", "value": "146"}]);
    user["name"] = serde_json::json!({"familyName": "Nordmann"});
    let expected = [
        "`emails[0].type` must be one of `work`",
        "`name.givenName` is required",
        "`phoneNumbers[0].type` must be one of `work`, `mobile`, `other`",
    ];
    assert_eq!(faults(&profile, &user), expected);
    let bare = serde_json::json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]});
    assert_eq!(faults(&profile, &bare), ["`userName` is required", "`name` is required", "`emails` is required"]);
}
