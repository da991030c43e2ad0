use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use scimkit_client::{Client, Transport, TransportError, TransportErrorKind};
use scimkit_types::{Clock, Timer, Timestamp};

/// Answers requests one after the other from a script, and keeps them.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Request<Bytes>>>,
}

#[derive(Debug)]
pub(crate) enum Answer {
    Response(Response<Bytes>),
    Failure(TransportErrorKind),
}

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    Answer::Response(Response::builder().status(status).body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
}

pub(crate) fn answer_with(status: u16, name: &str, value: &str, body: &str) -> Answer {
    Answer::Response(Response::builder().status(status).header(name, value).body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
}

impl Scripted {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), requests: Mutex::default() })
    }

    /// Method and path with query of the requests that came.
    pub(crate) fn seen(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|request| format!("{} {}", request.method(), request.uri().path_and_query().unwrap())).collect()
    }

    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn client(self: &Arc<Self>) -> Client {
        let transport: Arc<dyn Transport> = Arc::<Self>::clone(self);
        Client::new(transport, "https://example.com/scim/v2".parse().unwrap()).unwrap()
    }
}

#[async_trait]
impl Transport for Scripted {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.requests.lock().unwrap().push(request);
        match self.answers.lock().unwrap().pop_front().unwrap() {
            Answer::Response(response) => Ok(response),
            Answer::Failure(kind) => Err(TransportError::new(kind)),
        }
    }
}

/// A world whose time passes only when everybody waits for it.
#[derive(Debug, Default)]
pub(crate) struct World {
    state: Mutex<WorldState>,
}

#[derive(Debug, Default)]
struct WorldState {
    /// Since the beginning of the world.
    now: Duration,
    next_sleeper: u64,
    sleepers: BTreeMap<(Duration, u64), Waker>,
}

/// The beginning of the world.
pub(crate) fn epoch() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.state.lock().unwrap().now
    }

    /// Runs a future to its end, moving time on whenever it waits.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&flag));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            while !flag.0.swap(false, Ordering::SeqCst) {
                let mut state = self.state.lock().unwrap();
                let ((at, _), sleeper) = state.sleepers.pop_first().unwrap_or_else(|| panic!("everybody waits for nothing"));
                state.now = state.now.max(at);
                drop(state);
                sleeper.wake();
            }
        }
    }

    pub(crate) fn pass(self: &Arc<Self>, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let world = Arc::clone(self);
        let at = world.elapsed() + duration;
        let mut key = None;
        Box::pin(poll_fn(move |context| {
            let mut state = world.state.lock().unwrap();
            if state.now >= at {
                return Poll::Ready(());
            }
            // One entry for each sleeper, however often it is polled.
            let key = *key.get_or_insert_with(|| {
                state.next_sleeper += 1;
                (at, state.next_sleeper)
            });
            state.sleepers.insert(key, context.waker().clone());
            Poll::Pending
        }))
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The world as a clock and a timer.
#[derive(Clone, Debug)]
pub(crate) struct Watch(pub(crate) Arc<World>);

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        epoch() + self.0.elapsed()
    }
}

impl Timer for Watch {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.pass(duration)
    }
}

/// Runs a future that waits for no time.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    World::new().run(future)
}
