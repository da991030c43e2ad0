//! The table of expressions in `testdata/mapping/expressions.json`.

use scimkit_mapping::{Entropy, Environment, Evaluation, Expression, SeededEntropy, SourceRecord, TakenValues};
use scimkit_types::{ComplexValue, Value};
use serde::Deserialize;

/// One row: an expression, the attributes, and what it must give.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    expression: String,
    #[serde(default)]
    inputs: ComplexValue,
    #[serde(default = "default_now")]
    now: String,
    #[serde(default)]
    taken: Vec<String>,
    #[serde(default)]
    guid: Option<String>,
    expected: Value,
}

fn default_now() -> String {
    "2026-03-01T08:00:00Z".to_owned()
}

#[derive(Debug)]
struct Taken(Vec<String>);

impl TakenValues for Taken {
    fn is_taken(&self, _: &str, value: &str) -> bool {
        self.0.iter().any(|taken| taken == value)
    }
}

/// Gives the bytes of one GUID again and again.
#[derive(Debug)]
struct Scripted(Vec<u8>);

impl Entropy for Scripted {
    fn fill(&self, bytes: &mut [u8]) {
        for (byte, scripted) in bytes.iter_mut().zip(self.0.iter().cycle()) {
            *byte = *scripted;
        }
    }
}

/// Values as text, since the language has no other type; errors and flows as in the table.
fn outcome(row: &Row) -> Value {
    let expression = match Expression::parse(&row.expression) {
        Ok(expression) => expression,
        Err(error) => return marked("$syntax", &error.to_string()),
    };
    let mut record = SourceRecord::new("1", "User");
    record.attributes = row.inputs.clone();
    let seeded = SeededEntropy::new(7);
    let scripted = row.guid.as_deref().map(|guid| Scripted(guid_bytes(guid)));
    let taken = Taken(row.taken.clone());
    let mut environment = Environment::new(row.now.parse().unwrap());
    environment.taken = Some(&taken);
    environment.entropy = Some(scripted.as_ref().map_or(&seeded as &dyn Entropy, |scripted| scripted));
    environment.is_soft_deleted = row.inputs.get("IsSoftDeleted").and_then(Value::as_str) == Some("True");
    match expression.evaluate(&record, &environment) {
        Ok(Evaluation::Value(value)) => as_text(&value),
        Ok(Evaluation::IgnoreAttribute) => marked("$flow", "IgnoreAttributeFlow"),
        Ok(Evaluation::IgnoreObject) => marked("$flow", "IgnoreObjectFlow"),
        Ok(other) => panic!("{other:?}"),
        Err(error) => marked("$error", &error.to_string()),
    }
}

/// The bytes that two hexadecimal digits each stand for.
fn guid_bytes(guid: &str) -> Vec<u8> {
    let digits: Vec<u32> = guid.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).unwrap()).collect()
}

fn marked(mark: &str, text: &str) -> Value {
    Value::Complex([(mark, text)].into_iter().collect())
}

fn as_text(value: &Value) -> Value {
    match value {
        Value::Boolean(true) => Value::from("True"),
        Value::Boolean(false) => Value::from("False"),
        Value::Number(number) => Value::from(number.to_string()),
        Value::List(values) => Value::List(values.iter().map(as_text).collect()),
        other => other.clone(),
    }
}

#[test]
fn every_row_gives_what_it_must() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("../../../../testdata/mapping/expressions.json")).unwrap();
    assert!(rows.len() >= 60, "the table has {} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let found = outcome(row);
        if found != as_text(&row.expected) {
            wrong.push(format!("{}: expected {:?}, found {found:?}", row.id, row.expected));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows are wrong\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// What stands printed is the same expression.
#[test]
fn every_row_survives_printing() {
    let rows: Vec<Row> = serde_json::from_str(include_str!("../../../../testdata/mapping/expressions.json")).unwrap();
    for row in rows {
        if let Ok(expression) = Expression::parse(&row.expression) {
            assert_eq!(Expression::parse(&expression.to_string()).as_ref(), Ok(&expression), "{}", row.id);
        }
    }
}
