use std::sync::Arc;
use std::time::Duration;

use scimkit_client::{
    Client, ClientError, Created, Deadline, Matching, NotAfter, OnConflict, Removed, Retry, RetryPolicy, Traced, Transport, TransportError,
    TransportErrorKind as Kind, transport_fn,
};
use scimkit_types::{Resource, SearchRequest, schema};

use crate::support::{Answer, Scripted, Watch, World, answer, answer_with, epoch, run};

const OLA: &str = r#"{"id": "7", "userName": "ola", "emails": [{"value": "ola@example.com", "primary": false}]}"#;
const OTHER: &str = r#"{"id": "8", "userName": "ola", "emails": []}"#;
const GONE: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}"#;
const CONFLICT: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","scimType":"uniqueness"}"#;
const LOOKUP: &str = "GET /scim/v2/Users?filter=userName%20eq%20%22ola%22";
const CREATE: &str = "POST /scim/v2/Users";

fn ola() -> Resource {
    let mut user = Resource::new([schema::USER]);
    user.insert("userName", "ola");
    user.insert("password", "s3cret");
    let email: scimkit_types::ComplexValue = [("value", "ola@example.com")].into_iter().collect();
    user.insert("emails", vec![email.into()]);
    user
}

fn list(resources: &[&str]) -> Answer {
    answer(200, &format!(r#"{{"totalResults": {}, "Resources": [{}]}}"#, resources.len(), resources.join(",")))
}

fn lost() -> Answer {
    Answer::Failure(Kind::Interrupted)
}

fn retrying(peer: &Arc<Scripted>, world: &Arc<World>) -> Client {
    let retry = Retry::new(Arc::clone(peer), RetryPolicy::default(), Arc::new(Watch(Arc::clone(world))), || 0);
    Client::new(Arc::new(retry), "https://example.com/scim/v2".parse().unwrap()).unwrap()
}

fn create(answers: impl IntoIterator<Item = Answer>, on_conflict: OnConflict, seen: &[&str]) -> Result<Created, ClientError> {
    let (peer, world) = (Scripted::new(answers), World::new());
    let matching = Matching::by("userName").with_on_conflict(on_conflict);
    let result = world.run(retrying(&peer, &world).create_once("/Users", &ola(), &matching));
    assert_eq!(peer.seen(), seen);
    result
}

fn created(result: Result<Created, ClientError>) -> String {
    match result.unwrap() {
        Created::New(resource) => format!("new {}", resource.id().unwrap()),
        Created::Adopted(resource) => format!("adopted {}", resource.id().unwrap()),
    }
}

/// A create whose answer was lost is looked up before it is sent again; found, it is not.
#[test]
fn a_lost_create_is_looked_up_before_it_is_sent_again() {
    let rule = OnConflict::default();
    assert_eq!(created(create([lost(), list(&[OLA])], rule, &[CREATE, LOOKUP])), "new 7");
    assert_eq!(created(create([lost(), list(&[]), answer(201, OLA)], rule, &[CREATE, LOOKUP, CREATE])), "new 7");
    for first in [answer(500, ""), answer(502, "<html>"), Answer::Failure(Kind::Timeout)] {
        assert_eq!(created(create([first, list(&[OLA])], rule, &[CREATE, LOOKUP])), "new 7");
    }
    // What never arrived is sent again without a lookup.
    assert_eq!(created(create([Answer::Failure(Kind::Connect), answer(201, OLA)], rule, &[CREATE, CREATE])), "new 7");
    assert_eq!(created(create([answer(429, ""), answer(201, OLA)], rule, &[CREATE, CREATE])), "new 7");
}

/// The last attempt is looked up too, and a lookup that fails is repeated as any read is.
#[test]
fn no_attempt_is_left_uncertain() {
    let answers = [lost(), list(&[]), lost(), lost(), list(&[]), lost(), list(&[]), lost(), list(&[OLA])];
    let seen = [CREATE, LOOKUP, CREATE, LOOKUP, LOOKUP, CREATE, LOOKUP, CREATE, LOOKUP];
    assert_eq!(created(create(answers, OnConflict::default(), &seen)), "new 7");
}

/// When another one has the matching value, the create is not sent again: the outcome stays uncertain.
#[test]
fn another_one_with_the_same_value_ends_the_attempts() {
    for found in [list(&[OTHER]), list(&[OLA, OLA]), answer(403, ""), answer(200, "<html>")] {
        let error = create([lost(), found], OnConflict::AdoptAny, &[CREATE, LOOKUP]).unwrap_err();
        assert!(error.may_have_had_effect(), "{error:?}");
    }
}

/// IR33: a 409 is looked up and adopted, or an error, as the caller says.
#[test]
fn a_conflict_is_adopted_or_an_error() {
    let conflict = || answer(409, CONFLICT);
    assert_eq!(create([conflict()], OnConflict::Fail, &[CREATE]).unwrap_err().status(), Some(409));
    assert_eq!(created(create([conflict(), list(&[OLA])], OnConflict::AdoptEqual, &[CREATE, LOOKUP])), "adopted 7");
    assert_eq!(create([conflict(), list(&[OTHER])], OnConflict::AdoptEqual, &[CREATE, LOOKUP]).unwrap_err().status(), Some(409));
    assert_eq!(created(create([conflict(), list(&[OTHER])], OnConflict::AdoptAny, &[CREATE, LOOKUP])), "adopted 8");
    assert_eq!(create([conflict(), list(&[])], OnConflict::AdoptAny, &[CREATE, LOOKUP]).unwrap_err().status(), Some(409));
}

/// What a service provider that ignores the filter answers with is not adopted, and neither is one that holds more than was sent.
#[test]
fn somebody_else_is_not_adopted() {
    let another = r#"{"id": "9", "userName": "kari", "emails": [{"value": "ola@example.com"}]}"#;
    let nameless = r#"{"id": "9"}"#;
    for found in [another, nameless] {
        let answers = [answer(409, CONFLICT), list(&[found])];
        assert_eq!(create(answers, OnConflict::AdoptAny, &[CREATE, LOOKUP]).unwrap_err().status(), Some(409), "{found}");
    }
    let upper = r#"{"id": "8", "userName": "OLA"}"#;
    let answers = [answer(409, CONFLICT), list(&[another, upper])];
    assert_eq!(created(create(answers, OnConflict::AdoptAny, &[CREATE, LOOKUP])), "adopted 8");
    let more = r#"{"id": "8", "userName": "ola", "emails": [{"value": "ola@example.com"}, {"value": "kari@example.com"}]}"#;
    let answers = [answer(409, CONFLICT), list(&[more])];
    assert_eq!(create(answers, OnConflict::AdoptEqual, &[CREATE, LOOKUP]).unwrap_err().status(), Some(409));
}

/// A conflict after an attempt whose answer was lost is with what that attempt made, whatever the rule.
#[test]
fn a_conflict_with_an_own_attempt_is_no_conflict() {
    let answers = [lost(), list(&[]), answer(409, CONFLICT), list(&[OLA])];
    assert_eq!(created(create(answers, OnConflict::Fail, &[CREATE, LOOKUP, CREATE, LOOKUP])), "new 7");
}

/// An equal `externalId` is enough, and another one too much.
#[test]
fn the_external_id_decides() {
    let (world, rule) = (World::new(), Matching::by("userName"));
    for (external_id, is_adopted) in [("e1", true), ("e2", false)] {
        let found = format!(r#"{{"id": "9", "userName": "ola", "externalId": "{external_id}"}}"#);
        let peer = Scripted::new([answer(409, CONFLICT), list(&[&found])]);
        let mut user = ola();
        user.insert("externalId", "e1");
        assert_eq!(world.run(retrying(&peer, &world).create_once("/Users", &user, &rule)).is_ok(), is_adopted);
    }
    let peer = Scripted::new([]);
    let error = world.run(retrying(&peer, &world).create_once("/Users", &ola(), &Matching::by("externalId"))).unwrap_err();
    assert!(matches!(error, ClientError::InvalidRequest { .. }) && peer.seen().is_empty());
}

/// After a call that ended uncertain, the next one looks first.
#[test]
fn a_call_after_an_uncertain_one_looks_first() {
    let again = |answers: Vec<Answer>| {
        let peer = Scripted::new(answers);
        let matching = Matching::by("userName").with_on_conflict(OnConflict::Fail).looking_first();
        (run(peer.client().create_once("/Users", &ola(), &matching)), peer.seen().len())
    };
    assert!(matches!(again(vec![list(&[OLA])]), (Ok(Created::Adopted(_)), 1)));
    assert!(matches!(again(vec![list(&[]), answer(201, OLA)]), (Ok(Created::New(_)), 2)));
    // Some tell a number and show nothing; there is one all the same.
    for found in [list(&[OTHER]), list(&[OLA, OLA]), answer(200, r#"{"totalResults": 1}"#)] {
        assert!(matches!(again(vec![found]), (Err(ClientError::InvalidRequest { .. }), 1)));
    }
}

/// A success that cannot be read is looked up; nothing is sent again.
#[test]
fn an_unreadable_success_is_looked_up() {
    for unreadable in [answer(201, r#"{"id": "7", "userN"#), answer(204, ""), answer(200, "<html>")] {
        assert_eq!(created(create([unreadable, list(&[OLA])], OnConflict::Fail, &[CREATE, LOOKUP])), "new 7");
    }
    let error = create([answer(201, "{"), list(&[])], OnConflict::Fail, &[CREATE, LOOKUP]).unwrap_err();
    assert!(error.may_have_had_effect());
}

/// Without a `Retry` the answer that was lost is the caller's, and nothing is sent twice.
#[test]
fn without_repetition_a_lost_create_is_an_error() {
    let peer = Scripted::new([lost()]);
    assert!(run(peer.client().create_once("/Users", &ola(), &Matching::by("userName"))).unwrap_err().may_have_had_effect());
    assert_eq!(peer.seen(), [CREATE]);
}

/// IR31: 404 counts as gone only with a SCIM error, or when reading confirms it.
#[test]
fn a_deleted_resource_is_gone_for_certain() {
    let remove = |answers: Vec<Answer>| {
        let peer = Scripted::new(answers);
        let result = run(peer.client().remove("/Users", "7"));
        assert!(peer.seen().iter().all(|seen| seen.contains("/Users/7") || seen.contains("filter=id%20eq%20%227%22")));
        (result, peer.seen().len())
    };
    assert!(matches!(remove(vec![answer(204, "")]), (Ok(Removed::Deleted), 1)));
    assert!(matches!(remove(vec![answer(404, GONE)]), (Ok(Removed::WasGone), 1)));
    assert!(matches!(remove(vec![answer(404, "<html>"), answer(404, GONE)]), (Ok(Removed::WasGone), 2)));
    assert!(matches!(remove(vec![answer(404, "<html>"), answer(200, OLA)]), (Err(ClientError::Unexpected { status: 404, .. }), 2)));
    assert!(matches!(remove(vec![answer(404, ""), answer(404, ""), list(&[])]), (Ok(Removed::WasGone), 3)));
    assert!(matches!(remove(vec![answer(404, ""), answer(404, ""), answer(404, "")]), (Err(_), 3)));
    assert!(matches!(remove(vec![answer(404, ""), answer(500, "")]), (Err(_), 2)));
}

/// That the last attempt was not done says nothing of an earlier one whose answer was lost.
#[test]
fn an_earlier_attempt_stays_uncertain() {
    for last in [Answer::Failure(Kind::Connect), Answer::Failure(Kind::Token), answer_with(429, "retry-after", "9999", "")] {
        let (peer, world) = (Scripted::new([Answer::Failure(Kind::Timeout), last]), World::new());
        let policy = RetryPolicy::default().with_max_attempts(2);
        let retry = Retry::new(Arc::clone(&peer), policy, Arc::new(Watch(Arc::clone(&world))), || 0);
        let client = Client::new(Arc::new(retry), "https://example.com/scim/v2".parse().unwrap()).unwrap();
        let error = world.run(client.delete("/Users", "7", None)).unwrap_err();
        assert!(error.may_have_had_effect(), "{error:?}");
    }
}

/// A create that was not refused in time is not sent again, and its outcome stays what it was.
#[test]
fn what_came_too_late_keeps_its_outcome() {
    let world = World::new();
    let policy = RetryPolicy::default().with_delays(Duration::from_secs(10), Duration::from_secs(10));
    for (first, may_have_had_effect) in [(lost(), true), (answer(429, ""), false)] {
        let (peer, watch) = (Scripted::new([first]), Arc::new(Watch(Arc::clone(&world))));
        let retry = Retry::new(Arc::clone(&peer), policy.clone(), Arc::clone(&watch) as _, || 5_000_000_000).with_clock(watch);
        let client = Client::new(Arc::new(retry), "https://example.com/scim/v2".parse().unwrap()).unwrap();
        let client = client.with_not_after(NotAfter(epoch() + world.elapsed() + Duration::from_secs(1)));
        let error = world.run(client.create_once("/Users", &ola(), &Matching::by("userName"))).unwrap_err();
        assert_eq!((error.may_have_had_effect(), peer.seen().len()), (may_have_had_effect, 1));
    }
}

/// A deadline makes a request that hangs a timeout, which may have had an effect; one that is answered in time is not touched.
#[test]
fn a_deadline_ends_what_hangs() {
    let world = World::new();
    let watch = || Arc::new(Watch(Arc::clone(&world)));
    for (takes, outcome) in [(5, Some(Kind::Timeout)), (1, None)] {
        let (slow, began_at) = (Arc::clone(&world), world.elapsed());
        let peer = transport_fn(move |_| {
            let sleep = slow.pass(Duration::from_secs(takes));
            async move {
                sleep.await;
                Ok::<_, TransportError>(http::Response::new(scimkit_client::Bytes::new()))
            }
        });
        let transport = Traced::new(Deadline::new(peer, Duration::from_secs(2), watch()), watch());
        let request = http::Request::get("https://example.com/Users?filter=secret").body(scimkit_client::Bytes::new()).unwrap();
        let result = world.run(transport.send(request));
        assert_eq!(result.err().map(|error| error.kind()), outcome);
        assert_eq!(world.elapsed() - began_at, Duration::from_secs(takes.min(2)));
    }
}

/// A query that an error ends half-way still gave what came before.
#[test]
fn a_query_gives_what_came_before_an_error() {
    use futures_util::StreamExt;
    let peer = Scripted::new([answer(200, &format!(r#"{{"totalResults": 2, "Resources": [{OLA}]}}"#)), answer(400, "")]);
    let client = peer.client();
    let results = run(client.query_all("/Users", &SearchRequest::default(), 1.try_into().unwrap()).collect::<Vec<_>>());
    assert!(matches!(results.as_slice(), [Ok(user), Err(_)] if user.id() == Some("7")));
}
