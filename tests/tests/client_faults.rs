//! Whatever happens to a request, the client leaves the service as an undisturbed run does, and makes nothing twice.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test reports by panicking")]

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::future::{Either, select};
use scimkit_client::{
    Classes, Client, ClientError, Deadline, Matching, PageSize, RateLimited, Retry, RetryPolicy, Transport, TransportErrorKind as Kind,
    random_from_seed,
};
use scimkit_e2e::Loopback;
use scimkit_http::reqwest::{ReqwestOptions, ReqwestTransport};
use scimkit_http::tokio::TokioTimer;
use scimkit_testing::fake::{self, FakeService};
use scimkit_testing::{Fault, FlakyTransport, InProcess, VirtualTime};
use scimkit_types::{Profile, Resource, SearchRequest, SystemClock, Value, schema};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATCH: &str = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "displayName", "value": "group one"}]}"#;

/// Names of groups, which the service does not keep unique: one that is made twice would show.
fn name(number: u32) -> String {
    format!("group-{number}")
}

/// Creates five groups, changes one, asks for all, and deletes one; what fails for a time is tried again, as an application does.
async fn scenario(client: &Client) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..5 {
        let mut group = Resource::new([schema::GROUP]);
        group.insert("displayName", name(number));
        let (first, later) = (Matching::by("displayName"), Matching::by("displayName").looking_first());
        let created = match client.create_once("/Groups", &group, &first).await {
            Ok(created) => created,
            Err(_) => again(async || client.create_once("/Groups", &group, &later).await).await,
        };
        let created = created.into_inner();
        ids.push(created.id().unwrap().to_owned());
    }
    let body: Value = serde_json::from_str(PATCH).unwrap();
    again(async || client.patch_repeatable("/Groups", &ids[1], &body).await).await;
    let all = SearchRequest::default();
    let found = again(async || client.query_all("/Groups", &all, PageSize::new(3).unwrap()).try_collect::<Vec<_>>().await).await;
    again(async || client.remove("/Groups", &ids[4]).await).await;
    found.iter().map(|group| group.get("displayName").and_then(Value::as_str).unwrap().to_owned()).collect()
}

/// Tries a call again while its failure is one that may pass; a call ends at the latest after ten tries.
async fn again<T, F: Future<Output = Result<T, ClientError>>>(call: impl Fn() -> F) -> T {
    for _ in 0..9 {
        match call().await {
            Ok(done) => return done,
            Err(ClientError::InvalidRequest { .. }) => break,
            Err(_) => {}
        }
    }
    call().await.unwrap()
}

/// What the service holds: the names of the groups, by how many have them.
async fn content(service: &FakeService) -> BTreeMap<String, usize> {
    let mut names = BTreeMap::new();
    for group in service.resources("Group").await.unwrap() {
        *names.entry(group.document.get("displayName").and_then(Value::as_str).unwrap().to_owned()).or_default() += 1;
    }
    names
}

type Flaky = Arc<FlakyTransport<InProcess>>;

/// A client as an application has it, in virtual time.
fn client(flaky: &Flaky, time: &VirtualTime) -> Client {
    let wire = Deadline::new(Arc::clone(flaky), Duration::from_secs(10), time.timer());
    let limited = RateLimited::new(wire, Classes::default(), time.clock(), time.timer()).unused();
    let retry = Retry::new(limited, RetryPolicy::default(), time.timer(), random_from_seed(7));
    Client::new(Arc::new(retry), "https://service.example/scim/v2".parse().unwrap()).unwrap()
}

/// Runs the scenario with a fault in virtual time; returns what the service holds, what the query found, and how many requests arrived.
fn run(faults: Range<u64>, fault: Option<Fault>) -> (BTreeMap<String, usize>, Vec<String>, u64) {
    let time = VirtualTime::default();
    let service = fake::service(Profile::standard(), time.clock()).unwrap();
    let flaky = FlakyTransport::new(InProcess::new(service.server.clone()));
    let flaky = Arc::new(match fault {
        Some(fault) => flaky.with_faults(faults, fault),
        None => flaky,
    });
    let found = time.run(scenario(&client(&flaky, &time))).unwrap();
    let content = time.run(content(&service)).unwrap();
    (content, found, flaky.requests())
}

/// Every fault at every request, in virtual time: a reset before, during and after it, an error of a gateway before and after its effect, a
/// body that never ends, one that is cut off, and none.
#[test]
fn every_fault_at_every_request_ends_in_the_same_state() {
    let (undisturbed, found, requests) = run(0..0, None);
    assert_eq!((undisturbed.len(), undisturbed.values().sum::<usize>(), found.len()), (4, 4, 5));
    assert_eq!(requests, 5 + 1 + 2 + 1);
    let faults = [
        Fault::Before(Kind::Connect),
        Fault::Before(Kind::Interrupted),
        Fault::Before(Kind::Timeout),
        Fault::After(Kind::Interrupted),
        Fault::After(Kind::Timeout),
        Fault::After(Kind::TooLarge),
        Fault::HangBefore,
        Fault::HangAfter,
        Fault::AnswerBefore(429),
        Fault::AnswerBefore(500),
        Fault::AnswerBefore(503),
        Fault::AnswerAfter(500),
        Fault::AnswerAfter(502),
        Fault::AnswerAfter(504),
        Fault::AnswerBefore(404),
        Fault::Truncate,
        Fault::Empty,
    ];
    for fault in faults {
        for at in 1..=requests + 4 {
            // Once, three times in a row, and a storm that outlives the attempts of one call.
            for length in [1, 3, 6] {
                let (content, names, _) = run(at..at + length, Some(fault));
                assert_eq!(content, undisturbed, "{fault:?} at {at}, {length} times");
                assert_eq!(names, found, "{fault:?} at {at}, {length} times");
            }
        }
    }
}

/// A call that is dropped at any request, as by a timeout of the caller or the end of the process, is taken up again by a lookup: there is
/// one group then, whether the request that was dropped had its effect or not.
#[test]
fn a_create_that_is_dropped_is_taken_up_again() {
    use Fault::{AnswerAfter, AnswerBefore, HangAfter, HangBefore};
    let cases: [&[(u64, Fault)]; 6] = [
        &[(1, HangBefore)],
        &[(1, HangAfter)],
        &[(1, AnswerAfter(500)), (2, HangAfter)],
        &[(1, AnswerBefore(500)), (2, HangBefore)],
        &[(1, AnswerBefore(500)), (3, HangBefore)],
        &[(1, AnswerBefore(500)), (3, HangAfter)],
    ];
    let mut group = Resource::new([schema::GROUP]);
    group.insert("displayName", name(1));
    let (first, later) = (Matching::by("displayName"), Matching::by("displayName").looking_first());
    for faults in cases {
        let time = VirtualTime::default();
        let service = fake::service(Profile::standard(), time.clock()).unwrap();
        let flaky = FlakyTransport::new(InProcess::new(service.server.clone()));
        let flaky = Arc::new(faults.iter().fold(flaky, |flaky, (at, fault)| flaky.with_fault(*at, *fault)));
        let client = client(&flaky, &time);
        let dropped = time.run(select(Box::pin(client.create_once("/Groups", &group, &first)), Box::pin(flaky.hung()))).unwrap();
        assert!(matches!(dropped, Either::Right(_)), "{faults:?}");
        drop(dropped);
        let created = time.run(client.create_once("/Groups", &group, &later)).unwrap().unwrap();
        assert!(created.into_inner().id().is_some());
        assert_eq!(time.run(content(&service)).unwrap(), BTreeMap::from([(name(1), 1)]), "{faults:?}");
    }
}

/// A page that is cut off is read again by the client itself.
#[test]
fn a_query_that_is_cut_off_needs_no_help() {
    for at in [2, 3] {
        let time = VirtualTime::default();
        let service = fake::service(Profile::standard(), time.clock()).unwrap();
        // Two creates, and then two pages.
        let flaky = Arc::new(FlakyTransport::new(InProcess::new(service.server.clone())).with_fault(at + 1, Fault::Truncate));
        let client = client(&flaky, &time);
        let found = time.run(async {
            for number in 0..2 {
                let mut group = Resource::new([schema::GROUP]);
                group.insert("displayName", name(number));
                client.create("/Groups", &group).await.unwrap();
            }
            let all = SearchRequest::default();
            client.query_all("/Groups", &all, PageSize::MIN).try_collect::<Vec<_>>().await
        });
        assert_eq!((found.unwrap().unwrap().len(), flaky.requests()), (2, 2 + 2 + 1));
    }
}

/// What a proxy does with one request over a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Break {
    /// Closes the connection before it reads anything.
    Before,
    /// Hands half of the request on, and closes both connections.
    During,
    /// Hands the request on, and closes the connection before the answer.
    After,
    /// Hands half of the answer back.
    HalfAnAnswer,
    /// Answers 503 with a page of HTML in the place of the service.
    Page,
}

/// A proxy on a socket that breaks one connection, counted from 1. Each connection has one request.
async fn proxy(service: String, broken: u64, how: Break) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicU64::new(0));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            let how = (number == broken).then_some(how);
            tokio::spawn(relay(client, service.clone(), how));
        }
    });
    format!("http://{address}/scim/v2")
}

/// Relays one request and its answer. What fails here is a connection that one side closed, which is what is meant.
async fn relay(mut client: TcpStream, service: String, how: Option<Break>) -> Option<()> {
    if how == Some(Break::Before) {
        return None;
    }
    let request = read_request(&mut client).await?;
    if how == Some(Break::Page) {
        let page = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>";
        return client.write_all(page.as_bytes()).await.ok();
    }
    let mut upstream = TcpStream::connect(service).await.ok()?;
    if how == Some(Break::During) {
        return upstream.write_all(request.get(..request.len() / 2)?).await.ok();
    }
    upstream.write_all(&request).await.ok()?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).await.ok()?;
    match how {
        Some(Break::After) => None,
        Some(Break::HalfAnAnswer) => client.write_all(answer.get(..answer.len() / 2)?).await.ok(),
        _ => client.write_all(&answer).await.ok(),
    }
}

/// A request with its body; it asks for the connection to be closed after the answer.
async fn read_request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if client.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if request.len() >= head.len() + 4 + length.unwrap_or(0_usize) {
            let line = head.find("\r\n")? + 2;
            request.splice(line..line, b"Connection: close\r\n".iter().copied());
            return Some(request);
        }
    }
}

/// The same over sockets, with connections that really break.
#[tokio::test]
async fn connections_that_break_end_in_the_same_state() {
    let (undisturbed, found, requests) = run(0..0, None);
    for how in [Break::Before, Break::During, Break::After, Break::HalfAnAnswer, Break::Page] {
        for at in 1..=requests {
            let service = fake::service(Profile::standard(), Arc::new(SystemClock::default())).unwrap();
            let loopback = Loopback::start(service.server.clone(), None).await;
            let address = loopback.base().strip_prefix("http://").and_then(|base| base.split('/').next()).unwrap().to_owned();
            let base = proxy(address, at, how).await;
            let wire: Arc<dyn Transport> = Arc::new(ReqwestTransport::new(ReqwestOptions::default()).unwrap());
            let policy = RetryPolicy::default().with_delays(Duration::ZERO, Duration::ZERO);
            let retry = Retry::new(wire, policy, Arc::new(TokioTimer::default()), random_from_seed(at));
            let client = Client::new(Arc::new(retry), base.parse().unwrap()).unwrap();
            assert_eq!(scenario(&client).await, found, "{how:?} at {at}");
            assert_eq!(content(&service).await, undisturbed, "{how:?} at {at}");
        }
    }
}
