//! A plan of bulk requests, without I/O.

use std::collections::BTreeMap;
use std::fmt;

use scimkit_types::{BulkOperation, BulkRequest, BulkResponse, Value};

use super::{BulkLimits, order, references};
use crate::error::ClientError;
use crate::response::id_of;

/// What became of an operation. `Debug` shows no attribute value.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum BulkOutcome {
    /// It was not sent yet.
    #[default]
    NotSent,
    /// It was sent, and there is no answer to it: it may have had an effect.
    Unanswered,
    /// The service provider answered; a status other than 2xx is a failure of this operation.
    Answered(BulkOperation),
    /// It will not be sent: a resource that it refers to was not created, or it does not fit into a request.
    Impossible,
}

/// Many operations, divided into requests by the service provider's limits.
///
/// Operations keep their order, but one that refers to a `bulkId` comes after the operation that creates it. When both are in the same
/// request the service provider resolves the reference; when the resource was created by an earlier request, its id is put in the place of
/// the reference. Operations that refer to each other in a circle stand in one request.
///
/// The plan does no I/O: [`next_request`](Self::next_request) gives what to send, [`record`](Self::record) takes the answer, and
/// [`outcomes`](Self::outcomes) tells what became of each operation, in the order in which they were given, at any time.
///
/// ```
/// use scimkit_client::bulk::{BulkLimits, BulkPlan};
/// use scimkit_types::BulkOperation;
///
/// let mut delete = BulkOperation::default();
/// delete.method = "DELETE".to_owned();
/// delete.path = Some("/Users/1".to_owned());
/// let mut plan = BulkPlan::new(vec![delete.clone(), delete.clone(), delete], BulkLimits::new(2, 10_000), None)?;
/// assert_eq!(plan.next_request().map(|request| request.operations.len()), Some(2));
/// assert_eq!(plan.next_request().map(|request| request.operations.len()), Some(1));
/// # Ok::<(), scimkit_client::ClientError>(())
/// ```
#[derive(Clone)]
pub struct BulkPlan {
    operations: Vec<BulkOperation>,
    outcomes: Vec<BulkOutcome>,
    /// Which operations refer to which, by their index.
    references: Vec<Vec<usize>>,
    /// What is not sent yet, the next group last.
    waiting: Vec<Vec<usize>>,
    in_flight: Vec<usize>,
    /// The ids of what was created, by `bulkId`.
    ids: BTreeMap<String, String>,
    limits: BulkLimits,
    fail_on_errors: Option<u64>,
    errors: u64,
}

impl fmt::Debug for BulkOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent => f.write_str("NotSent"),
            Self::Unanswered => f.write_str("Unanswered"),
            Self::Answered(outcome) => write!(f, "Answered({:?})", outcome.status),
            Self::Impossible => f.write_str("Impossible"),
        }
    }
}

impl fmt::Debug for BulkPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkPlan").field("outcomes", &self.outcomes).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The bytes of a request around its operations, generously.
const ENVELOPE: usize = 160;

impl BulkPlan {
    /// A plan for these operations. After `fail_on_errors` failures nothing more is sent, over all requests.
    ///
    /// # Errors
    /// [`ClientError::InvalidRequest`] if a POST has no `bulkId` or one is used twice (R7644-3.7-04, IR40), if a reference names none, if
    /// an operation has no path, or if operations that refer to each other in a circle are more than one request takes.
    pub fn new(operations: Vec<BulkOperation>, limits: BulkLimits, fail_on_errors: Option<u64>) -> Result<Self, ClientError> {
        let mut creators = BTreeMap::new();
        for (index, operation) in operations.iter().enumerate() {
            let is_create = operation.method.eq_ignore_ascii_case("POST");
            if operation.path.as_deref().is_none_or(str::is_empty) {
                return Err(ClientError::invalid_request(format!("expected a path in operation {index}, found none")));
            }
            match operation.bulk_id.as_deref() {
                None if !is_create => continue,
                None | Some("") => {
                    return Err(ClientError::invalid_request(format!("expected a `bulkId` in operation {index}, found none")));
                }
                Some(bulk_id) => {
                    let known = creators.insert(bulk_id.to_owned(), index);
                    if known.is_none() {
                        continue;
                    }
                    return Err(ClientError::invalid_request(format!("expected each `bulkId` once, found `{bulk_id}` twice")));
                }
            }
        }
        let references = operations.iter().map(|operation| {
            let names = references::of(operation).into_iter();
            names
                .map(|name| {
                    let creator = creators.get(&name).copied();
                    creator.ok_or_else(|| {
                        ClientError::invalid_request(format!("expected an operation with the `bulkId` `{name}`, found none"))
                    })
                })
                .collect::<Result<Vec<usize>, ClientError>>()
        });
        let references = references.collect::<Result<Vec<_>, _>>()?;
        let mut waiting = order::groups(&references);
        if waiting.iter().any(|group| group.len() > limits.max_operations) {
            let most = limits.max_operations;
            return Err(ClientError::invalid_request(format!("expected at most {most} operations that refer to each other, found more")));
        }
        waiting.reverse();
        let outcomes = vec![BulkOutcome::NotSent; operations.len()];
        let (in_flight, ids) = (Vec::new(), BTreeMap::new());
        Ok(Self { operations, outcomes, references, waiting, in_flight, ids, limits, fail_on_errors, errors: 0 })
    }

    /// The next request; `None` if nothing is to be sent any more. What was sent before and is not recorded counts as unanswered.
    pub fn next_request(&mut self) -> Option<BulkRequest> {
        self.in_flight.clear();
        let left = self.fail_on_errors.map(|most| most.max(1).saturating_sub(self.errors));
        if left == Some(0) {
            return None;
        }
        let (mut chosen, mut operations, mut size) = (Vec::new(), Vec::new(), ENVELOPE);
        while let Some(group) = self.waiting.pop() {
            if !self.can_be_sent(&group, &chosen) {
                self.give_up(&group);
                continue;
            }
            let resolved: Vec<BulkOperation> = group.iter().filter_map(|index| self.operations.get(*index).cloned()).collect();
            let resolved: Vec<BulkOperation> = resolved
                .into_iter()
                .map(|mut operation| {
                    references::resolve(&mut operation, &self.ids);
                    operation
                })
                .collect();
            let group_size: usize = resolved.iter().map(size_of).sum();
            if ENVELOPE.saturating_add(group_size) > self.limits.max_payload_size || group.len() > self.limits.max_operations {
                self.give_up(&group);
                continue;
            }
            let fits = chosen.len() + group.len() <= self.limits.max_operations && size + group_size <= self.limits.max_payload_size;
            if !fits {
                self.waiting.push(group);
                break;
            }
            size += group_size;
            chosen.extend(group);
            operations.extend(resolved);
        }
        if chosen.is_empty() {
            return None;
        }
        for index in &chosen {
            self.set(*index, BulkOutcome::Unanswered);
        }
        self.in_flight = chosen;
        let mut request = BulkRequest::default();
        request.fail_on_errors = left;
        request.operations = operations;
        Some(request)
    }

    /// Takes the answer to the last request. Outcomes are found by `bulkId`, else by method in their order (R7644-3.7-12).
    pub fn record(&mut self, response: BulkResponse) {
        let mut open = std::mem::take(&mut self.in_flight);
        for outcome in response.operations {
            let place = open.iter().position(|index| {
                let sent = self.operations.get(*index);
                sent.is_some_and(|sent| match &outcome.bulk_id {
                    Some(bulk_id) => sent.bulk_id.as_ref() == Some(bulk_id),
                    None => sent.method.eq_ignore_ascii_case(&outcome.method),
                })
            });
            let Some(index) = place.map(|place| open.remove(place)) else { continue };
            self.settle(index, outcome);
        }
        if self.fail_on_errors.is_some_and(|most| self.errors >= most.max(1)) {
            // After the last failure the service provider tried nothing more (R7644-3.7-11).
            for index in open {
                self.set(index, BulkOutcome::NotSent);
            }
        }
    }

    /// What became of each operation, in the order in which they were given.
    pub fn outcomes(&self) -> &[BulkOutcome] {
        &self.outcomes
    }

    /// The id of the resource that the operation with this `bulkId` created.
    pub fn id(&self, bulk_id: &str) -> Option<&str> {
        self.ids.get(bulk_id).map(String::as_str)
    }

    fn settle(&mut self, index: usize, outcome: BulkOperation) {
        let is_success = outcome.status.is_some_and(|status| (200..300).contains(&status));
        if is_success {
            let id = outcome.location.as_deref().and_then(id_of);
            let id = id.or_else(|| outcome.response.as_ref()?.as_complex()?.get("id").and_then(Value::as_str).map(str::to_owned));
            let bulk_id = self.operations.get(index).and_then(|sent| sent.bulk_id.clone());
            if let (Some(bulk_id), Some(id)) = (bulk_id, id) {
                self.ids.insert(bulk_id, id);
            }
        } else {
            self.errors = self.errors.saturating_add(1);
        }
        self.set(index, BulkOutcome::Answered(outcome));
    }

    /// Whether everything that a group refers to was created, or stands in the same request.
    fn can_be_sent(&self, group: &[usize], chosen: &[usize]) -> bool {
        let referred = group.iter().filter_map(|index| self.references.get(*index)).flatten();
        referred.into_iter().all(|index| {
            group.contains(index) || chosen.contains(index) || {
                let bulk_id = self.operations.get(*index).and_then(|operation| operation.bulk_id.as_ref());
                bulk_id.is_some_and(|bulk_id| self.ids.contains_key(bulk_id))
            }
        })
    }

    fn give_up(&mut self, group: &[usize]) {
        for index in group {
            self.set(*index, BulkOutcome::Impossible);
        }
    }

    fn set(&mut self, index: usize, outcome: BulkOutcome) {
        if let Some(place) = self.outcomes.get_mut(index) {
            *place = outcome;
        }
    }
}

/// The bytes of an operation in a request, with the comma after it.
fn size_of(operation: &BulkOperation) -> usize {
    let mut request = BulkRequest::default();
    request.operations = vec![operation.clone()];
    // What cannot be written is too large for any request; text that was read or built can always be written.
    serde_json::to_vec(&request.into_json()).map_or(usize::MAX / 2, |bytes| bytes.len().saturating_sub(EMPTY).saturating_add(1))
}

/// The bytes of a request without operations.
const EMPTY: usize = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[]}"#.len();
