//! The invented company of the example, as pages of Microsoft Graph in a folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use scimkit_connectors::graph::{GraphOptions, GraphSource, RecordedPages};
use scimkit_example_directory::{Options, generate};
use tempfile::TempDir;

/// A company with two days: on the second one, people join, leave, marry and move.
#[derive(Debug)]
pub struct Company {
    folder: TempDir,
    service_principal_id: String,
}

impl Company {
    /// A company of so many people and groups.
    pub fn new(people: usize, groups: usize) -> Self {
        let directory = generate(&Options { people, groups, ..Options::default() });
        let folder = tempfile::tempdir().unwrap();
        directory.write_to(folder.path()).unwrap();
        Self { folder, service_principal_id: directory.service_principal_id().to_owned() }
    }

    /// The folder of the pages.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The id of the application's service principal.
    pub fn service_principal_id(&self) -> &str {
        &self.service_principal_id
    }

    /// The directory on a day: the first one is 1.
    pub fn on_day(&self, day: usize) -> Arc<GraphSource> {
        source(self.folder.path().to_owned(), &self.service_principal_id, day)
    }
}

/// The directory whose pages are in a folder, on a day.
pub fn source(folder: PathBuf, service_principal_id: &str, day: usize) -> Arc<GraphSource> {
    let pages = RecordedPages::open(folder, day).unwrap();
    Arc::new(GraphSource::new(Arc::new(pages), GraphOptions::new(service_principal_id)).unwrap())
}
