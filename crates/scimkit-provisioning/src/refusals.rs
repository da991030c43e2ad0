//! A service that refuses everything of a kind: it is not asked for each object again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::records::Action;

/// How many actions of a kind are refused, with none done, before the others of that kind are held back.
pub(crate) const HELD_AFTER: u32 = 10;

/// A kind of action, as rights are given to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Create,
    Update,
    Delete,
}

impl Kind {
    pub(crate) const fn of(action: &Action) -> Self {
        match action {
            Action::Create { .. } => Self::Create,
            Action::Update { .. } | Action::References { .. } => Self::Update,
            Action::Delete { .. } => Self::Delete,
        }
    }
}

/// The refusals (403) of a cycle by kind, until the first action of the kind is done.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<BTreeMap<Kind, Streak>>);

#[derive(Clone, Debug, Default)]
struct Streak {
    refused: u32,
    has_done: bool,
    message: String,
}

impl Refusals {
    /// Notes an action that was done.
    pub(crate) fn done(&self, kind: Kind) {
        self.streaks(|streaks| streaks.entry(kind).or_default().has_done = true);
    }

    /// Notes an action that was refused, with the service's words.
    pub(crate) fn refused(&self, kind: Kind, message: &str) {
        self.streaks(|streaks| {
            let streak = streaks.entry(kind).or_default();
            streak.refused = streak.refused.saturating_add(1);
            message.clone_into(&mut streak.message);
        });
    }

    /// Whether actions of this kind are held back.
    pub(crate) fn holds(&self, kind: Kind) -> bool {
        self.streaks(|streaks| streaks.get(&kind).is_some_and(Streak::holds))
    }

    /// If kinds are held back and no action of any kind was done: how many were refused, and what the service said last.
    pub(crate) fn systemic(&self) -> Option<(u32, String)> {
        self.streaks(|streaks| {
            let held = streaks.values().find(|streak| streak.holds())?;
            let refused = streaks.values().map(|streak| streak.refused).sum();
            (!streaks.values().any(|streak| streak.has_done)).then(|| (refused, held.message.clone()))
        })
    }

    fn streaks<T>(&self, use_: impl FnOnce(&mut BTreeMap<Kind, Streak>) -> T) -> T {
        use_(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Streak {
    const fn holds(&self) -> bool {
        !self.has_done && self.refused >= HELD_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_held_until_one_of_it_was_done() {
        let refusals = Refusals::default();
        for _ in 0..HELD_AFTER {
            assert!(!refusals.holds(Kind::Create));
            refusals.refused(Kind::Create, "no");
        }
        assert!(refusals.holds(Kind::Create) && !refusals.holds(Kind::Update));
        assert_eq!(refusals.systemic(), Some((HELD_AFTER, "no".to_owned())));
        refusals.done(Kind::Update);
        assert!(refusals.holds(Kind::Create), "other rights say nothing about this one");
        assert_eq!(refusals.systemic(), None);
        refusals.done(Kind::Create);
        assert!(!refusals.holds(Kind::Create));
    }
}
