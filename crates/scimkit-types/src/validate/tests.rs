use super::*;
use crate::schema::{Attribute, AttributeType, Mutability, ResourceType, SchemaExtension};

/// A document in which `USER`, `ENTERPRISE` and `GROUP` stand for the URIs of the schemas.
fn resource(text: &str) -> Resource {
    let text = text.replace("\"ENTERPRISE\"", &format!("\"{}\"", crate::schema::ENTERPRISE_USER));
    let text = text.replace("\"USER\"", &format!("\"{}\"", crate::schema::USER));
    serde_json::from_str(&text.replace("\"GROUP\"", &format!("\"{}\"", crate::schema::GROUP))).unwrap()
}

/// A user document with these members beside `schemas` and `userName`.
fn user(members: &str) -> Resource {
    let comma = if members.is_empty() { "" } else { "," };
    resource(&format!(r#"{{"schemas": ["USER"], "userName": "ola@example.com"{comma} {members}}}"#))
}

fn accept_as(type_: &str, body: &Resource, operation: Operation<'_>, policy: &Policy) -> Result<Accepted, Vec<String>> {
    let catalog = Catalog::standard();
    let result = accept(&catalog, catalog.resource_type(type_).unwrap(), body, operation, policy);
    result.map_err(|violations| violations.iter().map(|violation| format!("{violation} ({})", violation.scim_type)).collect())
}

fn create(body: &Resource) -> Result<Accepted, Vec<String>> {
    accept_as("User", body, Operation::Create, &Policy::default())
}

#[track_caller]
fn check(result: Result<Accepted, Vec<String>>, expected: &Resource) {
    let accepted = result.unwrap().resource;
    assert_eq!(serde_json::to_value(&accepted).unwrap(), serde_json::to_value(expected).unwrap());
}

#[track_caller]
fn refuse(result: Result<Accepted, Vec<String>>, expected: &[&str]) {
    assert_eq!(result.unwrap_err(), expected);
}

fn tolerant(tolerances: &[Tolerance]) -> Policy {
    Policy { dialect: Dialect::of(tolerances), ..Policy::default() }
}

/// R7643-2.1-01, R7643-2.5-01, R7644-3.3-10: names are spelled as in the schema; what is unassigned or unknown is left out.
#[test]
fn names_are_canonical_and_nothing_is_empty() {
    let body = resource(
        r#"{"SCHEMAS": ["USER"], "USERNAME": "ola", "title": null, "emails": [], "shoeSize": 7, "NAME": {"familyNAME": "Nordmann", "x": 1},
            "phoneNumbers": [null, {"VALUE": "1", "display": null}], "addresses": [{}]}"#,
    );
    check(
        create(&body),
        &resource(r#"{"schemas": ["USER"], "userName": "ola", "name": {"familyName": "Nordmann"}, "phoneNumbers": [{"value": "1"}]}"#),
    );
}

/// R7643-3.1-06, R7643-3.1-13, R7643-4.1.2-07, R7643-4.3-03, R7644-3.3-01: what a client cannot write is ignored on create.
#[test]
fn read_only_attributes_of_a_new_resource_are_ignored() {
    let body = resource(
        r#"{"schemas": ["USER", "ENTERPRISE"], "id": "x", "meta": {"created": "1999-01-01T00:00:00Z"}, "userName": "ola",
            "groups": [{"value": "g"}], "ENTERPRISE": {"manager": {"value": "m", "displayName": "Boss"}}}"#,
    );
    let expected = r#"{"schemas": ["USER", "ENTERPRISE"], "userName": "ola", "ENTERPRISE": {"manager": {"value": "m"}}}"#;
    check(create(&body), &resource(expected));
}

/// R7644-3.5.1-01, R7644-3.5.1-02, R7644-3.5.1-03, R7644-3.5.1-06, AMB-02, AMB-03: what a PUT leaves out is cleared, unless the client
/// cannot write or read it.
#[test]
fn replacing_clears_what_is_left_out() {
    let current = resource(
        r#"{"schemas": ["USER", "ENTERPRISE"], "id": "1", "userName": "ola", "title": "Dr", "password": "hash", "groups": [{"value": "g"}],
            "emails": [{"value": "b"}], "ENTERPRISE": {"department": "D"}, "meta": {"resourceType": "User"}}"#,
    );
    let body = user(r#""id": "2", "emails": [{"value": "a"}], "meta": {"resourceType": "X"}, "groups": []"#);
    let expected = r#"{"schemas": ["USER"], "id": "1", "userName": "ola@example.com", "emails": [{"value": "a"}], "password": "hash",
                       "groups": [{"value": "g"}], "meta": {"resourceType": "User"}}"#;
    check(accept_as("User", &body, Operation::Replace { current: &current }, &Policy::default()), &resource(expected));
}

/// R7643-4.1.1-01, R7643-7-17, R7644-3.3-08, R7644-3.5.1-07: a required attribute is there and not empty.
#[test]
fn required_attributes_must_have_a_value() {
    refuse(create(&resource(r#"{"schemas": ["USER"]}"#)), &["`userName` is required (invalidValue)"]);
    refuse(create(&resource(r#"{"schemas": ["USER"], "userName": null}"#)), &["`userName` is required (invalidValue)"]);
    let expected = ["`userName` is required and must not be empty (invalidValue)"];
    refuse(create(&resource(r#"{"schemas": ["USER"], "userName": " "}"#)), &expected);
    let current = user("");
    let body = resource(r#"{"schemas": ["USER"], "title": "x"}"#);
    let replaced = accept_as("User", &body, Operation::Replace { current: &current }, &Policy::default());
    refuse(replaced, &["`userName` is required (invalidValue)"]);
}

/// R7643-4.2-01, AMB-25: removing a required attribute is a fault of mutability.
#[test]
fn a_patch_cannot_remove_what_is_required() {
    let current = resource(r#"{"schemas": ["GROUP"], "displayName": "All"}"#);
    let after = resource(r#"{"schemas": ["GROUP"]}"#);
    let result = accept_as("Group", &after, Operation::Patch { current: &current }, &Policy::default());
    refuse(result, &["`displayName` is required (mutability)"]);
}

/// R7643-7-06, AMB-36: a PATCH that changed a readOnly attribute is refused or, if told so, undone.
#[test]
fn a_patch_cannot_change_what_is_read_only() {
    let current = user(r#""id": "1", "groups": [{"value": "g"}]"#);
    let after = user(r#""id": "2", "title": "Dr", "groups": [{"value": "g"}]"#);
    let patch = |policy: &Policy| accept_as("User", &after, Operation::Patch { current: &current }, policy);
    refuse(patch(&Policy::default()), &["`id` is read-only (mutability)"]);
    let accepted = patch(&tolerant(&[Tolerance::IgnoreReadOnly])).unwrap();
    assert_eq!(accepted.resource.id(), Some("1"));
    assert_eq!(accepted.resource.get("title"), Some(&Value::from("Dr")));
    assert_eq!(accepted.tolerances, [Tolerance::IgnoreReadOnly]);
}

/// Every fault is reported, with its place, without its value.
#[test]
fn all_violations_come_at_once() {
    let body = resource(
        r#"{"schemas": ["USER", "ENTERPRISE"], "active": "secret", "emails": [{"value": 1}, "secret"], "name": "secret", "title": ["secret"],
            "profileUrl": "my secret", "phoneNumbers": {"value": "secret"}, "x509Certificates": [{"value": "%secret%"}],
            "ENTERPRISE": {"manager": {"value": true}, "department": {"secret": 1}}}"#,
    );
    let expected = [
        "`active` must be a boolean, found a string (invalidValue)",
        "`emails[0].value` must be a string, found a number (invalidValue)",
        "`emails[1]` must be an object, found a string (invalidValue)",
        "`name` must be an object, found a string (invalidValue)",
        "`title` must be a string, found a list (invalidValue)",
        "`profileUrl` must be a URI, found another string (invalidValue)",
        "`phoneNumbers` must be a list of values, found an object (invalidValue)",
        "`x509Certificates[0].value` must be base64 data, found another string (invalidValue)",
        "`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value` must be a string, found a boolean (invalidValue)",
        "`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department` must be a string, found an object (invalidValue)",
        "`userName` is required (invalidValue)",
    ];
    refuse(create(&body), &expected);
}

#[test]
fn the_number_of_violations_is_bounded() {
    let emails = vec![r#"{"value": 1}"#; 1000].join(",");
    assert_eq!(create(&user(&format!(r#""emails": [{emails}]"#))).unwrap_err().len(), MAX_VIOLATIONS);
}

/// R7643-3-01, R7643-3-02, R7643-3.3-01: `schemas` names the base schema and what else the type has, each once.
#[test]
fn schemas_must_fit_the_type() {
    let with = |schemas: &str| create(&resource(&format!(r#"{{"userName": "o" {schemas}}}"#)));
    refuse(with(""), &["`schemas` is required (invalidSyntax)"]);
    refuse(with(r#", "schemas": []"#), &["`schemas` is required (invalidSyntax)"]);
    refuse(with(r#", "schemas": "USER""#), &["`schemas` must be a list of schema URIs, found a string (invalidSyntax)"]);
    refuse(with(r#", "schemas": ["USER", 1]"#), &["`schemas[1]` must be a schema URI, found a number (invalidValue)"]);
    refuse(
        with(r#", "schemas": ["USER", "user"]"#.replace("user", &crate::schema::USER.to_uppercase()).as_str()),
        &["`schemas[1]` occurs twice (invalidValue)"],
    );
    refuse(with(r#", "schemas": ["USER", "GROUP"]"#), &["`schemas[1]` is not a schema of the resource type `User` (invalidValue)"]);
    refuse(with(r#", "schemas": ["ENTERPRISE"]"#), &["`schemas` must contain `urn:ietf:params:scim:schemas:core:2.0:User` (invalidValue)"]);
}

/// R7644-3.3-09: a schema of a peer's own is ignored if the dialect says so.
#[test]
fn unknown_schemas_can_be_ignored() {
    let body = resource(r#"{"schemas": ["USER", "http://schemas.example.com/2006/11/2.0/User"], "userName": "o"}"#);
    let accepted = accept_as("User", &body, Operation::Create, &Policy { dialect: Dialect::ENTRA, ..Policy::default() }).unwrap();
    assert_eq!(accepted.resource.schemas().collect::<Vec<_>>(), [crate::schema::USER]);
    assert_eq!(accepted.tolerances, [Tolerance::IgnoreUnknownSchemas]);
    assert!(create(&body).is_err());
}

/// R7643-3-03, R7643-3.3-04, R7643-3-05, R7644-3.3-09: a listed extension stays listed, one with content is listed; an attribute of an
/// extension does not stand at the top.
#[test]
fn schemas_are_computed_from_the_content() {
    let listed = create(&resource(r#"{"schemas": ["ENTERPRISE", "USER"], "userName": "o", "employeeNumber": "1"}"#));
    check(listed, &resource(r#"{"schemas": ["USER", "ENTERPRISE"], "userName": "o"}"#));
    let present = create(&user(r#""ENTERPRISE": {"employeeNumber": "1"}"#));
    let expected = r#"{"schemas": ["USER", "ENTERPRISE"], "userName": "ola@example.com", "ENTERPRISE": {"employeeNumber": "1"}}"#;
    check(present, &resource(expected));
}

/// AMB-05: unknown attributes are refused by policy or dialect.
#[test]
fn unknown_attributes_can_be_refused() {
    let body = user(r#""shoeSize": 7, "name": {"nick": "x"}, "ENTERPRISE": {"y": 1}"#);
    let expected = [
        "`shoeSize` is not an attribute (invalidValue)",
        "`name.nick` is not an attribute (invalidValue)",
        "`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:y` is not an attribute (invalidValue)",
    ];
    let policy = Policy { rejects_unknown_attributes: true, ..Policy::default() };
    for policy in [policy, tolerant(&[Tolerance::RejectUnknown])] {
        refuse(accept_as("User", &body, Operation::Create, &policy), &expected);
    }
}

/// R7643-2.3.1-02, R7643-2.4-06, R7643-7-16: canonical values are suggestions unless the policy says otherwise.
#[test]
fn canonical_values_follow_the_policy() {
    let body = user(r#""emails": [{"value": "a", "type": "WORK"}, {"value": "a", "type": "boat"}]"#);
    check(create(&body), &user(r#""emails": [{"value": "a", "type": "work"}, {"value": "a", "type": "boat"}]"#));
    let policy = Policy { enforces_canonical_values: true, ..Policy::default() };
    let expected = ["`emails[1].type` must be one of `work`, `home`, `other` (invalidValue)"];
    refuse(accept_as("User", &body, Operation::Create, &policy), &expected);
}

/// R7643-2.4-03, AMB-04: one primary value.
#[test]
fn at_most_one_value_is_primary() {
    let body = user(r#""emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}, {"value": "c"}]"#);
    refuse(create(&body), &["`emails` has more than one primary value (invalidValue)"]);
    let accepted = accept_as("User", &body, Operation::Create, &tolerant(&[Tolerance::LastPrimaryWins])).unwrap();
    assert_eq!(accepted.tolerances, [Tolerance::LastPrimaryWins]);
    let expected = user(r#""emails": [{"value": "a", "primary": false}, {"value": "b", "primary": true}, {"value": "c"}]"#);
    assert_eq!(accepted.resource, expected);
}

/// R7643-2.4-07, R7643-2.4-08: a pair of type and value occurs once; a value may occur with several types.
#[test]
fn repeated_elements_become_one() {
    let body = user(
        r#""emails": [{"value": "a", "type": "work", "primary": true}, {"type": "Work", "value": "a", "display": "A"}, {"value": "a", "type": "home"}]"#,
    );
    let expected = user(r#""emails": [{"value": "a", "type": "work", "primary": true, "display": "A"}, {"value": "a", "type": "home"}]"#);
    check(create(&body), &expected);
}

/// AMB-30, AMB-31: strings stand for booleans and complex values if the dialect says so, and that is reported.
#[test]
fn strings_are_converted_by_dialect() {
    let body = user(r#""active": "False", "ENTERPRISE": {"manager": "m"}"#);
    let policy = tolerant(&[Tolerance::StringBooleans, Tolerance::StringForComplex]);
    let accepted = accept_as("User", &body, Operation::Create, &policy).unwrap();
    assert_eq!(accepted.tolerances, policy.dialect.tolerances().collect::<Vec<_>>());
    assert_eq!(accepted.resource.get("active"), Some(&Value::from(false)));
    let extension = accepted.resource.extension(crate::schema::ENTERPRISE_USER).unwrap();
    assert_eq!(extension.get("manager").unwrap(), &Value::Complex(ComplexValue::from_iter([("value", "m")])));
    assert!(create(&body).is_err());
    assert!(create(&user(r#""active": true"#)).unwrap().tolerances.is_empty());
}

/// R7643-4.2-02: members keep what the service provider said of them; what is immutable of a member cannot change.
#[test]
fn members_are_kept_by_value() {
    let current = resource(
        r#"{"schemas": ["GROUP"], "displayName": "G",
            "members": [{"value": "1", "type": "User", "$ref": "https://h/v2/Users/1", "display": "Ola"}, {"value": "2"}]}"#,
    );
    let replace = |members: &str| {
        let body = resource(&format!(r#"{{"schemas": ["GROUP"], "displayName": "G", "members": {members}}}"#));
        accept_as("Group", &body, Operation::Replace { current: &current }, &Policy::default())
    };
    let kept = r#"{"schemas": ["GROUP"], "displayName": "G", "members":
        [{"value": "1", "type": "User", "$ref": "https://h/v2/Users/1", "display": "Ola"}, {"value": "3"}]}"#;
    check(replace(r#"[{"value": "1", "display": "X"}, {"value": "3"}, {"value": "1"}]"#), &resource(kept));
    assert!(replace(r#"[{"value": "1", "$ref": "../Users/1"}]"#).is_ok());
    refuse(replace(r#"[{"value": "1", "type": "Group"}]"#), &["`members[0].type` cannot change (mutability)"]);
}

fn device_catalog(is_required: bool) -> Catalog {
    let attribute = |name: &str, mutability| {
        let mut attribute = Attribute::new(name.parse().unwrap(), AttributeType::String);
        attribute.mutability = mutability;
        attribute
    };
    let mut required = attribute("owner", Mutability::ReadWrite);
    required.is_required = true;
    let attributes = vec![attribute("serial", Mutability::Immutable), attribute("label", Mutability::ReadWrite)];
    let base = Schema::new("urn:example:Device".parse().unwrap(), attributes);
    let extension = Schema::new("urn:example:Owned".parse().unwrap(), vec![required, attribute("since", Mutability::ReadOnly)]);
    let mut type_ = ResourceType::new("Device", "/Devices", base.id.clone());
    type_.schema_extensions.push(SchemaExtension::new(extension.id.clone(), is_required));
    Catalog::new(vec![base, extension], vec![type_]).unwrap()
}

fn device(is_required: bool, body: &str, operation: Operation<'_>) -> Result<Accepted, Vec<String>> {
    let catalog = device_catalog(is_required);
    let result = accept(&catalog, catalog.resource_type("Device").unwrap(), &resource(body), operation, &Policy::default());
    result.map_err(|violations| violations.iter().map(|violation| format!("{violation} ({})", violation.scim_type)).collect())
}

/// R7643-7-07, R7644-3.5.1-05: an immutable attribute is set once.
#[test]
fn immutable_attributes_are_set_once() {
    let body = |serial: &str| format!(r#"{{"schemas": ["urn:example:Device"] {serial}}}"#);
    let (with, other, without) = (body(r#", "serial": "a""#), body(r#", "serial": "b""#), body(r#", "label": "l""#));
    let (set, unset) = (resource(&with), resource(&without));
    assert!(device(false, &with, Operation::Create).is_ok());
    assert!(device(false, &with, Operation::Replace { current: &unset }).is_ok());
    assert!(device(false, &with, Operation::Replace { current: &set }).is_ok());
    refuse(device(false, &other, Operation::Replace { current: &set }), &["`serial` cannot change (mutability)"]);
    refuse(device(false, &other, Operation::Patch { current: &set }), &["`serial` cannot change (mutability)"]);
    refuse(device(false, &without, Operation::Patch { current: &set }), &["`serial` cannot be removed (mutability)"]);
    let kept = device(false, &without, Operation::Replace { current: &set }).unwrap().resource;
    assert_eq!(kept.get("serial"), Some(&Value::from("a")));
}

/// AMB-03: a required extension must be there; another one only has to be whole when it is there.
#[test]
fn required_extensions_are_enforced() {
    let bare = r#"{"schemas": ["urn:example:Device"], "label": "l"}"#;
    refuse(device(true, bare, Operation::Create), &["`urn:example:Owned` is required (invalidValue)"]);
    assert!(device(false, bare, Operation::Create).is_ok());
    let whole = r#"{"schemas": ["urn:example:Device"], "urn:example:Owned": {"owner": "o"}}"#;
    assert!(device(true, whole, Operation::Create).is_ok());
    let faulty = r#"{"schemas": ["urn:example:Device"], "urn:example:Owned": {"owner": 1}}"#;
    refuse(device(true, faulty, Operation::Create), &["`urn:example:Owned:owner` must be a string, found a number (invalidValue)"]);
    let current =
        resource(r#"{"schemas": ["urn:example:Device", "urn:example:Owned"], "urn:example:Owned": {"since": "s", "owner": "o"}}"#);
    let replaced = device(false, bare, Operation::Replace { current: &current }).unwrap().resource;
    assert_eq!(replaced.extension("urn:example:Owned"), Some(&ComplexValue::from_iter([("since", "s")])));
}

/// A base schema that lists `externalId` as required is obeyed.
#[test]
fn a_listed_external_id_can_be_required() {
    let schema = serde_json::from_str(r#"{"id": "urn:example:D", "attributes": [{"name": "externalId", "required": true}]}"#).unwrap();
    let type_ = ResourceType::new("D", "/Ds", "urn:example:D".parse().unwrap());
    let catalog = Catalog::new(vec![schema], vec![type_.clone()]).unwrap();
    let body = resource(r#"{"schemas": ["urn:example:D"]}"#);
    let violations = accept(&catalog, &type_, &body, Operation::Create, &Policy::default()).unwrap_err();
    assert_eq!(violations.iter().map(ToString::to_string).collect::<Vec<_>>(), ["`externalId` is required"]);
}

/// Accepting what was accepted changes nothing.
#[test]
fn accepting_is_idempotent() {
    let body = user(r#""emails": [{"value": "a", "type": "WORK"}], "ENTERPRISE": {"manager": {"value": "m"}}, "x": 1, "password": "p""#);
    let first = create(&body).unwrap().resource;
    check(create(&first), &first);
    check(accept_as("User", &first, Operation::Replace { current: &first }, &Policy::default()), &first);
    check(accept_as("User", &first, Operation::Patch { current: &first }, &Policy::default()), &first);
}

/// R7643-4.1.1-04, R7643-4.1.1-05, R7643-4.1.1-06, R7643-4.1.1-07, R7643-4.1.2-05, R7643-4.1.2-12: text of a form that the standard does not
/// provide for is refused by policy, all of it at once. R7643-4.1.2-02: telephone numbers are let through in any form.
#[test]
fn formats_follow_the_policy() {
    let strict = Policy { enforces_formats: true, ..Policy::default() };
    let create = |members: &str, policy: &Policy| accept_as("User", &user(members), Operation::Create, policy);
    let faulty = r#""preferredLanguage": "en_US", "locale": "en US", "timezone": "PST8",
        "addresses": [{"country": "US"}, {"type": "home", "country": "Norway"}], "x509Certificates": [{"value": "YWJj"}]"#;
    assert!(create(faulty, &Policy::default()).is_ok());
    refuse(
        create(faulty, &strict),
        &[
            "`preferredLanguage` must be languages as in `en-US, fr;q=0.5` (invalidValue)",
            "`locale` must be a language tag such as `en-US` (invalidValue)",
            "`timezone` must be the name of an IANA time zone such as `America/Los_Angeles` (invalidValue)",
            "`addresses[1].country` must be a country's code of two letters such as `US` (invalidValue)",
            "`x509Certificates[0].value` must be one certificate as base64 of DER (invalidValue)",
        ],
    );
    let good = r#""preferredLanguage": "en-US, fr;q=0.5", "locale": "en_US", "timezone": "Europe/Oslo", "addresses": [{"country": "no"}],
        "phoneNumbers": [{"value": "tel:+1-201-555-0123"}, {"value": "555-555-5555"}, {"value": "ask Ola"}]"#;
    assert!(create(good, &strict).is_ok());
    // Addresses are references, whose type the schema says; those are never let through.
    for policy in [&strict, &Policy::default()] {
        refuse(create(r#""profileUrl": "::bad::""#, policy), &["`profileUrl` must be a URI, found another string (invalidValue)"]);
        refuse(
            create(r#""photos": [{"value": "a b"}]"#, policy),
            &["`photos[0].value` must be a URI, found another string (invalidValue)"],
        );
    }
    // What was there before formats were asked for stays until it changes.
    let current = create(faulty, &Policy::default()).unwrap().resource;
    let mut patched = current.clone();
    patched.insert("title", "Guide");
    assert!(accept_as("User", &patched, Operation::Patch { current: &current }, &strict).is_ok());
    patched.insert("timezone", "PST");
    assert!(accept_as("User", &patched, Operation::Patch { current: &current }, &strict).is_err());
}

/// R7643-4.1.2-12: the certificate of the standard's own example is one, and one in armor or with another behind it is none.
#[test]
fn the_certificate_of_the_standard_is_one() {
    let policy = Policy { enforces_formats: true, ..Policy::default() };
    let example: Resource = serde_json::from_str(include_str!("../../../../testdata/rfc7643/8.2-user-full.json")).unwrap();
    let certificate = example.get("x509Certificates").unwrap().elements()[0].as_complex().unwrap().get("value").unwrap().as_str().unwrap();
    let create = |value: &str| {
        let body = user(&format!(r#""x509Certificates": [{{"value": "{value}"}}]"#));
        accept_as("User", &body, Operation::Create, &policy)
    };
    assert!(create(certificate).is_ok());
    assert!(create(&format!("-----BEGIN CERTIFICATE-----{certificate}")).is_err());
    assert!(create(&format!("{}MAgwADAAAwIAQA==", certificate.trim_end_matches('='))).is_err());
}
