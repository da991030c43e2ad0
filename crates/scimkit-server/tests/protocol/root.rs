//! Queries over all resource types.

use serde_json::json;

use super::support::{Reply, Service, encode};

/// Four users and three groups.
async fn service() -> Service {
    let service = Service::new();
    for name in ["ola", "kari", "per", "eva"] {
        service.user(name).await;
    }
    for (name, members) in [("guides", vec!["id1"]), ("drivers", vec![]), ("cooks", vec!["id2"])] {
        service.group(name, &members).await;
    }
    service
}

async fn find(service: &Service, filter: &str) -> Reply {
    let reply = service.get(&format!("?filter={}", encode(filter))).await;
    assert_eq!(reply.status, 200, "{filter}: {}", reply.body);
    assert_eq!(reply.body["totalResults"], reply.names().len(), "{filter}");
    reply
}

/// R7644-3.4.2.1-01, R7644-3.4.2.1-02: all resources, or those of one type, by GET and by POST.
#[tokio::test]
async fn the_root_has_all_resources() {
    let service = service().await;
    let all = service.get("").await;
    assert_eq!(all.names(), ["ola", "kari", "per", "eva", "guides", "drivers", "cooks"]);
    assert_eq!((&all.body["totalResults"], &all.body["itemsPerPage"], &all.body["startIndex"]), (&json!(7), &json!(7), &json!(1)));
    assert_eq!(all.body["Resources"][4]["meta"]["resourceType"], "Group");
    assert_eq!(find(&service, r#"meta.resourceType eq "Group""#).await.names(), ["guides", "drivers", "cooks"]);
    assert_eq!(find(&service, r#"meta.resourceType ne "Group" and userName sw "o""#).await.names(), ["ola"]);
    assert_eq!(find(&service, r#"meta.resourceType eq "Nothing""#).await.names().len(), 0);
    let either = r#"(meta.resourceType eq "User" and userName eq "per") or (meta.resourceType eq "Group" and displayName eq "cooks")"#;
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": either, "attributes": ["userName"]});
    let found = service.post("/.search", search).await;
    assert_eq!((found.status, found.body["totalResults"].as_u64()), (200, Some(2)));
    assert_eq!((found.body["Resources"][0]["userName"].as_str(), found.body["Resources"][1].get("displayName")), (Some("per"), None));
}

/// R7644-3.4.2.1-04, AMB-06: an attribute that a type does not have has no value.
#[tokio::test]
async fn attributes_that_a_type_lacks_have_no_value() {
    let service = service().await;
    assert_eq!(find(&service, "members pr").await.names(), ["guides", "cooks"]);
    assert_eq!(find(&service, "not (members pr)").await.names(), ["ola", "kari", "per", "eva", "drivers"]);
    assert_eq!(find(&service, r#"userName eq "eva" or members.value eq "id2""#).await.names(), ["eva", "cooks"]);
    assert_eq!(find(&service, r#"nothing eq "x""#).await.names().len(), 0);
    for filter in ["active gt true", "userName eq"] {
        service.get(&format!("?filter={}", encode(filter))).await.check_error(400, Some("invalidFilter"));
    }
}

/// R7644-3.4.2.4-02, R7644-3.4.2.4-04, R7644-3.4.2.4-05, R7644-3.4.2.4-06: pages go on from one type to the next, with nothing left out or twice.
#[tokio::test]
async fn pages_span_types() {
    let service = service().await;
    for size in 1..=8 {
        let mut names = Vec::new();
        for start in (1..=7).step_by(size) {
            let page = service.get(&format!("?startIndex={start}&count={size}")).await;
            assert_eq!(page.body["totalResults"], 7);
            names.extend(page.names().into_iter().map(str::to_owned));
        }
        assert_eq!(names, ["ola", "kari", "per", "eva", "guides", "drivers", "cooks"], "{size}");
    }
    for parameters in ["count=0", "startIndex=8", "startIndex=99&count=5"] {
        let empty = service.get(&format!("?{parameters}")).await;
        assert_eq!((&empty.body["totalResults"], &empty.body["Resources"]), (&json!(7), &json!([])), "{parameters}");
    }
    assert_eq!(service.get("?startIndex=-3&count=2").await.names(), ["ola", "kari"]);
}

/// R7644-3.4.2.3-05: each type is sorted by itself; what no type can be sorted by is refused.
#[tokio::test]
async fn each_type_is_sorted() {
    let service = service().await;
    let sorted = service.get("?sortBy=displayName&sortOrder=descending").await;
    assert_eq!(sorted.names()[4..], ["guides", "drivers", "cooks"]);
    let sorted = service.get("?sortBy=userName").await;
    assert_eq!(sorted.names(), ["eva", "kari", "ola", "per", "guides", "drivers", "cooks"]);
    service.get("?sortBy=nothing").await.check_error(400, Some("invalidValue"));
}

/// Invariant 9: the root shows the resources of one tenant.
#[tokio::test]
async fn the_root_of_another_tenant_is_empty() {
    let service = service().await;
    let other = service.send("GET", "?filter=id%20pr%20or%20not%20(id%20pr)", &["authorization: Bearer other"], "").await;
    assert_eq!((other.status, &other.body["totalResults"]), (200, &json!(0)));
}
