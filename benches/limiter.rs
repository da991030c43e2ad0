//! Limiters beside governor, in one run: one decision, direct and keyed, by one thread and by two; and the memory of a key.
//!
//! Both sides step and read the same kind of clock. They take turns in short rounds, and of each the fastest round counts: what else the
//! machine does at the time slows rounds of both and not the fastest ones. `--test` runs a few rounds.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use governor::clock::{Clock, FakeRelativeClock};
use governor::{Quota as TheirQuota, RateLimiter};
use jiff::Timestamp;
use scimkit::rate_limit::{AtomicGcra, Gcra, Keyed, Limit, Quota, SlidingWindow};

/// Counts what is allocated at present.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

const KEYS: u64 = 10_000;

/// How many of the requests a quota admits.
#[derive(Clone, Copy)]
enum Load {
    All,
    Half,
    None,
}

const LOADS: [(Load, &str); 3] = [(Load::All, "all admitted"), (Load::Half, "half admitted"), (Load::None, "none admitted")];

impl Load {
    /// Between two requests; a unit becomes free every 10 ms.
    const fn step(self) -> Duration {
        match self {
            Self::All => Duration::from_millis(10),
            Self::Half => Duration::from_millis(5),
            Self::None => Duration::ZERO,
        }
    }
}

const PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(10).unwrap();

fn gcra() -> Gcra {
    Gcra::new(window().quota(), BURST)
}

fn window() -> SlidingWindow {
    SlidingWindow::new(Quota::new(PER_SECOND.get(), Duration::from_secs(1)).expect("a quota"))
}

fn their_quota() -> TheirQuota {
    TheirQuota::per_second(PER_SECOND).allow_burst(BURST)
}

/// The same kind of clock, kept besides as the instant that scimkit asks for.
struct Stepping {
    clock: FakeRelativeClock,
    step: Duration,
    second: i64,
    nanos: i32,
}

impl Stepping {
    fn new(step: Duration) -> Self {
        Self { clock: FakeRelativeClock::default(), step, second: 0, nanos: 0 }
    }

    fn step(&mut self) -> Timestamp {
        self.clock.advance(self.step);
        self.nanos += self.step.subsec_nanos() as i32;
        if self.nanos >= 1_000_000_000 {
            self.nanos -= 1_000_000_000;
            self.second += 1;
        }
        Timestamp::new(self.second, self.nanos).expect("an instant")
    }
}

fn now(clock: &FakeRelativeClock) -> Timestamp {
    let nanos = clock.now().as_u64() as i64;
    Timestamp::new(nanos / 1_000_000_000, (nanos % 1_000_000_000) as i32).expect("an instant")
}

/// The next of a sequence that looks random.
fn next_key(key: &mut u64) -> u64 {
    *key = key.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*key >> 33) % KEYS
}

/// Decisions in a round.
const ROUND: u32 = 5_000;

/// One who takes part in a race: a name, and what a round of so many decisions takes.
type Runner<'a> = (&'a str, Box<dyn FnMut(u32) -> Duration + 'a>);

/// Lets all run in turns, and prints the time of a decision in each one's fastest round, and how many times that the first one's is.
fn race(what: &str, rounds: u32, mut runners: Vec<Runner<'_>>) {
    let mut fastest = vec![Duration::MAX; runners.len()];
    for _ in 0..rounds {
        for ((_, run), fastest) in runners.iter_mut().zip(&mut fastest) {
            *fastest = run(ROUND).min(*fastest);
        }
    }
    let nanos = |time: &Duration| time.as_nanos() as f64 / f64::from(ROUND);
    for ((name, _), time) in runners.iter().zip(&fastest) {
        println!("{what:<34} {name:<24} {:>7.1} ns   {:>5.2} x", nanos(time), nanos(time) / nanos(&fastest[0]));
    }
}

fn alone<'a>(name: &'a str, mut decide: impl FnMut() + 'a) -> Runner<'a> {
    let run = move |count| {
        let began = Instant::now();
        for _ in 0..count {
            decide();
        }
        began.elapsed()
    };
    (name, Box::new(run))
}

/// Two threads that ask as fast as they can; each has a number.
fn together<'a>(name: &'a str, decide: impl Fn(u64, &mut u64) + Sync + 'a) -> Runner<'a> {
    let run = move |count| {
        let barrier = Barrier::new(2);
        let run = |thread: u64| {
            let mut key = thread;
            barrier.wait();
            let began = Instant::now();
            for _ in 0..count {
                decide(thread, &mut key);
            }
            began.elapsed()
        };
        std::thread::scope(|scope| {
            let other = scope.spawn(|| run(1));
            run(2).max(other.join().expect("a thread"))
        })
    };
    (name, Box::new(run))
}

fn direct(rounds: u32) {
    for (load, case) in LOADS {
        let (mut a, mut b, mut c) = (Stepping::new(load.step()), Stepping::new(load.step()), Stepping::new(load.step()));
        let (d, e, step) = (&FakeRelativeClock::default(), &FakeRelativeClock::default(), load.step());
        let by_nanos = AtomicGcra::new(gcra());
        let (atomic, gcra, window) = (AtomicGcra::new(gcra()), gcra(), window());
        let (mut arrival, mut charges) = (gcra.unused(), window.unused());
        let theirs = RateLimiter::direct_with_clock(their_quota(), d.clone());
        let runners = vec![
            alone("governor", || {
                d.advance(step);
                _ = black_box(theirs.check().is_ok());
            }),
            alone("scimkit", || {
                e.advance(step);
                _ = black_box(by_nanos.admit_at(1, e.now().as_u64() as i64).is_ok());
            }),
            alone("scimkit, by timestamp", || _ = black_box(atomic.admit(1, a.step()).is_admitted())),
            alone("scimkit, own state", || _ = black_box(gcra.admit(&mut arrival, 1, b.step()).is_admitted())),
            alone("scimkit, sliding window", || _ = black_box(window.admit(&mut charges, 1, c.step()).is_admitted())),
        ];
        race(&format!("direct, {case}"), rounds, runners);
    }
    let clock = FakeRelativeClock::default();
    let (endless, their_endless) = endless();
    for (case, rule, their_quota) in [("none admitted", gcra(), their_quota()), ("all admitted", endless, their_endless)] {
        let ours = AtomicGcra::new(rule);
        let theirs = RateLimiter::direct_with_clock(their_quota, clock.clone());
        let runners = vec![
            together("governor", |_, _| _ = black_box(theirs.check().is_ok())),
            together("scimkit", |_, _| _ = black_box(ours.admit_at(1, clock.now().as_u64() as i64).is_ok())),
        ];
        race(&format!("direct, two threads, {case}"), rounds, runners);
    }
}

/// A quota of which there is always something left.
fn endless() -> (Gcra, TheirQuota) {
    let requests = NonZeroU32::new(1_000_000_000).expect("not 0");
    let ours = Gcra::new(Quota::new(requests.get(), Duration::from_secs(1)).expect("a quota"), NonZeroU32::MAX);
    (ours, TheirQuota::per_second(requests).allow_burst(NonZeroU32::MAX))
}

fn room() -> NonZeroUsize {
    NonZeroUsize::new(100_000).expect("not 0")
}

fn keyed(rounds: u32) {
    for (load, case) in LOADS {
        // As many keys ask in turn, so that each key's time passes as much between two of its requests as that of a direct one.
        let step = load.step() / KEYS as u32;
        let clocks: [FakeRelativeClock; 3] = Default::default();
        let [a, b, c] = &clocks;
        let ours = Keyed::<u64, Gcra>::new(gcra(), room());
        let windows = Keyed::<u64, SlidingWindow>::new(window(), room());
        let theirs = RateLimiter::dashmap_with_clock(their_quota(), c.clone());
        let (mut first, mut second, mut third) = (1, 1, 1);
        let runners = vec![
            alone("governor", || {
                c.advance(step);
                _ = black_box(theirs.check_key(&next_key(&mut third)).is_ok());
            }),
            alone("scimkit", || {
                a.advance(step);
                _ = black_box(ours.admit(&next_key(&mut first), 1, now(a)).is_admitted());
            }),
            alone("scimkit, sliding window", || {
                b.advance(step);
                _ = black_box(windows.admit(&next_key(&mut second), 1, now(b)).is_admitted());
            }),
        ];
        race(&format!("keyed, {case}"), rounds, runners);
    }
    let clock = FakeRelativeClock::default();
    let (endless, their_endless) = endless();
    let key: [(&str, fn(u64, &mut u64) -> u64); 3] =
        [("10,000 keys", |_, key| next_key(key)), ("one key", |_, _| 1), ("a key a thread", |thread, _| thread)];
    for (case, key) in key {
        let ours = Keyed::<u64, Gcra>::new(endless, room());
        let theirs = RateLimiter::dashmap_with_clock(their_endless, clock.clone());
        let runners = vec![
            together("governor", |thread, state| _ = black_box(theirs.check_key(&key(thread, state)).is_ok())),
            together("scimkit", |thread, state| _ = black_box(ours.admit(&key(thread, state), 1, now(&clock)).is_admitted())),
        ];
        race(&format!("keyed, two threads, {case}"), rounds, runners);
    }
}

/// Bytes that are allocated for each key, the key of 8 bytes included.
fn bytes_a_key<T>(keys: u64, fill: impl FnOnce() -> T) -> f64 {
    let before = ALLOCATED.load(Ordering::Relaxed);
    let filled = fill();
    let bytes = ALLOCATED.load(Ordering::Relaxed) - before;
    drop(filled);
    bytes as f64 / keys as f64
}

fn memory() {
    for keys in [1_000, 10_000, 50_000, 100_000] {
        let ours = bytes_a_key(keys, || {
            let keyed = Keyed::<u64, Gcra>::new(gcra(), room());
            (0..keys).for_each(|key| _ = keyed.admit(&key, 1, Timestamp::UNIX_EPOCH));
            keyed
        });
        let theirs = bytes_a_key(keys, || {
            let keyed = RateLimiter::dashmap_with_clock(their_quota(), FakeRelativeClock::default());
            (0..keys).for_each(|key| _ = keyed.check_key(&key));
            keyed
        });
        println!("memory, GCRA, {keys} keys: scimkit {ours:.1}, governor {theirs:.1} bytes a key");
    }
    for (requests, seconds) in [(10, 60), (50, 60), (100, 60), (300, 60), (1000, 60), (1000, 1), (1000, 3600), (1000, 86_400)] {
        let keys = 2_000;
        let limit = SlidingWindow::new(Quota::new(requests, Duration::from_secs(seconds)).expect("a quota"));
        let bytes = bytes_a_key(keys, || {
            let keyed = Keyed::<u64, SlidingWindow>::new(limit, room());
            for nano in 0..i32::try_from(requests).expect("few") {
                let now = Timestamp::new(0, nano).expect("an instant");
                (0..keys).for_each(|key| assert!(keyed.admit(&key, 1, now).is_admitted()));
            }
            keyed
        });
        let each = bytes / f64::from(requests);
        println!(
            "memory, full sliding window of {requests} in {seconds} s: {bytes:.0} bytes a key with the key and its share of the table, {each:.1} a request"
        );
    }
}

fn main() {
    let has = |name: &str| std::env::args().any(|argument| argument == name);
    let rounds = if has("--test") || !has("--bench") { 2 } else { 3_000 };
    memory();
    direct(rounds);
    keyed(rounds);
}
