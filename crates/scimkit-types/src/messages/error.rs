//! The error response (RFC 7644 section 3.12).

use std::fmt;

use super::ERROR;
use crate::value::{ComplexValue, Value};

/// The detail error keyword (RFC 7644 table 9, RFC 9865 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScimType {
    /// The filter cannot be read, or compares what cannot be compared.
    InvalidFilter,
    /// The query has more results than the service provider is willing to return.
    TooMany,
    /// A value is in use already.
    Uniqueness,
    /// A change that the attribute's mutability or current state does not allow.
    Mutability,
    /// The body is not what the request needs.
    InvalidSyntax,
    /// The path of a PATCH operation cannot be read.
    InvalidPath,
    /// The path of a PATCH operation selects nothing.
    NoTarget,
    /// A required value is missing, or a value is not of the attribute's type.
    InvalidValue,
    /// The version of the protocol is not supported.
    InvalidVers,
    /// The request would put sensitive data in a URI.
    Sensitive,
    /// The cursor is not one of this query.
    InvalidCursor,
    /// The cursor is no longer valid.
    ExpiredCursor,
    /// The count does not fit the cursor.
    InvalidCount,
}

impl ScimType {
    const ALL: [(Self, &'static str); 13] = [
        (Self::InvalidFilter, "invalidFilter"),
        (Self::TooMany, "tooMany"),
        (Self::Uniqueness, "uniqueness"),
        (Self::Mutability, "mutability"),
        (Self::InvalidSyntax, "invalidSyntax"),
        (Self::InvalidPath, "invalidPath"),
        (Self::NoTarget, "noTarget"),
        (Self::InvalidValue, "invalidValue"),
        (Self::InvalidVers, "invalidVers"),
        (Self::Sensitive, "sensitive"),
        (Self::InvalidCursor, "invalidCursor"),
        (Self::ExpiredCursor, "expiredCursor"),
        (Self::InvalidCount, "invalidCount"),
    ];

    /// The keyword on the wire.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The keyword that this text is, without case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(kind, _)| *kind)
    }

    /// The status that goes with the keyword: 409 for `uniqueness` (AMB-34), 403 for `sensitive` (AMB-35), else 400.
    pub const fn status(self) -> u16 {
        match self {
            Self::Uniqueness => 409,
            Self::Sensitive => 403,
            _ => 400,
        }
    }
}

impl fmt::Display for ScimType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as it stands on the wire (RFC 7644 section 3.12).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}{}: {detail}", .scim_type.map(|kind| format!(" {kind}")).unwrap_or_default())]
#[non_exhaustive]
pub struct ErrorResponse {
    /// The HTTP status.
    pub status: u16,
    /// The detail error keyword.
    pub scim_type: Option<ScimType>,
    /// What happened, for people.
    pub detail: String,
}

impl ErrorResponse {
    /// An error without keyword.
    pub fn new(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    /// An error with a keyword, under the status that goes with it.
    pub fn of(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { status: scim_type.status(), scim_type: Some(scim_type), detail: detail.into() }
    }

    /// Reads an error response; `None` unless `schemas` names the error schema or, as some peers leave that out, there are a status and
    /// a detail. The status may be text or a number.
    pub fn from_json(value: &Value) -> Option<Self> {
        let body = value.as_complex()?;
        let has_schema = body
            .get("schemas")
            .is_some_and(|schemas| schemas.elements().iter().filter_map(Value::as_str).any(|schema| schema.eq_ignore_ascii_case(ERROR)));
        let status = body.get("status").and_then(|status| match status {
            Value::String(text) => text.trim().parse().ok(),
            Value::Number(number) => number.as_u64().and_then(|status| u16::try_from(status).ok()),
            _ => None,
        });
        let detail = body.get("detail").and_then(Value::as_str);
        if !has_schema && (status.is_none() || detail.is_none()) {
            return None;
        }
        let scim_type = body.get("scimType").and_then(Value::as_str).and_then(ScimType::parse);
        Some(Self { status: status.unwrap_or_default(), scim_type, detail: detail.unwrap_or_default().to_owned() })
    }

    /// The error as JSON; the status is text, as the RFC writes it.
    pub fn to_json(&self) -> Value {
        let mut body = ComplexValue::new();
        body.insert("schemas", vec![Value::from(ERROR)]);
        if let Some(scim_type) = self.scim_type {
            body.insert("scimType", scim_type.as_str());
        }
        body.insert("detail", self.detail.as_str());
        body.insert("status", self.status.to_string());
        Value::Complex(body)
    }
}
