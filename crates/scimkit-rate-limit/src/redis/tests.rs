//! Against a real server: the one of `SCIMKIT_TEST_REDIS_URL`, else a private one if `redis-server` is installed, else not run; with
//! `SCIMKIT_REQUIRE_SERVERS=1` that is a failure.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::{Decision, Gcra, Limiter, Quota};

/// A server, stopped at the end if it is a private one.
struct Server {
    url: String,
    private: Option<Private>,
}

/// A server's process, and the folder of its socket.
struct Private {
    child: Child,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut private) = self.private.take() {
            private.child.kill().unwrap();
            private.child.wait().unwrap();
        }
    }
}

/// A private server on a socket of its own.
fn private_server() -> Option<Server> {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("redis.sock");
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(&socket);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_ready = lines.any(|line| line.is_ok_and(|line| line.to_lowercase().contains("ready to accept connections")));
    assert!(is_ready, "redis-server ended before it was ready");
    // What it says later goes nowhere.
    std::thread::spawn(move || lines.for_each(drop));
    Some(Server { url: format!("redis+unix://{}", socket.display()), private: Some(Private { child, _folder: folder }) })
}

fn server() -> Option<Server> {
    let named = std::env::var("SCIMKIT_TEST_REDIS_URL").ok().map(|url| Server { url, private: None });
    let server = named.or_else(private_server);
    if server.is_none() {
        assert_ne!(std::env::var("SCIMKIT_REQUIRE_SERVERS").as_deref(), Ok("1"), "`redis-server` is not installed");
        eprintln!("not run: `redis-server` is not installed and SCIMKIT_TEST_REDIS_URL is not set");
    }
    server
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A connection that waits for answers however long they take: the machine may be busy.
async fn connect(url: &str) -> MultiplexedConnection {
    let patient = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    Client::open(url).unwrap().get_multiplexed_async_connection_with_config(&patient).await.unwrap()
}

/// The server's time in microseconds since 1970.
async fn time(connection: &mut MultiplexedConnection) -> u64 {
    let (seconds, micros): (u64, u64) = redis::cmd("TIME").query_async(connection).await.unwrap();
    seconds * 1_000_000 + micros
}

/// A key that no other run uses.
fn key(name: &str) -> String {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    format!("scimkit-test-{}-{name}-{}", std::process::id(), NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

fn quota(requests: u32, micros: u64) -> Quota {
    Quota::new(requests, Duration::from_micros(micros)).unwrap()
}

/// The first instant of a test in microseconds.
const BEGINNING: u64 = 4_000_000_000_000_000;

/// The least span of a test with instants of its own, in microseconds. What is kept expires by the server's time, which must not get there
/// during the test, however slow the machine is.
const UNIT: u64 = 100_000_007;

fn at(micros: u64) -> Timestamp {
    Timestamp::from_microsecond(i64::try_from(micros).unwrap()).unwrap()
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Admit(u32),
    Decide(u32),
    /// Starts a request with this deadline.
    Start(u32, u64),
    /// Finishes the request at this place of those under way.
    Finish(usize),
    Pause(u64),
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => (0_u32..4).prop_map(Call::Admit),
        1 => (0_u32..4).prop_map(Call::Decide),
        4 => (1_u32..4, 1_u64..2000).prop_map(|(cost, units)| Call::Start(cost, units * UNIT)),
        3 => (0_usize..8).prop_map(Call::Finish),
        1 => (0_u64..300).prop_map(|units| Call::Pause(units * UNIT)),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let window = (1_u32..6, 1_u64..1500).prop_map(|(requests, units)| Rule::from(quota(requests, units * UNIT)));
    let gcra = (1_u32..50, 1_u64..3000, 1_u32..6)
        .prop_map(|(requests, units, burst)| Rule::from(Gcra::new(quota(requests, units * UNIT), burst.try_into().unwrap())));
    prop_oneof![2 => window, 1 => gcra]
}

/// What the script answers, as a decision.
fn answered(reply: Reply) -> Decision {
    match reply.answer {
        ADMITTED => Decision::Admitted,
        REFUSED => Decision::Refused { retry_at: at(reply.retry_at.0) + Duration::from_nanos(reply.retry_at.1) },
        _ => Decision::Impossible,
    }
}

/// Call by call, at the same instants, to the nanosecond.
#[test]
fn decides_as_a_local_limiter() {
    let Some(server) = server() else { return };
    let runtime = runtime();
    let connection = runtime.block_on(connect(&server.url));
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let cases = (vec(rule(), 0..4), vec((0_u64..300, call()), 1..60));
    let result = runner.run(&cases, |(rules, calls)| {
        let limits = Limits::new(rules);
        let shared = RedisLimit::new(connection.clone(), &key("equal"), &limits);
        let mut local = Limiter::new(limits);
        let (mut now, mut under_way) = (BEGINNING, BTreeSet::<(u64, u64, u32)>::new());
        for (step, call) in calls {
            now += step * UNIT;
            let ask = |act: &'static str, cost: u32, amount: u64| {
                runtime.block_on(shared.call(act, cost, &amount.to_string(), Some(now))).unwrap()
            };
            while let Some(&(deadline, id, cost)) = under_way.first().filter(|(deadline, ..)| *deadline <= now) {
                local.finish(cost, at(deadline));
                under_way.remove(&(deadline, id, cost));
            }
            match call {
                Call::Admit(cost) => prop_assert_eq!(answered(ask("admit", cost, 0)), local.admit(cost, at(now))),
                Call::Decide(cost) => prop_assert_eq!(answered(ask("decide", cost, 0)), local.decide(cost, at(now))),
                Call::Start(cost, deadline) => {
                    let reply = ask("start", cost, deadline);
                    let expected = local.start(cost, at(now));
                    prop_assert_eq!(answered(reply), expected);
                    if expected.is_admitted() {
                        under_way.insert((now + deadline, reply.id, cost));
                    }
                }
                Call::Finish(place) => {
                    let Some(&(deadline, id, cost)) = under_way.iter().nth(place) else { continue };
                    under_way.remove(&(deadline, id, cost));
                    ask("finish", cost, id);
                    local.finish(cost, at(now));
                }
                Call::Pause(micros) => {
                    ask("pause", 0, micros);
                    local.pause_until(at(now + micros));
                }
            }
        }
        Ok(())
    });
    result.unwrap();
}

/// The instants are the server's, and nothing stays when it no longer counts.
#[test]
fn the_server_tells_the_time_and_forgets_in_time() {
    let Some(server) = server() else { return };
    // So long that what the calls themselves take is a part of it on any machine.
    let hour = Duration::from_hours(1);
    runtime().block_on(async {
        let mut connection = connect(&server.url).await;
        let shared = RedisLimit::new(connection.clone(), &key("time"), &Limits::from(Quota::new(2, hour).unwrap()));
        let began = time(&mut connection).await;
        let first = shared.call("admit", 1, "0", None).await.unwrap();
        assert!((began..=time(&mut connection).await).contains(&first.now));
        let SharedDecision::Admitted(request) = shared.start(1, hour).await.unwrap() else { panic!("not admitted") };
        let SharedDecision::Refused { retry_after } = shared.admit(1).await.unwrap() else { panic!("not refused") };
        // What is left of a span that began after `began`.
        let check_left = async |left: Duration, of: Duration| {
            let passed = Duration::from_micros(time(&mut connection.clone()).await - began);
            assert!(left <= of && left + passed >= of, "{left:?} of {of:?} after {passed:?}");
        };
        check_left(retry_after, hour).await;
        assert_eq!(shared.admit(3).await.unwrap(), SharedDecision::Impossible);
        let kept = async |key: &str| {
            let millis: u64 = redis::cmd("PTTL").arg(key).query_async(&mut connection.clone()).await.unwrap();
            Duration::from_millis(millis)
        };
        // What is kept stays for up to a second more: Redis counts that in milliseconds of a clock that it looks at once for a command.
        let check_kept = async |key: &str, counts: Duration| {
            let left = kept(key).await;
            check_left(left.min(counts), counts).await;
            assert!(left <= counts + Duration::from_secs(1), "{left:?} of {counts:?}");
        };
        for key in &shared.keys {
            // The deadline, then one window.
            check_kept(key, 2 * hour).await;
        }
        shared.finish(request, 1).await.unwrap();
        check_kept(&shared.keys[0], hour).await;
        shared.pause(3 * hour).await.unwrap();
        let SharedDecision::Refused { retry_after } = shared.decide(1).await.unwrap() else { panic!("not refused") };
        check_left(retry_after, 3 * hour).await;
    });
}

/// A server that was started again, or whose scripts were flushed, is sent the script again.
#[test]
fn a_forgotten_script_is_sent_again() {
    let Some(server) = server() else { return };
    runtime().block_on(async {
        let mut connection = connect(&server.url).await;
        let shared = RedisLimit::new(connection.clone(), &key("script"), &Limits::from(quota(2, 3_600_000_000)));
        assert!(matches!(shared.admit(1).await.unwrap(), SharedDecision::Admitted(_)));
        redis::cmd("SCRIPT").arg("FLUSH").query_async::<()>(&mut connection).await.unwrap();
        assert!(matches!(shared.admit(1).await.unwrap(), SharedDecision::Admitted(_)));
        assert!(matches!(shared.admit(1).await.unwrap(), SharedDecision::Refused { .. }));
    });
}

/// Whatever stands in a key: what a cluster hashes is the text from the first brace to the next closing one, if it is not empty.
#[test]
fn all_parts_of_a_key_are_in_one_slot() {
    for key in ["plain", "", "}", "{}", "a{b}c", "\u{e9} \0"] {
        let tags = parts(key).map(|part| part.split_once('{').unwrap().1.split_once('}').unwrap().0.to_owned());
        assert!(tags.iter().all(|tag| !tag.is_empty() && *tag == tags[0]), "{key}: {tags:?}");
    }
    assert_eq!(parts("k")[0], "{scimkit:k}:charges");
}

/// A request whose number was forgotten with the rest cannot be taken for a later one.
#[test]
fn numbers_are_not_given_twice_after_a_loss() {
    let Some(server) = server() else { return };
    runtime().block_on(async {
        let mut connection = connect(&server.url).await;
        let shared = RedisLimit::new(connection.clone(), &key("numbers"), &Limits::from(quota(1, 60 * UNIT)));
        let first = shared.call("start", 1, "1000000", Some(BEGINNING)).await.unwrap();
        redis::cmd("DEL").arg(&shared.keys).query_async::<()>(&mut connection).await.unwrap();
        let second = shared.call("start", 1, "1000000", Some(BEGINNING + 1)).await.unwrap();
        assert_eq!((first.answer, second.answer), (ADMITTED, ADMITTED));
        assert!(second.id > first.id);
        shared.call("finish", 1, &first.id.to_string(), Some(BEGINNING + 2)).await.unwrap();
        // Still under way: its window begins at its deadline.
        let refused = shared.call("decide", 1, "0", Some(BEGINNING + 1_000_001)).await.unwrap();
        assert_eq!(answered(refused), Decision::Refused { retry_at: at(BEGINNING + 1_000_001 + 60 * UNIT) });
    });
}

/// A clock that was set back by years stops nobody for years, and lifts no limit.
#[test]
fn a_clock_that_was_set_back_counts_everything_as_used() {
    let Some(server) = server() else { return };
    let year = 365 * 86_400 * 1_000_000;
    runtime().block_on(async {
        let shared = RedisLimit::new(connect(&server.url).await, &key("back"), &Limits::from(quota(3, UNIT)));
        let ask = async |act: &'static str, amount: u64, now: u64| shared.call(act, 1, &amount.to_string(), Some(now)).await;
        assert_eq!(ask("start", 5 * UNIT, BEGINNING + year).await.unwrap().answer, ADMITTED);
        ask("pause", UNIT, BEGINNING + year).await.unwrap();
        let refused = answered(ask("admit", 0, BEGINNING).await.unwrap());
        assert_eq!(refused, Decision::Refused { retry_at: at(BEGINNING + 6 * UNIT) }, "the deadline, then one window");
        assert_eq!(answered(ask("admit", 0, BEGINNING + 6 * UNIT - 1).await.unwrap()), refused);
        for answer in [ADMITTED, ADMITTED, ADMITTED, REFUSED] {
            assert_eq!(ask("admit", 0, BEGINNING + 6 * UNIT).await.unwrap().answer, answer);
        }
    });
}

/// Durations without end are cut, not refused by the server after it took note of half of a request.
#[test]
fn endless_deadlines_and_pauses_are_cut() {
    let Some(server) = server() else { return };
    runtime().block_on(async {
        let shared = RedisLimit::new(connect(&server.url).await, &key("endless"), &Limits::from(quota(2, 1000)));
        assert!(matches!(shared.start(1, Duration::MAX).await.unwrap(), SharedDecision::Admitted(_)));
        shared.pause(Duration::MAX).await.unwrap();
        let SharedDecision::Refused { retry_after } = shared.decide(1).await.unwrap() else { panic!("not refused") };
        assert!(retry_after > Duration::from_secs(99 * 365 * 86_400));
    });
}

/// Without the server nothing is admitted.
#[test]
fn a_server_that_is_gone_admits_nothing() {
    let Some(mut server) = private_server() else {
        assert_ne!(std::env::var("SCIMKIT_REQUIRE_SERVERS").as_deref(), Ok("1"), "`redis-server` is not installed");
        eprintln!("not run: `redis-server` is not installed");
        return;
    };
    runtime().block_on(async {
        let shared = RedisLimit::new(connect(&server.url).await, &key("gone"), &Limits::from(quota(10, 1000)));
        let SharedDecision::Admitted(request) = shared.start(1, Duration::from_secs(1)).await.unwrap() else { panic!("not admitted") };
        let mut private = server.private.take().unwrap();
        private.child.kill().unwrap();
        private.child.wait().unwrap();
        for _ in 0..3 {
            let error = shared.start(1, Duration::from_secs(1)).await.unwrap_err();
            assert_eq!(error.to_string(), "the shared quota cannot be reached");
            assert!(std::error::Error::source(&error).unwrap().downcast_ref::<RedisError>().is_some());
            assert!(shared.admit(1).await.is_err() && shared.decide(1).await.is_err());
        }
        assert!(shared.finish(request, 1).await.is_err() && shared.pause(Duration::ZERO).await.is_err());
    });
}

const WORKER: &str = "SCIMKIT_TEST_WORKER";
const PROCESSES: usize = 4;
const REQUESTS: u32 = 20;
const WINDOW_MICROS: u64 = 50_000;
/// What each process does before it ends.
const COST: u32 = 60;

/// Asks as fast as it can until enough was admitted, and says what was answered at which instants.
fn work(url: &str, key: &str) {
    runtime().block_on(async {
        let shared = RedisLimit::new(connect(url).await, key, &Limits::from(quota(REQUESTS, WINDOW_MICROS)));
        let mut admitted = 0;
        for cost in [1, 1, 2, 3].into_iter().cycle() {
            let reply = shared.call("admit", cost, "0", None).await.unwrap();
            println!("\nanswer {} {} {cost}", reply.answer, reply.now);
            admitted += if reply.answer == ADMITTED { cost } else { 0 };
            if admitted >= COST {
                break;
            }
        }
    });
}

/// Four processes against one server: no window holds more than the quota, and nobody is refused while something is left of it.
#[test]
fn processes_share_one_quota() {
    if let Ok(worker) = std::env::var(WORKER) {
        let (key, url) = worker.split_once(' ').unwrap();
        return work(url, key);
    }
    let Some(server) = server() else { return };
    let key = key("processes");
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["redis::tests::processes_share_one_quota", "--exact", "--nocapture"]);
        command.env(WORKER, format!("{key} {}", server.url)).stdout(Stdio::piped()).spawn().unwrap()
    };
    let workers: Vec<Child> = (0..PROCESSES).map(|_| start()).collect();
    let (mut charges, mut refusals) = (Vec::new(), Vec::new());
    for worker in workers {
        let output = worker.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("answer ")) {
            let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
            let &[answer, at, cost] = numbers.as_slice() else { panic!("{line}") };
            if answer == 0 { &mut charges } else { &mut refusals }.push((at, u32::try_from(cost).unwrap()));
        }
    }
    let in_window = |end: u64| charges.iter().filter(|(at, _)| *at <= end && at + WINDOW_MICROS > end).map(|(_, cost)| cost).sum::<u32>();
    let all: u32 = charges.iter().map(|(_, cost)| cost).sum();
    assert!(all >= COST * u32::try_from(PROCESSES).unwrap());
    assert!(charges.iter().all(|(at, _)| in_window(*at) <= REQUESTS));
    assert!(refusals.iter().all(|(at, cost)| in_window(*at) + cost > REQUESTS));
}
