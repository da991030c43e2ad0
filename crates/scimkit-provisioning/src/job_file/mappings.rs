//! The mappings of a job file: its own, and those of the files that it names.

use scimkit_mapping::{ExpressionOptions, Fault, FormatError, MappingFile, MappingSet, ObjectMapping, SynchronizationSchema};
use scimkit_types::{Catalog, Profile};
use serde_json::{Value, json};

use super::ReadFile;
use super::members::Members;
use super::read::Mappings;

/// Reads all mappings; they are checked against the profile if that is the right one.
pub(super) fn read_mappings(file: &mut Members<'_>, profile: &Profile, is_known: bool, files: ReadFile<'_>) -> Mappings {
    // What the service can filter on is asked of the service itself, by the test of the connection.
    let mut declared = profile.clone();
    declared.filterable.clear();
    let mut reader = Reader {
        profile: &declared,
        is_known,
        catalog: profile.catalog().unwrap_or_else(|_| Catalog::standard()),
        mappings: Mappings::default(),
    };
    if let Some(objects) = file.get("objects") {
        reader.read_own(objects);
    }
    for (index, name) in file.texts("mappings").unwrap_or_default().into_iter().enumerate() {
        match files(name) {
            Ok(text) => reader.read_file(name, &text),
            Err(error) => file.note(&format!("mappings[{index}]"), format!("cannot read `{name}`: {error}")),
        }
    }
    let has_none = reader.mappings.sets.is_empty()
        && reader.mappings.faults.is_empty()
        && file.faults.iter().all(|fault| !fault.path.starts_with("mappings"));
    if has_none && is_known {
        file.note("objects", "expected an object mapping that is enabled here or in a file of `mappings`, found none");
    }
    reader.mappings
}

struct Reader<'a> {
    profile: &'a Profile,
    is_known: bool,
    catalog: Catalog,
    mappings: Mappings,
}

impl Reader<'_> {
    /// The mappings that stand in the job file itself: their paths are the same there.
    fn read_own(&mut self, objects: &Value) {
        match MappingFile::from_json(&json!({ "objects": objects }).to_string()) {
            Ok(mappings) => {
                let mut faults = self.check_short(&mappings);
                // The lines are those of a text that nobody sees.
                faults.iter_mut().for_each(|fault| fault.line = None);
                self.mappings.faults.append(&mut faults);
            }
            Err(error) => {
                let fault = Fault::at_path(error.path.as_str(), format!("`{}`", error.path), error.message);
                self.mappings.faults.push(fault);
            }
        }
        self.mappings.meaning.push(objects.clone());
    }

    fn read_file(&mut self, name: &str, text: &str) {
        let faults = match read_text(name, text) {
            Ok(Text::Short(mappings)) => self.check_short(&mappings),
            Ok(Text::Schema(schema)) => self.check_schema(&schema),
            Err(error) => {
                let mut fault = Fault::at_path(error.path.as_str(), format!("`{}`", error.path), error.message);
                fault.line = Some(error.line);
                vec![fault]
            }
        };
        self.mappings.faults.extend(faults.into_iter().map(|mut fault| {
            fault.place = format!("`{name}`, {}", fault.place);
            fault.line.get_or_insert(1);
            fault
        }));
        self.mappings.meaning.push(Value::from(text));
    }

    fn check_short(&mut self, file: &MappingFile) -> Vec<Fault> {
        let faults = if self.is_known { file.check(self.profile, &ExpressionOptions::default()) } else { Vec::new() };
        if faults.is_empty() {
            file.objects.iter().for_each(|object| self.compile(&object.mapping));
        }
        faults
    }

    fn check_schema(&mut self, schema: &SynchronizationSchema) -> Vec<Fault> {
        let faults = if self.is_known { schema.check(self.profile, &ExpressionOptions::default()) } else { Vec::new() };
        if faults.is_empty() {
            schema.object_mappings().for_each(|mapping| self.compile(mapping));
        }
        faults
    }

    /// Makes a mapping that has no fault ready. By another profile than the file means, nothing could be said of it.
    fn compile(&mut self, mapping: &ObjectMapping) {
        if !mapping.enabled || !self.is_known {
            return;
        }
        let Some(resource_type) = mapping.resource_type(&self.catalog) else { return };
        match MappingSet::compile(mapping, &self.catalog, resource_type) {
            Ok(set) => self.mappings.sets.push(set),
            Err(mut faults) => self.mappings.faults.append(&mut faults),
        }
    }
}

/// What a file of mappings holds.
enum Text {
    Short(MappingFile),
    Schema(Box<SynchronizationSchema>),
}

fn read_text(name: &str, text: &str) -> Result<Text, FormatError> {
    #[cfg(feature = "toml")]
    if name.ends_with(".toml") {
        return MappingFile::from_toml(text).map(Text::Short);
    }
    #[cfg(not(feature = "toml"))]
    let _ = name;
    let is_short = serde_json::from_str::<Value>(text).is_ok_and(|document| document.get("objects").is_some());
    if is_short {
        MappingFile::from_json(text).map(Text::Short)
    } else {
        SynchronizationSchema::from_json(text).map(|schema| Text::Schema(Box::new(schema)))
    }
}
