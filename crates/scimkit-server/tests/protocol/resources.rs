//! Creating, reading, replacing, patching and deleting one resource.

use serde_json::json;

use super::support::{BASE, ENTERPRISE, Service, USER};

/// R7643-3.1-09, R7644-3.3-04, R7644-3.3-05, R7644-3.3-06, R7643-3.1-02, R7643-3.1-14, R7644-3.3.1-01: a user is
/// created, located and stamped, and has no `externalId` that its client did not give.
#[tokio::test]
async fn a_created_user_is_located_and_stamped() {
    let service = Service::new();
    let reply = service.post("/Users", json!({"schemas": [USER], "USERNAME": "ola", "name": {"givenName": "Ola"}})).await;
    assert_eq!(reply.status, 201);
    let location = format!("{BASE}/Users/{}", reply.id());
    assert_eq!(reply.header("location"), location);
    assert_eq!(reply.header("content-type"), "application/scim+json");
    assert_eq!(
        reply.body,
        json!({
            "schemas": [USER], "id": "id1", "userName": "ola", "name": {"givenName": "Ola"},
            "meta": {
                "resourceType": "User", "created": "2026-01-01T00:00:00Z", "lastModified": "2026-01-01T00:00:00Z",
                "location": location, "version": "W/\"1\"",
            },
        })
    );
    let read = service.get("/Users/id1").await;
    assert_eq!((read.status, &read.body), (200, &reply.body));
}

/// R7644-3.1-03, R7644-3.3-01, R7643-3.1-06, R7643-3.1-13, R7643-4.1.2-07: what only the service provider writes is ignored.
#[tokio::test]
async fn read_only_attributes_of_a_body_are_ignored() {
    let service = Service::new();
    let body = json!({
        "schemas": [USER], "userName": "ola", "id": "mine", "groups": [{"value": "g"}],
        "meta": {"created": "1999-01-01T00:00:00Z", "version": "W/\"9\"", "resourceType": "Group"},
    });
    let reply = service.post("/Users", body).await;
    assert_eq!((reply.status, reply.id()), (201, "id1"));
    assert_eq!(reply.body["meta"]["created"], "2026-01-01T00:00:00Z");
    assert_eq!(reply.body["meta"]["resourceType"], "User");
    assert!(reply.body.get("groups").is_none());
}

/// R7644-3.3-08, R7643-4.1.1-01: which keyword for which mistake.
#[tokio::test]
async fn faulty_bodies_have_their_keywords() {
    let service = Service::new();
    let check = async |body: serde_json::Value, scim_type| {
        service.post("/Users", body).await.check_error(400, Some(scim_type));
    };
    check(json!([]), "invalidSyntax").await;
    check(json!({"userName": "ola"}), "invalidSyntax").await;
    check(json!({"schemas": [USER]}), "invalidValue").await;
    check(json!({"schemas": [USER], "userName": ""}), "invalidValue").await;
    check(json!({"schemas": [USER], "userName": 1}), "invalidValue").await;
    check(json!({"schemas": [USER], "userName": "ola", "active": "true"}), "invalidValue").await;
}

/// R7644-3.3-07, R7643-4.1.1-02, R7643-7-13, R7643-7-14, AMB-34: the name is in use, in whatever case, whatever the method.
#[tokio::test]
async fn a_user_name_is_used_once() {
    let service = Service::new();
    service.user("ola").await;
    let kari = service.user("kari").await;
    let create = service.post("/Users", json!({"schemas": [USER], "userName": "OLA"})).await;
    create.check_error(409, Some("uniqueness"));
    let replace = service.put(&format!("/Users/{kari}"), json!({"schemas": [USER], "userName": "Ola"})).await;
    replace.check_error(409, Some("uniqueness"));
    let patch = service.patch(&format!("/Users/{kari}"), json!([{"op": "replace", "path": "userName", "value": "oLa"}])).await;
    patch.check_error(409, Some("uniqueness"));
    let own = service.patch(&format!("/Users/{kari}"), json!([{"op": "replace", "path": "userName", "value": "KARI"}])).await;
    assert_eq!(own.status, 200);
}

/// R7644-3.2-01, R7644-3.4.1-01, R7644-3.4.1-02, R7644-3.6-02: what is not there is not found.
#[tokio::test]
async fn an_unknown_resource_is_not_found() {
    let service = Service::new();
    service.user("ola").await;
    service.get("/Users/ola").await.check_error(404, None);
    service.put("/Users/nobody", json!({"schemas": [USER], "userName": "x"})).await.check_error(404, None);
    service.patch("/Users/nobody", json!([{"op": "replace", "path": "title", "value": "x"}])).await.check_error(404, None);
    service.delete("/Users/nobody").await.check_error(404, None);
    service.get("/Users/%00").await.check_error(404, None);
    assert_eq!(service.get("/Users").await.body["totalResults"], 1);
}

/// R7643-3.1-05, R7644-3.6-01, R7644-3.6-02, R7644-3.6-03, R7644-3.6-04: what is deleted is gone, and its name is free, but not its `id`.
#[tokio::test]
async fn a_deleted_user_is_gone() {
    let service = Service::new();
    let id = service.user("ola").await;
    let reply = service.delete(&format!("/Users/{id}")).await;
    assert_eq!((reply.status, reply.response.body().len()), (204, 0));
    service.get(&format!("/Users/{id}")).await.check_error(404, None);
    service.delete(&format!("/Users/{id}")).await.check_error(404, None);
    assert_eq!(service.get("/Users").await.body["totalResults"], 0);
    assert_ne!(service.user("ola").await, id);
}

/// R7643-2-01, R7643-3.1-05, R7644-3.5-01, R7644-3.5.1-01, R7644-3.5.1-02, R7644-3.5.1-06, R7644-3.5.1-08: a PUT is the whole resource, as far as a client may write it.
#[tokio::test]
async fn a_replaced_user_has_what_was_sent() {
    let service = Service::new();
    let body = json!({
        "schemas": [USER, ENTERPRISE], "userName": "ola", "title": "Guide", "emails": [{"value": "b@x.com"}, {"value": "c@x.com"}],
        ENTERPRISE: {"department": "Tours"},
    });
    let created = service.post("/Users", body).await;
    service.clock.advance(std::time::Duration::from_secs(5));
    let body = json!({"schemas": [USER], "id": "other", "userName": "ola", "emails": [{"value": "a@x.com"}]});
    let reply = service.put("/Users/id1", body).await;
    assert_eq!((reply.status, reply.id()), (200, "id1"));
    assert_eq!(reply.body["emails"], json!([{"value": "a@x.com"}]));
    assert_eq!(reply.body["schemas"], json!([USER]));
    assert!(reply.body.get("title").is_none() && reply.body.get(ENTERPRISE).is_none());
    assert_eq!(reply.body["meta"]["created"], created.body["meta"]["created"]);
    assert_eq!(reply.body["meta"]["lastModified"], "2026-01-01T00:00:05Z");
}

/// R7644-3.1-05: a representation that was read can be put back, and changes nothing.
#[tokio::test]
async fn a_representation_can_be_put_back() {
    let service = Service::new();
    let id = service.user("ola").await;
    service.group("guides", &[&id]).await;
    let read = service.get(&format!("/Users/{id}")).await;
    service.clock.advance(std::time::Duration::from_secs(5));
    let reply = service.put(&format!("/Users/{id}"), read.body.clone()).await;
    assert_eq!((reply.status, reply.body), (200, read.body));
}

/// R7644-3.5.2-11, R7644-3.5.2-17: a PATCH of a user answers the whole user.
#[tokio::test]
async fn a_patched_user_is_answered() {
    let service = Service::new();
    service.user("ola").await;
    let operations = json!([
        {"op": "add", "path": format!("{ENTERPRISE}:department"), "value": "Tours"},
        {"op": "replace", "value": {"title": "Guide"}},
    ]);
    let reply = service.patch("/Users/id1", operations).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.body["schemas"], json!([USER, ENTERPRISE]));
    assert_eq!((&reply.body["title"], &reply.body[ENTERPRISE]["department"]), (&json!("Guide"), &json!("Tours")));
    assert_eq!(service.get("/Users/id1").await.body, reply.body);
}

/// R7644-3.5.2-16, invariant 7: all operations or none.
#[tokio::test]
async fn a_patch_is_atomic() {
    let service = Service::new();
    service.user("ola").await;
    let before = service.get("/Users/id1").await.body;
    let operations = json!([{"op": "add", "path": "title", "value": "Guide"}, {"op": "replace", "path": "id", "value": "x"}]);
    service.patch("/Users/id1", operations).await.check_error(400, Some("mutability"));
    assert_eq!(service.get("/Users/id1").await.body, before);
}

/// R7644-3.5.2.1-06: without effect, version and lastModified stay.
#[tokio::test]
async fn a_patch_without_effect_leaves_the_version() {
    let service = Service::new();
    service.user("ola").await;
    let before = service.get("/Users/id1").await.body;
    service.clock.advance(std::time::Duration::from_secs(5));
    let reply = service.patch("/Users/id1", json!([{"op": "add", "path": "userName", "value": "ola"}])).await;
    assert_eq!((reply.status, reply.body), (200, before));
}

/// R7644-3.5.2-02, R7644-3.5.2-03, R7644-3.5.2-04, R7644-3.5.2.2-01, R7644-3.5.2-06: keywords of faulty operations.
#[tokio::test]
async fn faulty_operations_have_their_keywords() {
    let service = Service::new();
    service.user("ola").await;
    let check = async |operations: serde_json::Value, scim_type| {
        service.patch("/Users/id1", operations).await.check_error(400, Some(scim_type));
    };
    check(json!([]), "invalidSyntax").await;
    check(json!({"op": "add"}), "invalidSyntax").await;
    check(json!([{"op": "move", "path": "title"}]), "invalidSyntax").await;
    check(json!([{"op": "remove"}]), "noTarget").await;
    check(json!([{"op": "replace", "path": "a b", "value": 1}]), "invalidPath").await;
    check(json!([{"op": "remove", "path": "userName"}]), "mutability").await;
    let body = json!({"Operations": [{"op": "add", "path": "title", "value": "x"}]});
    service.send("PATCH", "/Users/id1", &[], body.to_string()).await.check_error(400, Some("invalidSyntax"));
}

/// R7643-2.3.2-01, AMB-30, IR01, invariant 11: refused strictly, converted and counted for Entra.
#[tokio::test]
async fn tolerances_are_counted_by_tenant() {
    use scimkit_store::Tenant;
    use scimkit_types::{Dialect, Tolerance};
    let strict = Service::new();
    let operations = json!([{"op": "Replace", "path": "active", "value": "False"}]);
    strict.user("ola").await;
    strict.patch("/Users/id1", operations.clone()).await.check_error(400, Some("invalidValue"));
    assert!(strict.server.tolerances().is_empty());

    let tolerant = Service::with_dialect(Dialect::ENTRA);
    tolerant.user("ola").await;
    let reply = tolerant.patch("/Users/id1", operations).await;
    assert_eq!((reply.status, &reply.body["active"]), (200, &json!(false)));
    let counts = tolerant.server.tolerances();
    assert_eq!(counts[&Tenant::new("a")][&Tolerance::StringBooleans], 1);
    assert!(!counts.contains_key(&Tenant::new("b")));
}

/// R7644-3.9-02, R7644-3.9-03, R7643-3.1-08, R7643-7-09: the chosen attributes in every answer; `id` always.
#[tokio::test]
async fn every_answer_has_the_chosen_attributes() {
    let service = Service::new();
    let body = json!({"schemas": [USER], "userName": "ola", "title": "Guide", "nickName": "o"});
    let created = service.post("/Users?attributes=title", body.clone()).await;
    assert_eq!(created.body, json!({"schemas": [USER], "id": "id1", "title": "Guide"}));
    assert_eq!(created.header("etag"), "W/\"1\"");
    let read = service.get("/Users/id1?attributes=USERNAME").await;
    assert_eq!(read.body, json!({"schemas": [USER], "id": "id1", "userName": "ola"}));
    let read = service.get("/Users/id1?excludedAttributes=id,meta,title,nickName").await;
    assert_eq!(read.body, json!({"schemas": [USER], "id": "id1", "userName": "ola"}));
    let replaced = service.put("/Users/id1?attributes=nickName", body).await;
    assert_eq!(replaced.body["nickName"], "o");
    assert!(replaced.body.get("userName").is_none());
    let both = service.get("/Users/id1?attributes=a&excludedAttributes=b").await;
    both.check_error(400, Some("invalidValue"));
}

/// Invariant 9, R7644-6.2-01: no request reaches another tenant.
#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let service = Service::new();
    let id = service.user("ola").await;
    let other = ["authorization: Bearer other"];
    service.send("GET", &format!("/Users/{id}"), &other, "").await.check_error(404, None);
    service.send("DELETE", &format!("/Users/{id}"), &other, "").await.check_error(404, None);
    assert_eq!(service.send("GET", "/Users", &other, "").await.body["totalResults"], 0);
    let body = json!({"schemas": [USER], "userName": "ola"}).to_string();
    assert_eq!(service.send("POST", "/Users", &other, body).await.status, 201);
}

/// R7643-4.3-02, R7643-4.3-03: a manager is a user, and its address is added.
#[tokio::test]
async fn a_reference_gets_its_address() {
    let service = Service::new();
    let body = json!({"schemas": [USER, ENTERPRISE], "userName": "ola", ENTERPRISE: {"manager": {"value": "26118915"}}});
    let reply = service.post("/Users", body).await;
    assert_eq!(reply.body[ENTERPRISE]["manager"], json!({"value": "26118915", "$ref": format!("{BASE}/Users/26118915")}));
}

/// R7643-7-12, R7644-3.4-01: what is returned on request is part of the answer to whoever wrote it, and of no other unless it is named.
#[tokio::test]
async fn what_is_returned_on_request_is_answered_to_its_writer() {
    let service = Service::with_profile(
        r#"{"name": "x",
            "schemas": [{"id": "urn:example:Device", "name": "Device", "attributes": [{"name": "serial"}, {"name": "note", "returned": "request"}]}],
            "resourceTypes": [{"name": "Device", "endpoint": "/Devices", "schema": "urn:example:Device"}]}"#,
    );
    let body = json!({"schemas": ["urn:example:Device"], "serial": "A1", "note": "n"});
    assert_eq!(service.post("/Devices", body.clone()).await.body["note"], "n");
    assert!(service.get("/Devices/id1").await.body.get("note").is_none());
    assert_eq!(service.get("/Devices/id1?attributes=note").await.body["note"], "n");
    assert_eq!(service.put("/Devices/id1", body).await.body["note"], "n");
    let other = service.patch("/Devices/id1", json!([{"op": "replace", "path": "serial", "value": "A2"}])).await;
    assert_eq!((other.status, other.body.get("note")), (200, None));
    let own = service.patch("/Devices/id1", json!([{"op": "replace", "value": {"note": "m"}}])).await;
    assert_eq!(own.body["note"], "m");
}

/// R7643-2.1-04, AMB-01: every representation says its schemas, whole or in part, alone or in a list.
#[tokio::test]
async fn every_representation_has_schemas() {
    let service = Service::new();
    let body = json!({"schemas": [USER], "userName": "ola"});
    let mut replies = vec![service.post("/Users", body.clone()).await, service.put("/Users/id1", body).await];
    replies.push(service.patch("/Users/id1", json!([{"op": "add", "path": "title", "value": "Guide"}])).await);
    for parameters in ["", "?attributes=userName", "?excludedAttributes=schemas"] {
        replies.push(service.get(&format!("/Users/id1{parameters}")).await);
        let list = service.get(&format!("/Users{parameters}")).await;
        assert_eq!(list.body["Resources"][0]["schemas"], json!([USER]), "{parameters}");
    }
    for reply in replies {
        assert_eq!(reply.body["schemas"], json!([USER]));
    }
}

/// R7643-3.1-09, R7643-3.1-10, R7643-3.1-11: what a client calls a user is kept, and is its own affair.
#[tokio::test]
async fn an_external_id_is_that_of_the_tenant() {
    let service = Service::new();
    let body = |name: &str| json!({"schemas": [USER], "userName": name, "externalId": "701984"}).to_string();
    for (token, name) in [("token", "ola"), ("other", "kari")] {
        let authorization = format!("authorization: Bearer {token}");
        let created = service.send("POST", "/Users", &[&authorization], body(name)).await;
        assert_eq!((created.status, &created.body["externalId"]), (201, &json!("701984")));
    }
    // Whether two of its users are called the same is the client's affair as well.
    assert_eq!(service.send("POST", "/Users", &[], body("per")).await.status, 201);
    assert_eq!(service.delete("/Users/id3").await.status, 204);
    for (token, name) in [("token", "ola"), ("other", "kari")] {
        let authorization = format!("authorization: Bearer {token}");
        let found = service.send("GET", "/Users?filter=externalId%20eq%20%22701984%22", &[&authorization], "").await;
        assert_eq!(found.names(), [name]);
    }
}

/// R7643-4.1.1-08: who is disabled is still there.
#[tokio::test]
async fn an_inactive_user_can_be_read_and_found() {
    let service = Service::new();
    service.user("ola").await;
    let patched = service.patch("/Users/id1", json!([{"op": "replace", "path": "active", "value": false}])).await;
    assert_eq!((patched.status, &patched.body["active"]), (200, &json!(false)));
    assert_eq!(service.get("/Users/id1").await.body["active"], false);
    assert_eq!(service.get("/Users").await.names(), ["ola"]);
}

/// R7644-3.8-02, R7644-3.8-03: the media type of SCIM can be asked for, alone or among others, and so can that of JSON.
#[tokio::test]
async fn scim_json_can_be_asked_for() {
    let service = Service::new();
    service.user("ola").await;
    for accept in
        ["application/scim+json", "application/json;q=0.5, application/scim+json", "*/*", "text/html, application/scim+json;q=0.1"]
    {
        let reply = service.send("GET", "/Users/id1", &[&format!("accept: {accept}")], "").await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "application/scim+json"), "{accept}");
    }
    for accept in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json, application/scim+json;q=0.9",
        "text/html, application/*;q=0.5, application/scim+json; q=0.05",
    ] {
        let reply = service.send("GET", "/Users/id1", &[&format!("accept: {accept}")], "").await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"), "{accept}");
        let refused = service.send("GET", "/Users/id2", &[&format!("accept: {accept}")], "").await;
        assert_eq!((refused.status, refused.header("content-type")), (404, "application/json"), "{accept}");
    }
    for accept in ["application/json;q=x, application/scim+json", "application/json;q=0.9999", "application/scim+json;q=0, */*;q=0"] {
        let reply = service.send("GET", "/Users/id1", &[&format!("accept: {accept}")], "").await;
        assert_eq!(reply.status, 200, "{accept}");
    }
}
