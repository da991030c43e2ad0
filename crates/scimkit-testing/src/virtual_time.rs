//! Time that passes when nothing else can happen.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use scimkit_types::{Clock, Timer, Timestamp};

/// A clock, a timer and an executor in one: when a future can do nothing but wait, the clock jumps to the earliest instant that is
/// waited for.
///
/// [`run`](Self::run) polls one future and nothing else, on the thread that calls it; the same future with the same seeds takes the same
/// steps every time. A future that waits for something else than this timer, such as a socket, is a deadlock. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use scimkit_testing::VirtualTime;
/// use scimkit_types::Timer;
///
/// let time = VirtualTime::default();
/// let began_at = time.now();
/// time.run(time.sleep(Duration::from_secs(3600)))?;
/// assert_eq!(time.now(), began_at + Duration::from_secs(3600));
///
/// assert!(time.run(std::future::pending::<()>()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct VirtualTime {
    state: Arc<Mutex<State>>,
    max_steps: u64,
}

struct State {
    now: Timestamp,
    /// Who waits, by the instant waited for and the order in which the waits began.
    sleepers: BTreeMap<(Timestamp, u64), Waker>,
    next: u64,
}

/// A future that cannot come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stalled {
    /// It waits, and not for time.
    #[error("nothing can wake the future: it waits for something else than time at {at}")]
    Deadlock {
        /// The instant.
        at: Timestamp,
    },
    /// It took more steps than it may; perhaps it waits for no time at all, over and over.
    #[error("the future took {steps} steps and has not ended at {at}")]
    TooManySteps {
        /// The steps.
        steps: u64,
        /// The instant.
        at: Timestamp,
    },
}

/// How many steps a future may take unless it is said otherwise.
const MAX_STEPS: u64 = 100_000_000;

impl Default for VirtualTime {
    /// Begins on 2026-01-01 at midnight UTC.
    fn default() -> Self {
        Self::new(Timestamp::constant(1_767_225_600, 0))
    }
}

impl VirtualTime {
    /// Time that begins at an instant.
    pub fn new(now: Timestamp) -> Self {
        Self { state: Arc::new(Mutex::new(State { now, sleepers: BTreeMap::new(), next: 0 })), max_steps: MAX_STEPS }
    }

    /// This time with another number of steps that a run may take, a step being a poll or a jump of the clock. Default 100,000,000.
    #[must_use]
    pub fn with_max_steps(self, max_steps: u64) -> Self {
        Self { max_steps, ..self }
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.state().now
    }

    /// Moves the clock forward, as for the night between two cycles. Whoever waits for an instant before is woken.
    pub fn advance(&self, duration: Duration) {
        let to = self.now().saturating_add(duration).unwrap_or(Timestamp::MAX);
        self.jump(to);
    }

    /// This time as a clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clone())
    }

    /// This time as a timer.
    pub fn timer(&self) -> Arc<dyn Timer> {
        Arc::new(self.clone())
    }

    /// Polls a future to its end, and jumps over the time in which it only waits.
    ///
    /// # Errors
    /// [`Stalled`] if the future waits for something that cannot happen, or does not end.
    pub fn run<F: Future>(&self, future: F) -> Result<F::Output, Stalled> {
        let signal = Arc::new(Signal(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&signal));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        for _ in 0..self.max_steps {
            if signal.0.swap(false, Ordering::AcqRel) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                    return Ok(output);
                }
                continue;
            }
            let earliest = self.state().sleepers.keys().next().map(|(at, _)| *at);
            let Some(earliest) = earliest else { return Err(Stalled::Deadlock { at: self.now() }) };
            self.jump(earliest);
        }
        Err(Stalled::TooManySteps { steps: self.max_steps, at: self.now() })
    }

    /// Sets the clock, never back, and wakes whoever waits for an instant that has come.
    fn jump(&self, to: Timestamp) {
        let due = {
            let mut state = self.state();
            state.now = state.now.max(to);
            let later = (state.now, u64::MAX);
            let mut waiting = state.sleepers.split_off(&later);
            std::mem::swap(&mut state.sleepers, &mut waiting);
            waiting
        };
        // Outside of the lock: a waker may do anything.
        for waker in due.into_values() {
            waker.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("VirtualTime").field("now", &state.now).field("sleepers", &state.sleepers.len()).finish_non_exhaustive()
    }
}

impl Clock for VirtualTime {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }
}

impl Timer for VirtualTime {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let mut state = self.state();
        let at = state.now.saturating_add(duration).unwrap_or(Timestamp::MAX);
        let number = state.next;
        state.next += 1;
        Box::pin(Sleep { state: Arc::clone(&self.state), key: (at, number) })
    }
}

/// Lets everything else have a turn: a place at which a future can be dropped, as when a process is killed.
pub async fn give_way() {
    let mut is_done = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_done, true) {
            return Poll::Ready(());
        }
        Waker::wake_by_ref(context.waker());
        Poll::Pending
    })
    .await;
}

/// Tells that the future wants to be polled.
struct Signal(AtomicBool);

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// A wait for an instant, given up when it is dropped.
struct Sleep {
    state: Arc<Mutex<State>>,
    key: (Timestamp, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.state);
        if state.now >= self.key.0 {
            state.sleepers.remove(&self.key);
            return Poll::Ready(());
        }
        state.sleepers.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        lock(&self.state).sleepers.remove(&self.key);
    }
}
