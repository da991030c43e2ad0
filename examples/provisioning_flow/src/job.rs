//! The job: a job file, checked against the service's profile before anything is sent.

use std::io;
use std::path::Path;

use scimkit_provisioning::{JobFile, ProvisioningJob};

use crate::failure::Failure;
use crate::options::ServiceKind;

/// Reads the job, from a file or built in, and checks it.
pub(crate) fn read(kind: ServiceKind, file: Option<&Path>) -> Result<ProvisioningJob, Failure> {
    let (name, read) = match file {
        Some(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| Failure::input_because(format!("cannot read the job `{}`", path.display()), &error))?;
            let files = |name: &str| beside(path, name, kind);
            let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
            let read = if is_json { JobFile::from_json(&text, &files) } else { JobFile::from_toml(&text, &files) };
            (format!("`{}`", path.display()), read)
        }
        None => {
            let name = format!("the built-in job `{}`", kind.name());
            (name, JobFile::from_toml(kind.job(), &|name| built_in(name, kind)))
        }
    };
    let file = read.map_err(|faults| {
        let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
        Failure::input(format!("{name}: {}", lines.join("; ")))
    })?;
    if file.source.kind != "graph" {
        return Err(Failure::input(format!("{name}: the source of the flow is `graph`, found `{}`", file.source.kind)));
    }
    let mut job = file.job;
    // The folder of a run is locked, so that no two processes have this name at once.
    job.owner = Some("provisioning flow".to_owned());
    Ok(job)
}

/// A file beside the job file, or the one of that name that the built-in job has.
fn beside(job: &Path, name: &str, kind: ServiceKind) -> io::Result<String> {
    match std::fs::read_to_string(job.with_file_name(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => built_in(name, kind).map_err(|_| error),
        read => read,
    }
}

fn built_in(name: &str, kind: ServiceKind) -> io::Result<String> {
    let service = kind.name();
    match name {
        _ if name == format!("{service}-job.json") => Ok(kind.mappings().to_owned()),
        _ if name == format!("profiles/{service}.json") => Ok(kind.profile().to_owned()),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
    }
}
