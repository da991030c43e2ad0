//! Values that must not be shown.

use scimkit_mapping::{
    AttributeMapping, Environment, Evaluation, Expression, MappingSet, ObjectMapping, Operation, SourceRecord, TraceOutcome,
};
use scimkit_types::{Catalog, Value, schema};

fn record() -> SourceRecord {
    let mut record = SourceRecord::new("u1", "User");
    record.attributes.insert("mail", "Kari@fjord.example");
    record.attributes.insert("nick", "Secretly");
    record
}

fn environment() -> Environment<'static> {
    Environment::new("2026-03-01T08:00:00Z".parse().unwrap())
}

/// The value flows as it is, and every place of the trace where it or a part of it could stand shows `[Redact]`.
#[test]
fn a_redacted_value_flows_and_no_trace_shows_it() {
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings = vec![
        AttributeMapping::new("userName", "[mail]").matching(1),
        AttributeMapping::new("nickName", "Append(Redact(ToUpper([nick])), \"!\")"),
        AttributeMapping::new(format!("{}:title", schema::USER), "Redact([absent])").with_default("Secret title"),
    ];
    let catalog = Catalog::standard();
    let set = MappingSet::compile(&mapping, &catalog, catalog.resource_type("User").unwrap()).unwrap();

    let desired = set.evaluate(&record(), &environment(), Operation::Create).unwrap();
    assert_eq!(desired.resource.get("nickName").and_then(Value::as_str), Some("SECRETLY!"));
    assert_eq!(desired.resource.get("title").and_then(Value::as_str), Some("Secret title"));
    assert_eq!(desired.redacted, ["nickName", "title"]);
    assert_eq!(set.redacted_attributes().collect::<Vec<_>>(), ["nickName", "title"]);
    assert_eq!(set.redacted_source_attributes().collect::<Vec<_>>(), ["nick", "absent"]);

    let traces = set.trace(&record(), &environment(), Operation::Create);
    assert_eq!(traces[1].outcome, TraceOutcome::Values(vec!["[Redact]".into()]));
    assert_eq!(traces[1].inputs, [("nick".to_owned(), "[Redact]".into())]);
    assert_eq!(traces[2].outcome, TraceOutcome::Default(vec!["[Redact]".into()]));
    for trace in traces.iter().skip(1) {
        assert!(trace.is_redacted);
        for shown in [trace.to_string(), format!("{trace:?}")] {
            assert!(shown.contains("[Redact]") && !shown.to_lowercase().contains("secret"), "{shown}");
        }
    }
    assert!(!traces[0].is_redacted && traces[0].to_string().contains("Kari@fjord.example"));
}

#[test]
fn the_steps_of_a_redacted_expression_hide_their_values() {
    let expression = Expression::parse("Join(\" \", Redact([nick]), [mail])").unwrap();
    let (result, steps) = expression.trace(&record(), &environment());
    assert_eq!(result, Ok(Evaluation::Value("Secretly Kari@fjord.example".into())));
    assert_eq!(steps.len(), 4);
    assert!(steps.iter().all(|step| step.outcome == Ok(Evaluation::Value("[Redact]".into()))), "{steps:?}");
}
