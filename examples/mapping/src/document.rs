//! Mappings from a file, in whichever form it has.

use std::path::Path;

use scimkit_mapping::{ExpressionOptions, Fault, FormatError, MappingFile, ObjectMapping, SynchronizationSchema};
use scimkit_types::Profile;

/// Mappings as they stand in a file.
#[derive(Debug)]
pub(crate) enum Document {
    Short(Box<MappingFile>),
    Graph(Box<SynchronizationSchema>),
}

impl Document {
    /// Reads the text of a file: TOML by the file's name, else the short form if there are `objects`, else a synchronization schema.
    pub(crate) fn read(path: &Path, text: &str) -> Result<Self, FormatError> {
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) {
            return MappingFile::from_toml(text).map(|file| Self::Short(Box::new(file)));
        }
        let is_short = serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.get("objects").is_some());
        if is_short {
            MappingFile::from_json(text).map(|file| Self::Short(Box::new(file)))
        } else {
            SynchronizationSchema::from_json(text).map(|schema| Self::Graph(Box::new(schema)))
        }
    }

    pub(crate) fn check(&self, profile: &Profile) -> Vec<Fault> {
        match self {
            Self::Short(file) => file.check(profile, &ExpressionOptions::default()),
            Self::Graph(schema) => schema.check(profile, &ExpressionOptions::default()),
        }
    }

    pub(crate) fn object_mappings(&self) -> Vec<&ObjectMapping> {
        match self {
            Self::Short(file) => file.objects.iter().map(|object| &object.mapping).collect(),
            Self::Graph(schema) => schema.object_mappings().collect(),
        }
    }
}
