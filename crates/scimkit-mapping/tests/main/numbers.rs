//! Numbers in the target's types.

use scimkit_mapping::{AttributeMapping, Environment, EvaluationErrorKind, MappingSet, ObjectMapping, Operation, SourceRecord};
use scimkit_types::{Attribute, AttributeType, Catalog, Schema, Value};

const URI: &str = "urn:example:account";

/// What a decimal and an integer attribute get from a source that has this value, as JSON.
fn evaluate(value: Value) -> [Result<String, EvaluationErrorKind>; 2] {
    let attributes = [("decimal", AttributeType::Decimal), ("integer", AttributeType::Integer)];
    let attributes = attributes.map(|(name, type_)| Attribute::new(name.parse().unwrap(), type_));
    let schema = Schema::new(URI.parse().unwrap(), attributes.to_vec());
    let mut resource_type = Catalog::standard().resource_type("User").unwrap().clone();
    (resource_type.schema, resource_type.schema_extensions) = (schema.id.clone(), Vec::new());
    let catalog = Catalog::new(vec![schema], vec![resource_type]).unwrap();
    let mut record = SourceRecord::new("u1", "User");
    record.attributes.insert("a", value);
    ["decimal", "integer"].map(|target| {
        let mut mapping = ObjectMapping::new("User", URI);
        mapping.attribute_mappings = vec![AttributeMapping::new(target, "[a]")];
        let set = MappingSet::compile(&mapping, &catalog, &catalog.resource_types()[0]).unwrap();
        let environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
        let desired = set.evaluate(&record, &environment, Operation::Create).map_err(|error| error.kind().clone())?;
        Ok(serde_json::to_string(desired.resource.get(target).unwrap()).unwrap())
    })
}

/// A decimal as text and as a number of the source: both keep every digit.
#[test]
fn a_decimal_keeps_its_exact_text() {
    for text in [
        "0.10",
        "9007199254740993",
        "-0.0",
        "1.0E-7",
        "100000000000000000000000.000000000000000001",
        "0.1000000000000000055511151231257827",
    ] {
        let [of_text, _] = evaluate(Value::from(text));
        assert_eq!(of_text.as_deref(), Ok(text));
        let [of_number, _] = evaluate(serde_json::from_str(text).unwrap());
        assert_eq!(of_number.as_deref(), Ok(text));
    }
}

#[test]
fn an_integer_keeps_every_digit_and_is_whole() {
    for text in ["9007199254740993", "-9223372036854775808", "9223372036854775807"] {
        for value in [Value::from(text), serde_json::from_str(text).unwrap()] {
            let [_, integer] = evaluate(value);
            assert_eq!(integer.as_deref(), Ok(text));
        }
    }
    for text in ["0.10", "9223372036854775808", "1e3"] {
        let [_, integer] = evaluate(Value::from(text));
        assert_eq!(integer, Err(EvaluationErrorKind::Type { expected: "integer" }), "{text}");
    }
}

/// No peer could read it, so it is an error and not another number.
#[test]
fn a_number_beyond_the_range_of_a_double_is_refused() {
    for text in ["1e400", "NaN", "Infinity", "0x10", "1,5"] {
        let [decimal, _] = evaluate(Value::from(text));
        assert_eq!(decimal, Err(EvaluationErrorKind::Type { expected: "decimal" }), "{text}");
    }
    assert!(serde_json::from_str::<Value>("1e400").is_err());
}
