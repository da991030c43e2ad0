//! Jobs from files.

use std::io;
use std::time::Duration;

use scimkit_provisioning::{JobFile, Label, MatchingPolicy, OutOfScope, Scope, WhenGone};
use scimkit_types::Dialect;
use scimkit_types::profile::RequestLimit;

const MAPPINGS: &str = r#"{"objects": [{
    "source": "User", "target": "urn:ietf:params:scim:schemas:core:2.0:User",
    "scope": [{"clauses": [{"attribute": "department", "operator": "NOT EQUALS", "values": ["Guests"]}]}],
    "attributes": [{"target": "userName", "expression": "[mail]", "match": 1}]
}]}"#;

const SCHEMA: &str = r#"{"synchronizationRules": [{"objectMappings": [{
    "sourceObjectName": "Group", "targetObjectName": "urn:ietf:params:scim:schemas:core:2.0:Group",
    "attributeMappings": [
        {"targetAttributeName": "displayName", "matchingPriority": 1, "source": {"expression": "[displayName]"}}]
}]}]}"#;

fn files(name: &str) -> io::Result<String> {
    match name {
        "users.json" => Ok(MAPPINGS.to_owned()),
        "groups.json" => Ok(SCHEMA.to_owned()),
        "service.json" => {
            Ok(r#"{"name": "service", "dialect": "ringcentral", "limits": {"read": {"requests": 9, "seconds": 1}}}"#.to_owned())
        }
        "broken.json" => Ok(MAPPINGS.replace("userName", "username2").replace("[mail]", "Tolower([mail])")),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "no such file")),
    }
}

const WHOLE: &str = r#"{
    "name": "phones",
    "source": {"kind": "csv", "path": "people.csv"},
    "target": {"url": "https://example.com/scim/v2", "profile": "service.json", "dialect": "okta"},
    "mappings": ["users.json", "groups.json"],
    "scope": {"objects": "all", "nestedGroups": true, "whoLeaves": "keep", "whoIsGone": "fail"},
    "actions": ["create", "update", "disable"],
    "matching": "listing",
    "thresholds": {"removals": 50, "percent": 10},
    "schedule": {"interval": "PT15M"},
    "quota": {"write": {"requests": 10, "seconds": 60}},
    "concurrency": 4,
    "log": {"retention": "P30D", "tenantId": "contoso", "servicePrincipal": {"id": "sp1", "name": "Phones"}, "sourceSystem": {"id": "d1"},
        "targetSystem": {"details": {"ApplicationId": "a1"}}, "initiator": {"name": "sync"}},
    "notification": {"to": ["mailto:it@example.com", "https://hooks.example.com/1"]}
}"#;

#[test]
fn a_job_file_says_everything_of_a_job() {
    let file = JobFile::from_json(WHOLE, &files).unwrap();
    let job = &file.job;
    assert_eq!((file.source.kind.as_str(), file.source.settings.get("path").unwrap().as_str()), ("csv", Some("people.csv")));
    assert_eq!(file.target.url.as_deref(), Some("https://example.com/scim/v2"));
    assert_eq!((job.id.as_str(), job.profile.name.as_str()), ("phones", "service"));
    let types: Vec<&str> = job.mappings.iter().map(|set| set.object_type()).collect();
    assert_eq!(types, ["User", "Group"]);
    assert_eq!((job.scope, job.expands_nested_groups, job.out_of_scope), (Scope::All, true, OutOfScope::Keep));
    assert_eq!((job.actions.create, job.actions.update, job.actions.disable, job.actions.delete), (true, true, true, false));
    assert_eq!((job.matching, job.deletion_threshold, job.quarantine_thresholds.percent), (MatchingPolicy::Listing, Some(50), 10));
    assert_eq!((job.interval, job.concurrency), (Duration::from_mins(15), 4));
    assert_eq!(job.log_retention, Some(Duration::from_hours(30 * 24)));
    assert_eq!(job.profile.limits.read, Some(RequestLimit::new(9, 1)), "what the profile says, unless the job says something else");
    assert_eq!(job.profile.limits.write, Some(RequestLimit::new(10, 60)));
    assert_eq!(job.profile.dialect, "okta".parse::<Dialect>().unwrap());
    assert_eq!((job.notification.to.len(), job.when_gone), (2, WhenGone::Fail));
    let labels = &job.labels;
    assert_eq!((labels.tenant_id.as_deref(), &labels.service_principal), (Some("contoso"), &Some(Label::named("Phones").with_id("sp1"))));
    assert_eq!(labels.source_system, Some(Label::named("csv").with_id("d1")));
    let target = Label::named("service").with_id("https://example.com/scim/v2").with_detail("ApplicationId", "a1");
    assert_eq!((&labels.target_system, &labels.initiator), (&Some(target), &Some(Label::named("sync"))));
}

#[test]
fn the_fingerprint_changes_with_what_decides_on_objects_and_nothing_else() {
    let print = |text: &str| JobFile::from_json(text, &files).unwrap().job.fingerprint;
    let whole = print(WHOLE);
    for (from, to) in
        [("\"removals\": 50", "\"removals\": 7"), ("PT15M", "PT5M"), ("\"requests\": 10", "\"requests\": 1"), ("listing", "queries")]
    {
        assert_eq!(print(&WHOLE.replace(from, to)), whole, "`{from}`");
    }
    for (from, to) in [
        ("\"all\"", "\"assigned\""),
        (", \"groups.json\"", ""),
        ("okta", "entra"),
        ("\"disable\"]", "\"disable\", \"delete\"]"),
        ("\"profile\": \"service.json\"", "\"profile\": {\"name\": \"service\", \"features\": {\"patch\": false}}"),
    ] {
        assert_ne!(print(&WHOLE.replace(from, to)), whole, "`{from}`");
    }
}

#[track_caller]
fn check(faults: &[scimkit_mapping::Fault], expected: &[(&str, usize, &str)]) {
    let found: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), expected.len(), "{found:#?}");
    for ((fault, text), (path, line, part)) in faults.iter().zip(&found).zip(expected) {
        assert_eq!((fault.path.as_str(), fault.line), (*path, Some(*line)), "{text}");
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn all_faults_are_told_at_once_with_their_lines() {
    let text = r#"{
    "source": {},
    "target": {"url": "example.com", "profile": "nowhere.json", "colour": 1},
    "objects": [{"source": "User", "target": "x", "to": 1}],
    "scope": {"objects": "some"},
    "actions": ["create", "destroy"],
    "thresholds": {"removals": "many"},
    "schedule": {"interval": "now and then"},
    "quota": {"read": {"requests": 0}},
    "concurrency": 0,
    "notification": {"to": ["it@example.com"]}
}"#;
    let faults = JobFile::from_json(text, &files).unwrap_err();
    check(
        &faults,
        &[
            ("name", 1, "is required"),
            ("source.kind", 2, "is required"),
            ("target.colour", 3, "there is no such member; expected one of `url`, `profile`, `dialect`"),
            ("target.url", 3, "expected an address"),
            ("target.profile", 3, "cannot read `nowhere.json`: no such file"),
            ("objects[0].to", 4, "unknown field `to`"),
            ("scope.objects", 5, "expected one of `assigned`, `all`, found `some`"),
            ("actions[1]", 6, "expected one of `create`, `update`, `disable`, `delete`, found `destroy`"),
            ("thresholds.removals", 7, "expected a whole number of at least 0, found `many`"),
            ("schedule.interval", 8, "expected a length of time such as `PT40M` or `40 minutes`, found `now and then`"),
            ("quota.read.requests", 9, "expected a whole number of at least 1, found `0`"),
            ("quota.read.seconds", 9, "is required"),
            ("concurrency", 10, "expected a whole number of at least 1"),
            ("notification.to[0]", 11, "expected an address that begins with `mailto:`"),
        ],
    );
}

#[test]
fn faults_of_the_files_that_it_names_are_told_with_the_file() {
    let text =
        r#"{"name": "n", "source": {"kind": "csv"}, "scope": {"objects": 1}, "mappings": ["broken.json", "users.json", "nowhere.json"]}"#;
    let faults = JobFile::from_json(text, &files).unwrap_err();
    let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("`broken.json`, ") && text.contains("did you mean `ToLower`") && text.ends_with("(line 4)")),
        "{texts:#?}"
    );
    assert!(texts.iter().any(|text| text.starts_with("`broken.json`, ") && text.contains("`username2` is not an attribute")), "{texts:#?}");
    assert!(texts.iter().any(|text| text.starts_with("`mappings[2]`: cannot read `nowhere.json`")), "{texts:#?}");
    assert!(texts.iter().any(|text| text.starts_with("`scope.objects`: ")), "{texts:#?}");
}

/// The attributes of a service whose profile cannot be read are not those of the standard.
#[test]
fn mappings_are_not_held_against_another_profile_than_the_file_means() {
    let text = r#"{
    "name": "n", "source": {"kind": "csv"},
    "target": {"profile": "nowhere.json"},
    "objects": [{"source": "User", "target": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": [
        {"target": "badge", "expression": "[mail]", "match": 1}
    ]}]
}"#;
    check(&JobFile::from_json(text, &files).unwrap_err(), &[("target.profile", 3, "cannot read `nowhere.json`: no such file")]);
}

#[test]
fn what_is_no_document_or_too_long_is_told() {
    let faults = JobFile::from_json("{\n\"name\": }", &files).unwrap_err();
    assert_eq!((faults.len(), faults.first().and_then(|fault| fault.line)), (1, Some(2)));
    let faults = JobFile::from_json("[]", &files).unwrap_err();
    assert!(faults.iter().any(|fault| fault.to_string().contains("expected a table, found a list")), "{faults:?}");
    let faults = JobFile::from_json(&" ".repeat((8 << 20) + 1), &files).unwrap_err();
    assert!(faults.iter().any(|fault| fault.to_string().contains("expected at most 8388608 bytes")), "{faults:?}");
}

#[cfg(feature = "toml")]
#[test]
fn toml_says_the_same_and_its_faults_have_lines_too() {
    let document: serde_json::Value = serde_json::from_str(WHOLE).unwrap();
    let text = toml::to_string_pretty(&document).unwrap();
    let file = JobFile::from_toml(&text, &files).unwrap();
    let same = JobFile::from_json(WHOLE, &files).unwrap();
    assert_eq!(file.job.fingerprint, same.job.fingerprint);
    assert_eq!((file.source, file.target), (same.source, same.target));

    let text = "name = \"n\"\n[source]\nkind = \"csv\"\n[schedule]\ninterval = 1\n\n[[objects]]\nsource = \"User\"\ntarget = \"urn:ietf:params:scim:schemas:core:2.0:User\"\n\n[[objects.attributes]]\ntarget = \"nickname2\"\nexpression = \"[mail]\"\n\n[[objects.attributes]]\ntarget = \"userName\"\nexpression = \"[mail]\"\nmatch = 1\n";
    let faults = JobFile::from_toml(text, &files).unwrap_err();
    check(
        &faults,
        &[
            ("schedule.interval", 5, "expected a length of time"),
            ("objects[0].attributes[0].target", 12, "`nickname2` is not an attribute"),
        ],
    );
    let faults = JobFile::from_toml("name = \"n\"\nsource = \n", &files).unwrap_err();
    assert_eq!((faults.len(), faults.first().and_then(|fault| fault.line)), (1, Some(2)));
}
