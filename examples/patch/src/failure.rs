//! What goes wrong in a program.

use std::io;
use std::path::PathBuf;

use scimkit_filter::{ParseError, ResolveError};

/// Why a program cannot answer.
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
    /// A file is too large.
    #[error("`{}` is over the limit of {limit} bytes", path.display())]
    FileSize {
        /// The file.
        path: PathBuf,
        /// The most bytes.
        limit: usize,
    },
    /// A file holds no resource.
    #[error("expected a resource as a JSON object in `{}`", path.display())]
    NotResource {
        /// The file.
        path: PathBuf,
        /// Why it is none.
        #[source]
        source: serde_json::Error,
    },
    /// Text is not a filter or path; the place is drawn, or named if the text is too long for a drawing.
    #[error("{error}{}", drawing(error))]
    Parse {
        /// The place and what was expected there.
        error: ParseError,
    },
    /// A filter or path does not fit the resource type.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A path has a filter and its attribute has one value only.
    #[error("`{path}` is not multi-valued, so that the path cannot have a filter on it")]
    FilterOnSingular {
        /// The attribute.
        path: String,
    },
    /// The input cannot be read or the output not be written.
    #[error("the input or the output failed")]
    Stream(#[from] io::Error),
}

/// The most characters of a text that is drawn.
const MOST_DRAWN: usize = 500;

fn drawing(error: &ParseError) -> String {
    if error.input().chars().nth(MOST_DRAWN).is_some() {
        return format!(", at byte {}", error.span().start);
    }
    format!("\n{}", error.caret())
}

impl From<ParseError> for Failure {
    fn from(error: ParseError) -> Self {
        Self::Parse { error }
    }
}
