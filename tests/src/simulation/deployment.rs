//! The job and the service of a simulation.

use scimkit_mapping::{AttributeMapping, ObjectMapping, SynchronizationSchema};
use scimkit_provisioning::{ProvisioningJob, Scope};
use scimkit_testing::fake;
use scimkit_types::Profile;
use scimkit_types::profile::{BulkFeature, RequestLimit};

use super::run::{READS, Simulation, WRITES};
use super::scenario::Scenario;
use crate::job::{compile, without_uniqueness};

/// How many members a narrow service takes at once.
const MEMBERS: u64 = 2;

/// What the service of a scenario offers.
pub(super) fn profile(scenario: &Scenario) -> Profile {
    let mut profile = if scenario.is_narrow { fake::aws_profile() } else { scenario.service.profile() };
    profile.seats = None;
    profile.limits.read = Some(RequestLimit::new(READS, 60));
    profile.limits.write = Some(RequestLimit::new(WRITES, 60));
    if scenario.is_narrow {
        profile.limits.max_members = Some(MEMBERS);
    }
    if scenario.takes_bulk {
        // Where operations are counted, none are saved by sending them together.
        (profile.features.bulk, profile.limits.write) = (Some(BulkFeature::new(5, 100_000)), None);
    }
    if scenario.defends_itself { profile } else { without_uniqueness(profile) }
}

impl Simulation<'_> {
    /// The job of a worker who starts now.
    pub(super) fn job(&mut self) -> ProvisioningJob {
        let schema = SynchronizationSchema::from_json(self.scenario.service.schema()).unwrap();
        let mut mappings: Vec<ObjectMapping> = schema.object_mappings().filter(|mapping| mapping.enabled).cloned().collect();
        if self.has_other_mapping {
            for attribute in mappings.iter_mut().flat_map(|mapping| &mut mapping.attribute_mappings) {
                if attribute.target_attribute_name == "title" {
                    let other = AttributeMapping::new("title", r#"Append([jobTitle], " (Oslo)")"#);
                    attribute.source = other.source;
                }
            }
        }
        let mut job = compile("simulated", &mappings, self.profile.clone());
        self.workers += 1;
        job.owner = Some(format!("worker {}", self.workers));
        job.scope = if self.assigns { Scope::Assigned } else { Scope::All };
        job.fingerprint = format!("{} {}", job.fingerprint, self.assigns);
        job.deletion_threshold = self.threshold;
        job.concurrency = 4;
        job
    }
}
