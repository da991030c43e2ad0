use std::collections::BTreeMap;

use scimkit_client::ClientError;
use scimkit_client::TransportErrorKind;
use scimkit_client::bulk::{BulkLimits, BulkOutcome, BulkPlan};
use scimkit_types::{BulkOperation, BulkRequest, BulkResponse, ComplexValue, Value};

use crate::support::{Answer, Scripted, answer, run};

fn operation(method: &str, path: &str, bulk_id: Option<&str>, data: Option<Value>) -> BulkOperation {
    let mut operation = BulkOperation::default();
    operation.method = method.to_owned();
    operation.path = Some(path.to_owned());
    operation.bulk_id = bulk_id.map(str::to_owned);
    operation.data = data;
    operation
}

fn user(name: &str) -> BulkOperation {
    let data: ComplexValue = [("userName", Value::from(name))].into_iter().collect();
    operation("POST", "/Users", Some(name), Some(data.into()))
}

fn group(name: &str, members: &[&str]) -> BulkOperation {
    let members = members.iter().map(|member| {
        let member: ComplexValue = [("value", Value::from(format!("bulkId:{member}")))].into_iter().collect();
        Value::from(member)
    });
    let data: ComplexValue = [("displayName", Value::from(name)), ("members", members.collect::<Vec<_>>().into())].into_iter().collect();
    operation("POST", "/Groups", Some(name), Some(data.into()))
}

fn plan(operations: Vec<BulkOperation>, most: usize) -> BulkPlan {
    BulkPlan::new(operations, BulkLimits::new(most, 1_000_000), None).unwrap()
}

/// Answers a request as a service provider does: `x` is created as `id-x`, and a reference to what is not in the request is a failure.
fn serve(request: &BulkRequest) -> BulkResponse {
    let mut response = BulkResponse::default();
    for sent in &request.operations {
        let mut outcome = operation(&sent.method, "", sent.bulk_id.as_deref(), None);
        outcome.path = None;
        let text = serde_json::to_string(&sent.data).unwrap_or_default() + sent.path.as_deref().unwrap_or_default();
        let is_dangling = text.split("bulkId:").skip(1).any(|rest| {
            let name = rest.split(['"', '/']).next().unwrap();
            !request.operations.iter().any(|other| other.bulk_id.as_deref() == Some(name))
        });
        outcome.status = Some(if is_dangling { 409 } else { 201 });
        outcome.location = (!is_dangling).then(|| format!("https://example.com/v2/Users/id-{}", sent.bulk_id.as_deref().unwrap_or("x")));
        response.operations.push(outcome);
    }
    // Service providers may do operations in any order.
    response.operations.reverse();
    response
}

/// Runs a plan to its end and returns the names in each request.
fn requests(plan: &mut BulkPlan) -> Vec<Vec<String>> {
    let mut sent = Vec::new();
    while let Some(request) = plan.next_request() {
        sent.push(request.operations.iter().map(|operation| operation.bulk_id.clone().unwrap_or_default()).collect());
        let response = serve(&request);
        plan.record(response);
    }
    sent
}

fn statuses(plan: &BulkPlan) -> Vec<Option<u16>> {
    let status = |outcome: &BulkOutcome| match outcome {
        BulkOutcome::Answered(outcome) => outcome.status,
        _ => None,
    };
    plan.outcomes().iter().map(status).collect()
}

#[test]
fn operations_are_divided_by_their_number() {
    let names: Vec<String> = (0..7).map(|number| format!("u{number}")).collect();
    let mut plan = plan(names.iter().map(|name| user(name)).collect(), 3);
    let sent = requests(&mut plan);
    assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    assert_eq!(sent.concat(), names);
    assert_eq!(statuses(&plan), [Some(201); 7]);
}

#[test]
fn no_request_is_larger_than_the_payload_allows() {
    let limits = BulkLimits::new(1000, 1000);
    let mut plan = BulkPlan::new((0..50).map(|number| user(&format!("user-{number}"))).collect(), limits, Some(3)).unwrap();
    let mut count = 0;
    while let Some(request) = plan.next_request() {
        let size = serde_json::to_vec(&request.clone().into_json()).unwrap().len();
        assert!(size <= 1000, "{size}");
        count += 1;
        plan.record(serve(&request));
    }
    assert!((5..=12).contains(&count), "{count}");
    assert_eq!(statuses(&plan), [Some(201); 50]);
}

/// An operation that fits into no request is not sent, and the others are.
#[test]
fn what_fits_into_no_request_is_impossible() {
    let mut large = user("large");
    large.data = Some(Value::from("x".repeat(2000)));
    let mut plan = BulkPlan::new(vec![user("a"), large, user("b")], BulkLimits::new(10, 1000), None).unwrap();
    requests(&mut plan);
    assert_eq!(plan.outcomes()[1], BulkOutcome::Impossible);
    assert_eq!(statuses(&plan), [Some(201), None, Some(201)]);
}

/// R7644-3.7.2: a reference to a resource that an earlier request created becomes its id; one within the request stays.
#[test]
fn references_are_resolved_across_requests() {
    let operations = vec![user("a"), user("b"), group("g", &["a", "b"]), operation("PATCH", "/Groups/bulkId:g", None, None)];
    let mut plan = plan(operations, 2);
    plan.next_request().map(|request| plan.record(serve(&request))).unwrap();
    let request = plan.next_request().unwrap();
    let text = serde_json::to_string(&request.operations[0].data).unwrap();
    assert!(text.contains("id-a") && text.contains("id-b") && !text.contains("bulkId"), "{text}");
    assert_eq!(request.operations[1].path.as_deref(), Some("/Groups/bulkId:g"));
    plan.record(serve(&request));
    assert_eq!((statuses(&plan), plan.id("g")), (vec![Some(201); 4], Some("id-g")));
}

/// R7644-3.7-13: what is referred to is created before, and circles stay in one request.
#[test]
fn references_to_later_operations_are_sent_in_their_order() {
    let mut forward = plan(vec![group("g", &["h"]), group("h", &["u"]), user("u")], 1);
    assert_eq!(requests(&mut forward), [["u"], ["h"], ["g"]]);
    assert_eq!(statuses(&forward), [Some(201); 3]);

    let mut circle = plan(vec![user("u"), group("g", &["h"]), group("h", &["g"])], 2);
    assert_eq!(requests(&mut circle), [vec!["u"], vec!["g", "h"]]);
    assert_eq!(statuses(&circle), [Some(201); 3]);
    let error = BulkPlan::new(vec![group("g", &["h"]), group("h", &["g"])], BulkLimits::new(1, 1000), None).unwrap_err();
    assert!(matches!(error, ClientError::InvalidRequest { .. }));
}

/// What refers to a resource that was not created is not sent.
#[test]
fn what_refers_to_a_failure_is_impossible() {
    let mut plan = plan(vec![user("a"), group("g", &["a"])], 1);
    let request = plan.next_request().unwrap();
    let mut response = serve(&request);
    response.operations[0].status = Some(409);
    response.operations[0].location = None;
    plan.record(response);
    assert_eq!(plan.next_request(), None);
    assert_eq!(plan.outcomes()[1], BulkOutcome::Impossible);
}

/// R7644-3.7-04, IR40: a create has a `bulkId`, and no two have the same.
#[test]
fn faulty_operations_are_refused_before_anything_is_sent() {
    let unnamed = operation("POST", "/Users", None, None);
    for operations in
        [vec![unnamed], vec![user("a"), user("a")], vec![group("g", &["nobody"])], vec![user("")], vec![operation("PUT", "", None, None)]]
    {
        let error = BulkPlan::new(operations, BulkLimits::default(), None).unwrap_err();
        assert!(matches!(error, ClientError::InvalidRequest { .. }));
    }
}

/// The number of failures that end the work counts over all requests.
#[test]
fn failures_count_over_all_requests() {
    let mut plan = BulkPlan::new((0..6).map(|number| user(&format!("u{number}"))).collect(), BulkLimits::new(2, 10_000), Some(3)).unwrap();
    let mut lefts = Vec::new();
    while let Some(request) = plan.next_request() {
        lefts.push(request.fail_on_errors);
        let mut response = serve(&request);
        response.operations.iter_mut().for_each(|outcome| outcome.status = Some(400));
        if lefts.len() == 2 {
            response.operations.remove(0);
        }
        plan.record(response);
    }
    assert_eq!(lefts, [Some(3), Some(1)]);
    assert_eq!(statuses(&plan), [Some(400), Some(400), Some(400), None, None, None]);
    assert_eq!(plan.outcomes()[3..], [BulkOutcome::NotSent, BulkOutcome::NotSent, BulkOutcome::NotSent]);
}

/// Nothing that was acknowledged is lost when a later request fails, and nothing is sent twice.
#[test]
fn an_interrupted_plan_keeps_what_was_answered() {
    let ok = |name: &str| {
        answer(
            200,
            &format!(r#"{{"Operations": [{{"method": "POST", "bulkId": "{name}", "status": "201", "location": "/Users/{name}"}}]}}"#),
        )
    };
    let peer = Scripted::new([ok("a"), Answer::Failure(TransportErrorKind::Interrupted), ok("c")]);
    let client = peer.client();
    let mut plan = plan(vec![user("a"), user("b"), user("c")], 1);
    assert!(run(client.run_bulk(&mut plan)).is_err());
    assert_eq!(statuses(&plan), [Some(201), None, None]);
    assert_eq!(plan.outcomes()[1..], [BulkOutcome::Unanswered, BulkOutcome::NotSent]);
    run(client.run_bulk(&mut plan)).unwrap();
    assert_eq!(statuses(&plan), [Some(201), None, Some(201)]);
    assert_eq!((plan.outcomes()[1].clone(), peer.seen().len()), (BulkOutcome::Unanswered, 3));
}

proptest::proptest! {
    /// Every operation is sent once, after what it refers to, in requests within the limits.
    #[test]
    fn every_operation_is_sent_once_and_in_time(links in proptest::collection::vec(proptest::collection::vec(0_usize..30, 0..3), 1..30), most in 30_usize..40) {
        let count = links.len();
        let operations: Vec<BulkOperation> = links
            .iter()
            .enumerate()
            .map(|(index, links)| {
                let members: Vec<String> = links.iter().map(|link| format!("n{}", link % count)).collect();
                group(&format!("n{index}"), &members.iter().map(String::as_str).collect::<Vec<_>>())
            })
            .collect();
        let mut plan = plan(operations, most.min(count.max(1)));
        let sent = requests(&mut plan);
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        sent.concat().into_iter().for_each(|name| *times.entry(name).or_default() += 1);
        proptest::prop_assert!(times.len() == count && times.values().all(|times| *times == 1));
        proptest::prop_assert!(statuses(&plan).iter().all(|status| *status == Some(201)));
    }
}
