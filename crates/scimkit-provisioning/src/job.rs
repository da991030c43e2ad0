//! What a job provisions, and how.

use std::time::Duration;

use scimkit_mapping::MappingSet;
use scimkit_store::JobId;
use scimkit_types::{Catalog, CatalogError, Profile};

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
    /// How many objects one cycle may disable and delete. Default: no limit.
    pub deletion_threshold: Option<u64>,
    /// How many requests are under way at once. Default 16.
    pub concurrency: usize,
    /// Changes when the mappings, the scope or the schemas change; then every object is evaluated again. Callers hash what they read the
    /// job from.
    pub fingerprint: String,
    /// Who runs the job; another owner must wait until the lease ends, the same one need not: it goes on at once after a kill. Whoever
    /// lets several processes run the job gives each a name of its own, such as the host's; else one takes the job from another that still
    /// has requests under way. Default: the job's id, for a job that one process runs.
    pub owner: String,
    /// How long the job is held without a sign of life. Default 5 minutes; more than any request takes.
    pub lease_duration: Duration,
}

impl ProvisioningJob {
    /// A job with the defaults.
    ///
    /// # Errors
    /// [`CatalogError`] if the profile's schemas do not fit together.
    pub fn new(id: JobId, mappings: Vec<MappingSet>, profile: Profile) -> Result<Self, CatalogError> {
        let catalog = profile.catalog()?;
        let owner = id.as_str().to_owned();
        Ok(Self {
            id,
            mappings,
            profile,
            catalog,
            scope: Scope::Assigned,
            deletion_threshold: None,
            concurrency: 16,
            fingerprint: String::new(),
            owner,
            lease_duration: Duration::from_secs(300),
        })
    }

    /// The mappings of an object type, and the place of the type in the order of provisioning.
    pub(crate) fn mapping(&self, object_type: &str) -> Option<(usize, &MappingSet)> {
        self.mappings.iter().enumerate().find(|(_, set)| set.object_type().eq_ignore_ascii_case(object_type))
    }
}

/// Whose objects are in scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Users and groups that are assigned to the application, and direct members of assigned groups.
    #[default]
    Assigned,
    /// All users and groups.
    All,
}
