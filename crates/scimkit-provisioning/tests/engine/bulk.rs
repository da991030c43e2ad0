//! Several creates and changes by one request.

use std::sync::{Arc, Mutex};

use http::{Request, Response};
use scimkit_client::{Bytes, Client, Cost, TransportError, transport_fn};
use scimkit_provisioning::{CycleError, ScimTarget, Target, TargetChange, TargetErrorKind};
use scimkit_types::profile::{BulkFeature, BulkPrice, RequestLimit};
use scimkit_types::{OperationKind, PatchOperation, Profile, Timestamp, Value};
use serde_json::json;

use crate::world::{Fault, World, block_on, deleted, person, present};

/// So many people who are assigned, and a service with bulk requests of at most three operations.
fn world(people: u32) -> World {
    let mut world = World::new();
    world.job.profile.features.bulk = Some(BulkFeature::new(3, 1_000_000));
    tell(&world, people, "example.com");
    world
}

fn tell(world: &World, people: u32, domain: &str) {
    let ids: Vec<String> = (1..=people).map(|number| format!("u{number}")).collect();
    world.source.assign("User", &ids.iter().map(String::as_str).collect::<Vec<_>>());
    world.source.tell("User", ids.iter().map(|id| person(id, &format!("{id}@{domain}"))).collect());
}

fn bulks(world: &World) -> Vec<String> {
    world.target.requests.lock().unwrap().iter().filter(|request| request.starts_with("bulk")).cloned().collect()
}

#[test]
fn creates_and_changes_of_a_layer_are_sent_together() {
    let world = world(7);
    let report = world.cycle();
    assert_eq!((report.created, report.bulk_requests, report.bulk_operations), (7, 2, 6), "the seventh goes alone");
    assert_eq!(bulks(&world), ["bulk 3", "bulk 3"]);
    tell(&world, 7, "example.org");
    let report = world.cycle();
    assert_eq!((report.updated, report.bulk_requests), (7, 2));
    assert!((1..8).all(|number| world.target.user(&format!("u{number}@example.org")).is_some()));
    assert_eq!(world.cycle().written(), 0);
}

/// A service that counts operations lets no more pass for being sent together.
#[test]
fn bulk_requests_are_sent_only_where_they_are_cheaper() {
    let sent = |price: BulkPrice, limit: Option<RequestLimit>| {
        let mut world = world(6);
        world.job.profile.features.bulk.as_mut().unwrap().price = price;
        world.job.profile.limits.write = limit;
        assert_eq!(world.cycle().created, 6);
        bulks(&world).len()
    };
    let limit = Some(RequestLimit::new(100, 60));
    assert_eq!((sent(BulkPrice::Operations, limit), sent(BulkPrice::Request, limit), sent(BulkPrice::Operations, None)), (0, 2, 2));
    let mut world = world(6);
    world.job.profile.features.bulk = None;
    world.cycle();
    assert!(bulks(&world).is_empty());
}

#[test]
fn an_operation_that_fails_is_sent_alone_and_stops_no_other() {
    let world = world(3);
    // The first request looks the people up, the second is the bulk request, the third its first create.
    world.target.faults.lock().unwrap().insert(3, Fault::Rejected);
    let report = world.cycle();
    assert_eq!((report.created, report.failures()), (3, 0), "{report:?}");
    let requests = world.target.requests.lock().unwrap().clone();
    assert_eq!(requests, ["find User", "bulk 3", "create User", "create User", "create User", "create User"]);
}

/// An answer that is lost leaves the intent of each operation open, and the next cycle finds what was made.
#[test]
fn a_bulk_request_whose_answer_is_lost_makes_nobody_twice() {
    for fault in [Fault::After, Fault::Before, Fault::FailedAfter, Fault::ExpiredAfter] {
        let world = world(3);
        world.target.faults.lock().unwrap().insert(2, fault);
        match world.try_cycle() {
            Ok(report) => assert_eq!((fault, report.created), (Fault::FailedAfter, 3)),
            Err(error) => {
                assert!(matches!(error, CycleError::Target(_)), "{fault:?}: {error}");
                world.cycle();
            }
        }
        world.cycle();
        assert_eq!(world.target.content("User").len(), 3, "{fault:?}");
        assert_eq!(block_on(world.engine().linked()).unwrap().len(), 3, "{fault:?}");
        assert_eq!(world.cycle().written(), 0);
    }
}

fn delete_all(world: &World, people: u32) {
    world.source.tell("User", (1..=people).map(|number| deleted(&format!("u{number}"))).collect());
}

#[test]
fn deletes_are_sent_together() {
    let world = world(7);
    world.cycle();
    world.target.requests.lock().unwrap().clear();
    delete_all(&world, 7);
    let report = world.cycle();
    assert_eq!((report.deleted, report.bulk_requests, report.bulk_operations), (7, 2, 6), "the seventh goes alone");
    assert_eq!(bulks(&world), ["bulk 3", "bulk 3"]);
    assert!(world.target.content("User").is_empty());
}

/// Four groups, of which each has two of the three people.
fn tell_groups(world: &World) {
    let ids = ["g1", "g2", "g3", "g4"];
    world.source.assign("Group", &ids);
    let group = |id: &&str| present(id, json!({"displayName": format!("Group {id}"), "members+": ["u1", "u2"]}));
    world.source.tell("Group", ids.iter().map(group).collect());
}

fn members(world: &World) -> Vec<usize> {
    let groups = world.target.content("Group");
    groups.iter().map(|group| group.get("members").map_or(0, |members| members.elements().len())).collect()
}

#[test]
fn managers_and_members_are_sent_together() {
    let world = world(3);
    world.cycle();
    tell_groups(&world);
    let managed = |id: &str| present(id, json!({"mail": format!("{id}@example.com"), "accountEnabled": true, "manager+": ["u1"]}));
    world.source.tell("User", vec![managed("u2"), managed("u3")]);
    world.target.requests.lock().unwrap().clear();
    let report = world.cycle();
    // Three of the groups, the two managers, and the members of three groups.
    assert_eq!(bulks(&world), ["bulk 3", "bulk 2", "bulk 3"], "{:?}", world.target.requests.lock().unwrap());
    assert_eq!((report.failures(), members(&world)), (0, vec![2; 4]), "{report:?}");
    let manager = |name: &str| {
        let user = world.target.user(name).unwrap();
        user.extension("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")
            .is_some_and(|extension| extension.get("manager").is_some())
    };
    assert!(manager("u2@example.com") && manager("u3@example.com") && !manager("u1@example.com"));
    assert_eq!(world.cycle().written(), 0);
}

/// Members that a service takes in several requests are not sent with those of other groups.
#[test]
fn members_that_take_several_requests_are_sent_alone() {
    let mut world = world(3);
    world.job.profile.limits.max_members = Some(1);
    world.cycle();
    tell_groups(&world);
    world.target.requests.lock().unwrap().clear();
    world.cycle();
    assert_eq!(bulks(&world), ["bulk 3"], "the groups themselves");
    assert_eq!(world.target.writes().iter().filter(|request| *request == "patch Group").count(), 8);
    assert_eq!(members(&world), [2; 4]);
}

/// Whatever becomes of the answer to a bulk request: once the service answers again everybody who left is gone, and nobody twice.
#[test]
fn deletes_whose_answer_is_lost_are_done_once_more_or_found_done() {
    for fault in [Fault::After, Fault::Before, Fault::FailedAfter, Fault::ExpiredAfter, Fault::GarbledAfter, Fault::Rejected] {
        let world = world(3);
        world.cycle();
        world.target.requests.lock().unwrap().clear();
        world.target.faults.lock().unwrap().insert(1, fault);
        delete_all(&world, 3);
        if let Err(error) = world.try_cycle() {
            assert!(matches!(error, CycleError::Target(_)), "{fault:?}: {error}");
            world.cycle();
        }
        assert!(world.target.content("User").is_empty(), "{fault:?}");
        assert!(block_on(world.engine().linked()).unwrap().is_empty(), "{fault:?}");
        assert_eq!((world.cycle().written(), world.target.faults.lock().unwrap().len()), (0, 0), "{fault:?}");
    }
}

#[test]
fn members_whose_answer_is_lost_are_all_there_in_the_end() {
    for fault in [Fault::After, Fault::Before, Fault::FailedAfter, Fault::ExpiredAfter, Fault::GarbledAfter, Fault::Rejected] {
        let world = world(3);
        world.cycle();
        tell_groups(&world);
        world.target.requests.lock().unwrap().clear();
        // The groups are looked up, made by a bulk request of three and a create, then come the members.
        world.target.faults.lock().unwrap().insert(7, fault);
        if let Err(error) = world.try_cycle() {
            assert!(matches!(error, CycleError::Target(_)), "{fault:?}: {error}");
            world.cycle();
        }
        assert_eq!(world.target.requests.lock().unwrap().get(6).map(String::as_str), Some("bulk 3"), "{fault:?}");
        assert_eq!((members(&world), world.cycle().written()), (vec![2; 4], 0), "{fault:?}");
        assert!(world.target.faults.lock().unwrap().is_empty());
    }
}

/// A target over a transport that answers each bulk request with these operations; and what each request cost and held.
type Asked = Arc<Mutex<Vec<(Option<Cost>, serde_json::Value)>>>;

fn target(price: BulkPrice, operations: serde_json::Value) -> (ScimTarget, Asked) {
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let transport = transport_fn(move |request: Request<Bytes>| {
        let body = serde_json::from_slice(request.body()).unwrap();
        noted.lock().unwrap().push((request.extensions().get::<Cost>().copied(), body));
        let answer = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], "Operations": operations});
        async move {
            let response = Response::builder().header("Content-Type", "application/scim+json");
            Ok::<_, TransportError>(response.body(Bytes::from(answer.to_string())).unwrap())
        }
    });
    let client = Client::new(Arc::new(transport), "https://example.com/scim/v2".parse().unwrap()).unwrap();
    let mut profile = Profile::standard();
    let mut bulk = BulkFeature::new(10, 1_000_000);
    bulk.price = price;
    profile.features.bulk = Some(bulk);
    (ScimTarget::new(client, profile).unwrap(), asked)
}

fn create(user_name: &str) -> TargetChange {
    let resource =
        serde_json::from_value(json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user_name})).unwrap();
    TargetChange::Create { resource_type: "User".to_owned(), resource }
}

fn patch(id: &str) -> TargetChange {
    let operation = PatchOperation::new(OperationKind::Replace, Some("title".to_owned()), Some(Value::from("Head")));
    TargetChange::Patch { resource_type: "User".to_owned(), id: id.to_owned(), operations: vec![operation] }
}

fn delete(id: &str) -> TargetChange {
    TargetChange::Delete { resource_type: "User".to_owned(), id: id.to_owned() }
}

/// Each answer of a service is that of its operation, in whatever order they come; the request never stops at an error.
#[test]
fn each_answer_is_taken_for_its_operation() {
    let error =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "409", "scimType": "uniqueness", "detail": "in use"});
    let answers = json!([
        {"method": "POST", "bulkId": "1", "status": "409", "response": error},
        {"method": "POST", "bulkId": "0", "status": "201", "location": "https://example.com/scim/v2/Users/7"},
        {"method": "PATCH", "bulkId": "2", "status": "204", "location": "https://example.com/scim/v2/Users/9"},
        {"method": "DELETE", "bulkId": "5", "status": "204"},
        {"method": "DELETE", "bulkId": "6", "status": "404", "location": "https://example.com/scim/v2/Users/11"},
    ]);
    let (target, asked) = target(BulkPrice::Request, answers);
    let changes = [
        create("ada@example.com"),
        create("bo@example.com"),
        patch("9"),
        patch("a/b"),
        create("bulkId:1"),
        delete("10"),
        delete("11"),
        delete("a/b"),
    ];
    let answers = block_on(target.bulk(&changes, Timestamp::MAX));
    let told: Vec<Result<String, (TargetErrorKind, bool)>> =
        answers.into_iter().map(|answer| answer.map_err(|error| (error.kind, error.may_have_had_effect))).collect();
    let alone = Err((TargetErrorKind::Rejected, false));
    let gone = Err((TargetErrorKind::Gone, false));
    assert_eq!(
        told,
        [
            Ok("7".to_owned()),
            Err((TargetErrorKind::Conflict, false)),
            Ok("9".to_owned()),
            alone.clone(),
            alone.clone(),
            Ok("10".to_owned()),
            gone,
            alone
        ]
    );
    let asked = asked.lock().unwrap();
    let (cost, body) = asked.first().unwrap();
    assert_eq!((asked.len(), *cost), (1, Some(Cost(1))), "one request of the price of one");
    assert_eq!(body.get("failOnErrors"), None);
    let paths: Vec<&str> =
        body.get("Operations").unwrap().as_array().unwrap().iter().map(|one| one.get("path").unwrap().as_str().unwrap()).collect();
    assert_eq!(paths, ["/Users", "/Users", "/Users/9", "/Users/10", "/Users/11"]);
    assert_eq!(body.pointer("/Operations/3"), Some(&json!({"method": "DELETE", "bulkId": "5", "path": "/Users/10"})));
}

#[test]
fn operations_without_an_answer_may_have_been_done() {
    let (target, asked) = target(
        BulkPrice::Operations,
        json!([{"method": "POST", "bulkId": "0", "status": "201", "location": "https://example.com/Users/7"}]),
    );
    let answers = block_on(target.bulk(&[create("ada@example.com"), create("bo@example.com")], Timestamp::MAX));
    assert_eq!(answers.first().unwrap().as_ref().unwrap(), "7");
    assert!(answers.get(1).unwrap().as_ref().is_err_and(|error| error.may_have_had_effect));
    assert_eq!(asked.lock().unwrap().first().map(|(cost, _)| *cost), Some(Some(Cost(2))));
}
