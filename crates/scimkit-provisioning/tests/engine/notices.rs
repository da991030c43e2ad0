//! What people are told of a job, once, and across a kill.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::FutureExt;
use scimkit_provisioning::{
    CycleError, Notice, NoticeKind, Notification, Notifier, QuarantineReason, ResetScope, TargetErrorKind, TracingLog,
};
use serde_json::json;

use crate::world::{World, block_on, deleted, person};

/// What was told: the kind and the reason.
fn told(world: &World) -> Vec<(NoticeKind, QuarantineReason)> {
    world.log.notices().iter().map(|notice| (notice.kind, notice.quarantine.reason)).collect()
}

/// The service refuses the token until it is told not to.
fn refuse(world: &World, kind: Option<TargetErrorKind>) {
    let mut unaskable = world.target.unaskable.lock().unwrap();
    unaskable.clear();
    unaskable.extend(kind.map(|kind| ("userName".to_owned(), kind)));
}

/// A person who is gone, where nobody may be removed.
fn with_removal() -> World {
    let mut world = World::with_linked_person();
    world.job.deletion_threshold = Some(0);
    world.job.notification = Notification::new(vec!["mailto:it@example.com".to_owned()]);
    world.source.tell("User", vec![deleted("u1")]);
    world
}

#[test]
fn a_quarantine_is_told_once_and_so_are_another_reason_and_the_release() {
    let world = World::with_linked_person();
    refuse(&world, Some(TargetErrorKind::Unauthorized));
    for _ in 0..3 {
        world.try_cycle().unwrap_err();
    }
    assert_eq!(told(&world), [(NoticeKind::Quarantined, QuarantineReason::Exception)]);
    block_on(world.engine().quarantine()).unwrap();
    block_on(world.engine().quarantine()).unwrap();
    assert_eq!(told(&world).last(), Some(&(NoticeKind::Quarantined, QuarantineReason::OnDemand)), "another reason is told");
    refuse(&world, None);
    world.cycle();
    world.cycle();
    assert_eq!(told(&world).len(), 3);
    assert_eq!(told(&world).last(), Some(&(NoticeKind::Released, QuarantineReason::OnDemand)));
}

#[test]
fn removals_that_are_held_are_told_once_and_so_is_their_release() {
    let world = with_removal();
    for _ in 0..3 {
        assert!(matches!(world.try_cycle(), Err(CycleError::TooManyDeletes { .. })));
    }
    assert_eq!(told(&world), [(NoticeKind::RemovalsHeld, QuarantineReason::TooManyDeletes)]);
    let notice = world.log.notices().remove(0);
    assert_eq!((notice.job.as_str(), notice.to.as_slice()), ("job", ["mailto:it@example.com".to_owned()].as_slice()));
    assert!(notice.quarantine.error.as_ref().unwrap().message.starts_with("1 object would be disabled or deleted"), "{notice:?}");
    assert_eq!(notice.subject(), "provisioning job `job` holds removals back until they are released");
    let text = serde_json::to_value(&notice).unwrap();
    assert_eq!(text.get("kind"), Some(&json!("removalsHeld")));
    assert_eq!(serde_json::from_value::<Notice>(text).unwrap(), notice);

    block_on(world.engine().restart(ResetScope::FORCE_DELETES)).unwrap();
    assert_eq!(world.cycle().deleted, 1);
    world.cycle();
    assert_eq!(told(&world).len(), 2);
    assert_eq!(told(&world).last(), Some(&(NoticeKind::Released, QuarantineReason::TooManyDeletes)));
}

#[test]
fn a_quarantine_that_is_reset_is_told_as_released() {
    let world = World::with_linked_person();
    block_on(world.engine().quarantine()).unwrap();
    block_on(world.engine().restart(ResetScope::QUARANTINE_STATE)).unwrap();
    let kinds: Vec<NoticeKind> = told(&world).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [NoticeKind::Quarantined, NoticeKind::Released]);
}

/// How telling somebody does not work.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// It never ends, so that the process is killed in it.
    Hangs,
    /// It fails.
    Fails,
}

/// Cannot tell anybody.
#[derive(Debug)]
struct Mute(Trouble, Arc<Mutex<Vec<Notice>>>);

#[async_trait]
impl Notifier for Mute {
    async fn notify(&self, notice: &Notice) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.1.lock().unwrap().push(notice.clone());
        match self.0 {
            Trouble::Hangs => std::future::pending().await,
            Trouble::Fails => Err("the mail server does not answer".into()),
        }
    }
}

/// Does something with an engine that cannot tell anybody, and gives what it tried to tell. Where the telling hangs, the process is
/// killed in it.
fn without_words(world: &World, trouble: Trouble, act: impl AsyncFnOnce(scimkit_provisioning::Engine)) -> Vec<Notice> {
    let tried = Arc::new(Mutex::new(Vec::new()));
    let engine = world.engine().with_notifier(Arc::new(Mute(trouble, Arc::clone(&tried))));
    let ended = act(engine).now_or_never();
    assert_eq!(ended.is_none(), matches!(trouble, Trouble::Hangs), "nothing else waits for anything");
    let tried = tried.lock().unwrap().clone();
    assert!(world.log.notices().iter().all(|known| !tried.contains(known)));
    tried
}

/// What was tried is told once, under the same id, by whoever runs the job next; and then no more.
fn check_told_later(world: &World, tried: &[Notice], kind: NoticeKind) {
    assert_eq!(tried.iter().map(|notice| notice.kind).collect::<Vec<_>>(), [kind]);
    let before = world.log.notices().len();
    assert_eq!(block_on(world.engine().run_due()).unwrap(), None, "the job is not due");
    block_on(world.engine().run_due()).unwrap();
    assert_eq!(world.log.notices().get(before..), Some(tried), "told once");
}

#[test]
fn what_could_not_be_told_before_a_kill_is_told_once_after_it() {
    for trouble in [Trouble::Hangs, Trouble::Fails] {
        let world = World::with_linked_person();
        refuse(&world, Some(TargetErrorKind::Unauthorized));
        let tried = without_words(&world, trouble, async |engine| drop(engine.run_cycle().await));
        check_told_later(&world, &tried, NoticeKind::Quarantined);

        let world = with_removal();
        let tried = without_words(&world, trouble, async |engine| drop(engine.run_cycle().await));
        check_told_later(&world, &tried, NoticeKind::RemovalsHeld);

        // The release itself is done before anybody is told of it, and stays after a pause as well.
        let tried = without_words(&world, trouble, async |engine| drop(engine.restart(ResetScope::FORCE_DELETES).await));
        block_on(world.engine().pause()).unwrap();
        check_told_later(&world, &tried, NoticeKind::Released);
        block_on(world.engine().start()).unwrap();
        assert_eq!(world.cycle().deleted, 1, "{trouble:?}");
    }
}

/// A cycle that a notifier cannot tell of goes well all the same.
#[test]
fn a_cycle_does_not_fail_because_nobody_can_be_told() {
    let world = World::with_linked_person();
    block_on(world.engine().quarantine()).unwrap();
    world.source.tell("User", vec![person("u1", "new@example.com")]);
    let engine = world.engine().with_notifier(Arc::new(Mute(Trouble::Fails, Arc::default())));
    assert_eq!(block_on(engine.run_cycle()).unwrap().updated, 1);
    world.cycle();
    assert_eq!(told(&world).len(), 2, "the release was told by the next cycle");
}

#[test]
fn tracing_is_told_as_well() {
    let world = with_removal();
    let engine = world.engine().with_notifier(Arc::new(TracingLog::default()));
    assert!(block_on(engine.run_cycle()).is_err());
    block_on(world.engine().run_due()).unwrap();
    assert!(told(&world).is_empty(), "it was told already");
}
