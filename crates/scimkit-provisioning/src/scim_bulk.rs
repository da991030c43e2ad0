//! Bulk requests to a SCIM service.

use scimkit_client::bulk::{BulkLimits, BulkOutcome, BulkPlan};
use scimkit_client::{ClientError, Cost};
use scimkit_patch::Context;
use scimkit_types::profile::BulkPrice;
use scimkit_types::{BulkOperation, BulkRequest, ErrorResponse, Timestamp, Value};

use crate::scim_target::{ScimTarget, target_error};
use crate::target::{TargetChange, TargetError, TargetErrorKind};

/// What begins a value that a service takes for the id of another operation's resource.
const REFERENCE: &str = "bulkId:";

impl ScimTarget {
    /// Makes the changes by as few bulk requests as the service's limits let. After a request without an answer nothing more is sent.
    pub(crate) async fn send_bulk(&self, changes: &[TargetChange], not_after: Timestamp) -> Vec<Result<String, TargetError>> {
        let mut answers: Vec<Option<Result<String, TargetError>>> = Vec::with_capacity(changes.len());
        let (mut operations, mut places) = (Vec::new(), Vec::new());
        for (place, change) in changes.iter().enumerate() {
            match self.operation(place, change) {
                Ok(operation) => {
                    answers.push(None);
                    operations.push(operation);
                    places.push(place);
                }
                Err(error) => answers.push(Some(Err(error))),
            }
        }
        let (outcomes, failure) = match self.send_operations(operations, not_after).await {
            Ok((plan, failure)) => (plan.outcomes().to_vec(), failure),
            Err(error) => (Vec::new(), Some(target_error(error))),
        };
        for (index, place) in places.into_iter().enumerate() {
            let id = match changes.get(place) {
                Some(TargetChange::Patch { id, .. } | TargetChange::Delete { id, .. }) => Some(id.as_str()),
                _ => None,
            };
            let outcome = outcomes.get(index).unwrap_or(&BulkOutcome::NotSent);
            if let Some(answer) = answers.get_mut(place) {
                *answer = Some(read(outcome, id, failure.as_ref()));
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(not_sent()))).collect()
    }

    async fn send_operations(
        &self,
        operations: Vec<BulkOperation>,
        not_after: Timestamp,
    ) -> Result<(BulkPlan, Option<TargetError>), ClientError> {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let bulk = self.profile.features.bulk.as_ref();
        let limits = bulk.map_or_else(BulkLimits::default, |bulk| BulkLimits::new(size(bulk.max_operations), size(bulk.max_payload_size)));
        let is_one_price = bulk.is_some_and(|bulk| bulk.price == BulkPrice::Request);
        let mut plan = BulkPlan::new(operations, limits, None)?;
        while let Some(request) = plan.next_request() {
            match self.send_one(request, is_one_price, not_after).await {
                Ok(response) => plan.record(response),
                Err(error) => return Ok((plan, Some(target_error(error)))),
            }
        }
        Ok((plan, None))
    }

    async fn send_one(
        &self,
        request: BulkRequest,
        is_one_price: bool,
        not_after: Timestamp,
    ) -> Result<scimkit_types::BulkResponse, ClientError> {
        let client = self.client(not_after);
        let mut request = client.base().bulk(request)?;
        if is_one_price {
            request.extensions_mut().insert(Cost(1));
        }
        let response = client.send(request).await?;
        client.limits().bulk(&response)
    }

    /// A change as an operation; an error for one that must be made alone.
    fn operation(&self, place: usize, change: &TargetChange) -> Result<BulkOperation, TargetError> {
        let mut operation = BulkOperation::default();
        operation.bulk_id = Some(place.to_string());
        let data = match change {
            TargetChange::Create { resource_type, resource } => {
                operation.method = "POST".to_owned();
                operation.path = Some(path(self.endpoint(resource_type)?, None));
                Some(Value::Complex(resource.as_complex().clone()))
            }
            TargetChange::Patch { resource_type, id, operations } => {
                if !self.profile.features.patch || !is_plain_id(id) {
                    return Err(not_sent());
                }
                let context = Context::new(&self.catalog, self.resource_type(resource_type)?).with_dialect(self.profile.dialect);
                operation.method = "PATCH".to_owned();
                operation.path = Some(path(self.endpoint(resource_type)?, Some(id)));
                Some(scimkit_patch::encode(operations.clone(), &context))
            }
            TargetChange::Delete { resource_type, id } if is_plain_id(id) => {
                operation.method = "DELETE".to_owned();
                operation.path = Some(path(self.endpoint(resource_type)?, Some(id)));
                None
            }
            TargetChange::Delete { .. } => return Err(not_sent()),
        };
        // A value of a person must not become a reference.
        let is_plain = serde_json::to_string(&data).is_ok_and(|text| !text.contains(REFERENCE));
        operation.data = data;
        if is_plain { Ok(operation) } else { Err(not_sent()) }
    }
}

/// Whether an id stands in a path as it is.
fn is_plain_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn path(endpoint: &str, id: Option<&str>) -> String {
    let endpoint = endpoint.trim_matches('/');
    id.map_or_else(|| format!("/{endpoint}"), |id| format!("/{endpoint}/{id}"))
}

fn not_sent() -> TargetError {
    TargetError::new(TargetErrorKind::Rejected, "the change was not sent with others")
}

/// What became of one operation; `failure` is that of the request after which nothing was sent.
fn read(outcome: &BulkOutcome, id: Option<&str>, failure: Option<&TargetError>) -> Result<String, TargetError> {
    match outcome {
        BulkOutcome::Answered(operation) => answered(operation, id),
        BulkOutcome::Unanswered => Err(failure.map_or_else(
            || TargetError::new(TargetErrorKind::Incompatible, "the service's answer does not tell of the change").with_effect(),
            |failure| TargetError { may_have_had_effect: failure.may_have_had_effect, status: failure.status, ..like(failure) },
        )),
        _ => Err(failure.map_or_else(not_sent, like)),
    }
}

/// A failure of the same kind that had no effect.
fn like(failure: &TargetError) -> TargetError {
    TargetError { retry_after: failure.retry_after, ..TargetError::new(failure.kind, failure.message.as_str()) }
}

fn answered(operation: &BulkOperation, id: Option<&str>) -> Result<String, TargetError> {
    let status = operation.status.unwrap_or_default();
    if (200..300).contains(&status) {
        let made = operation.response.as_ref().and_then(Value::as_complex).and_then(|made| made.get("id")).and_then(Value::as_str);
        let located = operation.location.as_deref().and_then(|location| location.rsplit('/').next());
        let id = id.or(made).or(located).filter(|id| !id.is_empty() && !id.contains(['%', '\0']));
        let incompatible = || TargetError::new(TargetErrorKind::Incompatible, "the service answered without a usable id").with_effect();
        return id.map(str::to_owned).ok_or_else(incompatible);
    }
    let error = operation.response.as_ref().and_then(ErrorResponse::from_json);
    let kind = match status {
        401 => TargetErrorKind::Unauthorized,
        429 | 503 => TargetErrorKind::Throttled,
        404 => TargetErrorKind::Gone,
        409 => TargetErrorKind::Conflict,
        400..=499 => TargetErrorKind::Rejected,
        500..=599 => TargetErrorKind::ServerError,
        _ => TargetErrorKind::Incompatible,
    };
    let detail = error.as_ref().map(|error| error.detail.as_str()).filter(|detail| !detail.is_empty());
    let message =
        detail.map_or_else(|| format!("the service answered {status}"), |detail| format!("the service answered {status}: {detail}"));
    let mut failed = TargetError::new(kind, message);
    failed.status = operation.status;
    failed.scim_type = error.and_then(|error| error.scim_type);
    failed.may_have_had_effect = !(400..500).contains(&status);
    Err(failed)
}
