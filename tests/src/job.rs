//! The jobs of the provisioning flow, and jobs of a few mappings.

use std::hash::{DefaultHasher, Hash, Hasher};

use scimkit_mapping::{MappingSet, ObjectMapping, SynchronizationSchema};
use scimkit_provisioning::ProvisioningJob;
use scimkit_store::JobId;
use scimkit_types::{Profile, Resource, Uniqueness};

/// The services that the flow provisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceKind {
    /// One like RingCentral's: users only, with limits and habits.
    RingCentral,
    /// One with users and groups and every default.
    Standard,
}

impl ServiceKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::RingCentral, Self::Standard];

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RingCentral => "ringcentral",
            Self::Standard => "standard",
        }
    }

    /// What the service offers.
    pub fn profile(self) -> Profile {
        let text = match self {
            Self::RingCentral => include_str!("../../testdata/profiles/ringcentral.json"),
            Self::Standard => include_str!("../../testdata/profiles/standard.json"),
        };
        serde_json::from_str(text).unwrap()
    }

    /// The synchronization schema of the flow.
    pub const fn schema(self) -> &'static str {
        match self {
            Self::RingCentral => include_str!("../../examples/provisioning_flow/data/ringcentral-job.json"),
            Self::Standard => include_str!("../../examples/provisioning_flow/data/standard-job.json"),
        }
    }

    /// What the service must hold after both days of the directory with 500 people.
    pub fn expected(self) -> Vec<Resource> {
        let text = match self {
            Self::RingCentral => include_str!("../../examples/provisioning_flow/data/expected/ringcentral.json"),
            Self::Standard => include_str!("../../examples/provisioning_flow/data/expected/standard.json"),
        };
        let mut document: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
        let lists = ["users", "groups"].into_iter().filter_map(|name| document.remove(name));
        lists.flat_map(|list| serde_json::from_value::<Vec<Resource>>(list).unwrap()).collect()
    }

    /// The flow's job for a service with this profile.
    pub fn job(self, profile: Profile) -> ProvisioningJob {
        let schema = SynchronizationSchema::from_json(self.schema()).unwrap();
        let mappings: Vec<ObjectMapping> = schema.object_mappings().filter(|mapping| mapping.enabled).cloned().collect();
        compile(self.name(), &mappings, profile)
    }
}

/// The profile of a service that does not defend itself: any number of users may have one `userName`.
pub fn without_uniqueness(mut profile: Profile) -> Profile {
    let catalog = profile.catalog().unwrap();
    profile.schemas = catalog.schemas().to_vec();
    profile.resource_types = catalog.resource_types().to_vec();
    for attribute in profile.schemas.iter_mut().flat_map(|schema| &mut schema.attributes) {
        attribute.uniqueness = Uniqueness::None;
    }
    profile
}

/// A job of these mappings, whose fingerprint is that of the mappings.
pub fn compile(name: &str, mappings: &[ObjectMapping], profile: Profile) -> ProvisioningJob {
    let catalog = profile.catalog().unwrap();
    let sets = mappings.iter().map(|mapping| {
        let resource_type = catalog.resource_types().iter().find(|resource_type| {
            let extensions = resource_type.schema_extensions.iter().map(|extension| &extension.schema);
            std::iter::once(&resource_type.schema).chain(extensions).any(|uri| *uri == *mapping.target_object_name)
        });
        MappingSet::compile(mapping, &catalog, resource_type.unwrap()).unwrap()
    });
    let mut hasher = DefaultHasher::new();
    serde_json::to_string(mappings).unwrap().hash(&mut hasher);
    let mut job = ProvisioningJob::new(JobId::new(name), sets.collect(), profile).unwrap();
    job.fingerprint = format!("{:016x}", hasher.finish());
    job
}
