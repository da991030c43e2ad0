//! Every file of `testdata/entra`: bodies that are stored, filters that are asked, answers that are read, and requests that patch (whose
//! results are in the module `entra`), each with the tolerances that it needs and not without one of them.

use std::collections::BTreeMap;

use scimkit_filter::{Filter, ParseOptions};
use scimkit_patch::{Context, apply};
use scimkit_types::validate::{Accepted, Operation, Policy, accept};
use scimkit_types::{Catalog, ComplexValue, Dialect, ErrorResponse, ListResponse, PatchOp, Resource, Schema, Tolerance, Value};

use crate::support::{resource, value};

/// What a file needs beyond the standard. A file that is not listed needs nothing.
const NEEDED: &[(&str, &[Tolerance])] = &[
    ("design-user-with-custom-extension", &[Tolerance::IgnoreUnknownSchemas, Tolerance::StringForComplex]),
    ("flag-disable-off", &[Tolerance::StringBooleans]),
    ("flag-remove-member-off", &[Tolerance::RemoveByValue]),
    ("flag-replace-many-on", &[Tolerance::DottedKeys]),
    ("group-create", &[Tolerance::IgnoreUnknownSchemas]),
    ("group-patch-remove-members", &[Tolerance::RemoveByValue]),
    ("legacy-example2-create", &[Tolerance::IgnoreUnknownSchemas]),
    ("legacy-example5-manager-add", &[Tolerance::DottedKeys, Tolerance::StringForComplex]),
    ("observed-add-filtered-missing", &[Tolerance::CreateFilteredElement]),
    ("observed-manager-string", &[Tolerance::StringForComplex]),
];

/// Queries with text outside of quotation marks, which no dialect reads (grammar of RFC 7644 section 3.4.2.2).
const UNREADABLE: &[&str] = &["legacy-example1-query", "legacy-example4-reference-check"];

fn files() -> BTreeMap<String, Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/entra");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let documents = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    documents.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), value(&std::fs::read_to_string(path).unwrap()))).collect()
}

fn member<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_complex()?.get(name)
}

fn type_of(body: &ComplexValue) -> &'static str {
    if Resource::from(body.clone()).has_schema(scimkit_types::schema::GROUP) { "Group" } else { "User" }
}

/// Stores a body; the tolerances that it needed, or why not.
fn store(body: &ComplexValue, dialect: Dialect) -> Result<Vec<Tolerance>, String> {
    let catalog = Catalog::standard();
    let mut body = Resource::from(body.clone());
    if type_of(body.as_complex()) == "User" && body.get("userName").is_none() {
        // The sample of telephone numbers shows nothing else.
        body.insert("userName", "ola");
    }
    let mut policy = Policy::default();
    policy.dialect = dialect;
    let resource_type = catalog.resource_type(type_of(body.as_complex())).unwrap();
    let stored = accept(&catalog, resource_type, &body, Operation::Create, &policy);
    stored.map(|Accepted { tolerances, .. }| tolerances).map_err(|violations| format!("{violations:?}"))
}

/// Applies a request to a resource that has what the requests speak of.
fn patch(is_group: bool, body: &Value, dialect: Dialect) -> Result<Vec<Tolerance>, String> {
    let before = if is_group {
        r#"{"id": "g", "displayName": "G", "members": [{"value": "f648f8d5ea4e4cd38e9c"}, {"value": "u1091"},
            {"value": "7f4bc1a3-285e-48ae-8202-5accb43efb0e"}]}"#
    } else {
        r#"{"id": "u", "userName": "ola", "active": true, "emails": [{"type": "work", "value": "a@example.com"}],
            "name": {"familyName": "N"}, "roles": [{"primary": true, "value": "Old"}]}"#
    };
    let catalog = Catalog::standard();
    let resource_type = catalog.resource_type(if is_group { "Group" } else { "User" }).unwrap();
    let request = PatchOp::from_json(body.clone()).map_err(|error| error.to_string())?;
    let context = Context::new(&catalog, resource_type).with_dialect(dialect);
    apply(&resource(before), &request, &context).map(|applied| applied.tolerances).map_err(|error| error.to_string())
}

/// Reads the filter of a query and makes it ready; `None` if there is none.
fn ask(path: &str, dialect: Dialect) -> Option<Result<(), String>> {
    let text = path.split_once("filter=")?.1.split('&').next()?.replace('+', " ").replace("%22", "\"");
    if text.is_empty() {
        return None;
    }
    let catalog = Catalog::standard();
    let resource_type = catalog.resource_type(if path.contains("/Groups") { "Group" } else { "User" }).unwrap();
    let parsed = Filter::parse_with(&text, &ParseOptions::default().with_catalog(&catalog).with_dialect(dialect));
    let ready = parsed.map_err(|error| error.to_string());
    Some(ready.and_then(|filter| filter.resolve(&catalog, resource_type, dialect).map(|_| ()).map_err(|error| error.to_string())))
}

/// Checks that what a service answers is read: an error, a list of resources or of schemas, or a resource.
fn read_answer(name: &str, body: &Value) {
    if let Some(error) = ErrorResponse::from_json(body) {
        assert!(error.status >= 400, "{name}");
        return;
    }
    let resources = match ListResponse::from_json(body.clone()) {
        Ok(list) => list.resources,
        Err(_) => vec![Resource::from(body.as_complex().unwrap().clone())],
    };
    for resource in resources {
        let text = serde_json::to_string(&resource).unwrap();
        if resource.has_schema(scimkit_types::schema::SCHEMA) {
            assert!(serde_json::from_str::<Schema>(&text).is_ok(), "{name}");
        } else {
            assert!(resource.id().is_some() && store(resource.as_complex(), Dialect::STRICT).is_ok(), "{name}: {text}");
        }
    }
}

/// IR01 to IR06, IR08, IR16, IR22; R7644-3.3-09 of what is tolerated.
#[test]
fn every_recorded_payload_is_understood_with_the_tolerances_it_needs() {
    let files = files();
    assert!(NEEDED.iter().all(|(name, _)| files.contains_key(*name)) && UNREADABLE.iter().all(|name| files.contains_key(*name)));
    for (name, file) in &files {
        let needed = NEEDED.iter().find(|(listed, _)| listed == name).map_or(&[][..], |(_, needed)| needed);
        let request = member(file, "request");
        let path = request.and_then(|request| member(request, "path")).and_then(Value::as_str).unwrap_or_default();
        let method = request.and_then(|request| member(request, "method")).and_then(Value::as_str).unwrap_or_default();
        let body = member(file, "sample").or_else(|| member(request?, "body"));
        let run = |dialect: Dialect| match body {
            Some(body) if method == "PATCH" => patch(path.contains("/Groups"), body, dialect),
            Some(body) => store(body.as_complex().unwrap(), dialect),
            None => ask(path, dialect).unwrap_or(Ok(())).map(|()| Vec::new()),
        };
        if UNREADABLE.contains(&name.as_str()) {
            assert!(run(Dialect::ENTRA).is_err() && run(Dialect::LENIENT).is_err(), "{name}");
            continue;
        }
        assert_eq!(run(Dialect::of(needed)).as_deref(), Ok(needed), "{name}");
        assert!(run(Dialect::ENTRA).is_ok(), "{name}: {:?}", run(Dialect::ENTRA));
        assert_eq!(run(Dialect::STRICT).is_err(), !needed.is_empty(), "{name}");
        for tolerance in needed {
            assert!(run(Dialect::LENIENT.without(*tolerance)).is_err(), "{name} does without {tolerance}");
        }
        if let Some(answer) = member(file, "response").and_then(|response| member(response, "body")) {
            read_answer(name, answer);
        }
    }
}
