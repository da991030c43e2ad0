use std::num::NonZeroU32;
use std::ops::Range;

use futures_util::TryStreamExt;
use scimkit_client::ClientError;
use scimkit_types::SearchRequest;

use crate::support::{Answer, Scripted, answer, run};

fn page(total: u64, ids: Range<u32>, next_cursor: Option<&str>) -> Answer {
    let resources: Vec<String> = ids.map(|id| format!(r#"{{"id": "{id}"}}"#)).collect();
    let next = next_cursor.map(|cursor| format!(r#""nextCursor": "{cursor}","#)).unwrap_or_default();
    answer(200, &format!(r#"{{"totalResults": {total}, {next} "Resources": [{}]}}"#, resources.join(",")))
}

#[track_caller]
fn check(cursor: Option<&str>, answers: impl IntoIterator<Item = Answer>, queries: &[&str]) -> Result<Vec<u32>, ClientError> {
    let peer = Scripted::new(answers);
    let mut request = SearchRequest::default();
    request.filter = Some("title pr".to_owned());
    request.cursor = cursor.map(str::to_owned);
    let client = peer.client();
    let size = NonZeroU32::new(10).unwrap();
    let resources = run(client.query_all("/Users", &request, size).try_collect::<Vec<_>>());
    let expected: Vec<String> = queries.iter().map(|query| format!("GET /scim/v2/Users?filter=title%20pr&{query}")).collect();
    assert_eq!(peer.seen(), expected);
    resources.map(|resources| resources.iter().map(|resource| resource.id().unwrap().parse().unwrap()).collect())
}

fn ids(range: Range<u32>) -> Vec<u32> {
    range.collect()
}

/// R7644-3.4.2.4-08: ten are asked for, four come: the next page starts after the four.
#[test]
fn the_next_page_starts_after_what_came() {
    let answers = [page(10, 0..4, None), page(10, 4..8, None), page(10, 8..10, None)];
    let queries = ["startIndex=1&count=10", "startIndex=5&count=10", "startIndex=9&count=10"];
    assert_eq!(check(None, answers, &queries).unwrap(), ids(0..10));
}

#[test]
fn a_query_without_results_takes_one_request() {
    assert_eq!(check(None, [answer(200, r#"{"totalResults": 0}"#)], &["startIndex=1&count=10"]).unwrap(), ids(0..0));
}

/// R9865-2-05, R9865-2-07: cursors are followed with the same parameters; the number of results may be missing.
#[test]
fn cursors_are_followed_to_the_end() {
    let last = answer(200, r#"{"Resources": [{"id": "10"}]}"#);
    let answers = [page(11, 0..10, Some("b")), last];
    assert_eq!(check(Some(""), answers, &["count=10&cursor=", "count=10&cursor=b"]).unwrap(), ids(0..11));
}

/// R9865-2.3-01: a service provider may insist on cursors.
#[test]
fn a_cursor_that_was_not_asked_for_is_followed() {
    let answers = [page(12, 0..10, Some("x y")), page(12, 10..12, None)];
    assert_eq!(check(None, answers, &["startIndex=1&count=10", "count=10&cursor=x%20y"]).unwrap(), ids(0..12));
}

/// R7644-3.4.2.4-01: a user created meanwhile shifts the pages; nobody comes twice.
#[test]
fn a_resource_that_comes_again_is_left_out() {
    let answers = [page(12, 0..10, None), page(13, 9..12, None)];
    assert_eq!(check(None, answers, &["startIndex=1&count=10", "startIndex=11&count=10"]).unwrap(), ids(0..12));
}

/// IR39: pages that end before the total are an error, not a short result.
#[test]
fn pages_that_end_early_are_an_error() {
    let two = ["startIndex=1&count=10", "startIndex=11&count=10"];
    let error = check(None, [page(25, 0..10, None), page(25, 0..0, None)], &two).unwrap_err();
    assert!(matches!(error, ClientError::Incomplete { expected: 25, found: 10, .. }));
    let error = check(None, [page(25, 0..10, None), page(25, 0..10, None)], &two).unwrap_err();
    assert!(matches!(error, ClientError::Incomplete { reason: "a page came twice", .. }));
    let error = check(Some(""), [page(25, 0..10, None)], &["count=10&cursor="]).unwrap_err();
    assert!(matches!(error, ClientError::Incomplete { expected: 25, found: 10, .. }));
    let error = check(Some("a"), [page(25, 0..10, Some("a"))], &["count=10&cursor=a"]).unwrap_err();
    assert!(matches!(error, ClientError::Incomplete { reason: "a cursor leads to itself", .. }));
}

#[test]
fn an_error_ends_the_pages() {
    let error = check(None, [page(25, 0..10, None), answer(500, "")], &["startIndex=1&count=10", "startIndex=11&count=10"]).unwrap_err();
    assert_eq!(error.status(), Some(500));
}

/// A service that ignores where a page starts gives the same page until the total is reached: that is no result.
#[test]
fn a_service_that_ignores_the_start_is_found_out() {
    let answers = [page(20, 0..10, None), page(20, 0..10, None)];
    let error = check(None, answers, &["startIndex=1&count=10", "startIndex=11&count=10"]).unwrap_err();
    assert!(matches!(error, ClientError::Incomplete { reason: "a page came twice", .. }));
}

fn page_at(total: u64, start_index: u64, ids: Range<u32>) -> Answer {
    let resources: Vec<String> = ids.map(|id| format!(r#"{{"id": "{id}"}}"#)).collect();
    answer(200, &format!(r#"{{"totalResults": {total}, "startIndex": {start_index}, "Resources": [{}]}}"#, resources.join(",")))
}

/// A service that rounds the start of a page down tells so, and what it leaves out by that is asked for.
#[test]
fn a_page_that_begins_before_is_followed() {
    let answers = [page_at(15, 1, 0..7), page_at(15, 6, 5..10), page_at(15, 11, 10..15)];
    let queries = ["startIndex=1&count=10", "startIndex=8&count=10", "startIndex=11&count=10"];
    assert_eq!(check(None, answers, &queries).unwrap(), ids(0..15));
    // Many always say 1, or begin with 0.
    let answers = [page_at(20, 0, 0..10), page_at(20, 1, 10..20)];
    assert_eq!(check(None, answers, &["startIndex=1&count=10", "startIndex=11&count=10"]).unwrap(), ids(0..20));
}

/// A page that begins later than asked for leaves resources out; one that leads back never ends.
#[test]
fn a_page_that_begins_elsewhere_is_found_out() {
    let two = ["startIndex=1&count=10", "startIndex=11&count=10"];
    let error = check(None, [page_at(40, 1, 0..10), page_at(40, 21, 20..30)], &two).unwrap_err();
    assert!(matches!(error, ClientError::Incomplete { reason: "a page begins too late", .. }));
    let error = check(None, [page_at(40, 1, 0..10), page_at(40, 5, 4..9)], &two).unwrap_err();
    assert!(matches!(error, ClientError::Incomplete { reason: "a page leads back", .. }));
}

/// R9865-2-06: cursors say nothing to the client, and those that lead in a circle, of whatever length, end.
#[test]
fn cursors_in_a_circle_end() {
    for length in 2..12_u32 {
        let answers: Vec<Answer> = (0..100).map(|turn| page(1000, turn * 5..turn * 5 + 5, Some(&format!("c{}", turn % length)))).collect();
        let peer = Scripted::new(answers);
        let mut request = SearchRequest::default();
        request.cursor = Some(String::new());
        let client = peer.client();
        let result = run(client.query_all("/Users", &request, NonZeroU32::new(5).unwrap()).try_collect::<Vec<_>>());
        assert!(matches!(result, Err(ClientError::Incomplete { reason: "cursors lead in a circle", .. })), "{length}");
        assert!(peer.seen().len() <= usize::try_from(4 * length).unwrap());
    }
}
