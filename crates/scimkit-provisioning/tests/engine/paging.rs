//! A source whose pages do not come to an end holds no cycle up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use scimkit_mapping::SeededEntropy;
use scimkit_provisioning::{AppRole, AssignmentPage, CycleError, Engine, Position, Source, SourceError, SourceErrorKind, SourcePage};

use crate::world::{World, block_on, job, person, user_mapping};

/// Gives, for the number of a page, whether it has a change and the number of the page it leads to; `None` for a position that is too old.
type Next = fn(usize) -> Option<(bool, usize)>;

/// Pages that are never the last.
#[derive(Debug)]
struct Endless {
    next: Next,
    reads: AtomicUsize,
}

#[async_trait]
impl Source for Endless {
    fn object_types(&self) -> Vec<String> {
        vec!["User".to_owned()]
    }

    async fn read(&self, _object_type: &str, position: Option<&Position>) -> Result<SourcePage, SourceError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let number = position.map_or(0, |position| position.as_str().parse().unwrap());
        let Some((has_change, next)) = (self.next)(number) else {
            return Err(SourceError::new(SourceErrorKind::PositionExpired, "the position is too old"));
        };
        let changes = if has_change { vec![person("u1", "ada@example.com")] } else { Vec::new() };
        Ok(SourcePage::new(changes, Position::new(next.to_string()), false))
    }

    async fn assignments(&self, _after: Option<&Position>) -> Result<AssignmentPage, SourceError> {
        Ok(AssignmentPage::default())
    }

    async fn app_roles(&self) -> Result<Vec<AppRole>, SourceError> {
        Ok(Vec::new())
    }
}

/// A cycle ends with this error after so many reads, and so does the next one.
#[track_caller]
fn check(next: Next, kind: SourceErrorKind, most_reads: usize, message: &str) {
    let world = World::new();
    let source = Arc::new(Endless { next, reads: AtomicUsize::new(0) });
    let engine = Engine::new(
        job(&[user_mapping()]),
        Arc::clone(&source) as _,
        Arc::clone(&world.target) as _,
        Arc::clone(&world.state),
        Arc::clone(&world.clock) as _,
        Arc::new(SeededEntropy::new(1)),
    );
    for _ in 0..2 {
        source.reads.store(0, Ordering::SeqCst);
        let CycleError::Source(error) = block_on(engine.run_cycle()).unwrap_err() else { panic!("expected an error of the source") };
        assert_eq!((error.kind, error.message.as_str()), (kind, message));
        let reads = source.reads.load(Ordering::SeqCst);
        assert!((1..=most_reads).contains(&reads), "{reads}");
    }
    assert_eq!(world.target.writes(), [""; 0]);
}

#[test]
fn page_that_leads_to_itself_ends_the_cycle() {
    let message = "expected pages of `User` that come to an end, found one that leads to itself";
    check(|number| Some((number < 3, (number + 1).min(3))), SourceErrorKind::Invalid, 4, message);
    check(|number| Some((true, (number + 1).min(3))), SourceErrorKind::Invalid, 4, message);
}

#[test]
fn pages_that_lead_in_a_ring_end_the_cycle() {
    let message = "expected pages of `User` that come to an end, found one that leads back to one before";
    check(|number| Some((true, (number + 1) % 7)), SourceErrorKind::Invalid, 30, message);
}

#[test]
fn empty_pages_without_end_end_the_cycle() {
    let message = "expected pages of `User` that come to an end, found 10000 empty ones in a row";
    check(|number| Some((false, number + 1)), SourceErrorKind::Invalid, 10_001, message);
}

/// Each restart tells everything again, so that it must not be tried without end.
#[test]
fn positions_that_expire_at_once_end_the_cycle() {
    check(|number| (number == 0).then_some((true, 1)), SourceErrorKind::PositionExpired, 8, "the position is too old");
}
