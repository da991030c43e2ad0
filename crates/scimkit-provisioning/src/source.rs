//! Where people and groups come from.

use std::fmt::Debug;

use async_trait::async_trait;
use scimkit_mapping::AppRole;
use scimkit_types::ComplexValue;
use serde::{Deserialize, Serialize};

/// A directory that tells what changed since a position.
///
/// # Contract
/// The first round, from no position, tells every object that is there. A later round, from the position that the last page of the round
/// before gave, tells what changed since. Changes may come more than once and in any order of objects; those of one object come in order.
/// Reading a position again gives the same or a newer state, so that a page can be read again after a crash. A first round tells each
/// object whole, if need be in several changes: what it does not tell of an object is not so any more. An object that it does not tell, as
/// one that is deleted and may come back, is told whole by the later round in which it is there again. Ids are not empty and do not hold
/// U+0000.
///
/// Pages come to an end: one that leads back to itself or to one before, or more than 10,000 empty ones in a row, end the cycle with
/// [`SourceErrorKind::Invalid`].
///
/// A source that only knows how things are, such as a file, need not find out what changed: it refuses the position after its last page
/// with [`PositionExpired`](SourceErrorKind::PositionExpired), and tells everything again. The engine finds what is different, and takes
/// who is not told any more as deleted softly; a round that tells nothing at all, though there were objects, is refused until the
/// [removals are released](crate::Engine::with_removals_allowed). That reads the whole source in each cycle, and writes a mark for each of its objects.
///
/// Attributes and references have whatever names the mappings read. Some mean something to the engine too, by the names that Microsoft
/// Graph gives them: whose `accountEnabled` is false is inactive; members of an assigned group are its references `members`, unless its
/// `securityEnabled` is false; and people are shown by `userPrincipalName` or `displayName`.
///
/// A reference ends when the source says so of the object that has it. That the other object was deleted says nothing of the references
/// to it: nobody is asked who refers to it, so that a deletion costs the same in a directory of any size. What the source does not end
/// may stand in the target, unless that drops references to what it deletes, until the object that has them is told again; it is left out
/// then.
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// The object types that the source has, in the order in which they are read, such as `User` and `Group`. Mappings name them letter for
    /// letter: a mapping of any other type ends the cycle with [`CycleError::UnknownObjectType`](crate::CycleError::UnknownObjectType). Of a
    /// type that no mapping names nothing is provisioned, and users and groups that are assigned are of these two.
    fn object_types(&self) -> Vec<String>;

    /// Reads a page of the changes of one object type; from the beginning of the first round without a position.
    ///
    /// # Errors
    /// [`SourceError`]; nothing was lost, the page can be read again.
    async fn read(&self, object_type: &str, position: Option<&Position>) -> Result<SourcePage, SourceError>;

    /// Reads one object as it is now: the changes that tell it whole, in order, as a first round would; none if it is not there. `None`
    /// from a source that cannot read an object by itself: what was last read of it counts then.
    ///
    /// # Errors
    /// [`SourceError`].
    async fn read_one(&self, object_type: &str, id: &str) -> Result<Option<Vec<SourceChange>>, SourceError> {
        let _ = (object_type, id);
        Ok(None)
    }

    /// Reads a page of who is assigned to the application: the first one without a position, else the one that the page before led to.
    ///
    /// The pages together are everybody who is assigned, in any order; who stands in two of them counts once. Whoever is assigned all
    /// the time while they are read stands in one. Nobody loses an assignment before the last page was read, and where something
    /// changed, all of them are read once more. A source with few assignments gives [all at once](AssignmentPage::whole).
    ///
    /// # Errors
    /// [`SourceError`]; the reading begins again with the first page.
    async fn assignments(&self, after: Option<&Position>) -> Result<AssignmentPage, SourceError>;

    /// Reads the roles that the application defines; none if it has none.
    ///
    /// # Errors
    /// [`SourceError`].
    async fn app_roles(&self) -> Result<Vec<AppRole>, SourceError>;
}

/// A place in the stream of a source's changes; only the source knows what it means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position(String);

impl Position {
    /// A place, as the source writes it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The place, as the source wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Some changes and where to go on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SourcePage {
    /// The changes, in order.
    pub changes: Vec<SourceChange>,
    /// Where to go on: with the next page, or after the last page with the next round.
    pub next: Position,
    /// Whether the round ends here.
    pub is_last: bool,
}

impl SourcePage {
    /// A page.
    pub const fn new(changes: Vec<SourceChange>, next: Position, is_last: bool) -> Self {
        Self { changes, next, is_last }
    }
}

/// What happened to one object of the source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SourceChange {
    /// The object's id.
    pub id: String,
    /// What happened to it.
    pub kind: SourceChangeKind,
}

impl SourceChange {
    /// A change of an object.
    pub fn new(id: impl Into<String>, kind: SourceChangeKind) -> Self {
        Self { id: id.into(), kind }
    }
}

/// What happened to an object.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "an engine must handle every kind")]
pub enum SourceChangeKind {
    /// It is there, with these changes. An object that was deleted before is there again.
    Present {
        /// The attributes that may have changed; null for one that has no value now. An attribute that is absent did not change.
        attributes: ComplexValue,
        /// References that began or ended.
        references: Vec<ReferenceChange>,
    },
    /// It was deleted and can be restored.
    SoftDeleted,
    /// It is gone for good.
    Deleted,
}

/// A reference from the object to another one that began or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReferenceChange {
    /// The name of the reference, such as `manager` or `members`.
    pub attribute: String,
    /// The id of the other object.
    pub id: String,
    /// Whether the reference ended.
    pub is_removed: bool,
}

impl ReferenceChange {
    /// A reference that began or ended.
    pub fn new(attribute: impl Into<String>, id: impl Into<String>, is_removed: bool) -> Self {
        Self { attribute: attribute.into(), id: id.into(), is_removed }
    }
}

/// Some assignments and where to go on.
///
/// ```
/// use scimkit_provisioning::{Assignment, AssignmentPage};
/// let page = AssignmentPage::whole([Assignment::new("7d1c", "User", "0"), Assignment::new("a80f", "Group", "0")]);
/// assert_eq!((page.assignments.len(), page.next), (2, None));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssignmentPage {
    /// The assignments.
    pub assignments: Vec<Assignment>,
    /// The position of the next page; `None` after the last one.
    pub next: Option<Position>,
}

impl AssignmentPage {
    /// A page.
    pub const fn new(assignments: Vec<Assignment>, next: Option<Position>) -> Self {
        Self { assignments, next }
    }

    /// All assignments as one page, for those who have few.
    pub fn whole(assignments: impl IntoIterator<Item = Assignment>) -> Self {
        Self::new(assignments.into_iter().collect(), None)
    }
}

/// A user or group that is assigned to the application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Assignment {
    /// The id of the user or group.
    pub principal_id: String,
    /// The object type of the principal: `User` or `Group`.
    pub principal_type: String,
    /// The id of the role.
    pub app_role_id: String,
}

impl Assignment {
    /// An assignment.
    pub fn new(principal_id: impl Into<String>, principal_type: impl Into<String>, app_role_id: impl Into<String>) -> Self {
        Self { principal_id: principal_id.into(), principal_type: principal_type.into(), app_role_id: app_role_id.into() }
    }
}

/// Whether an id can be the key of a record.
pub(crate) fn is_usable_id(id: &str) -> bool {
    !id.is_empty() && !id.contains('\0')
}

/// Why a source could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct SourceError {
    /// What kind of failure it is.
    pub kind: SourceErrorKind,
    /// Which page, where in it and what was expected there.
    pub message: String,
    /// What caused it.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SourceError {
    /// A failure without cause.
    pub fn new(kind: SourceErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// This failure with its cause.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceErrorKind {
    /// The source does not answer; a later try may succeed.
    Unavailable,
    /// The source refuses the credentials.
    Unauthorized,
    /// The answer is not what a directory sends.
    Invalid,
    /// The position is too old: a new first round is needed.
    PositionExpired,
}
