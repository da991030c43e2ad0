//! What is wrong with a mapping.

use std::fmt;

/// A fault of a mapping and its place. `Display` is one line: the place, what is wrong, and the line of the document if it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Where, for people, such as ``attribute mapping `userName` ``.
    pub place: String,
    /// Where in the document, such as `synchronizationRules[0].objectMappings[0].attributeMappings[2].source`, or in the object mapping
    /// alone; empty for the whole of it.
    pub path: String,
    /// The line of the document, from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// The place in an object mapping, whatever the document looks like.
    pub(crate) at: At,
}

/// A place in an object mapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum At {
    #[default]
    Object,
    /// The mapping of this index.
    Mapping(usize, Member),
    Clause {
        group: usize,
        clause: usize,
    },
    /// A list of groups that has no effect.
    Groups(&'static str),
}

/// A member of an attribute mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    Whole,
    Target,
    Source,
    Default,
    Matching,
}

impl At {
    /// The path in an object mapping of Microsoft Graph.
    pub(crate) fn graph(self) -> String {
        match self {
            Self::Object => String::new(),
            Self::Mapping(index, member) => {
                let name = match member {
                    Member::Whole => "",
                    Member::Target => ".targetAttributeName",
                    Member::Source => ".source",
                    Member::Default => ".defaultValue",
                    Member::Matching => ".matchingPriority",
                };
                format!("attributeMappings[{index}]{name}")
            }
            Self::Clause { group, clause } => format!("scope.groups[{group}].clauses[{clause}]"),
            Self::Groups(name) => format!("scope.{name}"),
        }
    }

    /// The path in an object of the short form.
    pub(crate) fn short(self) -> String {
        match self {
            Self::Object | Self::Groups(_) => String::new(),
            Self::Mapping(index, member) => {
                let name = match member {
                    Member::Whole => "",
                    Member::Target => ".target",
                    Member::Source => ".expression",
                    Member::Default => ".default",
                    Member::Matching => ".match",
                };
                format!("attributes[{index}]{name}")
            }
            Self::Clause { group, clause } => format!("scope[{group}].clauses[{clause}]"),
        }
    }
}

impl Fault {
    /// A fault of the whole of a mapping.
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::at(At::Object, place, message)
    }

    /// A fault of what stands at a path of a document.
    pub fn at_path(path: impl Into<String>, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), ..Self::new(place, message) }
    }

    /// Gives each fault the line of the value at its path in a JSON document, or of the nearest one around it that is there.
    pub fn locate_in_json(text: &str, faults: &mut [Self]) {
        crate::schema::document::set_lines(text, faults);
    }

    /// Gives each fault the line of the value at its path in a TOML document, or of the nearest one around it that is there.
    #[cfg(feature = "toml")]
    pub fn locate_in_toml(text: &str, faults: &mut [Self]) {
        crate::file::set_toml_lines(text, faults);
    }

    pub(crate) fn at(at: At, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), path: at.graph(), line: None, message: message.into(), at }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match self.line {
            Some(line) => write!(f, " (line {line})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}
