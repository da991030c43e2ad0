//! `update`: what services of different abilities are asked to do.

use scimkit_patch::{Abilities, Context, DiffError, DiffOptions, UpdateRequest, update};
use scimkit_types::{Catalog, Dialect, Profile, Tolerance};

use crate::support::{ENTERPRISE, resource};

fn requests(type_: &str, abilities: &Abilities, current: &str, desired: &str) -> Result<Vec<UpdateRequest>, DiffError> {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type(type_).unwrap());
    update(&resource(current), &resource(desired), &context, abilities, &DiffOptions::default())
}

/// The operations of each request, as JSON.
#[track_caller]
fn check_patches(type_: &str, abilities: &Abilities, current: &str, desired: &str, expected: &[&str]) {
    let bodies = requests(type_, abilities, current, desired).unwrap().into_iter().map(|request| match request {
        UpdateRequest::Patch(body) => serde_json::to_string(body.as_complex().unwrap().get("Operations").unwrap()).unwrap(),
        other => panic!("expected a PATCH request, found {other:?}"),
    });
    assert_eq!(bodies.collect::<Vec<_>>(), expected);
}

#[track_caller]
fn check_put(type_: &str, current: &str, desired: &str, expected: &str) {
    let found = requests(type_, &Abilities::default().with_patch(false), current, desired).unwrap();
    let [UpdateRequest::Put(body)] = found.as_slice() else { panic!("expected one PUT request, found {found:?}") };
    assert_eq!(serde_json::to_string(body).unwrap(), expected);
}

fn abilities(dialect: Dialect) -> Abilities {
    let mut profile = Profile::standard();
    profile.dialect = dialect;
    Abilities::of(&profile)
}

const GROUP: &str = r#"{"id": "g", "displayName": "A", "members": [{"value": "a"}, {"value": "b"}, {"value": "c"}]}"#;

/// IR01, IR02, IR34: each dialect in the requests of one difference.
#[test]
fn each_service_is_spoken_to_its_way() {
    let desired = r#"{"id": "g", "displayName": "B", "members": [{"value": "c"}, {"value": "d"}]}"#;
    check_patches(
        "Group",
        &abilities(Dialect::STRICT),
        GROUP,
        desired,
        &[
            r#"[{"op":"replace","path":"displayName","value":"B"},{"op":"remove","path":"members[value eq \"a\"]"},{"op":"remove","path":"members[value eq \"b\"]"},{"op":"add","path":"members","value":[{"value":"d"}]}]"#,
        ],
    );
    check_patches(
        "Group",
        &abilities(Dialect::ENTRA),
        GROUP,
        desired,
        &[
            r#"[{"op":"Replace","path":"displayName","value":"B"},{"op":"Remove","path":"members","value":[{"value":"a"},{"value":"b"}]},{"op":"Add","path":"members","value":[{"value":"d"}]}]"#,
        ],
    );
    let (current, desired) = (
        r#"{"userName": "o", "title": "A", "active": true}"#.to_owned(),
        format!(r#"{{"userName": "o", "title": "B", "active": false, "{ENTERPRISE}": {{"department": "D"}}}}"#),
    );
    check_patches(
        "User",
        &abilities(Dialect::AWS).with_limits(2, usize::MAX),
        &current,
        &desired,
        &[
            r#"[{"op":"replace","path":"title","value":"B"},{"op":"replace","path":"active","value":false}]"#,
            r#"[{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"D"}]"#,
        ],
    );
}

/// Removals that are put together count as the one operation that they become.
#[test]
fn limits_count_what_is_sent() {
    let desired = r#"{"displayName": "A", "members": [{"value": "d"}, {"value": "e"}, {"value": "f"}]}"#;
    check_patches(
        "Group",
        &abilities(Dialect::ENTRA).with_limits(1, 2),
        GROUP,
        desired,
        &[
            r#"[{"op":"Remove","path":"members","value":[{"value":"a"},{"value":"b"}]}]"#,
            r#"[{"op":"Remove","path":"members","value":[{"value":"c"}]}]"#,
            r#"[{"op":"Add","path":"members","value":[{"value":"d"},{"value":"e"}]}]"#,
            r#"[{"op":"Add","path":"members","value":[{"value":"f"}]}]"#,
        ],
    );
    // E-mails are no members: adding what is left of them would not be the same as replacing all.
    check_patches(
        "User",
        &Abilities::default().with_limits(10, 1),
        r#"{"userName": "o", "emails": [{"value": "a"}]}"#,
        r#"{"userName": "o", "title": "T", "emails": [{"value": "b", "display": "1"}, {"value": "b", "display": "2"}]}"#,
        &[r#"[{"op":"replace","value":{"title":"T","emails":[{"value":"b","display":"1"},{"value":"b","display":"2"}]}}]"#],
    );
}

/// A service without filters in paths is told the whole list, or the values to remove if it takes those.
#[test]
fn members_go_without_filters_too() {
    let desired = r#"{"displayName": "A", "members": [{"value": "c"}]}"#;
    check_patches(
        "Group",
        &Abilities::default().with_value_paths(false),
        GROUP,
        desired,
        &[r#"[{"op":"replace","path":"members","value":[{"value":"c"}]}]"#],
    );
    check_patches(
        "Group",
        &abilities(Dialect::ENTRA).with_value_paths(false),
        GROUP,
        desired,
        &[r#"[{"op":"Remove","path":"members","value":[{"value":"a"},{"value":"b"}]}]"#],
    );
}

/// Each thing that a service may ask for, one by one.
#[test]
fn each_ability_shapes_the_requests() {
    let emails = |work: &str| {
        format!(
            r#"{{"userName":"o","emails":[{{"type":"work","value":"{work}"}},{{"type":"home","value":"h","display":"Longer than a path of one"}}]}}"#
        )
    };
    let check = |abilities: Abilities, expected: &[&str]| check_patches("User", &abilities, &emails("a"), &emails("b"), expected);
    check(Abilities::default(), &[r#"[{"op":"replace","path":"emails[type eq \"work\"].value","value":"b"}]"#]);
    check(
        Abilities::default().with_value_paths(false),
        &[
            r#"[{"op":"replace","path":"emails","value":[{"type":"work","value":"b"},{"type":"home","value":"h","display":"Longer than a path of one"}]}]"#,
        ],
    );
    let (current, desired) =
        (r#"{"userName": "o", "active": true, "nickName": "N"}"#, r#"{"userName": "o", "active": false, "title": "T"}"#);
    let check = |abilities: Abilities, expected: &[&str]| check_patches("User", &abilities, current, desired, expected);
    let removal = r#"{"op":"remove","path":"nickName"}"#;
    let together = r#"{"op":"replace","value":{"title":"T","active":false}}"#;
    check(Abilities::default(), &[&format!("[{together},{removal}]")]);
    check(Abilities::default().with_limits(1, usize::MAX), &[&format!("[{together}]"), &format!("[{removal}]")]);
    check(
        abilities(Dialect::STRICT.with(Tolerance::PathRequired)),
        &[&format!(r#"[{{"op":"replace","path":"title","value":"T"}},{{"op":"replace","path":"active","value":false}},{removal}]"#)],
    );
    check(
        abilities(Dialect::STRICT.with(Tolerance::CapitalizedOperations)),
        &[r#"[{"op":"Replace","value":{"title":"T","active":"False"}},{"op":"Remove","path":"nickName"}]"#],
    );
}

/// R7644-3.5.1-01: PUT has the whole resource, without what only the service provider writes.
#[test]
fn a_service_without_patch_gets_the_whole_resource() {
    let put = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"g","displayName":"B","members":[{"value":"a"}]}"#;
    check_put("Group", GROUP, r#"{"displayName": "B", "members": [{"value": "a"}]}"#, put);
    let put = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"g","displayName":"A","members":[]}"#;
    check_put("Group", GROUP, r#"{"displayName": "A"}"#, put);
    let put = format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","{ENTERPRISE}"],"id":"u","userName":"o","title":"T","{ENTERPRISE}":{{"manager":{{"value":"m"}}}}}}"#
    );
    check_put(
        "User",
        r#"{"id": "u", "userName": "o", "meta": {"version": "W/\"1\""}}"#,
        &format!(
            r#"{{"userName": "o", "title": "T", "emails": [], "name": {{"givenName": null}}, "{ENTERPRISE}": {{"manager": {{"value": "m", "displayName": null}}}}}}"#
        ),
        &put,
    );
}

#[test]
fn what_is_equal_needs_no_request() {
    for has_patch in [true, false] {
        let abilities = Abilities::default().with_patch(has_patch);
        assert_eq!(requests("Group", &abilities, GROUP, GROUP), Ok(Vec::new()));
        assert!(matches!(requests("Group", &abilities, GROUP, r#"{"members": []}"#), Err(DiffError::Required { .. })));
    }
}
