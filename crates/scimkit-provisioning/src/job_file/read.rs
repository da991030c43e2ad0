//! From the members of a job file to a job.

use scimkit_mapping::{Fault, MappingSet};
use scimkit_store::JobId;
use scimkit_types::profile::RequestLimit;
use scimkit_types::{Dialect, Profile};
use serde_json::Value;

use super::mappings::read_mappings;
use super::members::{Members, fault};
use super::{JobFile, ReadFile, SourceSettings, TargetSettings};
use crate::job::{Actions, Label, LogLabels, MatchingPolicy, Notification, OutOfScope, ProvisioningJob, Scope, WhenGone};
use crate::quarantine::QuarantineThresholds;
use crate::records::print;

const MEMBERS: [&str; 14] = [
    "name",
    "source",
    "target",
    "objects",
    "mappings",
    "scope",
    "actions",
    "matching",
    "thresholds",
    "schedule",
    "quota",
    "concurrency",
    "log",
    "notification",
];

/// The members of a profile that say what resources are like, so that a change of them evaluates every object.
const MEANING: [&str; 6] = ["dialect", "schemas", "resourceTypes", "features", "defaults", "echoes"];

pub(super) fn read(document: &Value, files: ReadFile<'_>) -> Result<JobFile, Vec<Fault>> {
    let mut file = Members::of(document);
    file.refuse_others(&MEMBERS);
    let name = file.required_text("name").unwrap_or_default().to_owned();
    let mut faults = Vec::new();

    let mut source = file.table("source");
    let kind = source.required_text("kind").unwrap_or_default().to_owned();
    let settings = source.others(&["kind"]);
    faults.append(&mut source.faults);

    let mut target = read_target(&file, files);
    faults.append(&mut target.faults);
    let mut mappings = read_mappings(&mut file, &target.profile, target.is_known, files);
    faults.append(&mut mappings.faults);

    let job = ProvisioningJob::new(JobId::new(name), mappings.sets, target.profile);
    let mut job = job.map_err(|error| vec![fault("target.profile".to_owned(), error.to_string())])?;
    let scope = read_scope(&file, &mut job, &mut faults);
    read_limits(&mut file, &mut job, &mut faults);
    read_log(&file, &mut job, &kind, target.url.as_deref(), &mut faults);
    let Actions { create, update, disable, delete } = job.actions;
    job.fingerprint = print(&(mappings.meaning, scope, target.meaning, [create, update, disable, delete]));
    faults.append(&mut file.faults);
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(JobFile { job, source: SourceSettings { kind, settings }, target: TargetSettings { url: target.url } })
}

/// Whose objects are in scope; returns what the fingerprint is made of.
fn read_scope(file: &Members<'_>, job: &mut ProvisioningJob, faults: &mut Vec<Fault>) -> (bool, bool, bool) {
    let mut scope = file.table("scope");
    scope.refuse_others(&["objects", "nestedGroups", "whoLeaves", "whoIsGone"]);
    job.scope = scope.choice("objects", &[("assigned", Scope::Assigned), ("all", Scope::All)]).unwrap_or(job.scope);
    job.expands_nested_groups = scope.boolean("nestedGroups").unwrap_or(job.expands_nested_groups);
    let who_leaves = scope.choice("whoLeaves", &[("deprovision", OutOfScope::Deprovision), ("keep", OutOfScope::Keep)]);
    job.out_of_scope = who_leaves.unwrap_or(job.out_of_scope);
    let who_is_gone = scope.choice("whoIsGone", &[("match", WhenGone::Match), ("fail", WhenGone::Fail)]);
    job.when_gone = who_is_gone.unwrap_or(job.when_gone);
    faults.append(&mut scope.faults);
    (job.scope == Scope::All, job.expands_nested_groups, job.out_of_scope == OutOfScope::Keep)
}

#[derive(Clone, Copy)]
enum ActionName {
    Create,
    Update,
    Disable,
    Delete,
}

fn read_limits(file: &mut Members<'_>, job: &mut ProvisioningJob, faults: &mut Vec<Fault>) {
    let words =
        [("create", ActionName::Create), ("update", ActionName::Update), ("disable", ActionName::Disable), ("delete", ActionName::Delete)];
    if let Some(allowed) = file.choices("actions", &words) {
        job.actions = Actions { create: false, update: false, disable: false, delete: false };
        for action in allowed {
            match action {
                ActionName::Create => job.actions.create = true,
                ActionName::Update => job.actions.update = true,
                ActionName::Disable => job.actions.disable = true,
                ActionName::Delete => job.actions.delete = true,
            }
        }
    }
    let policies = [
        ("automatic", MatchingPolicy::Automatic),
        ("listing", MatchingPolicy::Listing),
        ("filters", MatchingPolicy::Filters),
        ("queries", MatchingPolicy::Queries),
    ];
    job.matching = file.choice("matching", &policies).unwrap_or(job.matching);
    if let Some(concurrency) = file.number("concurrency", 1) {
        job.concurrency = usize::try_from(concurrency).unwrap_or(usize::MAX);
    }

    let mut thresholds = file.table("thresholds");
    thresholds.refuse_others(&["removals", "leastFailures", "percent", "failures", "totalFailures"]);
    match thresholds.get("removals").map(Value::as_str) {
        Some(Some("none")) => job.deletion_threshold = None,
        Some(_) => job.deletion_threshold = thresholds.number("removals", 0).or(job.deletion_threshold),
        None => {}
    }
    let known = job.quarantine_thresholds;
    job.quarantine_thresholds = QuarantineThresholds {
        least_failures: thresholds.number("leastFailures", 0).unwrap_or(known.least_failures),
        percent: thresholds.number("percent", 0).unwrap_or(known.percent),
        failures: thresholds.number("failures", 0).unwrap_or(known.failures),
        total_failures: thresholds.number("totalFailures", 0).unwrap_or(known.total_failures),
    };
    faults.append(&mut thresholds.faults);

    let mut schedule = file.table("schedule");
    schedule.refuse_others(&["interval"]);
    job.interval = schedule.duration("interval").unwrap_or(job.interval);
    faults.append(&mut schedule.faults);

    let mut notification = file.table("notification");
    notification.refuse_others(&["to"]);
    let to = notification.texts("to").unwrap_or_default();
    for (index, address) in to.iter().enumerate() {
        let is_address = ["mailto:", "https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
        if !is_address {
            notification.note(&format!("to[{index}]"), "expected an address that begins with `mailto:`, `https://` or `http://`");
        }
    }
    job.notification = Notification::new(to.into_iter().map(str::to_owned).collect());
    faults.append(&mut notification.faults);

    let mut quota = file.table("quota");
    quota.refuse_others(&["read", "write"]);
    for (name, limit) in [("read", &mut job.profile.limits.read), ("write", &mut job.profile.limits.write)] {
        if quota.get(name).is_some() {
            *limit = read_quota(&quota, name, faults);
        }
    }
    faults.append(&mut quota.faults);
}

fn read_log(file: &Members<'_>, job: &mut ProvisioningJob, kind: &str, url: Option<&str>, faults: &mut Vec<Fault>) {
    let mut log = file.table("log");
    log.refuse_others(&["retention", "tenantId", "servicePrincipal", "sourceSystem", "targetSystem", "initiator"]);
    job.log_retention = log.duration("retention");
    let target = Label { id: url.map(str::to_owned), ..Label::named(job.profile.name.as_str()) };
    let tenant_id = log.text("tenantId").map(str::to_owned);
    let optional = |name, faults: &mut Vec<Fault>| log.get(name).map(|_| read_label(&log, name, Label::default(), faults));
    job.labels = LogLabels {
        tenant_id,
        service_principal: optional("servicePrincipal", faults),
        source_system: Some(read_label(&log, "sourceSystem", Label::named(kind), faults)),
        target_system: Some(read_label(&log, "targetSystem", target, faults)),
        initiator: optional("initiator", faults),
    };
    faults.append(&mut log.faults);
}

fn read_label(log: &Members<'_>, name: &str, known: Label, faults: &mut Vec<Fault>) -> Label {
    let mut label = log.table(name);
    label.refuse_others(&["id", "name", "details"]);
    let mut details = label.table("details");
    let mut read = Label { id: label.text("id").map(str::to_owned).or(known.id), ..known };
    if let Some(name) = label.text("name") {
        name.clone_into(&mut read.name);
    }
    for name in details.others(&[]).keys() {
        if let Some(detail) = details.text(name) {
            read.details.insert(name.clone(), detail.to_owned());
        }
    }
    faults.append(&mut details.faults);
    faults.append(&mut label.faults);
    read
}

fn read_quota(quota: &Members<'_>, name: &str, faults: &mut Vec<Fault>) -> Option<RequestLimit> {
    let mut limit = quota.table(name);
    limit.refuse_others(&["requests", "seconds"]);
    let numbers = ["requests", "seconds"].map(|part| {
        if limit.get(part).is_none() {
            limit.note(part, "is required");
        }
        limit.number(part, 1).map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    });
    faults.append(&mut limit.faults);
    match numbers {
        [Some(requests), Some(seconds)] => Some(RequestLimit::new(requests, seconds)),
        _ => None,
    }
}

/// The target as far as the file says.
struct Target {
    url: Option<String>,
    profile: Profile,
    /// Whether the profile is the one that the file means, so that mappings can be checked against it.
    is_known: bool,
    /// What the fingerprint is made of.
    meaning: Vec<Value>,
    faults: Vec<Fault>,
}

fn read_target(file: &Members<'_>, files: ReadFile<'_>) -> Target {
    let mut target = file.table("target");
    target.refuse_others(&["url", "profile", "dialect"]);
    let url = target.text("url").map(str::to_owned);
    if url.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
        target.note("url", "expected an address that begins with `https://` or `http://`");
    }
    let mut document = Value::Null;
    let profile = match target.get("profile") {
        None => Ok(Profile::standard()),
        Some(Value::String(name)) => files(name).map_err(|error| format!("cannot read `{name}`: {error}")).and_then(|text| {
            document = serde_json::from_str(&text).unwrap_or_default();
            serde_json::from_str(&text).map_err(|error| format!("`{name}` is no profile: {error}"))
        }),
        Some(value) => {
            document = value.clone();
            serde_json::from_value(value.clone()).map_err(|error| format!("is no profile: {error}"))
        }
    };
    let profile: Result<Profile, String> =
        profile.and_then(|profile: Profile| profile.catalog().map(|_| profile).map_err(|error| error.to_string()));
    let is_known = profile.is_ok();
    let mut profile = profile.unwrap_or_else(|message| {
        target.note("profile", message);
        Profile::standard()
    });
    let mut meaning: Vec<Value> = MEANING.iter().map(|name| document.get(name).cloned().unwrap_or_default()).collect();
    if let Some(value) = target.get("dialect") {
        match serde_json::from_value::<Dialect>(value.clone()) {
            Ok(dialect) => profile.dialect = dialect,
            Err(error) => target.note("dialect", error.to_string()),
        }
        meaning.push(value.clone());
    }
    Target { url, profile, is_known, meaning, faults: target.faults }
}

/// Object mappings that are ready, and what the fingerprint is made of.
#[derive(Default)]
pub(super) struct Mappings {
    pub sets: Vec<MappingSet>,
    pub meaning: Vec<Value>,
    pub faults: Vec<Fault>,
}
