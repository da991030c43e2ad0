//! Who wrote what: a record for every write.

use std::error::Error;
use std::fmt::Debug;

use async_trait::async_trait;
use http::StatusCode;
use scimkit_store::Tenant;
use scimkit_types::{ComplexValue, Number, Timestamp, Value};

use crate::policy::Action;

/// What became of one write of a known actor, done or refused. It holds ids and no values.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditRecord {
    /// When the request arrived.
    pub at: Timestamp,
    /// The id of the actor.
    pub actor: String,
    /// The actor's tenant.
    pub tenant: Tenant,
    /// What was asked for; `None` for a bulk request that was refused as a whole, and for an operation of one whose method is none.
    pub action: Option<Action>,
    /// The name of the resource type; `None` if the request does not tell, as a bulk request that was refused as a whole, an operation of
    /// one whose path cannot be used, and `/Me` of an actor that no resource stands for.
    pub resource_type: Option<String>,
    /// The id of the resource; `None` if none was made, or it is not told.
    pub id: Option<String>,
    /// The status that the request was answered with, or the operation of a bulk request.
    pub status: StatusCode,
}

impl AuditRecord {
    /// Whether the write was done.
    pub fn is_done(&self) -> bool {
        self.status.is_success()
    }

    /// The record as a JSON object with `at`, `actor`, `tenant`, `operation`, `resourceType`, `id` and `status`; what is not known is
    /// left out.
    pub fn to_json(&self) -> Value {
        let mut object = ComplexValue::new();
        object.insert("at", self.at.to_string());
        object.insert("actor", self.actor.as_str());
        object.insert("tenant", self.tenant.as_str());
        object.insert("operation", self.action.map_or("bulk", Action::word));
        if let Some(resource_type) = &self.resource_type {
            object.insert("resourceType", resource_type.as_str());
        }
        if let Some(id) = &self.id {
            object.insert("id", id.as_str());
        }
        object.insert("status", Number::from(u64::from(self.status.as_u16())));
        Value::Complex(object)
    }
}

/// Keeps records of writes.
///
/// A record is made for every write of an authenticated actor, whether it was done or refused; the operations of a bulk request that ran
/// have one each.
///
/// # Contract
/// The answer waits for the record. What cannot be recorded is done all the same, since it has been done already.
///
/// # Errors
/// Whatever kept the record from being kept; the server logs it with the record's ids.
///
/// # Wrappers
/// A wrapper forwards every method.
///
/// # Conformance
/// None.
#[async_trait]
pub trait AuditSink: Debug + Send + Sync {
    /// Keeps a record.
    ///
    /// # Errors
    /// Whatever kept it from being kept.
    async fn record(&self, record: &AuditRecord) -> Result<(), Box<dyn Error + Send + Sync>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_what_is_known() {
        let mut record = AuditRecord {
            at: Timestamp::UNIX_EPOCH,
            actor: "entra".to_owned(),
            tenant: Tenant::new("a"),
            action: Some(Action::Patch),
            resource_type: Some("User".to_owned()),
            id: Some("7".to_owned()),
            status: StatusCode::NO_CONTENT,
        };
        let text = |record: &AuditRecord| serde_json::to_string(&record.to_json()).unwrap();
        assert_eq!(
            text(&record),
            r#"{"at":"1970-01-01T00:00:00Z","actor":"entra","tenant":"a","operation":"patch","resourceType":"User","id":"7","status":204}"#
        );
        (record.action, record.resource_type, record.id) = (None, None, None);
        assert_eq!(text(&record), r#"{"at":"1970-01-01T00:00:00Z","actor":"entra","tenant":"a","operation":"bulk","status":204}"#);
    }
}
