//! Groups and their members.

use std::sync::Arc;

use async_trait::async_trait;
use scimkit_server::{Actor, BearerTokens, Server, StoreHandler};
use scimkit_store::error::Result;
use scimkit_store::{
    Membership, MemoryResources, NewResource, Page, Query, ResourceKey, ResourceStore, Revision, Selection, StoredResource, Tenant, Update,
};
use scimkit_types::{Dialect, Timestamp};
use serde_json::{Value, json};

use super::support::{BASE, GROUP, PATCH, Service};

fn member(id: &str) -> Value {
    json!({"value": id, "type": "User", "$ref": format!("{BASE}/Users/{id}")})
}

/// R7643-4.1.2-07, R7643-4.1.2-08, R7643-4.1.2-09: membership is read at the user and changed at the group.
#[tokio::test]
async fn membership_is_seen_from_both_ends() {
    let service = Service::new();
    let user = service.user("ola").await;
    let group = service.group("guides", &[&user]).await;
    assert_eq!(service.get(&format!("/Groups/{group}")).await.body["members"], json!([member(&user)]));
    let read = service.get(&format!("/Users/{user}")).await;
    let expected = json!([{"value": group, "$ref": format!("{BASE}/Groups/{group}"), "display": "guides", "type": "direct"}]);
    assert_eq!(read.body["groups"], expected);
    let reply = service.patch(&format!("/Users/{user}"), json!([{"op": "remove", "path": "groups"}])).await;
    reply.check_error(400, Some("mutability"));
}

/// R7643-3.1-04: every id says something and is that of one resource only, whatever its type. R7643-4.2-03: the `value` of a member is such
/// an id, and the address that belongs to it is made by the service provider, for users and for groups.
#[tokio::test]
async fn members_are_ids_of_which_each_is_given_once() {
    let service = Service::new();
    let mut ids = Vec::new();
    for index in 0..20 {
        ids.push(service.user(&format!("user {index}")).await);
        ids.push(service.group(&format!("group {index}"), &[]).await);
    }
    let different: std::collections::BTreeSet<&String> = ids.iter().filter(|id| !id.trim().is_empty()).collect();
    assert_eq!(different.len(), ids.len());
    let members = json!([{"value": ids[0], "type": "User"}, {"value": ids[1], "type": "Group"}]);
    let group = service.post("/Groups", json!({"schemas": [GROUP], "displayName": "mixed", "members": members})).await;
    let nested = json!({"value": ids[1], "type": "Group", "$ref": format!("{BASE}/Groups/{}", ids[1])});
    assert_eq!(service.get(&format!("/Groups/{}", group.id())).await.body["members"], json!([member(&ids[0]), nested]));
}

/// R7643-2.3.7-04, R7644-3.6-03: whoever is deleted is no member any more.
#[tokio::test]
async fn a_deleted_user_is_no_member() {
    let service = Service::new();
    let (ola, kari) = (service.user("ola").await, service.user("kari").await);
    let group = service.group("guides", &[&ola, &kari]).await;
    service.delete(&format!("/Users/{ola}")).await;
    assert_eq!(service.get(&format!("/Groups/{group}")).await.body["members"], json!([member(&kari)]));
}

/// R7643-2.3.7-03: every address of a resource that is answered leads to it.
#[tokio::test]
async fn addresses_lead_to_resources() {
    let service = Service::new();
    let user = service.user("ola").await;
    let group = service.group("guides", &[&user]).await;
    let (user, group) = (service.get(&format!("/Users/{user}")).await, service.get(&format!("/Groups/{group}")).await);
    for (address, id) in [
        (&user.body["meta"]["location"], user.id()),
        (&user.body["groups"][0]["$ref"], group.id()),
        (&group.body["meta"]["location"], group.id()),
        (&group.body["members"][0]["$ref"], user.id()),
    ] {
        let path = address.as_str().unwrap().strip_prefix(BASE).unwrap();
        let reply = service.get(path).await;
        assert_eq!((reply.status, reply.id()), (200, id), "{address}");
    }
}

/// AMB-16, R7644-3.5.2-17, R7644-3.5.2-18, entra.md 5.1: a PATCH of a group answers 204 unless attributes are asked for.
#[tokio::test]
async fn a_patched_group_is_answered_without_body() {
    let service = Service::new();
    let user = service.user("ola").await;
    let group = service.group("guides", &[]).await;
    let operations = json!([{"op": "add", "path": "members", "value": [{"value": user, "type": "User"}]}]);
    let reply = service.patch(&format!("/Groups/{group}"), operations.clone()).await;
    assert_eq!((reply.status, reply.response.body().len(), reply.header("etag")), (204, 0, "W/\"2\""));
    assert!(reply.header("location").ends_with(&format!("/Groups/{group}")));
    let reply = service.patch(&format!("/Groups/{group}?attributes=members"), operations.clone()).await;
    assert_eq!((reply.status, &reply.body["members"]), (200, &json!([member(&user)])));
    let reply = service.patch(&format!("/Groups/{group}?excludedAttributes=members"), operations).await;
    assert_eq!((reply.status, &reply.body["displayName"]), (200, &json!("guides")));
    assert!(reply.body.get("members").is_none());
}

/// IR15, R7644-3.5.2.1-05, R7644-3.5.2.1-06, R7644-3.5.2.2-06: a member twice, or removing none, changes nothing.
#[tokio::test]
async fn a_member_is_added_once() {
    let service = Service::new();
    let user = service.user("ola").await;
    let group = service.group("guides", &[&user]).await;
    let path = format!("/Groups/{group}");
    for operations in [
        json!([{"op": "add", "path": "members", "value": [{"value": user, "type": "User"}]}]),
        json!([{"op": "remove", "path": "members[value eq \"nobody\"]"}]),
    ] {
        let reply = service.patch(&path, operations).await;
        assert_eq!((reply.status, reply.header("etag")), (204, "W/\"1\""));
    }
}

/// R7644-3.5-01, R7644-3.5.1-01: a PUT states all members.
#[tokio::test]
async fn a_replaced_group_has_the_members_that_were_sent() {
    let service = Service::new();
    let (ola, kari, per) = (service.user("ola").await, service.user("kari").await, service.user("per").await);
    let group = service.group("guides", &[&ola, &kari]).await;
    let body = json!({"schemas": [GROUP], "displayName": "guides", "members": [member(&kari), member(&per)]});
    let reply = service.put(&format!("/Groups/{group}"), body).await;
    assert_eq!((reply.status, &reply.body["members"]), (200, &json!([member(&kari), member(&per)])));
    let reply = service.put(&format!("/Groups/{group}"), json!({"schemas": [GROUP], "displayName": "guides"})).await;
    assert!(reply.body.get("members").is_none());
}

/// Mixed operations, R7644-3.5.2-14: a rename and members in one request, and members chosen by another attribute than `value`.
#[tokio::test]
async fn members_and_attributes_change_together() {
    let service = Service::new();
    let (ola, kari) = (service.user("ola").await, service.user("kari").await);
    let group = service.group("guides", &[&ola]).await;
    let path = format!("/Groups/{group}");
    let operations = json!([
        {"op": "replace", "path": "displayName", "value": "Guides"},
        {"op": "add", "path": "members", "value": [{"value": kari, "type": "User"}]},
    ]);
    assert_eq!(service.patch(&path, operations).await.header("etag"), "W/\"2\"");
    let read = service.get(&path).await.body;
    assert_eq!((&read["displayName"], &read["members"]), (&json!("Guides"), &json!([member(&ola), member(&kari)])));
    assert_eq!(service.patch(&path, json!([{"op": "remove", "path": "members[type eq \"User\"]"}])).await.status, 204);
    assert!(service.get(&path).await.body.get("members").is_none());
}

/// AMB-28, IR02: Entra removes members by a list in `value`; strictly that is refused and nobody is removed.
#[tokio::test]
async fn remove_by_value_removes_only_who_is_named() {
    let operations = |id: &str| json!([{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": id}]}]);
    for (dialect, status) in [(Dialect::ENTRA, 204), (Dialect::STRICT, 400)] {
        let service = Service::with_dialect(dialect);
        let (ola, kari) = (service.user("ola").await, service.user("kari").await);
        let group = service.group("guides", &[&ola, &kari]).await;
        let path = format!("/Groups/{group}");
        assert_eq!(service.patch(&path, operations(&ola)).await.status, status);
        let left = service.get(&path).await.body["members"].as_array().unwrap().len();
        assert_eq!(left, if status == 204 { 1 } else { 2 });
    }
}

/// Records whether members were loaded, and how often memberships were asked for.
#[derive(Debug, Default)]
struct Watched {
    store: MemoryResources,
    whole: std::sync::Mutex<u32>,
    memberships: std::sync::Mutex<u32>,
}

impl Watched {
    fn service(self: &Arc<Self>) -> Service {
        let tokens = BearerTokens::new().with_token(&"token".into(), Actor::new("first", Tenant::new("a")));
        let handler = StoreHandler::new(Arc::<Self>::clone(self));
        let server = Server::builder(Arc::new(handler), Arc::new(tokens)).base_url(BASE).build().unwrap();
        Service { server, clock: super::support::builder().1 }
    }
}

#[async_trait]
impl ResourceStore for Watched {
    async fn create(&self, resource: NewResource) -> Result<StoredResource> {
        self.store.create(resource).await
    }

    async fn get(&self, key: &ResourceKey, selection: Selection) -> Result<Option<StoredResource>> {
        *self.whole.lock().unwrap() += u32::from(selection == Selection::Whole && key.resource_type == "Group");
        self.store.get(key, selection).await
    }

    async fn update(&self, update: Update) -> Result<Option<StoredResource>> {
        self.store.update(update).await
    }

    async fn delete(&self, key: &ResourceKey, expected: Option<Revision>, deleted_at: Timestamp) -> Result<bool> {
        self.store.delete(key, expected, deleted_at).await
    }

    async fn query(&self, query: &Query) -> Result<Page> {
        *self.whole.lock().unwrap() += u32::from(query.selection == Selection::Whole && query.resource_type == "Group");
        self.store.query(query).await
    }

    async fn memberships(&self, tenant: &Tenant, ids: &[String]) -> Result<Vec<Vec<Membership>>> {
        *self.memberships.lock().unwrap() += 1;
        self.store.memberships(tenant, ids).await
    }
}

/// IR26, entra.md 5.2: members are loaded only when they are answered, and never to change one of them.
#[tokio::test]
async fn members_are_not_loaded_without_need() {
    let store = Arc::new(Watched::default());
    let service = store.service();
    let group = service.group("guides", &["a", "b"]).await;
    let path = format!("/Groups/{group}");
    service.get(&format!("{path}?excludedAttributes=members")).await;
    service.get("/Groups?excludedAttributes=members").await;
    service.patch(&path, json!([{"op": "add", "path": "members", "value": [{"value": "c"}]}])).await;
    service.patch(&path, json!([{"op": "replace", "path": "displayName", "value": "x"}])).await;
    let remove = json!({"schemas": [PATCH], "Operations": [{"op": "remove", "path": "members[value eq \"a\"]"}]});
    assert_eq!(service.send("PATCH", &path, &["if-match: *"], remove.to_string()).await.status, 204);
    assert_eq!(*store.whole.lock().unwrap(), 0);
    assert_eq!(service.get(&path).await.body["members"].as_array().unwrap().len(), 2);
    assert_eq!(*store.whole.lock().unwrap(), 1);
}

/// R7643-4.1.2-07, R7643-4.1.2-08, R7643-4.2-04: groups of groups are listed as indirect ones, circles end, and a page of users asks the store once.
#[tokio::test]
async fn groups_of_groups_are_indirect_and_asked_for_once() {
    let store = Arc::new(Watched::default());
    let service = store.service();
    let (ola, kari) = (service.user("ola").await, service.user("kari").await);
    let guides = service.group("guides", &[&ola]).await;
    let staff = service.group("staff", &[&guides, &kari]).await;
    let add = json!([{"op": "add", "path": "members", "value": [{"value": staff}]}]);
    assert_eq!(service.patch(&format!("/Groups/{guides}"), add).await.status, 204);
    *store.memberships.lock().unwrap() = 0;
    let page = service.get("/Users?attributes=userName,groups&sortBy=userName").await.body;
    assert_eq!(*store.memberships.lock().unwrap(), 1);
    let types = |user: &Value| -> Vec<(String, String)> {
        let text = |group: &Value, name: &str| group[name].as_str().unwrap().to_owned();
        let mut groups: Vec<_> =
            user["groups"].as_array().unwrap().iter().map(|group| (text(group, "display"), text(group, "type"))).collect();
        groups.sort();
        groups
    };
    let expected =
        |guides: &str, staff: &str| [("guides", guides), ("staff", staff)].map(|(name, type_)| (name.to_owned(), type_.to_owned()));
    assert_eq!(types(&page["Resources"][0]), expected("indirect", "direct"));
    assert_eq!(types(&page["Resources"][1]), expected("direct", "indirect"));
    service.get("/Users?attributes=userName").await;
    assert_eq!(*store.memberships.lock().unwrap(), 1, "nobody asks for what is not answered");
}
