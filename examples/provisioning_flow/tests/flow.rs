//! The flow as a user runs it: right, wrong, and stopped half-way.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests report by panicking")]

use std::fs;
use std::path::Path;

use clap::Parser;
use scimkit_example_provisioning_flow::{Failure, FailureKind, Options, ServiceKind, run};

async fn flow(arguments: &[&str]) -> (Result<bool, Failure>, String) {
    let options = Options::try_parse_from(std::iter::once(&"provisioning_flow").chain(arguments)).unwrap();
    let mut out = Vec::new();
    let result = run(options, &mut out).await;
    (result, String::from_utf8(out).unwrap())
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().unwrap().to_owned()
}

async fn fails(arguments: &[&str], kind: FailureKind, parts: &[&str]) {
    let (result, out) = flow(arguments).await;
    let failure = result.expect_err(&out);
    let message = failure.to_string();
    assert_eq!(failure.kind(), kind, "{message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    assert!(!message.contains('\n'), "one message is one line: {message}");
}

/// A directory of 20 people and its folder.
fn directory(folder: &Path) -> String {
    let options = scimkit_example_directory::Options { people: 20, groups: 3, ..Default::default() };
    scimkit_example_directory::generate(&options).write_to(folder.join("directory")).unwrap();
    path(folder, "directory")
}

/// The job with one text of its mappings replaced.
fn job_with(folder: &Path, from: &str, to: &str) -> String {
    let mappings = ServiceKind::Ringcentral.mappings();
    assert!(mappings.contains(from));
    job_of(folder, &mappings.replace(from, to))
}

/// The job with these mappings.
fn job_of(folder: &Path, mappings: &str) -> String {
    fs::write(folder.join("ringcentral-job.json"), mappings).unwrap();
    fs::write(folder.join("job.toml"), ServiceKind::Ringcentral.job()).unwrap();
    path(folder, "job.toml")
}

#[tokio::test(flavor = "multi_thread")]
async fn both_services_are_in_step_with_the_reviewed_content() {
    for profile in ["ringcentral", "standard"] {
        let folder = tempfile::tempdir().unwrap();
        let (result, out) = flow(&["--profile", profile, "--state", &path(folder.path(), "state")]).await;
        assert!(result.unwrap(), "{out}");
        assert!(out.contains("0 differences"), "{out}");
        assert!(out.contains("no write was sent"), "{out}");
        assert!(out.contains(" 0 answers of 429"), "{out}");
        assert!(!out.contains(" 1 reads") && !out.contains("(1 reads)"), "{out}");
        let log = fs::read_to_string(folder.path().join("state/provisioning-log.jsonl")).unwrap();
        assert!(log.lines().count() > 500);
        assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stops_fails_the_cycle_and_the_run_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let state = path(folder.path(), "state");
    for requests in ["8", "12", "3"] {
        let arguments = ["--people", "20", "--state", &state, "--stop-service-after", requests];
        // What was under way when it stopped is broken off, what comes later does not reach it; either may be told first.
        let (result, out) = flow(&arguments).await;
        let failure = result.expect_err(&out);
        let message = failure.to_string();
        assert_eq!(failure.kind(), FailureKind::Cycle, "{message}");
        assert!(message.contains("cannot be reached") || message.contains("connection broke"), "{message}");
        assert!(message.contains("--state"), "{message}");
    }
    let (result, out) = flow(&["--people", "20", "--state", &state]).await;
    assert!(result.unwrap(), "{out}");
    let (result, out) = flow(&["--people", "20", "--state", &state]).await;
    assert!(result.unwrap(), "{out}");
    assert!(out.contains(" 0 writes"), "a run that has ended has nothing to do: {out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_page_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let directory = directory(folder.path());
    let page = Path::new(&directory).join("initial/users-0001.json");
    let text = fs::read_to_string(&page).unwrap();
    fs::write(&page, text.get(..text.len() / 2).unwrap()).unwrap();
    fails(&["--directory", &directory], FailureKind::Input, &["users-0001.json", "expected a page as JSON", "line"]).await;

    fs::write(&page, text.replacen("\"accountEnabled\": true", "\"accountEnabled\": \"yes\"", 1)).unwrap();
    fails(&["--directory", &directory], FailureKind::Input, &["users-0001.json", "accountEnabled", "expected a boolean"]).await;

    let (result, _) = flow(&["--directory", "nowhere"]).await;
    let message = result.unwrap_err().to_string();
    assert!(message.starts_with("the directory cannot be used: `nowhere"), "{message}");
    assert_eq!(message.matches("nowhere").count(), 1, "the folder is named once: {message}");
}

#[test]
fn a_wrong_argument_says_what_was_expected() {
    for (argument, expected) in [
        ("--people", "expected a whole number from 20 to 100000"),
        ("--stop-service-after", "expected a whole number"),
        ("--listen", "expected an address with a port, such as `127.0.0.1:8080`"),
    ] {
        let message = Options::try_parse_from(["provisioning_flow", argument, "x"]).unwrap_err().to_string();
        assert!(message.contains(argument) && message.contains(expected), "{message}");
    }
    assert!(Options::try_parse_from(["provisioning_flow", "--people", "19"]).is_err());
    assert_eq!(Options::try_parse_from(["provisioning_flow", "--people", "20"]).unwrap().people, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_to_an_unknown_attribute_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let job = job_with(folder.path(), r#""targetAttributeName": "title""#, r#""targetAttributeName": "titel""#);
    fails(
        &["--people", "20", "--job", &job],
        FailureKind::Input,
        &["job.toml", "ringcentral-job.json", "attribute mapping `titel`", "is not an attribute"],
    )
    .await;

    let job = job_of(folder.path(), r#"{"synchronizationRules": ["#);
    fails(&["--people", "20", "--job", &job], FailureKind::Input, &["ringcentral-job.json", "line 1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_of_a_job_file_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = ServiceKind::Ringcentral.job().replace("removals = 50", "removals = \"few\"").replace("mailto:", "");
    fs::write(folder.path().join("job.toml"), text).unwrap();
    let job = path(folder.path(), "job.toml");
    let parts = ["job.toml", "`thresholds.removals`", "found `few` (line 13)", "`notification.to[0]`", "(line 16)"];
    fails(&["--people", "20", "--job", &job], FailureKind::Input, &parts).await;

    let other = ServiceKind::Ringcentral.job().replace("\"graph\"", "\"csv\"");
    fs::write(folder.path().join("job.toml"), other).unwrap();
    fails(&["--people", "20", "--job", &job], FailureKind::Input, &["the source of the flow is `graph`, found `csv`"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_matching_attribute_that_the_service_cannot_filter_on_is_found_by_the_test_of_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let mut job: serde_json::Value = serde_json::from_str(ServiceKind::Ringcentral.mappings()).unwrap();
    for mapping in job.pointer_mut("/synchronizationRules/0/objectMappings/0/attributeMappings").unwrap().as_array_mut().unwrap() {
        let priority = i32::from(mapping.get("targetAttributeName").unwrap() == "externalId");
        mapping.as_object_mut().unwrap().insert("matchingPriority".to_owned(), priority.into());
    }
    let job = job_of(folder.path(), &job.to_string());
    fails(&["--people", "20", "--job", &job], FailureKind::Input, &["test connection", "`externalId`", "invalidFilter"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_told() {
    fails(&["--people", "20", "--token", "wrong"], FailureKind::Input, &["test connection", "refuses the token (401)"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    fails(&["--people", "20", "--listen", &address], FailureKind::Input, &["cannot listen", &address]).await;
}

/// How many lines of the bad day hold this.
fn count(out: &str, part: &str) -> usize {
    out.lines().filter(|line| line.starts_with("bad day") && line.contains(part)).count()
}

/// Half of the directory is gone: the deletion threshold of the job file holds all of it back until somebody has looked.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_day_is_held_back_and_then_released() {
    for profile in ["ringcentral", "standard"] {
        let folder = tempfile::tempdir().unwrap();
        let state = path(folder.path(), "state");
        let (result, out) = flow(&["--people", "200", "--day", "bad", "--profile", profile, "--state", &state]).await;
        assert!(result.unwrap(), "{out}");
        let parts = [
            "held  ",
            "more than the threshold of 50; none was",
            "TooManyDeletes",
            "stagedDelete",
            "told  ",
            "mailto:it@example.com: provisioning job `",
            "holds removals back until they are released",
            "released",
            "has left its quarantine",
            "no write was sent",
        ];
        for part in parts {
            assert!(out.contains(part), "`{part}` is not in: {out}");
        }
        let (planned, disabled) = (count(&out, "plan: "), count(&out, " disabled "));
        assert_eq!((planned, disabled), (1, 1), "what was held is applied, and nothing is planned anew: {out}");
    }
}

/// The plan comes before the first write, and only its owner can read its files.
#[tokio::test(flavor = "multi_thread")]
async fn each_cycle_shows_its_plan_first() {
    let folder = tempfile::tempdir().unwrap();
    let state = path(folder.path(), "state");
    let (result, out) = flow(&["--people", "20", "--state", &state]).await;
    assert!(result.unwrap(), "{out}");
    assert!(out.contains("initial cycle     plan: create ") && out.contains("+ create User "), "{out}");
    assert!(out.contains("# [") && out.contains(" -> userName"), "{out}");
    let plan = folder.path().join("state/plan-1.json");
    let document: serde_json::Value = serde_json::from_str(&fs::read_to_string(&plan).unwrap()).unwrap();
    let creates = document.pointer("/plan/counts/creates").unwrap().as_u64().unwrap();
    assert!(creates > 10 && document.get("actions").unwrap().as_array().unwrap().len() as u64 == creates, "{out}");
    #[cfg(unix)]
    for private in [&plan, &folder.path().join("state/provisioning-log.jsonl")] {
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(private).unwrap().permissions()) & 0o777, 0o600);
    }
    assert!(folder.path().join("state/usage.json").exists(), "what was used of the quotas is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_ends_well_leaves_no_temporary_folder() {
    let (result, out) = flow(&["--people", "20"]).await;
    assert!(result.unwrap(), "{out}");
    let line = out.lines().find(|line| line.starts_with("directory ")).unwrap();
    let directory = line.split_whitespace().nth(1).unwrap();
    assert!(directory.contains("scimkit-flow-") && !Path::new(directory).exists(), "{directory}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_folder_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let state = path(folder.path(), "state");
    assert!(flow(&["--people", "20", "--state", &state]).await.0.unwrap());
    let arguments = ["--people", "20", "--state", &state, "--profile", "standard"];
    fails(&arguments, FailureKind::Input, &["belongs to a run with `--profile ringcentral`"]).await;
}
