//! The filters and documents that are measured.

use scimkit::types::Resource;
use serde_json::Value;

pub const MINIMAL_USER: &str = include_str!("../../testdata/rfc7643/8.1-user-minimal.json");
pub const ENTERPRISE_USER: &str = include_str!("../../testdata/rfc7643/8.3-enterprise-user.json");

/// A user as Entra and Okta keep one.
pub const TYPICAL_USER: &str = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"id":"2819c223-7f76-453a-919d-413861904646","externalId":"c2f1b8de-64a5-4f5a-9b1c-2b8d76d6c0d4","userName":"barbara.jensen@example.com","name":{"formatted":"Barbara Jensen","familyName":"Jensen","givenName":"Barbara"},"displayName":"Barbara Jensen","title":"Tour Guide","userType":"Employee","preferredLanguage":"en-US","active":true,"emails":[{"value":"barbara.jensen@example.com","type":"work","primary":true}],"phoneNumbers":[{"value":"+1-555-555-8377","type":"work"},{"value":"+1-555-555-1234","type":"mobile"}],"addresses":[{"type":"work","streetAddress":"100 Universal City Plaza","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"701984","department":"Tour Operations","manager":{"value":"26118915-6090-4610-87e4-49d8ca9f808d"}},"meta":{"resourceType":"User","created":"2010-01-23T04:56:22Z","lastModified":"2011-05-13T04:42:34Z","location":"https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646"}}"#;

/// Filters as identity providers send them.
pub const PROVIDERS: [(&str, &str); 12] = [
    ("entra user name", r#"userName eq "barbara.jensen@example.com""#),
    ("entra external id", r#"externalId eq "c2f1b8de-64a5-4f5a-9b1c-2b8d76d6c0d4""#),
    ("entra group", r#"displayName eq "1BtmNVpPYHWtOoqZ Group""#),
    ("entra manager", r#"id eq "2819c223-7f76-453a-919d-413861904646" and manager eq "26118915-6090-4610-87e4-49d8ca9f808d""#),
    ("entra work e-mail", r#"emails[type eq "work" and value eq "barbara.jensen@example.com"]"#),
    ("entra employee number", r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "701984""#),
    ("okta user name", r#"userName eq "test.user@okta.local""#),
    ("okta member", r#"members[value eq "23a35c27-23d3-4c03-b4c5-6443c09e7173"]"#),
    ("okta changed", r#"meta.lastModified gt "2011-05-13T04:42:34Z" and active eq true"#),
    ("short", r#"title pr"#),
    (
        "ten clauses",
        r#"userName sw "b" and (active eq true or title pr) and not (nickName co "x") and name.familyName eq "Jensen" and locale pr and emails.value ew "org" and emails.type eq "home" and displayName ne "Ann" and meta.created gt "2009-01-01T00:00:00Z""#,
    ),
    (
        "ten names",
        r#"userName eq "a1@example.com" or userName eq "a2@example.com" or userName eq "a3@example.com" or userName eq "a4@example.com" or userName eq "a5@example.com" or userName eq "a6@example.com" or userName eq "a7@example.com" or userName eq "a8@example.com" or userName eq "a9@example.com" or userName eq "a10@example.com""#,
    ),
];

/// Filters on [`TYPICAL_USER`], with what they say of it.
pub const QUESTIONS: [(&str, &str, bool); 12] = [
    ("user name", r#"userName eq "barbara.jensen@example.com""#, true),
    ("user name in another case", r#"userName eq "Barbara.Jensen@Example.COM""#, true),
    ("other user name", r#"userName eq "ola.nordmann@example.com""#, false),
    ("active", "active eq true", true),
    ("present", "title pr", true),
    ("family name begins", r#"name.familyName sw "Jen""#, true),
    ("display name holds", r#"displayName co "JENS""#, true),
    ("e-mail ends", r#"emails.value ew "@example.com""#, true),
    ("work e-mail", r#"emails[type eq "work" and value eq "barbara.jensen@example.com"]"#, true),
    ("changed since", r#"meta.lastModified gt "2011-05-13T06:42:33+02:00""#, true),
    ("employee number", r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "701984""#, true),
    (
        "ten clauses",
        r#"userName sw "b" and (active eq false or title pr) and not (nickName co "x") and name.familyName eq "Jensen" and userType pr and emails.value ew "com" and phoneNumbers.type eq "mobile" and displayName ne "Ann" and preferredLanguage eq "en-us""#,
        true,
    ),
];

/// The filters that are parsed: those of the standard's vectors that the strict grammar accepts, and those of identity providers.
pub fn filters() -> Vec<(String, String)> {
    let vectors: Value = serde_json::from_str(include_str!("../../testdata/filter/grammar-vectors.json")).expect("JSON");
    let rows = vectors["filters"].as_array().expect("a list");
    let accepted = rows.iter().filter(|row| row["strict"] == "accept");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let standard = accepted.map(|row| (text(&row["id"]), text(&row["input"])));
    standard.chain(sizes()).collect()
}

/// Filters from small to large: those of identity providers and one of a hundred names.
pub fn sizes() -> impl Iterator<Item = (String, String)> {
    let names: Vec<String> = (1..=100).map(|n| format!(r#"userName eq "user.number{n}@example.com""#)).collect();
    let large = ("hundred names".to_owned(), names.join(" or "));
    PROVIDERS.iter().map(|(name, filter)| ((*name).to_owned(), (*filter).to_owned())).chain([large])
}

pub fn resource(text: &str) -> Resource {
    serde_json::from_str(text).expect("a resource")
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// A group of this many members.
pub fn group(members: usize) -> String {
    let member = |index: usize| {
        format!(
            r#"{{"value":"{index:08x}-7f76-453a-919d-413861904646","$ref":"https://example.com/v2/Users/{index:08x}-7f76-453a-919d-413861904646","display":"User {index}","type":"User"}}"#
        )
    };
    let members: Vec<String> = (0..members).map(member).collect();
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"e9e30dba-f08f-4109-8486-d5c6a331660a","displayName":"Tour Guides","members":[{}]}}"#,
        members.join(",")
    )
}
