//! What happens in a directory.

use crate::Draw;

/// Something that happens in a directory. People and groups are numbers; what cannot happen, such as a change of somebody who is not there,
/// does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// Somebody new comes.
    Join(usize),
    /// A new title, by number.
    Title(usize, u32),
    /// Another name, which nobody has.
    Rename(usize),
    /// Two people exchange their names.
    Swap(usize, usize),
    /// Somebody becomes an employee with a number, or is one no longer, which a scoping filter may look at.
    Employ(usize, bool),
    /// An account is enabled or disabled.
    Enable(usize, bool),
    /// Somebody is deleted and may come back.
    SoftDelete(usize),
    /// Somebody who was deleted comes back.
    Restore(usize),
    /// Somebody is deleted for good; the flag says whether the directory tells who referred to them.
    Delete(usize, bool),
    /// Somebody gets another manager, or none.
    Manager(usize, Option<usize>),
    /// Of a group and a person: they become a member, or are one no longer.
    Member(usize, usize, bool),
    /// A group gets another name, which no other has.
    RenameGroup(usize),
    /// A group is deleted, softly or for good.
    DeleteGroup(usize, bool),
    /// A group that was deleted comes back.
    RestoreGroup(usize),
    /// A person is assigned, or not any more.
    AssignPerson(usize, bool),
    /// A group is assigned, or not any more.
    AssignGroup(usize, bool),
    /// So many people leave at once, from one on.
    Exodus(usize, usize),
    /// The directory forgets what happened, so that positions before now are too old.
    Expire,
    /// The directory tells once more what it told.
    Replay,
}

impl Change {
    /// A change of a directory of so many people and groups. Changes that make others interesting are drawn more often.
    pub fn draw(draw: &Draw, people: usize, groups: usize) -> Self {
        let (somebody, other) = (draw.below(people), draw.below(people));
        let group = draw.below(groups);
        match draw.below(if groups == 0 { 17 } else { 23 }) {
            0 => Self::Join(people + draw.below(5)),
            1 | 2 => Self::Title(somebody, draw.small(9)),
            3 => Self::Rename(somebody),
            4 | 5 => Self::Swap(somebody, other),
            6 => Self::Employ(somebody, draw.is()),
            7 => Self::Employ(somebody, true),
            8 => Self::Enable(somebody, draw.is()),
            9 => Self::SoftDelete(somebody),
            10 => Self::Restore(somebody),
            11 => Self::Delete(somebody, draw.is()),
            12 => Self::Manager(somebody, draw.is().then_some(other)),
            13 | 14 => Self::AssignPerson(somebody, draw.is()),
            15 => match draw.below(5) {
                0 | 4 => Self::Exodus(somebody, 3 + draw.below(6)),
                1 => Self::Expire,
                _ => Self::Replay,
            },
            16 => Self::Enable(somebody, true),
            17..=19 => Self::Member(group, somebody, draw.is()),
            20 => Self::RenameGroup(group),
            21 => match draw.below(3) {
                0 => Self::DeleteGroup(group, draw.is()),
                _ => Self::RestoreGroup(group),
            },
            _ => Self::AssignGroup(group, draw.is()),
        }
    }
}
