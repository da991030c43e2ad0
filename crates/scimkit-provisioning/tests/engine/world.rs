//! A directory of lists, a service of maps, and an engine between them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use scimkit_filter::Filter;
use scimkit_mapping::{AttributeMapping, MappingSet, ObjectMapping, SeededEntropy};
use scimkit_patch::Context;
use scimkit_provisioning::{
    AppRole, Assignment, AssignmentPage, CycleError, CycleReport, Engine, Notice, Notifier, Observer, Position, ProvisioningEvent,
    ProvisioningJob, ReferenceChange, Source, SourceChange, SourceChangeKind, SourceError, SourceErrorKind, SourcePage, Target,
    TargetChange, TargetError, TargetErrorKind, TargetPage,
};
use scimkit_store::state::MemoryState;
use scimkit_store::{JobId, StateStore};
use scimkit_types::{Catalog, Dialect, ManualClock, PatchOp, PatchOperation, Profile, Resource, Timestamp, Value, schema};
use serde_json::json;

/// A change of the directory, from JSON: attributes, and references as `"members+"` and `"members-"`.
pub(crate) fn present(id: &str, attributes: serde_json::Value) -> SourceChange {
    let value: Value = serde_json::from_value(attributes).unwrap();
    let Value::Complex(mut attributes) = value else { panic!("expected an object") };
    let mut references = Vec::new();
    attributes.retain(|name, value| {
        let is_removed = name.ends_with('-');
        let Some(reference) = name.strip_suffix(['+', '-']) else { return true };
        references.extend(value.elements().iter().map(|id| ReferenceChange::new(reference, id.as_str().unwrap(), is_removed)));
        false
    });
    SourceChange::new(id, SourceChangeKind::Present { attributes, references })
}

pub(crate) fn deleted(id: &str) -> SourceChange {
    SourceChange::new(id, SourceChangeKind::Deleted)
}

pub(crate) fn soft_deleted(id: &str) -> SourceChange {
    SourceChange::new(id, SourceChangeKind::SoftDeleted)
}

/// A person who is active.
pub(crate) fn person(id: &str, mail: &str) -> SourceChange {
    present(id, json!({"mail": mail, "displayName": format!("Person {id}"), "accountEnabled": true}))
}

/// Rounds of changes by object type; each page has at most two changes.
#[derive(Debug, Default)]
pub(crate) struct ListSource {
    pub(crate) rounds: Mutex<BTreeMap<String, Vec<Vec<SourceChange>>>>,
    pub(crate) assigned: Mutex<Vec<Assignment>>,
    pub(crate) expired: Mutex<Option<String>>,
    /// Whether it can read one object by itself.
    pub(crate) reads_one: Mutex<bool>,
}

impl ListSource {
    pub(crate) fn tell(&self, object_type: &str, changes: Vec<SourceChange>) {
        self.rounds.lock().unwrap().entry(object_type.to_owned()).or_default().push(changes);
    }

    /// Forgets what was told of a type: a position of before is unknown, and only these objects are there.
    pub(crate) fn start_over(&self, object_type: &str, changes: Vec<SourceChange>) {
        *self.expired.lock().unwrap() = Some(object_type.to_owned());
        self.rounds.lock().unwrap().insert(object_type.to_owned(), vec![changes]);
    }

    pub(crate) fn assign(&self, principal_type: &str, ids: &[&str]) {
        self.assigned.lock().unwrap().extend(ids.iter().map(|id| Assignment::new(*id, principal_type, "role")));
    }

    pub(crate) fn unassign(&self, id: &str) {
        self.assigned.lock().unwrap().retain(|assignment| assignment.principal_id != id);
    }
}

#[async_trait]
impl Source for ListSource {
    fn object_types(&self) -> Vec<String> {
        vec!["User".to_owned(), "Group".to_owned()]
    }

    async fn read(&self, object_type: &str, position: Option<&Position>) -> Result<SourcePage, SourceError> {
        if position.is_some() && self.expired.lock().unwrap().take_if(|expired| expired == object_type).is_some() {
            return Err(SourceError::new(SourceErrorKind::PositionExpired, "the position is too old"));
        }
        let (round, offset) = position.map_or((0, 0), |position| {
            let (round, offset) = position.as_str().split_once('.').unwrap();
            (round.parse().unwrap(), offset.parse().unwrap())
        });
        let rounds = self.rounds.lock().unwrap();
        let Some(changes) = rounds.get(object_type).and_then(|rounds| rounds.get(round)) else {
            return Ok(SourcePage::new(Vec::new(), Position::new(format!("{round}.{offset}")), true));
        };
        let page: Vec<SourceChange> = changes.iter().skip(offset).take(2).cloned().collect();
        let end = offset + page.len();
        let is_last = end >= changes.len();
        let next = if is_last { format!("{}.0", round + 1) } else { format!("{round}.{end}") };
        Ok(SourcePage::new(page, Position::new(next), is_last))
    }

    async fn read_one(&self, object_type: &str, id: &str) -> Result<Option<Vec<SourceChange>>, SourceError> {
        if !*self.reads_one.lock().unwrap() {
            return Ok(None);
        }
        let rounds = self.rounds.lock().unwrap();
        let changes = rounds.get(object_type).into_iter().flatten().flatten();
        Ok(Some(changes.filter(|change| change.id == id).cloned().collect()))
    }

    async fn assignments(&self, after: Option<&Position>) -> Result<AssignmentPage, SourceError> {
        let offset: usize = after.map_or(0, |position| position.as_str().parse().unwrap());
        let assigned = self.assigned.lock().unwrap();
        let page: Vec<Assignment> = assigned.iter().skip(offset).take(2).cloned().collect();
        let end = offset + page.len();
        Ok(AssignmentPage::new(page, (end < assigned.len()).then(|| Position::new(end.to_string()))))
    }

    async fn app_roles(&self) -> Result<Vec<AppRole>, SourceError> {
        Ok(Vec::new())
    }
}

/// What a request met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The service was not reached.
    Before,
    /// The service did it, and the answer was lost.
    After,
    /// The service did it, and said that it had failed.
    FailedAfter,
    /// The service did it, and the answer is not one of SCIM.
    GarbledAfter,
    /// The service did it, the answer was lost, and there was no time to send it again.
    ExpiredAfter,
    /// The service failed before it did it.
    Failed,
    /// The service refuses it.
    Rejected,
}

fn forbidden() -> TargetError {
    let mut error = TargetError::new(TargetErrorKind::Rejected, "you may not");
    error.status = Some(403);
    error
}

/// A service of maps that applies PATCH and filters for real, and counts requests.
#[derive(Debug)]
pub(crate) struct MapTarget {
    catalog: Catalog,
    pub(crate) resources: Mutex<BTreeMap<String, BTreeMap<String, Resource>>>,
    /// The requests, but for the probes.
    pub(crate) requests: Mutex<Vec<String>>,
    /// The filters for a value that nobody has, by which the connection is tested; they meet no fault.
    pub(crate) probes: Mutex<Vec<String>>,
    pub(crate) faults: Mutex<BTreeMap<usize, Fault>>,
    /// How the service answers when it is asked for a value.
    pub(crate) unaskable: Mutex<BTreeMap<String, TargetErrorKind>>,
    /// The start of the paths whose changes the service refuses.
    pub(crate) refused_path: Mutex<Option<String>>,
    /// The kinds of requests that the client has no right to.
    pub(crate) forbids: Mutex<Vec<&'static str>>,
    /// Whether every page of a list is the first one.
    pub(crate) ignores_start_index: Mutex<bool>,
    /// How many more resources a list counts than there are.
    pub(crate) overcounts: Mutex<usize>,
    /// Whether members are never shown.
    pub(crate) hides_members: Mutex<bool>,
    /// What stands in the filters that find everything.
    pub(crate) ignores_filters: Mutex<Option<&'static str>>,
    next_id: Mutex<u32>,
}

impl MapTarget {
    fn new() -> Self {
        Self {
            catalog: Catalog::standard(),
            resources: Mutex::default(),
            requests: Mutex::default(),
            probes: Mutex::default(),
            faults: Mutex::default(),
            unaskable: Mutex::default(),
            refused_path: Mutex::default(),
            forbids: Mutex::default(),
            ignores_start_index: Mutex::default(),
            overcounts: Mutex::default(),
            hides_members: Mutex::default(),
            ignores_filters: Mutex::default(),
            next_id: Mutex::new(0),
        }
    }

    /// The resources of a type, without ids.
    pub(crate) fn content(&self, resource_type: &str) -> Vec<Resource> {
        let resources = self.resources.lock().unwrap();
        let mut content: Vec<Resource> = resources.get(resource_type).map(|all| all.values().cloned().collect()).unwrap_or_default();
        content.iter_mut().for_each(|resource| drop(resource.remove("id")));
        content
    }

    pub(crate) fn user(&self, user_name: &str) -> Option<Resource> {
        let resources = self.resources.lock().unwrap();
        resources.get("User")?.values().find(|user| user.get("userName").and_then(Value::as_str) == Some(user_name)).cloned()
    }

    /// Puts a resource there that the job did not create.
    pub(crate) fn plant(&self, resource_type: &str, id: &str, resource: serde_json::Value) {
        let mut resource: Resource = serde_json::from_value(resource).unwrap();
        resource.insert("id", id);
        self.resources.lock().unwrap().entry(resource_type.to_owned()).or_default().insert(id.to_owned(), resource);
    }

    /// Puts another resource in the place of the only one of its type.
    pub(crate) fn replace(&self, resource_type: &str, mut resource: Resource) {
        let mut resources = self.resources.lock().unwrap();
        let (id, present) = resources.get_mut(resource_type).unwrap().iter_mut().next().unwrap();
        resource.insert("id", id.as_str());
        *present = resource;
    }

    pub(crate) fn remove(&self, resource_type: &str, user_name: &str) {
        let mut resources = self.resources.lock().unwrap();
        resources.get_mut(resource_type).unwrap().retain(|_, user| user.get("userName").and_then(Value::as_str) != Some(user_name));
    }

    pub(crate) fn writes(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| !["find", "list", "get"].iter().any(|read| request.starts_with(read))).cloned().collect()
    }

    /// How the answer is lost, if it is.
    fn begin(&self, what: &str, resource_type: &str) -> Result<Option<TargetErrorKind>, TargetError> {
        let mut requests = self.requests.lock().unwrap();
        requests.push(format!("{what} {resource_type}"));
        match self.faults.lock().unwrap().remove(&requests.len()) {
            Some(Fault::Before) => Err(TargetError::new(TargetErrorKind::Unavailable, "not reached")),
            Some(Fault::Rejected) => Err(TargetError::new(TargetErrorKind::Rejected, "refused")),
            Some(Fault::Failed) => Err(TargetError::new(TargetErrorKind::ServerError, "failed")),
            None if self.forbids.lock().unwrap().contains(&what) => Err(forbidden()),
            Some(Fault::After) => Ok(Some(TargetErrorKind::Unavailable)),
            Some(Fault::FailedAfter) => Ok(Some(TargetErrorKind::ServerError)),
            Some(Fault::GarbledAfter) => Ok(Some(TargetErrorKind::Incompatible)),
            Some(Fault::ExpiredAfter) => Ok(Some(TargetErrorKind::Expired)),
            None => Ok(None),
        }
    }

    fn end<T>(lost: Option<TargetErrorKind>, answer: T) -> Result<T, TargetError> {
        if let Some(kind) = lost {
            let mut error = TargetError::new(kind, "the answer was lost");
            error.may_have_had_effect = true;
            return Err(error);
        }
        Ok(answer)
    }
}

#[async_trait]
impl Target for MapTarget {
    async fn find(&self, resource_type: &str, filter: &Filter, _not_after: Timestamp) -> Result<Vec<Resource>, TargetError> {
        let text = filter.to_string();
        let lost = if is_probe(&text) {
            self.probes.lock().unwrap().push(format!("{resource_type}: {text}"));
            None
        } else {
            self.begin("find", resource_type)?
        };
        if let Some((_, kind)) = self.unaskable.lock().unwrap().iter().find(|(value, _)| text.contains(value.as_str())) {
            return Err(TargetError::new(*kind, "the filter cannot be used"));
        }
        let definition = self.catalog.resource_type(resource_type).unwrap();
        let filter = filter.resolve(&self.catalog, definition, Dialect::STRICT).unwrap();
        let ignores_filters = self.ignores_filters.lock().unwrap().is_some_and(|part| text.contains(part));
        let resources = self.resources.lock().unwrap();
        let found = resources.get(resource_type).into_iter().flat_map(BTreeMap::values);
        Self::end(lost, found.filter(|resource| ignores_filters || filter.matches(resource)).map(without_members).collect())
    }

    async fn get(&self, resource_type: &str, id: &str, _not_after: Timestamp) -> Result<Resource, TargetError> {
        let lost = self.begin("get", resource_type)?;
        let resources = self.resources.lock().unwrap();
        let found = resources.get(resource_type).and_then(|all| all.get(id));
        let found = if *self.hides_members.lock().unwrap() { found.map(without_members) } else { found.cloned() };
        Self::end(lost, found.ok_or_else(|| TargetError::new(TargetErrorKind::Gone, "there is no such resource"))?)
    }

    async fn list(&self, resource_type: &str, start_index: u64, _not_after: Timestamp) -> Result<TargetPage, TargetError> {
        let lost = self.begin("list", resource_type)?;
        let resources = self.resources.lock().unwrap();
        let all: Vec<Resource> = resources.get(resource_type).into_iter().flat_map(BTreeMap::values).map(without_members).collect();
        let is_first = *self.ignores_start_index.lock().unwrap();
        let skipped = if is_first { 0 } else { usize::try_from(start_index - 1).unwrap() };
        let total = all.len() + *self.overcounts.lock().unwrap();
        let page = TargetPage::new(total as u64, all.into_iter().skip(skipped).take(3).collect());
        Self::end(lost, page)
    }

    async fn create(&self, resource_type: &str, resource: &Resource, _not_after: Timestamp) -> Result<Resource, TargetError> {
        let lost = self.begin("create", resource_type)?;
        let key = if resource_type == "User" { "userName" } else { "displayName" };
        let name = |resource: &Resource| resource.get(key).and_then(Value::as_str).map(str::to_lowercase);
        let mut resources = self.resources.lock().unwrap();
        let all = resources.entry(resource_type.to_owned()).or_default();
        if all.values().any(|other| name(other) == name(resource)) {
            return Err(TargetError::new(TargetErrorKind::Conflict, "a unique value is in use"));
        }
        let mut next_id = self.next_id.lock().unwrap();
        *next_id += 1;
        let id = format!("t{next_id}");
        let mut created = resource.clone();
        created.insert("id", id.as_str());
        all.insert(id, created.clone());
        Self::end(lost, created)
    }

    async fn patch(&self, resource_type: &str, id: &str, operations: &[PatchOperation], _not_after: Timestamp) -> Result<(), TargetError> {
        let lost = self.begin("patch", resource_type)?;
        if let Some(refused) = self.refused_path.lock().unwrap().as_deref()
            && operations.iter().any(|operation| operation.path.as_deref().is_some_and(|path| path.starts_with(refused)))
        {
            return Err(TargetError::new(TargetErrorKind::Rejected, "refused"));
        }
        let definition = self.catalog.resource_type(resource_type).unwrap();
        let mut resources = self.resources.lock().unwrap();
        let Some(resource) = resources.get_mut(resource_type).and_then(|all| all.get_mut(id)) else {
            return Err(TargetError::new(TargetErrorKind::Gone, "there is no such resource"));
        };
        let context = Context::new(&self.catalog, definition);
        let applied = scimkit_patch::apply(resource, &PatchOp::new(operations.to_vec()), &context);
        *resource = applied.map_err(|error| TargetError::new(TargetErrorKind::Rejected, error.to_string()))?.resource;
        Self::end(lost, ())
    }

    async fn bulk(&self, changes: &[TargetChange], not_after: Timestamp) -> Vec<Result<String, TargetError>> {
        let lost = match self.begin("bulk", &changes.len().to_string()) {
            Ok(lost) => lost,
            Err(error) => return changes.iter().map(|_| Err(TargetError::new(error.kind, "not reached"))).collect(),
        };
        let mut answers = Vec::new();
        for change in changes {
            let answer = match change {
                TargetChange::Create { resource_type, resource } => {
                    self.create(resource_type, resource, not_after).await.map(|made| made.id().unwrap().to_owned())
                }
                TargetChange::Patch { resource_type, id, operations } => {
                    self.patch(resource_type, id, operations, not_after).await.map(|()| id.clone())
                }
                TargetChange::Delete { resource_type, id } => self.delete(resource_type, id, not_after).await.map(|()| id.clone()),
                _ => panic!("expected a create, a change or a delete, found {change:?}"),
            };
            answers.push(match answer {
                Ok(id) => Self::end(lost, id),
                Err(error) => Err(error),
            });
        }
        answers
    }

    async fn delete(&self, resource_type: &str, id: &str, _not_after: Timestamp) -> Result<(), TargetError> {
        let lost = self.begin("delete", resource_type)?;
        match self.resources.lock().unwrap().get_mut(resource_type).and_then(|all| all.remove(id)) {
            Some(_) => Self::end(lost, ()),
            None => Err(TargetError::new(TargetErrorKind::Gone, "there is no such resource")),
        }
    }
}

/// Whether a filter asks for a random UUID, as the test of the connection does.
fn is_probe(filter: &str) -> bool {
    filter.split('"').nth(1).is_some_and(|value| value.len() == 36 && value.split('-').map(str::len).eq([8, 4, 4, 4, 12]))
}

/// As lists show resources.
fn without_members(resource: &Resource) -> Resource {
    let mut resource = resource.clone();
    resource.remove("members");
    resource
}

/// Remembers the log.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Vec<ProvisioningEvent>>, Mutex<Vec<Notice>>);

impl Observer for Log {
    fn event(&self, event: &ProvisioningEvent) {
        self.0.lock().unwrap().push(event.clone());
    }
}

#[async_trait]
impl Notifier for Log {
    async fn notify(&self, notice: &Notice) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.1.lock().unwrap().push(notice.clone());
        Ok(())
    }
}

impl Log {
    /// What people were told.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.1.lock().unwrap().clone()
    }

    /// All records.
    pub(crate) fn events(&self) -> Vec<ProvisioningEvent> {
        self.0.lock().unwrap().clone()
    }

    /// `action status code` of each record of an object.
    pub(crate) fn of(&self, source_id: &str) -> Vec<String> {
        let events = self.0.lock().unwrap();
        let lines = events.iter().filter(|event| event.source_id == source_id).map(|event| {
            let code = event.code.map(|code| format!(" {code}")).unwrap_or_default();
            format!("{:?} {:?}{code}", event.action, event.status)
        });
        lines.collect()
    }
}

/// Everything together.
pub(crate) struct World {
    pub(crate) source: Arc<ListSource>,
    pub(crate) target: Arc<MapTarget>,
    pub(crate) state: Arc<dyn StateStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) log: Arc<Log>,
    pub(crate) job: ProvisioningJob,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            source: Arc::default(),
            target: Arc::new(MapTarget::new()),
            state: Arc::new(MemoryState::default()),
            clock: Arc::new(ManualClock::new("2026-03-02T08:00:00Z".parse().unwrap())),
            log: Arc::default(),
            job: job(&[user_mapping(), group_mapping()]),
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        let (source, target, state) = (Arc::clone(&self.source), Arc::clone(&self.target), Arc::clone(&self.state));
        let clock = Arc::clone(&self.clock);
        Engine::new(self.job.clone(), source, target, state, clock, Arc::new(SeededEntropy::new(1)))
            .with_observer(Arc::clone(&self.log) as _)
            .with_notifier(Arc::clone(&self.log) as _)
    }

    #[track_caller]
    pub(crate) fn cycle(&self) -> CycleReport {
        self.try_cycle().unwrap()
    }

    pub(crate) fn try_cycle(&self) -> Result<CycleReport, CycleError> {
        block_on(self.engine().run_cycle())
    }

    pub(crate) fn advance(&self, hours: u64) {
        self.clock.advance(Duration::from_secs(hours * 3600));
    }

    /// One assigned person who is in the service.
    pub(crate) fn with_linked_person() -> Self {
        let world = Self::new();
        world.source.assign("User", &["u1"]);
        world.source.tell("User", vec![person("u1", "ada@example.com")]);
        assert_eq!(world.cycle().created, 1);
        world.target.requests.lock().unwrap().clear();
        world
    }
}

/// Nothing here waits for anything but itself.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) fn user_mapping() -> ObjectMapping {
    let mut mapping = ObjectMapping::new("User", schema::USER);
    mapping.attribute_mappings = vec![
        AttributeMapping::new("userName", "[mail]").matching(1),
        AttributeMapping::new("externalId", "[objectId]"),
        AttributeMapping::new("active", r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#),
        AttributeMapping::new("displayName", "[displayName]"),
        AttributeMapping::new("title", "[jobTitle]"),
        AttributeMapping::new(r#"emails[type eq "work"].value"#, "[mail]"),
        AttributeMapping::new("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "[manager]"),
    ];
    mapping
}

pub(crate) fn group_mapping() -> ObjectMapping {
    let mut mapping = ObjectMapping::new("Group", schema::GROUP);
    mapping.attribute_mappings =
        vec![AttributeMapping::new("displayName", "[displayName]").matching(1), AttributeMapping::new("members", "[members]")];
    mapping
}

pub(crate) fn job(mappings: &[ObjectMapping]) -> ProvisioningJob {
    let catalog = Catalog::standard();
    let sets = mappings.iter().map(|mapping| {
        let resource_type = catalog.resource_types().iter().find(|resource_type| resource_type.schema == *mapping.target_object_name);
        MappingSet::compile(mapping, &catalog, resource_type.unwrap()).unwrap()
    });
    let mut job = ProvisioningJob::new(JobId::new("job"), sets.collect(), Profile::standard()).unwrap();
    job.fingerprint = "1".to_owned();
    job
}
