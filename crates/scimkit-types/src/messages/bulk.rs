//! Bulk requests and responses (RFC 7644 section 3.7).

use super::list::{insert_some, text, unsigned};
use super::{BULK_REQUEST, BULK_RESPONSE, MessageError, check_schema};
use crate::value::{ComplexValue, Number, Value};

/// One operation of a bulk request or its outcome in the response.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct BulkOperation {
    /// The HTTP method.
    pub method: String,
    /// The name by which other operations of the request refer to the resource; required for POST.
    pub bulk_id: Option<String>,
    /// The version that must hold (request) or that holds now (response).
    pub version: Option<String>,
    /// The path of the resource below the base address; in requests only.
    pub path: Option<String>,
    /// The body; in requests only.
    pub data: Option<Value>,
    /// The address of the resource; in responses only.
    pub location: Option<String>,
    /// The body of the answer, always for an error; in responses only.
    pub response: Option<Value>,
    /// The HTTP status; in responses only.
    pub status: Option<u16>,
}

impl BulkOperation {
    fn from_json(index: usize, value: Value) -> Result<Self, MessageError> {
        let place = |member: &str| format!("Operations[{index}]{member}");
        let Value::Complex(mut item) = value else { return Err(MessageError::new(place(""), "an operation")) };
        let member = |name: &str| text(&item, name).map_err(|error| MessageError::new(place(&format!(".{name}")), error.expected));
        // Errata and peers disagree on whether a status is text, a number, or an object with a `code`.
        let status = match item.get("status") {
            Some(Value::Complex(status)) => unsigned(status, "code")?,
            _ => unsigned(&item, "status").map_err(|_| MessageError::new(place(".status"), "a status"))?,
        };
        Ok(Self {
            method: member("method")?.ok_or_else(|| MessageError::new(place(".method"), "an HTTP method"))?,
            bulk_id: member("bulkId")?,
            version: member("version")?,
            path: member("path")?,
            location: member("location")?,
            status: status.and_then(|status| u16::try_from(status).ok()),
            data: item.remove("data"),
            response: item.remove("response"),
        })
    }

    fn into_json(self) -> Value {
        let mut item = ComplexValue::new();
        insert_some(&mut item, "location", self.location);
        item.insert("method", self.method);
        insert_some(&mut item, "bulkId", self.bulk_id);
        insert_some(&mut item, "version", self.version);
        insert_some(&mut item, "path", self.path);
        insert_some(&mut item, "data", self.data);
        insert_some(&mut item, "response", self.response);
        insert_some(&mut item, "status", self.status.map(|status| status.to_string()));
        Value::Complex(item)
    }
}

/// Several operations in one request (RFC 7644 section 3.7).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct BulkRequest {
    /// After how many errors the service provider stops; `None` for never.
    pub fail_on_errors: Option<u64>,
    /// The operations.
    pub operations: Vec<BulkOperation>,
}

impl BulkRequest {
    /// Reads a bulk request. `schemas` must name the schema of bulk requests.
    ///
    /// # Errors
    /// [`MessageError`] naming the member at fault.
    pub fn from_json(value: Value) -> Result<Self, MessageError> {
        let Value::Complex(mut body) = value else { return Err(MessageError::new("", "a bulk request")) };
        check_schema(&body, BULK_REQUEST, "`urn:ietf:params:scim:api:messages:2.0:BulkRequest`")?;
        Ok(Self { fail_on_errors: unsigned(&body, "failOnErrors")?, operations: read_operations(&mut body)? })
    }

    /// The request as JSON.
    pub fn into_json(self) -> Value {
        let mut body = ComplexValue::new();
        body.insert("schemas", vec![Value::from(BULK_REQUEST)]);
        insert_some(&mut body, "failOnErrors", self.fail_on_errors.map(Number::from));
        body.insert("Operations", Value::List(self.operations.into_iter().map(BulkOperation::into_json).collect()));
        Value::Complex(body)
    }
}

/// The outcomes of a bulk request (RFC 7644 section 3.7.3).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct BulkResponse {
    /// One outcome for each operation that was tried.
    pub operations: Vec<BulkOperation>,
}

impl BulkResponse {
    /// Reads a bulk response.
    ///
    /// # Errors
    /// [`MessageError`] naming the member at fault.
    pub fn from_json(value: Value) -> Result<Self, MessageError> {
        let Value::Complex(mut body) = value else { return Err(MessageError::new("", "a bulk response")) };
        Ok(Self { operations: read_operations(&mut body)? })
    }

    /// The response as JSON.
    pub fn into_json(self) -> Value {
        let mut body = ComplexValue::new();
        body.insert("schemas", vec![Value::from(BULK_RESPONSE)]);
        body.insert("Operations", Value::List(self.operations.into_iter().map(BulkOperation::into_json).collect()));
        Value::Complex(body)
    }
}

fn read_operations(body: &mut ComplexValue) -> Result<Vec<BulkOperation>, MessageError> {
    let Some(Value::List(items)) = body.remove("Operations") else {
        return Err(MessageError::new("Operations", "a list of operations"));
    };
    items.into_iter().enumerate().map(|(index, item)| BulkOperation::from_json(index, item)).collect()
}
