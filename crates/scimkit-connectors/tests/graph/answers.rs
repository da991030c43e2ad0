use scimkit_connectors::graph::{GraphLimits, GraphOptions};
use scimkit_provisioning::{AppRole, Assignment, AssignmentPage, Position, ReferenceChange, Source, SourceChange, SourceChangeKind};
use scimkit_types::ComplexValue;

use super::{APPLICATION, scripted, scripted_with};

const BASE: &str = "https://graph.microsoft.com/v1.0";

fn attributes(text: &str) -> ComplexValue {
    serde_json::from_str(text).unwrap()
}

fn present(id: &str, text: &str, references: Vec<ReferenceChange>) -> SourceChange {
    SourceChange::new(id, SourceChangeKind::Present { attributes: attributes(text), references })
}

#[tokio::test]
async fn links_are_followed_as_they_came() {
    let (source, asked) = scripted(&[
        (200, r#"{"value": [], "@odata.nextLink": "https://graph.microsoft.com/v1.0/users/delta?$skiptoken=a%2Fb=="}"#),
        (200, r#"{"value": [{"id": "1"}], "@odata.deltaLink": "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=c"}"#),
        (200, r#"{"value": [], "@odata.deltaLink": "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=d"}"#),
    ]);
    let first = source.read("User", None).await.unwrap();
    assert!(first.changes.is_empty() && !first.is_last, "an empty page may have a next one");
    let second = source.read("User", Some(&first.next)).await.unwrap();
    assert_eq!((second.changes.len(), second.is_last), (1, true));
    let restarted = Position::new(second.next.as_str());
    assert!(source.read("User", Some(&restarted)).await.unwrap().is_last);
    let expected = ["$select=id,mail", "$skiptoken=a%2Fb==", "$deltatoken=c"].map(|query| format!("{BASE}/users/delta?{query}"));
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn absent_is_not_null() {
    let (source, _) = scripted(&[(
        200,
        r##"{"@odata.context": "x", "@odata.deltaLink": "https://graph.microsoft.com/v1.0/users/delta?a", "value": [
            {"@odata.type": "#microsoft.graph.user", "id": "1", "jobTitle": null, "mobilePhone": "+1", "businessPhones": ["+2", "+3"],
             "accountEnabled": false, "manager@delta": [{"id": "2"}, {"id": "3", "@removed": {"reason": "deleted"}}], "mail@odata.type": "x"},
            {"id": "4", "@removed": {"reason": "changed"}},
            {"id": "5", "@removed": {"reason": "deleted"}, "displayName": "gone"},
            {"id": "1", "businessPhones": []}
        ]}"##,
    )]);
    let expected = vec![
        present(
            "1",
            r#"{"jobTitle": null, "mobilePhone": "+1", "businessPhones": ["+2", "+3"], "accountEnabled": false}"#,
            vec![ReferenceChange::new("manager", "2", false), ReferenceChange::new("manager", "3", true)],
        ),
        SourceChange::new("4", SourceChangeKind::SoftDeleted),
        SourceChange::new("5", SourceChangeKind::Deleted),
        present("1", r#"{"businessPhones": []}"#, Vec::new()),
    ];
    assert_eq!(source.read("User", None).await.unwrap().changes, expected);
}

#[tokio::test]
async fn members_of_a_group_begin_and_end() {
    let (source, asked) = scripted(&[(
        200,
        r##"{"value": [{"id": "g", "displayName": "Sales", "members@delta": [{"@odata.type": "#microsoft.graph.user", "id": "1"},
            {"@odata.type": "#microsoft.graph.group", "id": "2", "@removed": {"reason": "deleted"}}]}],
            "@odata.deltaLink": "https://graph.microsoft.com/v1.0/groups/delta?a"}"##,
    )]);
    let references = vec![ReferenceChange::new("members", "1", false), ReferenceChange::new("members", "2", true)];
    let expected = vec![present("g", r#"{"displayName": "Sales"}"#, references)];
    assert_eq!(source.read("Group", None).await.unwrap().changes, expected);
    assert_eq!(*asked.lock().unwrap(), [format!("{BASE}/groups/delta?$select=id,members")]);
}

#[tokio::test]
async fn assignments_come_in_the_pages_of_graph() {
    let assignment = |id: &str, kind: &str| format!(r#"{{"id": "x", "principalId": "{id}", "principalType": "{kind}", "appRoleId": "0"}}"#);
    let first = format!(
        r#"{{"value": [{}, {}], "@odata.nextLink": "{BASE}/servicePrincipals/x/appRoleAssignedTo?$skiptoken=a"}}"#,
        assignment("2", "User"),
        assignment("3", "ServicePrincipal"),
    );
    let second = format!(r#"{{"value": [{}, {}]}}"#, assignment("1", "Group"), assignment("2", "User"));
    let roles = r#"{"id": "x", "appRoles": [{"id": "r", "value": "user", "displayName": "User", "isEnabled": false, "description": "d"},
        {"id": "s", "value": null}]}"#;
    let (source, asked) = scripted(&[(200, &first), (200, &second), (200, roles)]);
    let page = source.assignments(None).await.unwrap();
    assert_eq!(page.assignments, [Assignment::new("2", "User", "0")], "nobody else is provisioned");
    let last = source.assignments(page.next.as_ref()).await.unwrap();
    assert_eq!(last, AssignmentPage::whole([Assignment::new("1", "Group", "0"), Assignment::new("2", "User", "0")]));
    let mut expected = [AppRole::new("r", "user", "User"), AppRole::new("s", "", "")];
    expected[0].is_enabled = false;
    expected[1].value = None;
    assert_eq!(source.app_roles().await.unwrap(), expected);
    let expected = [
        format!("{BASE}/servicePrincipals/{APPLICATION}/appRoleAssignedTo"),
        format!("{BASE}/servicePrincipals/x/appRoleAssignedTo?$skiptoken=a"),
        format!("{BASE}/servicePrincipals/{APPLICATION}?$select=id,appRoles"),
    ];
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn national_cloud_is_another_base() {
    let base = "https://microsoftgraph.chinacloudapi.cn/v1.0/";
    let link = "https://MicrosoftGraph.chinacloudapi.cn/v1.0/users/delta?a";
    let (source, asked) = scripted_with(
        &[(200, &format!(r#"{{"value": [], "@odata.deltaLink": "{link}"}}"#))],
        GraphOptions::new(APPLICATION).with_base(base),
    );
    assert!(source.read("User", None).await.unwrap().is_last);
    assert!(asked.lock().unwrap()[0].starts_with("https://microsoftgraph.chinacloudapi.cn/v1.0/users/delta?$select=id,"));
}

#[tokio::test]
async fn limits_hold_for_a_round_even_after_a_restart() {
    let page = r#"{"value": [{"id": "1"}], "@odata.nextLink": "https://graph.microsoft.com/v1.0/users/delta?a"}"#;
    let check = async |limits: GraphLimits, pages: usize, expected: &str| {
        let (source, _) = scripted_with(&[(200, page); 4], GraphOptions::new(APPLICATION).with_limits(limits));
        let mut position = None;
        for _ in 0..pages {
            position = Some(source.read("User", position.as_ref()).await.unwrap().next);
        }
        let error = source.read("User", position.as_ref()).await.unwrap_err();
        assert_eq!(error.message, expected);
    };
    let limits = GraphLimits::default();
    check(GraphLimits { pages_per_round: 2, ..limits }, 2, "the round has more than 2 pages, which is the limit").await;
    check(
        GraphLimits { objects_per_round: 3, ..limits },
        3,
        "`/v1.0/users/delta`: `value`: expected no more elements than the limit, found another one (line 1, column 23)",
    )
    .await;
    check(GraphLimits { page_bytes: 40, ..limits }, 0, "`/v1.0/users/delta`: expected at most 40 bytes, found 93").await;
}

#[tokio::test]
async fn limits_hold_for_all_pages_of_assignments() {
    let page = r#"{"value": [{"principalId": "1", "principalType": "User", "appRoleId": "0"}],
        "@odata.nextLink": "https://graph.microsoft.com/v1.0/servicePrincipals/x/appRoleAssignedTo?a"}"#;
    let check = async |limits: GraphLimits, expected: &str| {
        let (source, _) = scripted_with(&[(200, page); 3], GraphOptions::new(APPLICATION).with_limits(limits));
        let first = source.assignments(None).await.unwrap();
        let second = source.assignments(first.next.as_ref()).await.unwrap();
        let error = source.assignments(second.next.as_ref()).await.unwrap_err();
        assert!(error.message.ends_with(expected), "{}", error.message);
    };
    let limits = GraphLimits::default();
    check(GraphLimits { pages_per_round: 2, ..limits }, "the assignments have more than 2 pages, which is the limit").await;
    check(GraphLimits { objects_per_round: 2, ..limits }, "found another one (line 1, column 75)").await;
}

#[tokio::test]
async fn link_of_assignments_to_another_host_is_refused() {
    let (source, asked) = scripted(&[(200, r#"{"value": [], "@odata.nextLink": "https://example.com/v1.0/x?t=1"}"#)]);
    let error = source.assignments(None).await.unwrap_err();
    assert!(error.message.contains("expected a link to `https://graph.microsoft.com`"), "{}", error.message);
    let position = Position::new(r#"{"link": "https://example.com/v1.0/x?t=1"}"#);
    source.assignments(Some(&position)).await.unwrap_err();
    assert_eq!(asked.lock().unwrap().len(), 1, "nothing was sent there");
}

/// A first round that is filtered by the id; what it tells of others is passed over.
#[tokio::test]
async fn one_object_is_read_whole_page_by_page() {
    let (source, asked) = scripted(&[
        (
            200,
            r#"{"value": [{"id": "7", "members@delta": [{"id": "1"}]}, {"id": "8"}],
                "@odata.nextLink": "https://graph.microsoft.com/v1.0/groups/delta?$skiptoken=a"}"#,
        ),
        (
            200,
            r#"{"value": [{"id": "7", "members@delta": [{"id": "2"}]}],
                "@odata.deltaLink": "https://graph.microsoft.com/v1.0/groups/delta?$deltatoken=b"}"#,
        ),
        (200, r#"{"value": [], "@odata.deltaLink": "https://graph.microsoft.com/v1.0/users/delta?$deltatoken=c"}"#),
    ]);
    let changes = source.read_one("Group", "7").await.unwrap().unwrap();
    let members = |id: &str| present("7", "{}", vec![ReferenceChange::new("members", id, false)]);
    assert_eq!(changes, [members("1"), members("2")]);
    assert_eq!(source.read_one("User", "nobody").await.unwrap(), Some(Vec::new()));
    let expected = [
        "groups/delta?$select=id,members&$filter=id%20eq%20'7'",
        "groups/delta?$skiptoken=a",
        "users/delta?$select=id,mail&$filter=id%20eq%20'nobody'",
    ];
    assert_eq!(*asked.lock().unwrap(), expected.map(|path| format!("{BASE}/{path}")));
    let error = source.read_one("User", "1' or id ne '").await.unwrap_err();
    assert!(error.to_string().starts_with("expected the id of an object"), "{error}");
}
