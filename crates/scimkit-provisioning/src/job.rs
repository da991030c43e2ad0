//! What a job provisions, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use scimkit_mapping::{MappingSet, ObjectFlow};
use scimkit_store::JobId;
use scimkit_types::{Catalog, CatalogError, Profile};
use serde::{Deserialize, Serialize};

use crate::quarantine::QuarantineThresholds;

/// A provisioning job: which objects, by which mappings, into what kind of service.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProvisioningJob {
    /// The name under which the job's state is kept.
    pub id: JobId,
    /// The mappings, one set for each object type, in the order in which objects are provisioned.
    pub mappings: Vec<MappingSet>,
    /// What the service offers.
    pub profile: Profile,
    /// The service's schemas and resource types.
    pub catalog: Catalog,
    /// Whose objects are in scope. Default: only those that are assigned.
    pub scope: Scope,
    /// Whether groups in an assigned group, and groups in those, count as assigned as well, up to 16 levels below it. Default false, as in
    /// Microsoft's service: only direct members of an assigned group are in scope. Only security groups count, and a change of this is
    /// seen by the next cycle.
    pub expands_nested_groups: bool,
    /// What the job may do in the target. Default: everything. Mappings can allow less for their type of object.
    pub actions: Actions,
    /// How unlinked objects are looked up in the target. Default: by what needs the fewest reads.
    pub matching: MatchingPolicy,
    /// What becomes of objects that leave the scope. Default: they are disabled; groups, which cannot be, are deleted.
    pub out_of_scope: OutOfScope,
    /// What becomes of objects whose resource is gone from the target. Default: they are matched again.
    pub when_gone: WhenGone,
    /// How many objects one cycle may disable and delete. Default 500, as Microsoft's service has it; `None` is no limit.
    pub deletion_threshold: Option<u64>,
    /// How many failures put the job into quarantine. Default: as Microsoft documents.
    pub quarantine_thresholds: QuarantineThresholds,
    /// The time between cycles. Default 40 minutes.
    pub interval: Duration,
    /// Who is to be told when the job goes into quarantine and out of it. A [`Notifier`](crate::Notifier) does that.
    pub notification: Notification,
    /// How long the records of the provisioning log are kept in the state. Default: they are not kept there.
    pub log_retention: Option<Duration>,
    /// What the records of the provisioning log say of where the job stands.
    pub labels: LogLabels,
    /// How many requests are under way at once. Default 16.
    pub concurrency: usize,
    /// Changes when the mappings, the scope or the schemas change; then every object is evaluated again. Callers hash what they read the
    /// job from.
    pub fingerprint: String,
    /// Who runs the job. Another owner must wait until the lease ends; the same one need not, and goes on at once after a kill. So a name
    /// is only for whoever sees to it that no two processes have it at once, such as by a lock. Default: a name of its own for each
    /// [`Engine`](crate::Engine), made of random bytes, so that a worker that starts after a kill waits until the lease ends.
    pub owner: Option<String>,
    /// How long the job is held without a sign of life. Default 5 minutes. A request is sent in the first half of it only, so that the
    /// other half is left for the answer: it must be at least twice the time that the transport gives a request.
    pub lease_duration: Duration,
}

impl ProvisioningJob {
    /// A job with the defaults.
    ///
    /// # Errors
    /// [`CatalogError`] if the profile's schemas do not fit together.
    pub fn new(id: JobId, mappings: Vec<MappingSet>, profile: Profile) -> Result<Self, CatalogError> {
        let catalog = profile.catalog()?;
        Ok(Self {
            id,
            mappings,
            profile,
            catalog,
            scope: Scope::Assigned,
            expands_nested_groups: false,
            actions: Actions::default(),
            matching: MatchingPolicy::Automatic,
            out_of_scope: OutOfScope::Deprovision,
            when_gone: WhenGone::Match,
            deletion_threshold: Some(500),
            quarantine_thresholds: QuarantineThresholds::default(),
            interval: Duration::from_mins(40),
            notification: Notification::default(),
            log_retention: None,
            labels: LogLabels::default(),
            concurrency: 16,
            fingerprint: String::new(),
            owner: None,
            lease_duration: Duration::from_secs(300),
        })
    }

    /// The mappings of an object type, and the place of the type in the order of provisioning.
    pub(crate) fn mapping(&self, object_type: &str) -> Option<(usize, &MappingSet)> {
        self.mappings.iter().enumerate().find(|(_, set)| set.object_type().eq_ignore_ascii_case(object_type))
    }
}

/// What a job may do in the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Actions {
    /// Whether it creates resources.
    pub create: bool,
    /// Whether it changes attributes of resources. Where it does not, an object whose attributes changed is passed over as a whole. Members
    /// and managers of the others are written all the same, in phases of their own as in Microsoft's service, also those of resources that
    /// were there before: whoever wants them left alone leaves their mappings out.
    pub update: bool,
    /// Whether it disables resources, by a change that makes them inactive.
    pub disable: bool,
    /// Whether it deletes resources.
    pub delete: bool,
}

impl Default for Actions {
    fn default() -> Self {
        Self { create: true, update: true, disable: true, delete: true }
    }
}

impl Actions {
    pub(crate) const fn allow(self, flow: ObjectFlow) -> bool {
        match flow {
            ObjectFlow::Create => self.create,
            ObjectFlow::Update => self.update,
            ObjectFlow::Delete => self.delete,
        }
    }
}

/// How unlinked objects are looked up in the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MatchingPolicy {
    /// By what needs the fewest reads.
    #[default]
    Automatic,
    /// By listing the target once.
    Listing,
    /// By queries that ask for several objects each, where the service's profile has such filters; else by one for each.
    Filters,
    /// By queries that ask for one object each.
    Queries,
}

/// Who is to be told of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// Their addresses, as URLs such as `mailto:it@example.com` or `https://hooks.example.com/1`.
    pub to: Vec<String>,
}

impl Notification {
    /// These addresses are told.
    pub const fn new(to: Vec<String>) -> Self {
        Self { to }
    }
}

/// What the records of the provisioning log say of where a job stands; the engine does nothing else with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLabels {
    /// The tenant of the directory.
    pub tenant_id: Option<String>,
    /// What the directory knows the application by.
    pub service_principal: Option<Label>,
    /// The directory. A job file names it by the kind of its source.
    pub source_system: Option<Label>,
    /// The service. Default: the name that its profile has.
    pub target_system: Option<Label>,
    /// Who sets the engine off: the program that runs its cycles, or the person who wants an object provisioned on demand.
    pub initiator: Option<Label>,
}

/// What something is called in the provisioning log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Label {
    /// Its id, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name for people.
    #[serde(default)]
    pub name: String,
    /// More of it by name, such as the `ApplicationId` of a target.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

impl Label {
    /// A name without an id.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// This label with an id.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// This label with one more detail.
    #[must_use]
    pub fn with_detail(mut self, name: impl Into<String>, detail: impl Into<String>) -> Self {
        self.details.insert(name.into(), detail.into());
        self
    }
}

/// What becomes of objects that are unassigned or filtered out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutOfScope {
    /// They are disabled. Where no mapping tells the service that an object is inactive, groups are deleted, and users stay as they are.
    #[default]
    Deprovision,
    /// They stay as they are (`SkipOutOfScopeDeletions` of Microsoft's service), and are left to others until they come back: nothing is
    /// sent if they change or are deleted meanwhile, and when they come back they are read once and brought in step.
    Keep,
}

/// What becomes of an object whose resource is gone: the target answers a change of it with a SCIM error of 404.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenGone {
    /// Its link is dropped; when it is tried again it is matched with another resource, or created.
    #[default]
    Match,
    /// It fails until its resource is there again, or until a [restart](crate::ResetScope::CONNECTOR_DATA_STORE) drops all links, as in
    /// Microsoft's service: somebody may have deleted the resource on purpose. [Repairing](crate::DriftPolicy::Repair) drops its link, too.
    Fail,
}

/// Whose objects are in scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Users and groups that are assigned to the application, and direct members of assigned groups;
    /// [`ProvisioningJob::expands_nested_groups`] adds those of nested groups.
    #[default]
    Assigned,
    /// All users and groups.
    All,
}
