//! What is fuzzed: each function takes any bytes and must neither panic nor break what is asserted in it.
//!
//! The targets in `fuzz_targets/` call these functions, and so does the test `regressions`, which replays the files in `regressions/`.

use std::sync::LazyLock;

use scimkit::filter::{AttributePath, Filter, ParseError, ParseOptions, PatchPath};
use scimkit::mapping::{
    Environment, Expression, ExpressionOptions, MappingFile, SeededEntropy, SourceRecord, SynchronizationSchema, TakenValues,
};
use scimkit::patch::{Context, DiffOptions, apply, apply_in_place, diff};
use scimkit::types::{Catalog, Dialect, PatchOp, Profile, Resource, Value};

static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::standard);

/// All targets by name.
pub const TARGETS: [(&str, fn(&[u8])); 7] = [
    ("expression", expression),
    ("filter_parse", filter_parse),
    ("filter_round_trip", filter_round_trip),
    ("mapping_import", mapping_import),
    ("path_parse", path_parse),
    ("patch_apply", patch_apply),
    ("resource_read", resource_read),
];

/// Every way in which text is read: strictly and leniently, with and without known schemas.
fn options() -> [ParseOptions<'static>; 3] {
    let options = ParseOptions::default();
    let with_catalog = options.with_catalog(&CATALOG);
    [options, with_catalog, with_catalog.with_dialect(Dialect::FILTER_GRAMMAR)]
}

/// An error points into its input and can be shown.
fn check_error(error: &ParseError) {
    assert!(error.input().get(error.span()).is_some(), "{:?} is no place in the input", error.span());
    assert!(!error.to_string().contains('\n') && error.caret().lines().count() >= 1);
}

/// A filter is read or refused with a place, and what is read is resolved and evaluated on a user or refused.
pub fn filter_parse(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let user_type = CATALOG.resource_type("User").expect("the standard has users");
    static USER: LazyLock<Resource> = LazyLock::new(|| serde_json::from_str(ENTERPRISE_USER).expect("a resource"));
    for options in options() {
        match Filter::parse_with(text, &options) {
            Ok(filter) => {
                for dialect in [Dialect::STRICT, Dialect::LENIENT] {
                    if let Ok(resolved) = filter.resolve(&CATALOG, user_type, dialect) {
                        let negated = filter.clone().negated().resolve(&CATALOG, user_type, dialect).expect("it is as well known");
                        assert_ne!(resolved.matches(&USER), negated.matches(&USER));
                    }
                }
            }
            Err(error) => check_error(&error),
        }
    }
    if Filter::parse_with(text, &options()[1]).is_ok() {
        assert!(Filter::parse_with(text, &options()[2]).is_ok(), "what the strict grammar reads, the lenient one does");
    }
}

/// What is printed is read as what was printed.
pub fn filter_round_trip(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for options in options() {
        if let Ok(filter) = Filter::parse_with(text, &options) {
            let printed = filter.to_string();
            // Escapes make text longer, which must not meet the limit of length here.
            let limits = options.limits.with_length(usize::MAX);
            let again = Filter::parse_with(&printed, &options.with_dialect(Dialect::STRICT).with_limits(limits));
            assert_eq!(again.as_ref(), Ok(&filter), "{printed}");
        }
    }
}

/// Paths are read or refused with a place, and printed as they are read.
pub fn path_parse(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for options in options() {
        let strict = options.with_dialect(Dialect::STRICT).with_limits(options.limits.with_length(usize::MAX));
        match AttributePath::parse_with(text, &options) {
            Ok(path) => assert_eq!(AttributePath::parse_with(&path.to_string(), &strict).as_ref(), Ok(&path)),
            Err(error) => check_error(&error),
        }
        match PatchPath::parse_with(text, &options) {
            Ok(path) => assert_eq!(PatchPath::parse_with(&path.to_string(), &strict).as_ref(), Ok(&path), "{path}"),
            Err(error) => check_error(&error),
        }
    }
}

/// A request is applied, or refused and the resource as it was. What is applied can be found again as a difference, and leads to the same.
pub fn patch_apply(data: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(data) else { return };
    let Ok(request) = PatchOp::from_json(body) else { return };
    static USER: LazyLock<Resource> = LazyLock::new(|| serde_json::from_str(ENTERPRISE_USER).expect("a resource"));
    static GROUP: LazyLock<Resource> = LazyLock::new(|| serde_json::from_str(GROUP_TEXT).expect("a resource"));
    for (name, resource) in [("User", &*USER), ("Group", &*GROUP)] {
        let context = Context::new(&CATALOG, CATALOG.resource_type(name).expect("the standard has it"));
        for dialect in [Dialect::STRICT, Dialect::LENIENT, Dialect::ENTRA] {
            let context = context.with_dialect(dialect);
            let mut patched = resource.clone();
            if apply_in_place(&mut patched, &request, &context).is_err() {
                assert_eq!(patched, *resource);
                continue;
            }
            let text = serde_json::to_string(&patched).expect("JSON");
            assert_eq!(serde_json::from_str::<Resource>(&text).expect("it was written"), patched);
            let strict = context.with_dialect(Dialect::STRICT);
            if let Ok(operations) = diff(resource, &patched, &strict, &DiffOptions::default())
                && !operations.is_empty()
            {
                // What a strict peer would refuse, such as an element without identity, is for the peer to say.
                let _ = apply(resource, &PatchOp::new(operations), &strict);
            }
        }
    }
}

/// What is read as JSON is read by `serde_json` too, and is the same when it is written and read again.
pub fn resource_read(data: &[u8]) {
    let Ok(resource) = serde_json::from_slice::<Resource>(data) else { return };
    assert!(serde_json::from_slice::<serde_json::Value>(data).is_ok(), "read what is no JSON");
    let text = serde_json::to_string(&resource).expect("JSON");
    let again: Resource = serde_json::from_str(&text).expect("it was written");
    assert_eq!(again, resource);
    assert_eq!(serde_json::to_string(&again).expect("JSON"), text);
    let (left, right) = (resource.as_complex(), again.as_complex());
    assert!(left.is_equivalent(right));
    let _ = (resource.meta(), resource.id(), resource.schemas().count());
}

/// Every second value is taken.
#[derive(Debug)]
struct Taken;

impl TakenValues for Taken {
    fn is_taken(&self, _: &str, value: &str) -> bool {
        value.len().is_multiple_of(2)
    }
}

/// The first line is an expression; what follows is the value of `[a]`, and its lines are those of `[list]`.
///
/// An expression is read or refused with a place. What is printed is read as the same, and evaluating it twice gives the same, bounded in
/// size.
pub fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (text, rest) = text.split_once('\n').unwrap_or((text, ""));
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(error.input().get(error.span()).is_some(), "{:?} is no place in the input", error.span());
            assert!(!error.to_string().contains('\n') && error.caret().lines().count() >= 1);
            return;
        }
    };
    let printed = expression.to_string();
    assert_eq!(Expression::parse(&printed).as_ref(), Ok(&expression), "{printed}");
    let mut record = SourceRecord::new("1", "User");
    record.attributes.insert("a", rest);
    record.attributes.insert("n", 7);
    record.attributes.insert("list", Value::List(rest.lines().take(100).map(Value::from).collect()));
    let evaluate = || {
        let entropy = SeededEntropy::new(1);
        let mut environment = Environment::new("2026-03-01T08:00:00Z".parse().expect("an instant"));
        environment.entropy = Some(&entropy);
        environment.taken = Some(&Taken);
        expression.evaluate(&record, &environment)
    };
    let result = evaluate();
    assert_eq!(result, evaluate());
    if let Ok(scimkit::mapping::Evaluation::Value(Value::String(text))) = &result {
        assert!(text.len() <= rest.len().max(64 * 1024), "{} bytes", text.len());
    }
    let _ = (expression.tree(), expression.result_type(None).to_string(), expression.to_source());
}

/// A synchronization schema or a file in the short form is read or refused with a place; what is read is written as it was, and checked.
pub fn mapping_import(data: &[u8]) {
    static STANDARD: LazyLock<Profile> = LazyLock::new(Profile::standard);
    let Ok(text) = std::str::from_utf8(data) else { return };
    match SynchronizationSchema::from_json(text) {
        Ok(mut schema) => {
            assert_eq!(schema.to_json(), text);
            for fault in schema.check(&STANDARD, &ExpressionOptions::default()) {
                assert!(fault.line.is_some_and(|line| line <= text.lines().count().max(1)), "{fault}");
            }
            // What is changed and written is read as what it was changed to.
            schema.id = Some("changed".to_owned());
            let again = SynchronizationSchema::from_json(&schema.to_json()).expect("it was written");
            assert_eq!(again, schema);
        }
        Err(error) => assert!(error.line <= text.lines().count() + 1 && !error.message.is_empty()),
    }
    if let Ok(file) = MappingFile::from_json(text) {
        let _ = file.check(&STANDARD, &ExpressionOptions::default());
        let written = file.to_json().expect("an expression is kept as it is");
        assert_eq!(MappingFile::from_json(&written).expect("it was written").objects.len(), file.objects.len());
    }
}

const ENTERPRISE_USER: &str = include_str!("../../testdata/rfc7643/8.3-enterprise-user.json");
const GROUP_TEXT: &str = include_str!("../../testdata/rfc7643/8.4-group.json");
