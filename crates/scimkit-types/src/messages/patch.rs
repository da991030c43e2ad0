//! The PATCH request (RFC 7644 section 3.5.2).

use super::list::{insert_some, text};
use super::{MessageError, PATCH_OP, check_schema};
use crate::value::{ComplexValue, Value};

/// What a PATCH operation does (RFC 7644 section 3.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7644 section 3.5.2")]
pub enum OperationKind {
    /// Adds values.
    Add,
    /// Removes what the path selects.
    Remove,
    /// Replaces what the path selects.
    Replace,
}

impl OperationKind {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
        }
    }

    /// The operation that this text names, without case (AMB-27).
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Add, Self::Remove, Self::Replace].into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

/// One operation of a PATCH request. The path is text; `scimkit-patch` gives it its meaning.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PatchOperation {
    /// What to do.
    pub kind: OperationKind,
    /// What to do it to; `None` for the resource itself.
    pub path: Option<String>,
    /// The value; `None` when the member is missing.
    pub value: Option<Value>,
}

impl PatchOperation {
    /// An operation.
    pub const fn new(kind: OperationKind, path: Option<String>, value: Option<Value>) -> Self {
        Self { kind, path, value }
    }
}

/// A PATCH request.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PatchOp {
    /// The operations, in order.
    pub operations: Vec<PatchOperation>,
}

impl PatchOp {
    /// A request with these operations.
    pub const fn new(operations: Vec<PatchOperation>) -> Self {
        Self { operations }
    }

    /// Reads a PATCH request. `schemas` must name the PATCH schema.
    ///
    /// # Errors
    /// [`MessageError`] naming the member at fault.
    pub fn from_json(value: Value) -> Result<Self, MessageError> {
        let Value::Complex(mut body) = value else { return Err(MessageError::new("", "a PATCH request")) };
        check_schema(&body, PATCH_OP, "`urn:ietf:params:scim:api:messages:2.0:PatchOp`")?;
        let Some(Value::List(items)) = body.remove("Operations") else {
            return Err(MessageError::new("Operations", "a list of operations"));
        };
        let operations = items.into_iter().enumerate().map(|(index, item)| read_operation(index, item));
        Ok(Self { operations: operations.collect::<Result<_, _>>()? })
    }

    /// The request as JSON.
    pub fn to_json(&self) -> Value {
        let operations = self.operations.iter().map(|operation| {
            let mut item = ComplexValue::new();
            item.insert("op", operation.kind.as_str());
            insert_some(&mut item, "path", operation.path.as_deref());
            insert_some(&mut item, "value", operation.value.clone());
            Value::Complex(item)
        });
        let mut body = ComplexValue::new();
        body.insert("schemas", vec![Value::from(PATCH_OP)]);
        body.insert("Operations", Value::List(operations.collect()));
        Value::Complex(body)
    }
}

fn read_operation(index: usize, item: Value) -> Result<PatchOperation, MessageError> {
    let place = |member: &str| format!("Operations[{index}]{member}");
    let Value::Complex(mut item) = item else { return Err(MessageError::new(place(""), "an operation")) };
    let kind = item.get("op").and_then(Value::as_str).and_then(OperationKind::parse);
    let kind = kind.ok_or_else(|| MessageError::new(place(".op"), "`add`, `remove` or `replace`"))?;
    let path = text(&item, "path").map_err(|_| MessageError::new(place(".path"), "text"))?;
    Ok(PatchOperation { kind, path, value: item.remove("value") })
}
