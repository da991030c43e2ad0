//! Assignments come in pages, of which the engine holds one.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use async_trait::async_trait;
use proptest::prelude::*;
use scimkit_mapping::SeededEntropy;
use scimkit_provisioning::{
    AppRole, Assignment, AssignmentPage, CycleError, CycleReport, Engine, Position, Source, SourceChange, SourceError, SourceErrorKind,
    SourcePage,
};
use scimkit_store::state::{StateStore, Table};
use scimkit_types::Value;
use serde_json::json;

use crate::counted::{CountedState, Counts};
use crate::world::{ListSource, World, block_on, person, present};

/// Pages as they were put down. Their positions are their numbers; the one after the last page leads nowhere unless told otherwise.
#[derive(Debug, Default)]
struct Pages {
    list: Arc<ListSource>,
    pages: Mutex<Vec<Vec<Assignment>>>,
    /// The page that the last one leads to.
    back_to: Mutex<Option<usize>>,
    /// How many pages were asked for.
    asked: AtomicUsize,
    /// The number of the request that is never answered, since the process dies; 0 for none.
    dies_at: AtomicUsize,
    /// The number of the request that fails; 0 for none.
    fails_at: AtomicUsize,
    has_died: AtomicBool,
}

#[async_trait]
impl Source for Pages {
    fn object_types(&self) -> Vec<String> {
        self.list.object_types()
    }

    async fn read(&self, object_type: &str, position: Option<&Position>) -> Result<SourcePage, SourceError> {
        self.list.read(object_type, position).await
    }

    async fn assignments(&self, after: Option<&Position>) -> Result<AssignmentPage, SourceError> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if asked == self.dies_at.load(Ordering::SeqCst) {
            self.has_died.store(true, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        if asked == self.fails_at.load(Ordering::SeqCst) {
            return Err(SourceError::new(SourceErrorKind::Unavailable, "not reached"));
        }
        let number: usize = after.map_or(0, |position| position.as_str().parse().unwrap());
        let pages = self.pages.lock().unwrap();
        let next = if number + 1 < pages.len() { Some(number + 1) } else { *self.back_to.lock().unwrap() };
        Ok(AssignmentPage::new(pages.get(number).cloned().unwrap_or_default(), next.map(|next| Position::new(next.to_string()))))
    }

    async fn app_roles(&self) -> Result<Vec<AppRole>, SourceError> {
        Ok(Vec::new())
    }
}

/// People who are assigned, each with the one role.
fn users(ids: impl IntoIterator<Item = usize>) -> Vec<Assignment> {
    ids.into_iter().map(|number| Assignment::new(format!("u{number}"), "User", "role")).collect()
}

/// A world whose assignments come in pages.
struct Paged {
    world: World,
    source: Arc<Pages>,
    state: Arc<CountedState>,
}

impl Paged {
    /// A directory of so many people.
    fn new(people: usize) -> Self {
        let mut world = World::new();
        let state = Arc::new(CountedState::default());
        world.state = Arc::clone(&state) as _;
        world.source.tell("User", (1..=people).map(|number| person(&format!("u{number}"), &mail(number))).collect::<Vec<SourceChange>>());
        let source = Arc::new(Pages { list: Arc::clone(&world.source), ..Pages::default() });
        Self { world, source, state }
    }

    fn set(&self, pages: impl IntoIterator<Item = Vec<Assignment>>) {
        *self.source.pages.lock().unwrap() = pages.into_iter().collect();
        self.source.asked.store(0, Ordering::SeqCst);
        self.source.dies_at.store(0, Ordering::SeqCst);
        self.source.fails_at.store(0, Ordering::SeqCst);
        self.state.take();
    }

    fn engine(&self) -> Engine {
        let World { target, clock, job, .. } = &self.world;
        let (source, target, state, clock) = (Arc::clone(&self.source), Arc::clone(target), Arc::clone(&self.state), Arc::clone(clock));
        Engine::new(job.clone(), source, target, state, clock, Arc::new(SeededEntropy::new(1)))
    }

    fn try_cycle(&self) -> Result<CycleReport, CycleError> {
        block_on(self.engine().run_cycle())
    }

    #[track_caller]
    fn cycle(&self) -> CycleReport {
        self.try_cycle().unwrap()
    }

    /// Runs a cycle whose process dies at a request for a page; whether it got that far.
    fn dies_at(&self, request: usize) -> bool {
        self.source.asked.store(0, Ordering::SeqCst);
        self.source.dies_at.store(request, Ordering::SeqCst);
        let engine = self.engine();
        let mut cycle = Box::pin(engine.run_cycle());
        let has_died = block_on(poll_fn(|context| match cycle.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(ended.map(|_| false).unwrap()),
            Poll::Pending if self.source.has_died.swap(false, Ordering::SeqCst) => Poll::Ready(true),
            Poll::Pending => Poll::Pending,
        }));
        self.source.dies_at.store(0, Ordering::SeqCst);
        has_died
    }

    /// The numbers of the people who are active in the service.
    fn active(&self) -> Vec<usize> {
        let is_active =
            |user: Option<scimkit_types::Resource>| user.is_some_and(|user| user.get("active").and_then(Value::as_bool) == Some(true));
        (1..=9).filter(|number| is_active(self.world.target.user(&mail(*number)))).collect()
    }

    fn asked(&self) -> usize {
        self.source.asked.load(Ordering::SeqCst)
    }
}

fn mail(number: usize) -> String {
    format!("p{number}@example.com")
}

/// Who gains and who loses an assignment is found out, on whatever page it stands.
#[test]
fn pages_together_are_who_is_assigned() {
    let paged = Paged::new(6);
    paged.set([users([1, 2]), users([]), users([3])]);
    assert_eq!((paged.cycle().created, paged.active(), paged.asked()), (3, vec![1, 2, 3], 3));
    paged.set([users([4]), users([2, 3])]);
    let report = paged.cycle();
    assert_eq!((report.created, report.disabled, paged.active()), (1, 1, vec![2, 3, 4]));
    paged.set([]);
    assert_eq!((paged.cycle().disabled, paged.active()), (3, vec![]));
}

/// Until something changes nothing is written, and the state is not asked who is entitled.
#[test]
fn list_without_changes_is_read_once_and_writes_nothing() {
    let paged = Paged::new(5);
    let same = [
        [users([1, 2]), users([3]), users([4, 5])],
        [users([4, 5]), users([3]), users([1, 2])],
        [users([]), users([5, 3, 1, 4]), users([2])],
    ];
    paged.set(same[0].clone());
    assert_eq!(paged.cycle().created, 5);
    for pages in same {
        paged.set(pages);
        let report = paged.cycle();
        assert_eq!((report.written(), paged.asked()), (0, 3));
        let counts = paged.state.take();
        for table in [Table::Assignment, Table::Entitlement] {
            assert_eq!((counts.written(table), counts.read(table)), (0, 0));
        }
    }
}

#[test]
fn assignment_on_two_pages_counts_once() {
    let paged = Paged::new(3);
    paged.set([users([1, 2]), users([2, 3, 3])]);
    assert_eq!(paged.cycle().created, 3);
    // While one of the two is there, the person stays, and is not even looked at.
    paged.set([users([1]), users([2, 3])]);
    let report = paged.cycle();
    assert_eq!((report.written(), report.skipped.len(), paged.active()), (0, 0, vec![1, 2, 3]));
}

#[test]
fn roles_of_a_person_on_several_pages_are_all_theirs() {
    let paged = Paged::new(1);
    let role = |role: &str| vec![Assignment::new("u1", "User", role)];
    let roles = || block_on(paged.state.get(&paged.world.job.id, Table::Assignment, "User/u1")).unwrap().unwrap();
    paged.set([role("b"), users([7]), role("a"), role("b")]);
    paged.cycle();
    assert_eq!(roles(), r#"["a","b"]"#);
    paged.set([role("c"), role("b")]);
    paged.cycle();
    assert_eq!(roles(), r#"["b","c"]"#);
}

/// A process that dies before, between and after pages takes nobody's assignment away and loses none.
#[test]
fn killed_at_any_page_of_a_reading_ends_the_same() {
    let before = [users([1, 2]), users([3]), users([4])];
    let after = [users([5]), users([4, 1]), users([6])];
    let mut deaths = 0;
    for request in 1.. {
        let paged = Paged::new(6);
        paged.set(before.clone());
        let dies_first = paged.dies_at(request);
        assert_eq!(paged.active(), if dies_first { vec![] } else { vec![1, 2, 3, 4] }, "{request}");
        assert_eq!(paged.cycle().failures(), 0);
        assert_eq!(paged.active(), [1, 2, 3, 4], "{request}");

        paged.set(after.clone());
        let dies_later = paged.dies_at(request);
        assert_eq!(paged.active(), if dies_later { vec![1, 2, 3, 4] } else { vec![1, 4, 5, 6] }, "{request}");
        // A list that is again what it was takes nobody out and lets nobody in.
        if dies_later {
            paged.set(before.clone());
            assert_eq!((paged.cycle().written(), paged.active()), (0, vec![1, 2, 3, 4]), "{request}");
            paged.set(after.clone());
        }
        assert_eq!(paged.cycle().failures(), 0);
        assert_eq!(paged.active(), [1, 4, 5, 6], "{request}");
        assert_eq!(paged.cycle().written(), 0);
        deaths += usize::from(dies_first) + usize::from(dies_later);
        if !dies_first && !dies_later {
            break;
        }
    }
    // Three pages are read at first; later they are read to be compared, and again to be kept.
    assert_eq!(deaths, 3 + 6);
}

/// Wherever the state could not be written any more, who is assigned in the end has an account and nobody else: also if the list is what
/// it was before by then, so that a part of the other one must not be taken for known.
#[test]
fn stopped_at_any_write_of_a_change_ends_as_the_last_list_says() {
    let (before, after) = ([users([1, 2]), users([3])], [users([3]), users([4, 1])]);
    let mut stops = 0;
    for batches in 0.. {
        let mut is_done = false;
        for (last, expected) in [(&before, [1, 2, 3]), (&after, [1, 3, 4])] {
            let paged = Paged::new(4);
            paged.set(before.clone());
            assert_eq!(paged.cycle().created, 3);
            paged.set(after.clone());
            paged.state.fail_after(Some(batches));
            is_done = paged.try_cycle().is_ok();
            paged.state.fail_after(None);
            paged.set(last.clone());
            assert_eq!(paged.cycle().failures(), 0, "{batches}");
            assert_eq!(paged.active(), expected, "{batches}");
            assert_eq!(paged.cycle().written(), 0, "{batches}");
            stops += usize::from(!is_done);
        }
        if is_done {
            break;
        }
    }
    assert!(stops > 20, "{stops}");
}

#[test]
fn page_that_fails_takes_nobodys_assignment() {
    let paged = Paged::new(4);
    paged.set([users([1, 2]), users([3])]);
    paged.cycle();
    for request in 1..=4 {
        paged.set([users([4]), users([1])]);
        paged.source.fails_at.store(request, Ordering::SeqCst);
        assert!(matches!(paged.try_cycle().unwrap_err(), CycleError::Source(_)));
        assert_eq!(paged.active(), [1, 2, 3], "{request}");
        paged.set([users([1, 2]), users([3])]);
        assert_eq!(paged.cycle().written(), 0, "{request}");
    }
}

#[test]
fn pages_that_never_end_are_refused() {
    let check = |pages: Vec<Vec<Assignment>>, back_to: usize, expected: &str| {
        let paged = Paged::new(3);
        paged.set([users([1, 2])]);
        paged.cycle();
        paged.set(pages);
        *paged.source.back_to.lock().unwrap() = Some(back_to);
        for _ in 0..2 {
            let error = paged.try_cycle().unwrap_err();
            let CycleError::Source(error) = error else { panic!("expected an error of the source, found {error:?}") };
            assert_eq!(error.kind, SourceErrorKind::Invalid);
            assert!(error.message.ends_with(expected), "{}", error.message);
            assert_eq!(paged.active(), [1, 2], "nobody loses an assignment");
        }
    };
    check(vec![users([3]), users([1])], 1, "pages of `assignments` that come to an end, found one that leads to itself");
    check(vec![users([3]), users([1]), users([2])], 1, "found one that leads back to one before");
    check(vec![Vec::new(); 20_000], 20_000, "found 10000 empty ones in a row");
}

#[test]
fn id_that_cannot_be_kept_is_refused() {
    for id in ["", "u\0"] {
        let paged = Paged::new(1);
        paged.set([users([1]), vec![Assignment::new(id, "User", "role")]]);
        let CycleError::Source(error) = paged.try_cycle().unwrap_err() else { panic!("expected an error of the source") };
        assert_eq!(error.kind, SourceErrorKind::Invalid);
    }
}

/// However many are assigned, by themselves or by a group, no batch and no read holds more than a chunk of them.
#[test]
fn memory_does_not_grow_with_the_number_of_assignments() {
    let held = [1_000, 8_000].map(|assigned| {
        let paged = Paged::new(0);
        paged.world.source.tell("Group", vec![present("g1", json!({"displayName": "All", "securityEnabled": true, "members+": ["u1"]}))]);
        let pages = |from: usize| {
            let numbers: Vec<usize> = (from..from + assigned).collect();
            let mut pages: Vec<Vec<Assignment>> = numbers.chunks(100).map(|page| users(page.iter().copied())).collect();
            pages.push(vec![Assignment::new("g1", "Group", "role")]);
            pages
        };
        paged.set(pages(0));
        paged.cycle();
        let first = paged.state.take();
        paged.set(pages(assigned / 2));
        paged.cycle();
        let later = paged.state.take();
        let held = |counts: Counts| {
            assert!(counts.written(Table::Entitlement) > assigned && counts.written(Table::Assignment) > assigned / 2, "{counts:?}");
            (counts.largest_batch, counts.largest_read)
        };
        [held(first), held(later)]
    });
    assert_eq!(held[0], held[1]);
    // A chunk of 256, each with its mark.
    assert!(held[1].iter().all(|(batch, read)| *batch <= 2 * 256 + 1 && *read <= 256), "{held:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the same assignments are cut into pages, ordered and told twice, the same people are in the service.
    #[test]
    fn pages_mean_the_same_however_they_are_cut(
        lists in prop::collection::vec(prop::collection::vec(prop::collection::vec(1_usize..7, 0..4), 0..5), 1..4),
    ) {
        let paged = Paged::new(6);
        for list in lists {
            let mut expected: Vec<usize> = list.iter().flatten().copied().collect();
            expected.sort_unstable();
            expected.dedup();
            let is_same = paged.active() == expected;
            paged.set(list.into_iter().map(users));
            let report = paged.cycle();
            prop_assert!(!is_same || report.written() == 0);
            prop_assert_eq!(paged.active(), expected);
        }
    }
}
