//! The job: mappings from a synchronization schema, checked against the service's profile before anything is sent.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use scimkit_mapping::{MappingSet, SynchronizationSchema};
use scimkit_provisioning::ProvisioningJob;
use scimkit_store::JobId;
use scimkit_types::Profile;

use crate::failure::Failure;
use crate::options::ServiceKind;

/// Reads the job, from a file or built in, and checks it.
pub(crate) fn read(kind: ServiceKind, file: Option<&Path>) -> Result<ProvisioningJob, Failure> {
    let (name, text) = match file {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| Failure::input_because(format!("cannot read the job `{}`", path.display()), &error))?;
            (format!("`{}`", path.display()), text)
        }
        None => (format!("the built-in job `{}`", kind.name()), kind.job().to_owned()),
    };
    let profile = profile(kind)?;
    let schema = SynchronizationSchema::from_json(&text).map_err(|error| Failure::input_because(name.clone(), &error))?;
    let catalog = profile.catalog().map_err(|error| Failure::input_because(format!("profile `{}`", profile.name), &error))?;

    // What the service can filter on is asked of the service itself, by the test of the connection.
    let mut declared = profile.clone();
    declared.filterable.clear();

    let mut mappings = Vec::new();
    for mapping in schema.object_mappings().filter(|mapping| mapping.enabled) {
        let resource_type = catalog.resource_types().iter().find(|resource_type| {
            let extensions = resource_type.schema_extensions.iter().map(|extension| &extension.schema);
            std::iter::once(&resource_type.schema).chain(extensions).any(|uri| *uri == *mapping.target_object_name)
        });
        let resource_type = resource_type.ok_or_else(|| {
            let known: Vec<&str> = catalog.resource_types().iter().map(|resource_type| resource_type.schema.as_str()).collect();
            Failure::input(format!(
                "{name}: the target object `{}` is not a schema of the service; expected one of `{}`",
                mapping.target_object_name,
                known.join("`, `")
            ))
        })?;
        let set = MappingSet::compile(mapping, &catalog, resource_type).map_err(|faults| wrong(&name, &faults))?;
        let faults = set.check(None, &declared);
        if !faults.is_empty() {
            return Err(wrong(&name, &faults));
        }
        mappings.push(set);
    }
    if mappings.is_empty() {
        return Err(Failure::input(format!("{name}: no object mapping is enabled")));
    }
    let mut job =
        ProvisioningJob::new(JobId::new(kind.name()), mappings, profile).map_err(|error| Failure::input_because(name.clone(), &error))?;
    job.fingerprint = fingerprint(&[&text, kind.profile()]);
    // The folder of a run is locked, so that no two processes have this name at once.
    job.owner = Some("provisioning flow".to_owned());
    job.deletion_threshold = deletion_threshold(&text).map_err(|reason| Failure::input(format!("{name}: {reason}")))?;
    Ok(job)
}

/// How many objects a cycle may disable and delete: the setting of Microsoft's jobs beside the schema, else 500.
fn deletion_threshold(text: &str) -> Result<Option<u64>, String> {
    const SETTING: &str = "QuarantineTooManyDeletesThreshold";
    let document: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let settings = document.get("synchronizationJobSettings").and_then(serde_json::Value::as_array);
    let setting = settings.into_iter().flatten().find(|setting| setting.get("name").is_some_and(|name| name == SETTING));
    match setting.map(|setting| setting.get("value").and_then(serde_json::Value::as_str).unwrap_or_default()) {
        None => Ok(Some(500)),
        Some(value) => value.parse().map(Some).map_err(|_| format!("expected a number in `{SETTING}`, found `{value}`")),
    }
}

/// The service's profile.
pub(crate) fn profile(kind: ServiceKind) -> Result<Profile, Failure> {
    serde_json::from_str(kind.profile()).map_err(|error| Failure::input_because(format!("profile `{}`", kind.name()), &error))
}

fn wrong(name: &str, faults: &[scimkit_mapping::Fault]) -> Failure {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Failure::input(format!("{name}: {}", lines.join("; ")))
}

fn fingerprint(parts: &[&str]) -> String {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
