use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use scimkit_client::Transport;
use scimkit_connectors::graph::{GraphOptions, GraphSource, RecordedPages};
use scimkit_provisioning::{AssignmentPage, Source, SourceErrorKind};

use super::{APPLICATION, chain};

const LAST_USERS: &str = r#"{"value": [], "@odata.deltaLink": "https://graph.microsoft.com/v1.0/users/delta?d"}"#;
const LAST_GROUPS: &str = r#"{"value": [], "@odata.deltaLink": "https://graph.microsoft.com/v1.0/groups/delta?d"}"#;

/// A recording with one page of users and of groups, after which these files are written.
fn recording(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("initial/users-0001.json", LAST_USERS), ("initial/groups-0001.json", LAST_GROUPS)].iter().chain(files) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Opening fails with this message after the folder's name.
#[track_caller]
fn check(folder: &Path, expected: &str) {
    let text = chain(&RecordedPages::open(folder, 1).unwrap_err());
    let text = text.replace(&folder.display().to_string(), "FOLDER");
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn missing_folders_and_pages_are_named() {
    let folder = tempfile::tempdir().unwrap();
    check(&folder.path().join("none"), "`FOLDER`: cannot be read: ");
    check(folder.path(), "`FOLDER/initial`: expected a folder of the first round's pages, found none");
    fs::create_dir(folder.path().join("initial")).unwrap();
    check(folder.path(), "`FOLDER/initial/users-0001.json`: expected the first page of users, found none");
    fs::write(folder.path().join("initial/users-0001.json"), LAST_USERS).unwrap();
    check(folder.path(), "`FOLDER/initial/groups-0001.json`: expected the first page of groups, found none");
}

#[test]
fn pages_that_do_not_chain_are_named() {
    let next = r#"{"value": [], "@odata.nextLink": "https://graph.microsoft.com/v1.0/users/delta?n"}"#;
    let cases = [
        (recording(&[("initial/users-0001.json", next)]), "`@odata.nextLink` promises another page, but there is no further file"),
        (recording(&[("initial/users-0002.json", next)]), "`@odata.deltaLink` ends the round, but `initial/users-0002.json` follows"),
        (recording(&[("initial/users-0001.json", "{}")]), "expected one of `@odata.nextLink` and `@odata.deltaLink`, found none"),
        (recording(&[("initial/users-0001.json", "{\n  \"value\" 1}")]), "expected a page as JSON, found a mistake at line 2, column 11"),
    ];
    for (folder, expected) in cases {
        check(folder.path(), &format!("`FOLDER/initial/users-0001.json`: {expected}"));
    }
    let twice = recording(&[("next-day/users-0001.json", LAST_USERS)]);
    check(twice.path(), "`FOLDER/next-day/users-0001.json`: expected a link of its own, found that of another page");
}

const MORE_ASSIGNMENTS: &str =
    r#"{"value": [], "@odata.nextLink": "https://graph.microsoft.com/v1.0/servicePrincipals/x/appRoleAssignedTo?$skiptoken=n"}"#;

#[test]
fn pages_of_assignments_that_do_not_chain_are_named() {
    let last = r#"{"value": []}"#;
    let page = "`FOLDER/initial/assignments.json`";
    check(
        recording(&[("initial/assignments.json", MORE_ASSIGNMENTS)]).path(),
        &format!("{page}: `@odata.nextLink` promises another page, but there is no further file"),
    );
    check(
        recording(&[("initial/assignments.json", last), ("initial/assignments-0002.json", last)]).path(),
        &format!("{page}: expected `@odata.nextLink`, found none, but `initial/assignments-0002.json` follows"),
    );
    let again = recording(&[
        ("initial/assignments.json", MORE_ASSIGNMENTS),
        ("initial/assignments-0002.json", MORE_ASSIGNMENTS),
        ("initial/assignments-0003.json", last),
    ]);
    check(again.path(), "`FOLDER/initial/assignments-0002.json`: expected a link of its own, found that of another page");
}

/// A reading that began goes on in the round in which it began.
#[tokio::test]
async fn assignments_are_those_of_the_latest_round_page_by_page() {
    let page = |id: &str| format!(r#"{{"value": [{{"principalId": "{id}", "principalType": "User", "appRoleId": "0"}}]}}"#);
    let first = MORE_ASSIGNMENTS.replace("[]", r#"[{"principalId": "1", "principalType": "User", "appRoleId": "0"}]"#);
    let folder = recording(&[
        ("initial/assignments.json", &first),
        ("initial/assignments-0002.json", &page("2")),
        ("next-day/assignments.json", &page("3")),
    ]);
    let pages = RecordedPages::open(folder.path(), 1).unwrap();
    let source = GraphSource::new(Arc::new(pages.clone()), GraphOptions::new(APPLICATION)).unwrap();
    let ids = |page: &AssignmentPage| page.assignments.iter().map(|assignment| assignment.principal_id.clone()).collect::<Vec<_>>();
    let first = source.assignments(None).await.unwrap();
    assert!(pages.release_next_round());
    let second = source.assignments(first.next.as_ref()).await.unwrap();
    assert_eq!((ids(&first), ids(&second), second.next), (vec!["1".to_owned()], vec!["2".to_owned()], None));
    let next_day = source.assignments(None).await.unwrap();
    assert_eq!((ids(&next_day), next_day.next), (vec!["3".to_owned()], None));
}

#[tokio::test]
async fn errors_in_a_page_name_its_file() {
    let page = LAST_USERS.replace("[]", r#"[{"id": "1"}, {"id": 2}]"#);
    let folder = recording(&[("initial/users-0001.json", &page)]);
    let pages = RecordedPages::open(folder.path(), 1).unwrap();
    let source = GraphSource::new(Arc::new(pages), GraphOptions::new(APPLICATION)).unwrap();
    let error = source.read("User", None).await.unwrap_err();
    assert_eq!(error.message, "`initial/users-0001.json`: `value[1].id`: expected a text, found a number (line 1, column 33)");
}

#[tokio::test]
async fn file_that_went_away_is_named() {
    let folder = recording(&[]);
    let pages = RecordedPages::open(folder.path(), 1).unwrap();
    let source = GraphSource::new(Arc::new(pages), GraphOptions::new(APPLICATION)).unwrap();
    let error = source.assignments(None).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unavailable);
    assert!(chain(&error).contains("initial/assignments.json`: cannot be read"), "{}", chain(&error));
    fs::remove_file(folder.path().join("initial/users-0001.json")).unwrap();
    let error = source.read("User", None).await.unwrap_err();
    assert!(chain(&error).contains("initial/users-0001.json`: cannot be read"), "{}", chain(&error));
}

#[tokio::test]
async fn page_that_is_too_large_is_refused() {
    let folder = recording(&[("initial/users-0001.json", &" ".repeat((16 << 20) + 1))]);
    check(folder.path(), "`FOLDER/initial/users-0001.json`: expected at most 16777216 bytes, found more");
}

/// A round may lack a kind: the link goes on with the round after it.
#[tokio::test]
async fn round_without_groups_is_passed_over() {
    let later = LAST_GROUPS.replace("[]", r#"[{"id": "g"}]"#).replace("?d", "?later");
    let users = LAST_USERS.replace("?d", "?e");
    let folder = recording(&[("b/users-0001.json", &users), ("c/groups-0001.json", &later)]);
    let pages = RecordedPages::open(folder.path(), 9).unwrap();
    assert_eq!((pages.rounds_released(), pages.rounds()), (3, &["initial".to_owned(), "b".to_owned(), "c".to_owned()][..]));
    let source = GraphSource::new(Arc::new(pages), GraphOptions::new(APPLICATION)).unwrap();
    let first = source.read("Group", None).await.unwrap();
    assert_eq!(source.read("Group", Some(&first.next)).await.unwrap().changes.len(), 1);
}

#[tokio::test]
async fn recordings_are_only_read() {
    let pages = RecordedPages::open(recording(&[]).path(), 1).unwrap();
    let status = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(format!("https://graph.microsoft.com/v1.0{path}"));
        pages.send(request.body(Bytes::new()).unwrap()).await.unwrap().status().as_u16()
    };
    assert_eq!(status("DELETE", "/users/delta").await, 405);
    assert_eq!(status("GET", "/me").await, 404);
    assert_eq!(status("GET", "/users/delta?$select=id&$skiptoken=a").await, 410);
}
