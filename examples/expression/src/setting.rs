//! What an expression is evaluated with.

use std::hash::{BuildHasher, RandomState};

use scimkit_mapping::{Entropy, Environment, SeededEntropy, SourceRecord, TakenValues};
use scimkit_types::{ComplexValue, Timestamp, Value};

/// The instant that `Now` gives when none is given.
const DEFAULT_NOW: &str = "2026-01-01T00:00:00Z";

/// A record, the time, and what functions may ask for.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) record: SourceRecord,
    now: Timestamp,
    guid: Option<[u8; 16]>,
    taken: Taken,
    entropy: SeededEntropy,
}

#[derive(Debug)]
struct Taken(Vec<String>);

impl TakenValues for Taken {
    fn is_taken(&self, _: &str, value: &str) -> bool {
        self.0.iter().any(|taken| taken == value)
    }
}

impl Setting {
    /// Reads the instant and the GUID; what does not fit is named.
    pub(crate) fn new(inputs: ComplexValue, now: Option<&str>, taken: Vec<String>, guid: Option<&str>) -> Result<Self, String> {
        let mut record = SourceRecord::new("", "User");
        record.attributes = inputs;
        let now = now.unwrap_or(DEFAULT_NOW);
        let now = now.parse().map_err(|_| format!("expected an instant such as `{DEFAULT_NOW}` as `now`, found `{now}`"))?;
        let guid = match guid {
            Some(text) => Some(uuid::Uuid::parse_str(text).map_err(|_| format!("expected a GUID as `guid`, found `{text}`"))?.into_bytes()),
            None => None,
        };
        // The standard library's hasher begins with random keys.
        let entropy = SeededEntropy::new(RandomState::new().hash_one(0));
        Ok(Self { record, now, guid, taken: Taken(taken), entropy })
    }

    pub(crate) fn environment(&self) -> Environment<'_> {
        let mut environment = Environment::new(self.now);
        environment.guid = self.guid;
        environment.entropy = Some(&self.entropy as &dyn Entropy);
        environment.taken = Some(&self.taken);
        environment.is_soft_deleted = match self.record.attributes.get("IsSoftDeleted") {
            Some(Value::Boolean(value)) => *value,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("True"),
            _ => false,
        };
        environment
    }
}

/// The value as the language has it: conditions are text.
pub(crate) fn in_language(value: Value) -> Value {
    match value {
        Value::Boolean(value) => Value::from(if value { "True" } else { "False" }),
        Value::List(values) => Value::List(values.into_iter().map(in_language).collect()),
        other => other,
    }
}
