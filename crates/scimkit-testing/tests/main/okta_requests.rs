//! The fake of Okta sends what is recorded of it.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use scimkit_testing::clients::{Attributes, Complaint, OktaClient, OktaIntegration};
use scimkit_testing::{ScriptedTransport, VirtualTime};
use serde_json::{Value, json};

use crate::recorded::{BASE, Recorded, names, read, with_list, with_resource};

const USER: &str = "23a35c27-23d3-4c03-b4c5-6443c09e7173";
const OTHER: &str = "89bb1940-b905-4575-9e7f-6f887cfb368e";

/// Everything that is sent while `run` talks to a script of this many users who are linked first.
fn conversation(
    integration: OktaIntegration,
    users: &[&str],
    go_on: impl Fn(ScriptedTransport) -> ScriptedTransport,
    run: impl AsyncFnOnce(&mut OktaClient) -> Result<(), Complaint>,
) -> Vec<Request<Bytes>> {
    let script = users.iter().fold(ScriptedTransport::new(), |script, id| {
        let created = json!({"id": id, "userName": "test.user@okta.local"});
        with_resource(with_list(script, &[]), StatusCode::CREATED, &created)
    });
    let script = Arc::new(go_on(script));
    let mut client = OktaClient::new(Arc::clone(&script) as _, BASE, integration).unwrap();
    let attributes = Attributes::new().with("userName", "test.user@okta.local");
    let time = VirtualTime::default();
    time.run(async {
        for id in users {
            client.assign_user(id, &attributes).await?;
        }
        run(&mut client).await
    })
    .unwrap()
    .unwrap();
    assert_eq!(script.remaining(), 0);
    script.requests()
}

fn group_id(script: ScriptedTransport) -> ScriptedTransport {
    with_list(script, &[json!({"id": "abf4dd94-a4c0-4f67-89c9-76b03340cb9b", "displayName": "Test SCIMv2"})])
}

fn ok(script: ScriptedTransport, times: usize) -> ScriptedTransport {
    (0..times).fold(script, |script, _| script.answering(StatusCode::NO_CONTENT, ""))
}

/// Sends what is recorded; `false` if nothing does.
fn sends(recorded: &Recorded) -> bool {
    use OktaIntegration::{Custom, Network};
    let last = |requests: Vec<Request<Bytes>>| recorded.check(requests.last().unwrap());
    let page = |script| with_list(script, &[]);
    match recorded.name.as_str() {
        "users-enable" => last(conversation(Network, &[], page, async |client| client.test_connection().await)),
        "groups-enable" => last(conversation(Network, &[], |script| page(page(script)), async |client| client.enable_provisioning().await)),
        "users-import" => last(conversation(Network, &[], page, async |client| client.import_users().await.map(drop))),
        "user-query" => recorded.check(&conversation(Network, &[USER], |script| script, async |_| Ok(()))[0]),
        "user-create" => {
            let attributes = Attributes::new()
                .with("userName", "test.user@okta.local")
                .with("name.givenName", "Test")
                .with("name.familyName", "User")
                .with("emails[type eq \"work\"].value", "test.user@okta.local")
                .with("displayName", "Test User")
                .with("locale", "en-US");
            let created = |script| with_resource(page(script), StatusCode::CREATED, &json!({"id": USER}));
            let requests =
                conversation(Network, &[], created, async |client| client.assign_user("00ujl29u0le5T6Aj10h7", &attributes).await.map(drop));
            let (path, mut body) = read(requests.last().unwrap());
            // It means nothing and is another one each time.
            assert_eq!(body["password"].as_str().map(str::len), Some(8));
            body["password"] = recorded.body["password"].clone();
            assert_eq!((path.as_str(), body), ("/Users", recorded.body.clone()));
        }
        "user-get" | "user-replace" => {
            let mut before = Recorded::read("okta", "user-replace").body;
            before["name"]["middleName"] = json!("");
            let answers = |script| with_resource(with_resource(script, StatusCode::OK, &before), StatusCode::OK, &before);
            let attributes = Attributes::new().with("name.middleName", "Excited");
            let requests = conversation(Network, &[USER], answers, async |client| client.update_user(USER, &attributes).await.map(drop));
            recorded.check(&requests[if recorded.name == "user-get" { 2 } else { 3 }]);
        }
        "user-deactivate" => {
            last(conversation(Network, &[USER], |script| ok(script, 1), async |client| client.deactivate_user(USER).await.map(drop)));
        }
        "group-query" | "group-create" => {
            let answers = |script| ok(with_resource(page(script), StatusCode::CREATED, &json!({"id": "1"})), 2);
            let push = async |client: &mut OktaClient| client.push_group("group", "Test SCIMv2", &[]).await.map(drop);
            let requests = conversation(Network, &[], answers, push);
            recorded.check(&requests[usize::from(recorded.name == "group-create")]);
        }
        "group-rename" | "group-replace-members" => {
            let push = async |client: &mut OktaClient| client.push_group("group", "Test SCIMv2", &[USER, OTHER]).await.map(drop);
            let requests = conversation(Network, &[USER, OTHER], |script| ok(group_id(script), 2), push);
            recorded.check(&requests[if recorded.name == "group-rename" { 5 } else { 6 }]);
        }
        "group-change-members" => {
            let change = async |client: &mut OktaClient| {
                client.push_group("group", "Test SCIMv2", &[OTHER]).await?;
                client.change_members("group", &[USER], &[OTHER]).await.map(drop)
            };
            last(conversation(Network, &[USER, OTHER], |script| ok(group_id(script), 4), change));
        }
        "group-put" => {
            let answers = |script| with_resource(group_id(script), StatusCode::OK, &json!({"id": "1"}));
            let push = async |client: &mut OktaClient| client.push_group("group", "Test SCIMv2", &[USER]).await.map(drop);
            last(conversation(Custom, &[USER], answers, push));
        }
        "group-delete" => {
            let delete = async |client: &mut OktaClient| {
                client.push_group("group", "Test SCIMv2", &[]).await?;
                client.delete_group("group").await.map(drop)
            };
            last(conversation(Network, &[], |script| ok(group_id(script), 3), delete));
        }
        _ => return false,
    }
    true
}

#[test]
fn what_is_recorded_is_what_the_client_sends() {
    for name in names("okta") {
        assert!(sends(&Recorded::read("okta", &name)), "`{name}` is recorded, and nothing sends it");
    }
}

#[test]
fn requests_have_the_headers_of_the_real_one() {
    let requests = conversation(OktaIntegration::Network, &[USER], |script| script, async |_| Ok(()));
    assert_eq!(requests[1].headers()["user-agent"], "Okta SCIM Client 1.0.0");
    assert_eq!(requests[1].headers()["content-type"], "application/scim+json; charset=utf-8");
    assert_eq!(requests[0].headers()["accept"], "application/scim+json");
    assert!(requests[0].uri().query().unwrap().starts_with("filter=userName%20eq%20%22test.user%40okta.local%22&"));
}

/// IR27, IR39: an import goes on to the last page, and what the pages have is as much as they promise.
#[test]
fn an_import_reads_all_pages_and_counts() {
    let page = |from: u64, count: u64, total: u64| {
        let users: Vec<Value> = (from..from + count).map(|number| json!({"id": number.to_string()})).collect();
        let list = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": total, "Resources": users});
        list.to_string()
    };
    let import = |pages: &[String]| {
        let script = pages.iter().fold(ScriptedTransport::new(), |script, page| script.answering(StatusCode::OK, page.clone()));
        let script = Arc::new(script);
        let client = OktaClient::new(Arc::clone(&script) as _, BASE, OktaIntegration::Network).unwrap();
        let imported = VirtualTime::default().run(client.import_users()).unwrap();
        let queries: Vec<String> = script.requests().iter().map(|request| request.uri().query().unwrap().to_owned()).collect();
        (imported.map(|users| users.len()), queries)
    };
    let (imported, queries) = import(&[page(0, 100, 150), page(100, 50, 150)]);
    assert_eq!((imported.unwrap(), queries), (150, vec!["startIndex=1&count=100".to_owned(), "startIndex=101&count=100".to_owned()]));
    for wrong in [[page(0, 100, 150), page(50, 50, 150)], [page(0, 100, 150), page(100, 20, 150)], [page(0, 3, 150), page(3, 3, 150)]] {
        assert!(matches!(import(&wrong).0, Err(Complaint::Unusable { .. })));
    }
    let text = page(0, 1, 1).replace("\"totalResults\":1", "\"totalResults\":\"1\"");
    assert!(matches!(import(&[text]).0, Err(Complaint::Unusable { .. })));
}
