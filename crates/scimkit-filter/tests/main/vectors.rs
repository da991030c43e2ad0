//! The vectors of `testdata/filter`.

use scimkit_filter::{AttributeExpression, AttributePath, Filter, Literal, ParseError, ParseOptions, PatchPath, ValuePath};
use scimkit_types::{Catalog, Dialect, ResourceType, Schema, Tolerance};
use serde_json::Value as Json;

const HR: &str = "urn:ietf:params:scim:schemas:exampleCo:2.0:hr";

fn vectors(part: &str) -> Vec<Json> {
    let text = include_str!("../../../../testdata/filter/grammar-vectors.json");
    let all: Json = serde_json::from_str(text).unwrap();
    all[part].as_array().unwrap().clone()
}

fn catalog() -> Catalog {
    let standard = Catalog::standard();
    let mut schemas = standard.schemas().to_vec();
    schemas.push(Schema::new(HR.parse().unwrap(), vec![]));
    let types: Vec<ResourceType> = standard.resource_types().to_vec();
    Catalog::new(schemas, types).unwrap()
}

/// The tree in the notation of the vectors.
fn tree(filter: &Filter) -> String {
    let chain = |word: &str, parts: &[Filter]| {
        parts.iter().map(tree).reduce(|left, right| format!("({word} {left} {right})")).expect("a filter has parts")
    };
    match filter {
        Filter::And(parts) => chain("and", parts),
        Filter::Or(parts) => chain("or", parts),
        Filter::Not(inner) => format!("(not {})", tree(inner)),
        Filter::Attribute(AttributeExpression::Present(path)) => format!("(pr {})", name(path)),
        Filter::Attribute(AttributeExpression::Compare { path, operator, value }) => {
            format!("({operator} {} {})", name(path), literal(value))
        }
        Filter::ValuePath(ValuePath { path, value_filter, .. }) => format!("(vp {} {})", name(path), tree(value_filter)),
    }
}

fn name(path: &AttributePath) -> String {
    path.to_string().chars().rev().collect::<String>().replacen(':', "#", 1).chars().rev().collect()
}

fn literal(value: &Literal) -> String {
    match value {
        Literal::String(text) => serde_json::to_string(text.as_str()).unwrap(),
        other => other.to_string(),
    }
}

fn path_tree(path: &PatchPath) -> String {
    let show = |urn: Option<String>, attribute: Option<String>, filter: Option<String>, sub: Option<String>| {
        let or_dash = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
        format!("{{urn={} attr={} filter={} sub={}}}", or_dash(urn), or_dash(attribute), or_dash(filter), or_dash(sub))
    };
    let head = |path: &AttributePath| (path.schema.as_ref().map(ToString::to_string), Some(path.attribute.to_string()));
    match path {
        PatchPath::Attribute(path) => {
            let (urn, attribute) = head(path);
            show(urn, attribute, None, path.sub_attribute.as_ref().map(ToString::to_string))
        }
        PatchPath::ValuePath { value_path, sub_attribute } => {
            let (urn, attribute) = head(&value_path.path);
            show(urn, attribute, Some(tree(&value_path.value_filter)), sub_attribute.as_ref().map(ToString::to_string))
        }
        PatchPath::Schema(uri) => show(Some(uri.to_string()), None, None, None),
    }
}

#[track_caller]
fn check<T>(vector: &Json, parse: impl Fn(&str, &ParseOptions<'_>) -> Result<T, ParseError>, show: fn(&T) -> String) {
    let catalog = catalog();
    let input = vector["input"].as_str().unwrap();
    for (dialect, key) in [(Dialect::STRICT, "strict"), (Dialect::LENIENT, "lenient")] {
        let options = ParseOptions::default().with_catalog(&catalog).with_dialect(dialect);
        let shown = parse(input, &options).map(|parsed| show(&parsed));
        let id = &vector["id"];
        if vector[key] == "accept" {
            assert_eq!(shown.as_deref(), Ok(vector["ast"].as_str().unwrap()), "{id} {key}");
        } else {
            let error = shown.expect_err(&format!("{id} {key} is refused"));
            assert!(error.span().end <= error.input().len(), "{id} {key}");
        }
    }
}

/// R7644-3.4.2.2-03, R7644-3.4.2.2-04, R7644-3.4.2.2-11, R7644-3.4.2.2-14, R7644-3.4.2.2-15, R7644-3.4.2.2-16, R7644-3.4.2.2-17,
/// R7644-3.4.2.2-21: all 107 filters get their verdict and tree.
#[test]
fn every_filter_vector_gets_its_verdict_and_tree() {
    let vectors = vectors("filters");
    assert_eq!(vectors.len(), 107);
    for vector in &vectors {
        check(vector, Filter::parse_with, tree);
    }
}

/// R7644-3.5.2-06: all 45 paths get their verdict and parts.
#[test]
fn every_path_vector_gets_its_verdict_and_parts() {
    let vectors = vectors("paths");
    assert_eq!(vectors.len(), 45);
    for vector in &vectors {
        check(vector, PatchPath::parse_with, path_tree);
    }
}

/// What a vector of `semantic` must come to on a user.
#[derive(Debug, PartialEq)]
enum Outcome {
    Matches(bool),
    /// 400 `invalidFilter`, or 403 where the attribute is a secret.
    Refused,
}
use Outcome::{Matches, Refused};

fn evaluate(filter: &str, resource: &str, dialect: Dialect) -> Outcome {
    let catalog = catalog();
    let filter = Filter::parse_with(filter, &ParseOptions::default().with_catalog(&catalog)).unwrap();
    match filter.resolve(&catalog, catalog.resource_type("User").unwrap(), dialect) {
        Ok(resolved) => Matches(resolved.matches(&serde_json::from_str(resource).unwrap())),
        Err(_) => Refused,
    }
}

/// R7644-3.4.2.2-05, R7644-3.4.2.2-06, R7644-3.4.2.2-07, R7644-3.4.2.2-08, R7644-3.4.2.2-09, R7644-3.4.2.2-13, R7644-3.4.2.2-18,
/// R7644-3.4.2.2-19, R7644-3.4.2.2-22, R7644-3.4.2.2-23, R7643-3.1-18, AMB-06 to AMB-09: all 30 evaluation cases. The user of a case is the
/// one that its `context` describes, or the one that would match if the filter meant the wrong thing.
#[test]
fn every_evaluation_vector_comes_out_as_it_says() {
    let emails = r#"{"emails": [{"type": "work", "value": "bjensen@example.com"}, {"type": "home", "value": "b@home.org"}]}"#;
    let password = r#"{"password": "t1meMa$heen"}"#;
    let cases: [(&str, &str, Outcome); 30] = [
        ("S01", r#"{"active": true}"#, Refused),
        ("S02", r#"{"x509Certificates": [{"value": "MIIx"}]}"#, Refused),
        ("S03", r#"{"active": true}"#, Refused),
        ("S04", r#"{"name": {"formatted": "Jensen"}}"#, Refused),
        ("S05", emails, Matches(true)),
        ("S06", emails, Matches(true)),
        ("S07", r#"{"id": "<id in other case>"}"#, Matches(false)),
        ("S08", r#"{"externalId": "<Other Case>"}"#, Matches(false)),
        ("S09", r#"{"meta": {"lastModified": "2011-05-13T06:42:34+02:00"}}"#, Matches(true)),
        ("S10", r#"{"meta": {"lastModified": "2011-05-13T06:42:34+02:00"}}"#, Refused),
        ("S11", r#"{"userName": "x"}"#, Matches(false)),
        ("S12", r#"{"foo": "x"}"#, Refused),
        ("S13", emails, Refused),
        ("S14", emails, Matches(true)),
        ("S15", emails, Matches(false)),
        ("S16", r#"{"emails": [{"value": "a@x.org"}, {"value": "b@x.org"}]}"#, Matches(true)),
        ("S17", "{}", Matches(true)),
        ("S18", r#"{"title": ""}"#, Matches(false)),
        ("S19", r#"{"emails": []}"#, Matches(false)),
        ("S20", "{}", Matches(true)),
        ("S21", password, Refused),
        ("S22", password, Refused),
        // Discovery endpoints refuse every filter before it is resolved; on a user this one is fine.
        ("S23", r#"{"userName": "bjensen"}"#, Matches(true)),
        ("S24", r#"{"active": true}"#, Refused),
        ("S25", r#"{"userName": "6"}"#, Refused),
        ("S26", r#"{"displayName": "BÄRBEL"}"#, Matches(true)),
        // The PRECIS profile of names does not map ligatures, and forbids them.
        ("S27", r#"{"userName": "fish"}"#, Matches(false)),
        // How many results are too many is the service provider's decision.
        ("S28", r#"{"userName": "bjensen"}"#, Matches(true)),
        ("S29", r#"{"meta": {"resourceType": "User"}}"#, Matches(true)),
        ("S30", r#"{"schemas": ["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]}"#, Matches(true)),
    ];
    let vectors = vectors("semantic");
    assert_eq!(vectors.len(), cases.len());
    for (vector, (id, resource, expected)) in vectors.iter().zip(cases) {
        assert_eq!(vector["id"], id);
        // Two filters hold a remark in place of or behind what is meant.
        let filter = vector["filter"].as_str().unwrap();
        let filter = filter.replace("<same instant, other offset>", "2011-05-13T04:42:34Z").replace(" (PRECIS)", "");
        let is_root = vector["context"].as_str().unwrap().starts_with("/ ");
        let dialect = if is_root { Dialect::STRICT.with(Tolerance::UnknownInFilter) } else { Dialect::STRICT };
        assert_eq!(evaluate(&filter, resource, dialect), expected, "{id}: {filter}");
    }
}
