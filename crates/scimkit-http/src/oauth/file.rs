//! Tokens in a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use scimkit_client::TokenError;
use secrecy::zeroize::Zeroizing;

use super::tokens::{TokenStore, Tokens};

/// Keeps tokens in a file that only its owner can read (mode 0600 where there are modes).
///
/// A new file is written beside the present one and takes its place in one step, so that there is always one whole file. Another file of
/// that name with `.new` at its end is replaced.
#[derive(Clone, Debug)]
pub struct FileTokens {
    path: PathBuf,
}

/// The most bytes of a file that are read.
const MAX_FILE: u64 = 1024 * 1024;

impl FileTokens {
    /// Tokens in this file, which need not exist yet; its folder must.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn write(&self, content: &[u8]) -> io::Result<()> {
        let mut new = self.path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        match fs::remove_file(&new) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut options = OpenOptions::new();
        // A file that somebody else puts there meanwhile, or a link, is not written to.
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&new, &self.path)?;
        // The name is durable when its folder is. Where a folder cannot be opened as a file, the rename is all there is.
        #[cfg(unix)]
        {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    fn failure(&self, what: &str, error: io::Error) -> TokenError {
        TokenError::with_source(format!("cannot {what} the tokens in `{}`", self.path.display()), error)
    }
}

impl TokenStore for FileTokens {
    fn load(&self) -> Result<Option<Tokens>, TokenError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failure("read", error)),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = file.metadata().map_err(|error| self.failure("read", error))?.permissions().mode();
            if mode & 0o077 != 0 {
                let path = self.path.display();
                let mode = mode & 0o777;
                return Err(TokenError::new(format!("expected that only the owner can read `{path}` (mode 600), found mode {mode:o}")));
            }
        }
        let mut content = Zeroizing::new(Vec::new());
        file.take(MAX_FILE).read_to_end(&mut content).map_err(|error| self.failure("read", error))?;
        let tokens = Tokens::from_json(&content);
        tokens.map(Some).ok_or_else(|| TokenError::new(format!("expected tokens in `{}`, found something else", self.path.display())))
    }

    fn save(&self, tokens: &Tokens) -> Result<(), TokenError> {
        let content = tokens.to_json().map_err(|error| self.failure("write", error.into()))?;
        self.write(&content).map_err(|error| self.failure("write", error))
    }
}
