//! A job as a file: what is provisioned, by which mappings, and within which limits.

mod mappings;
mod members;
mod read;

use std::io;

use scimkit_mapping::Fault;
use serde_json::{Map, Value};

use crate::job::ProvisioningJob;

/// The most bytes of a file.
const MAX_FILE: usize = 8 << 20;

/// A job that was read from a file, as JSON or (with the feature `toml`) as TOML.
///
/// | member | meaning |
/// |---|---|
/// | `name` | the name under which the job's state is kept |
/// | `source.kind`, and whatever else `source` holds | where people come from; whoever makes the [`Source`](crate::Source) reads it |
/// | `target.url` | the address below which the service's endpoints stand |
/// | `target.profile` | what the service offers: a file, or the profile itself; default [`Profile::standard`](scimkit_types::Profile::standard) |
/// | `target.dialect` | how the service wants to be spoken to, instead of what the profile says |
/// | `objects` | mappings in the short form of [`MappingFile`](scimkit_mapping::MappingFile), scoping filters included |
/// | `mappings` | files of mappings, in the short form or as Microsoft Graph exports them |
/// | `scope.objects` | `assigned` (the default) or `all` |
/// | `scope.nestedGroups` | whether groups in an assigned group count as assigned; default false |
/// | `scope.whoLeaves` | what becomes of them: `deprovision` (the default) or `keep` |
/// | `scope.whoIsGone` | what becomes of objects whose resource is gone from the target: `match` (the default) or `fail` |
/// | `actions` | some of `create`, `update`, `disable` and `delete`; default all |
/// | `matching` | `automatic` (the default), `listing`, `filters` or `queries` |
/// | `thresholds.removals` | how many objects a cycle may disable and delete: a number (default 500) or `none` |
/// | `thresholds.leastFailures`, `.percent`, `.failures`, `.totalFailures` | when failures put the job into quarantine, as in [`QuarantineThresholds`](crate::QuarantineThresholds) |
/// | `schedule.interval` | the time between cycles, such as `PT40M` (the default) or `40 minutes` |
/// | `quota.read`, `quota.write` | `requests` in `seconds`, instead of what the profile says |
/// | `concurrency` | how many requests are under way at once; default 16 |
/// | `log.retention` | how long the provisioning log is kept in the state; default not at all |
/// | `log.tenantId`; `log.servicePrincipal`, `log.sourceSystem`, `log.targetSystem` and `log.initiator`, each with `id`, `name` and `details` | what its records say of where the job stands; by default the systems are named by `source.kind` and the profile, and the target has the id `target.url` |
/// | `notification.to` | addresses to tell of a quarantine, such as `mailto:it@example.com` |
///
/// `name` and `source.kind` are required, and one object mapping. Members with other names are faults. Secrets have no place in the file.
///
/// ```
/// use scimkit_provisioning::{JobFile, Scope};
///
/// let file = JobFile::from_json(r#"{
///     "name": "wiki",
///     "source": {"kind": "csv", "path": "people.csv"},
///     "scope": {"objects": "all"},
///     "thresholds": {"removals": 50},
///     "objects": [{
///         "source": "User", "target": "urn:ietf:params:scim:schemas:core:2.0:User",
///         "attributes": [{"target": "userName", "expression": "[mail]", "match": 1}]
///     }]
/// }"#, &|name| Err(std::io::Error::other(format!("no file `{name}`")))).map_err(|faults| faults[0].to_string())?;
/// assert_eq!((file.job.scope, file.job.deletion_threshold), (Scope::All, Some(50)));
/// assert_eq!(file.source.kind, "csv");
///
/// // All faults are told at once, with their lines.
/// let faults = JobFile::from_json("{\"name\": \"wiki\",\n\"source\": {},\n\"schedule\": {\"interval\": \"often\"},\n\"colour\": 1}", &|_| {
///     Err(std::io::Error::other("there are no files"))
/// })
/// .unwrap_err();
/// let lines: Vec<_> = faults.iter().map(|fault| (fault.path.as_str(), fault.line)).collect();
/// let expected =
///     [("objects", Some(1)), ("source.kind", Some(2)), ("schedule.interval", Some(3)), ("colour", Some(4))];
/// assert_eq!(lines, expected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobFile {
    /// The job. Its fingerprint changes when mappings, scope, the actions allowed, or what the service's resources are like change.
    pub job: ProvisioningJob,
    /// Where people come from.
    pub source: SourceSettings,
    /// Where they go to.
    pub target: TargetSettings,
}

/// What a job file says of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceSettings {
    /// What kind of source it is, such as `graph`.
    pub kind: String,
    /// What else it needs, as the file has it.
    pub settings: Map<String, Value>,
}

/// What a job file says of the target, beside its profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetSettings {
    /// The address below which the endpoints stand.
    pub url: Option<String>,
}

/// Reads a file that a job file names, as text.
type ReadFile<'a> = &'a dyn Fn(&str) -> io::Result<String>;

impl JobFile {
    /// Reads JSON of at most 8 megabytes; `files` gives the text of the files that it names.
    ///
    /// # Errors
    /// All faults at once, with their paths and lines, those of the files that it names too; their places then begin with the file.
    pub fn from_json(text: &str, files: &dyn Fn(&str) -> io::Result<String>) -> Result<Self, Vec<Fault>> {
        check_size(text)?;
        let document = serde_json::from_str(text).map_err(|error| {
            let mut fault = Fault::new("job file", error.to_string());
            fault.line = Some(error.line());
            vec![fault]
        })?;
        read::read(&document, files).map_err(|mut faults| {
            locate(text, &mut faults, Fault::locate_in_json);
            faults
        })
    }

    /// Reads TOML of at most 8 megabytes; `files` gives the text of the files that it names.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str, files: &dyn Fn(&str) -> io::Result<String>) -> Result<Self, Vec<Fault>> {
        check_size(text)?;
        let document = toml::from_str(text).map_err(|error| {
            let mut fault = Fault::new("job file", error.message().replace('\n', ", "));
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            fault.line = Some(1 + before.matches('\n').count());
            vec![fault]
        })?;
        read::read(&document, files).map_err(|mut faults| {
            locate(text, &mut faults, Fault::locate_in_toml);
            faults
        })
    }
}

fn check_size(text: &str) -> Result<(), Vec<Fault>> {
    if text.len() <= MAX_FILE {
        return Ok(());
    }
    Err(vec![Fault::new("job file", format!("expected at most {MAX_FILE} bytes, found {}", text.len()))])
}

/// Gives the faults of the job file their lines; those of other files have theirs, and stand behind.
fn locate(text: &str, faults: &mut Vec<Fault>, locate: impl Fn(&str, &mut [Fault])) {
    let (mut own, mut others): (Vec<Fault>, Vec<Fault>) = std::mem::take(faults).into_iter().partition(|fault| fault.line.is_none());
    locate(text, &mut own);
    own.sort_by_key(|fault| fault.line);
    faults.append(&mut own);
    faults.append(&mut others);
}
