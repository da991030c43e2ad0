//! Every switch of a dialect: a payload that makes it fire alone, is refused or understood otherwise without it, and what is reported.

use scimkit_filter::{Filter, ParseOptions};
use scimkit_patch::{Context, encode};
use scimkit_types::validate::{Operation, Policy, accept};
use scimkit_types::{Catalog, Dialect, Tolerance};

use crate::support::{ENTERPRISE, patch, request, resource, value};

const USER: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "u", "userName": "a", "title": "T", "active": true,
    "emails": [{"type": "work", "value": "w@x.org", "primary": true}, {"type": "home", "value": "h@x.org"}]}"#;

const GROUP: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "g", "displayName": "G",
    "members": [{"value": "a"}, {"value": "b"}]}"#;

/// What makes a switch fire.
enum Payload {
    /// Operations on a user.
    User(String),
    /// Operations on a group.
    Group(&'static str),
    /// A body of a user that is stored.
    Body(&'static str),
    /// A filter of users.
    Filter(&'static str),
    /// Operations on a group that are written for a peer, and what they become.
    Sent(&'static str, &'static str),
    /// Nothing here: a request of HTTP. The server's tests have it.
    Http,
}

fn payload(tolerance: Tolerance) -> Option<Payload> {
    use Payload::{Body, Filter, Group, Http, Sent};
    let user = |operations: &str| Payload::User(operations.replace("ENTERPRISE", ENTERPRISE));
    Some(match tolerance {
        Tolerance::StringBooleans => user(r#"[{"op": "replace", "path": "active", "value": "False"}]"#),
        Tolerance::StringForComplex => user(r#"[{"op": "add", "path": "ENTERPRISE:manager", "value": "1"}]"#),
        Tolerance::DottedKeys => user(r#"[{"op": "add", "value": {"name.familyName": "N", "ENTERPRISE:department": "D"}}]"#),
        Tolerance::RemoveByValue => Group(r#"[{"op": "remove", "path": "members", "value": [{"value": "a"}]}]"#),
        Tolerance::CreateFilteredElement => user(r#"[{"op": "add", "path": "emails[type eq \"other\"].value", "value": "o@x.org"}]"#),
        Tolerance::EmptyClears => user(r#"[{"op": "replace", "path": "ENTERPRISE:manager", "value": ""}]"#),
        Tolerance::LastPrimaryWins => {
            user(r#"[{"op": "add", "path": "emails", "value": [{"value": "1", "primary": true}, {"value": "2", "primary": true}]}]"#)
        }
        Tolerance::IgnoreReadOnly => user(r#"[{"op": "replace", "value": {"id": "u", "title": "N"}}]"#),
        Tolerance::RejectUnknown => user(r#"[{"op": "add", "value": {"shoeSize": 44, "title": "N"}}]"#),
        Tolerance::UnknownInFilter => Filter("shoeSize eq 44"),
        Tolerance::ConvertFilterValues => user(r#"[{"op": "remove", "path": "emails[primary eq \"true\"]"}]"#),
        Tolerance::EmptyOperations => user("[]"),
        Tolerance::CapitalizedOperations => {
            Sent(r#"[{"op": "replace", "path": "active", "value": true}]"#, r#"[{"op": "Replace", "path": "active", "value": "True"}]"#)
        }
        Tolerance::PathRequired => Sent(
            r#"[{"op": "replace", "value": {"displayName": "N", "externalId": "e"}}]"#,
            r#"[{"op": "replace", "path": "displayName", "value": "N"}, {"op": "replace", "path": "externalId", "value": "e"}]"#,
        ),
        Tolerance::SendRemoveByValue => Sent(
            r#"[{"op": "remove", "path": "members[value eq \"a\"]"}, {"op": "remove", "path": "members[value eq \"b\"]"}]"#,
            r#"[{"op": "remove", "path": "members", "value": [{"value": "a"}, {"value": "b"}]}]"#,
        ),
        Tolerance::AnyMediaType | Tolerance::DropPassword => Http,
        Tolerance::IgnoreUnknownSchemas => {
            Body(r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:example:Other"], "userName": "a"}"#)
        }
        Tolerance::FilterWhiteSpace => user(r#"[{"op": "remove", "path": "emails[ type  eq \"work\" ]"}]"#),
        Tolerance::FilterMissingBlank => user(r#"[{"op": "remove", "path": "emails[type eq\"work\"]"}]"#),
        Tolerance::FilterLiteralCase => user(r#"[{"op": "remove", "path": "emails[primary eq True]"}]"#),
        Tolerance::FilterAfterBrackets => Filter(r#"emails[type eq "work"].value eq "a""#),
        Tolerance::DotAfterSchema => user(r#"[{"op": "add", "path": "ENTERPRISE.department", "value": "D"}]"#),
        Tolerance::DateTimeSubstring => Filter(r#"meta.created sw "2011""#),
        _ => return None,
    })
}

/// Whether the payload is understood, and what is reported.
fn run(payload: &Payload, dialect: Dialect) -> Result<Vec<Tolerance>, String> {
    let catalog = Catalog::standard();
    let users = catalog.resource_type("User").unwrap();
    match payload {
        Payload::User(operations) => {
            patch("User", dialect, USER, operations).map(|applied| applied.tolerances).map_err(|error| error.to_string())
        }
        Payload::Group(operations) => {
            patch("Group", dialect, GROUP, operations).map(|applied| applied.tolerances).map_err(|error| error.to_string())
        }
        Payload::Body(body) => {
            let mut policy = Policy::default();
            policy.dialect = dialect;
            let accepted = accept(&catalog, users, &resource(body), Operation::Create, &policy);
            accepted.map(|accepted| accepted.tolerances).map_err(|violations| format!("{violations:?}"))
        }
        Payload::Filter(filter) => {
            let options = ParseOptions::default().with_catalog(&catalog).with_dialect(dialect);
            let (filter, syntax) = Filter::parse_reporting(filter, &options).map_err(|error| error.to_string())?;
            let (_, meaning) = filter.resolve_reporting(&catalog, users, dialect).map_err(|error| error.to_string())?;
            Ok(syntax.union(meaning).tolerances().collect())
        }
        Payload::Sent(..) | Payload::Http => Ok(Vec::new()),
    }
}

/// AMB-04, AMB-05, AMB-06, AMB-08, AMB-09, AMB-28, AMB-29, AMB-30, AMB-31, AMB-36: what is tolerated is so by a switch of its own, which is
/// reported when it fires and only then; without it the payload is an error. The one switch that refuses does the reverse.
#[test]
fn every_switch_fires_alone_and_is_reported() {
    let catalog = Catalog::standard();
    let groups = Context::new(&catalog, catalog.resource_type("Group").unwrap());
    for tolerance in Tolerance::ALL {
        let payload = payload(tolerance).unwrap_or_else(|| panic!("no payload for {tolerance}"));
        let with = run(&payload, Dialect::STRICT.with(tolerance));
        match &payload {
            Payload::Http => {}
            Payload::Sent(operations, expected) => {
                let written = |dialect| {
                    let body = encode(request(operations).operations, &groups.with_dialect(dialect));
                    body.as_complex().unwrap().get("Operations").unwrap().clone()
                };
                assert_eq!(written(Dialect::STRICT.with(tolerance)), value(expected), "{tolerance}");
                assert_eq!(written(Dialect::STRICT), value(operations), "{tolerance}");
            }
            _ if tolerance == Tolerance::RejectUnknown => {
                assert!(with.is_err(), "{tolerance}");
                assert_eq!(run(&payload, Dialect::STRICT), Ok(Vec::new()), "{tolerance}");
            }
            _ => {
                assert_eq!(with, Ok(vec![tolerance]), "{tolerance}");
                assert!(run(&payload, Dialect::STRICT).is_err(), "{tolerance} is not needed");
            }
        }
    }
    assert_eq!(run(&Payload::User(r#"[{"op": "add", "path": "title", "value": "N"}]"#.to_owned()), Dialect::LENIENT), Ok(Vec::new()));
}

/// IR08: text as a boolean in the filter of a path is reported as what it is.
#[test]
fn text_as_a_boolean_is_reported_in_filters_as_well() {
    let operations = r#"[{"op": "remove", "path": "emails[primary eq \"True\"]"}]"#;
    for tolerance in [Tolerance::StringBooleans, Tolerance::ConvertFilterValues] {
        assert_eq!(run(&Payload::User(operations.to_owned()), Dialect::STRICT.with(tolerance)), Ok(vec![tolerance]));
    }
    assert!(run(&Payload::User(operations.to_owned()), Dialect::STRICT).is_err());
}
