//! The program `mapping`.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use scimkit_mapping::{Environment, Fault, FormatError, MappingSet, Operation, SourceRecord};
use scimkit_types::{Catalog, ComplexValue, Profile, Timestamp};

use crate::document::Document;

/// Checks attribute mappings, and traces a record through them.
#[derive(Clone, Debug, Parser)]
#[command(name = "mapping")]
pub struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do with mappings.
#[derive(Clone, Debug, Subcommand)]
#[non_exhaustive]
pub enum Command {
    /// Name all that is wrong with the mappings for a service provider
    Check {
        /// The mappings: the short form as TOML or JSON, or a synchronization schema of Microsoft Graph
        file: PathBuf,
        /// What the service provider supports: `standard`, `ringcentral` or a file
        #[arg(long, default_value = "standard")]
        profile: String,
    },
    /// Show how each target attribute of one record comes about
    Trace {
        /// The mappings: the short form as TOML or JSON, or a synchronization schema of Microsoft Graph
        file: PathBuf,
        /// A record of the source as JSON
        record: PathBuf,
        /// What the service provider supports: `standard`, `ringcentral` or a file
        #[arg(long, default_value = "standard")]
        profile: String,
        /// The target has the object already
        #[arg(long)]
        update: bool,
        /// The object is to be inactive: `[IsSoftDeleted]` is true
        #[arg(long)]
        soft_deleted: bool,
        /// The instant that `Now` gives
        #[arg(long, value_name = "INSTANT", default_value = "2026-01-01T00:00:00Z")]
        now: Timestamp,
    },
}

/// Why the program cannot answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file has the form of mappings and none in it.
    #[error("`{}` holds no mappings: expected `objects` or `synchronizationRules` with at least one mapping", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A file is larger than any that is read.
    #[error("`{}` is larger than {MOST} bytes", path.display())]
    Size {
        /// The file.
        path: PathBuf,
    },
    /// A file holds no mappings.
    #[error("`{}` holds no mappings", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where and why not.
        #[source]
        source: FormatError,
    },
    /// A file holds no record or profile.
    #[error("`{}` holds no {expected}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
        /// Why it is none.
        #[source]
        source: serde_json::Error,
    },
    /// The profile's schemas contradict each other.
    #[error("the profile has no valid schemas")]
    Profile(#[source] scimkit_types::CatalogError),
    /// No mapping is for the record's kind of object.
    #[error("no mapping has the source `{object_type}`")]
    NoMapping {
        /// The kind of object.
        object_type: String,
    },
    /// The mappings are at fault, so that nothing can be traced.
    #[error("the mappings are at fault; `check` says more: {fault}")]
    Faults {
        /// The first fault.
        fault: Fault,
    },
    /// The output cannot be written.
    #[error("the output failed")]
    Stream(#[from] io::Error),
}

/// Runs the program and returns its exit code: 1 if a check found faults, else 0.
///
/// # Errors
/// A file cannot be read or holds something else, nothing can be traced, or the output fails.
pub fn run(arguments: &Arguments, output: &mut dyn Write) -> Result<u8, Failure> {
    let code = match &arguments.command {
        Command::Check { file, profile } => check(file, profile, output)?,
        Command::Trace { file, record, profile, update, soft_deleted, now } => {
            let operation = if *update { Operation::Update } else { Operation::Create };
            let mut environment = Environment::new(*now);
            environment.is_soft_deleted = *soft_deleted;
            trace(&read_document(file)?, &read_record(record)?, &read_profile(profile)?, (&environment, operation), output)?;
            0
        }
    };
    output.flush()?;
    Ok(code)
}

fn check(file: &Path, profile: &str, output: &mut dyn Write) -> Result<u8, Failure> {
    let document = read_document(file)?;
    let profile = read_profile(profile)?;
    let faults = document.check(&profile);
    for fault in &faults {
        let line = fault.line.map(|line| format!(":{line}")).unwrap_or_default();
        writeln!(output, "{}{line}: {}: {}", file.display(), fault.place, fault.message)?;
        writeln!(output, "  at {}", fault.path)?;
    }
    match faults.len() {
        0 => writeln!(output, "no faults")?,
        1 => writeln!(output, "1 fault")?,
        count => writeln!(output, "{count} faults")?,
    }
    Ok(u8::from(!faults.is_empty()))
}

fn trace(
    document: &Document,
    record: &SourceRecord,
    profile: &Profile,
    (environment, operation): (&Environment<'_>, Operation),
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let catalog: Catalog = profile.catalog().map_err(Failure::Profile)?;
    let mappings = document.object_mappings();
    let mapping = mappings.iter().find(|mapping| mapping.source_object_name.eq_ignore_ascii_case(&record.object_type));
    let no_mapping = || Failure::NoMapping { object_type: record.object_type.clone() };
    let mapping = mapping.ok_or_else(no_mapping)?;
    let resource_type = mapping.resource_type(&catalog).ok_or_else(no_mapping)?;
    let set = match MappingSet::compile(mapping, &catalog, resource_type) {
        Ok(set) => set,
        Err(faults) => return faults.into_iter().next().map_or(Ok(()), |fault| Err(Failure::Faults { fault })),
    };

    let scope = set.explain_scope(record);
    writeln!(output, "in scope: {}", if scope.is_in_scope { "yes" } else { "no" })?;
    for group in &scope.groups {
        writeln!(output, "  group {}: {}", group.name.as_deref().unwrap_or("without a name"), held(group.holds))?;
        for clause in &group.clauses {
            let values = clause.values.join(", ");
            let separator = if values.is_empty() { "" } else { " " };
            writeln!(output, "    {} {}{separator}{values}: {}", clause.attribute, clause.operator, held(clause.holds))?;
        }
    }
    for trace in set.trace(record, environment, operation) {
        write!(output, "{trace}")?;
    }
    if let Ok(desired) = set.evaluate(record, environment, operation) {
        for (index, value) in &desired.matching {
            let target = set.matching().get(*index).map_or("", |matching| matching.target.as_str());
            let value = if desired.redacted.iter().any(|redacted| redacted == target) { "[Redact]" } else { value };
            writeln!(output, "matches by {target} {value:?}")?;
        }
    }
    Ok(())
}

const fn held(holds: bool) -> &'static str {
    if holds { "holds" } else { "does not hold" }
}

/// The most bytes of a file.
const MOST: u64 = 16 << 20;

fn read_file(path: &Path) -> Result<String, Failure> {
    let failure = |source| Failure::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let length = std::fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes)).map_err(failure)?;
    if u64::try_from(length).is_ok_and(|length| length > MOST) {
        return Err(Failure::Size { path: path.to_owned() });
    }
    let text = String::from_utf8(bytes).map_err(|error| failure(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))?;
    // Editors on Windows begin a file with a byte order mark, which no reader of JSON or TOML takes.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn read_document(path: &Path) -> Result<Document, Failure> {
    let document = Document::read(path, &read_file(path)?).map_err(|source| Failure::Format { path: path.to_owned(), source })?;
    if document.object_mappings().is_empty() { Err(Failure::Empty { path: path.to_owned() }) } else { Ok(document) }
}

fn read_profile(name: &str) -> Result<Profile, Failure> {
    const RINGCENTRAL: &str = include_str!("../../../testdata/profiles/ringcentral.json");
    let read =
        |text: &str| serde_json::from_str(text).map_err(|source| Failure::Json { path: PathBuf::from(name), expected: "profile", source });
    match name {
        "standard" => Ok(Profile::standard()),
        "ringcentral" => read(RINGCENTRAL),
        path => read(&read_file(Path::new(path))?),
    }
}

/// A record with its id and references, or its attributes alone.
fn read_record(path: &Path) -> Result<SourceRecord, Failure> {
    let text = read_file(path)?;
    let failure = |source| Failure::Json { path: path.to_owned(), expected: "record as a JSON object", source };
    let attributes: ComplexValue = serde_json::from_str(&text).map_err(failure)?;
    if attributes.get("attributes").is_some() && attributes.get("objectType").is_some() {
        return serde_json::from_str(&text).map_err(failure);
    }
    let id = attributes.get("id").and_then(|id| id.as_str()).unwrap_or_default().to_owned();
    let mut record = SourceRecord::new(id, "User");
    record.attributes = attributes;
    Ok(record)
}
