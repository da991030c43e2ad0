//! Where a run keeps what it must not forget.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::failure::Failure;
use crate::options::Day;

/// The folder of a run: databases, directory, log and how far the run is. Only one process at a time can have it.
#[derive(Debug)]
pub(crate) struct Home {
    folder: PathBuf,
    /// The folder among the temporary files, if it is one: it is removed when the run has ended well.
    temporary: Option<TempDir>,
    /// Held, not read: the lock ends with the process, however that ends.
    _lock: File,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Stage {
    /// The first day is not in the service yet.
    #[default]
    FirstDay,
    /// The next day is not in the service yet.
    NextDay,
    /// The service is in step.
    Done,
}

/// What identifies a run, so that a folder is not used for another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    /// The service's profile.
    pub profile: String,
    /// What happens on the next day.
    #[serde(default)]
    pub day: Day,
    /// How far the run is.
    pub stage: Stage,
    /// The service's bearer token.
    pub token: String,
    /// Whether the folder was new when the run began.
    #[serde(skip)]
    pub is_new: bool,
}

/// Makes a folder that only its owner can enter, where the system knows owners: databases and log hold people's data.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

impl Home {
    /// The folder of a run, made if it does not exist; a new one among the temporary files without a path.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let mut temporary = None;
        let folder = match path {
            Some(path) => path.to_owned(),
            None => {
                let made = tempfile::Builder::new().prefix("scimkit-flow-").tempdir();
                let mut made = made.map_err(|error| Failure::input_because("cannot make a folder among the temporary files", &error))?;
                // A run that is stopped or fails goes on in its folder.
                made.disable_cleanup(true);
                temporary.insert(made).path().to_owned()
            }
        };
        let cannot = |error: &std::io::Error| Failure::input_because(format!("cannot use the state folder `{}`", folder.display()), error);
        create_private(&folder).map_err(|error| cannot(&error))?;
        let lock = File::options().create(true).truncate(false).write(true).open(folder.join("lock")).map_err(|error| cannot(&error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder, temporary, _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::input(format!("the state folder `{}` is in use by another run", folder.display())))
            }
            Err(TryLockError::Error(error)) => Err(cannot(&error)),
        }
    }

    /// Whether the folder is removed when the run has ended well.
    pub(crate) const fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }

    /// Ends the use of the folder after a run that ended well: a temporary one is removed.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Some(mut temporary) = self.temporary else { return Ok(()) };
        temporary.disable_cleanup(false);
        temporary.close().map_err(|error| Failure::input_because("cannot remove the temporary folder", &error))
    }

    /// A file of the folder that only its owner can read, made anew.
    pub(crate) fn create_private_file(&self, name: &str) -> Result<File, Failure> {
        self.open_private_file(name, File::options().truncate(true).write(true))
    }

    /// A file of the folder that only its owner can read, with what it holds; made if it does not exist.
    pub(crate) fn append_to_private_file(&self, name: &str) -> Result<File, Failure> {
        self.open_private_file(name, File::options().append(true))
    }

    fn open_private_file(&self, name: &str, options: &mut OpenOptions) -> Result<File, Failure> {
        let path = self.file(name);
        options.create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
        options.open(&path).map_err(|error| Failure::input_because(format!("cannot write `{}`", path.display()), &error))
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the folder was used for; `None` if it is new.
    pub(crate) fn read_run(&self) -> Result<Option<Run>, Failure> {
        let path = self.file("run.json");
        match fs::read_to_string(&path) {
            Ok(text) => {
                serde_json::from_str(&text).map(Some).map_err(|error| Failure::input_because(format!("`{}`", path.display()), &error))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::input_because(format!("cannot read `{}`", path.display()), &error)),
        }
    }

    /// Remembers what the folder is used for: as a whole or not at all, and readable by the owner only because of the token.
    pub(crate) fn write_run(&self, run: &Run) -> Result<(), Failure> {
        let path = self.file("run.json");
        let cannot = |error: &dyn std::error::Error| Failure::input_because(format!("cannot write `{}`", path.display()), error);
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(|error| cannot(&error))?;
        serde_json::to_writer_pretty(&mut file, run).map_err(|error| cannot(&error))?;
        file.as_file().sync_all().map_err(|error| cannot(&error))?;
        file.persist(&path).map_err(|error| cannot(&error))?;
        Ok(())
    }
}
