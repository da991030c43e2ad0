//! Lists, filters, sorting and pages.

use serde_json::json;

use super::support::{Service, USER, encode};

async fn five() -> Service {
    let service = Service::new();
    for (name, title) in [("anna", "b"), ("Bo", "a"), ("carl", ""), ("dora", "C"), ("eva", "c")] {
        let mut body = json!({"schemas": [USER], "userName": name, "active": name != "Bo"});
        if !title.is_empty() {
            body["title"] = json!(title);
        }
        assert_eq!(service.post("/Users", body).await.status, 201);
    }
    service
}

async fn filter(service: &Service, filter: &str) -> super::support::Reply {
    service.get(&format!("/Users?filter={}", encode(filter))).await
}

/// R7644-3.4.2-02, R7644-3.4.2-03, R7644-3.4.2-05, R7644-3.4.2-07, R7644-3.4.2.4-05: the shape of a page.
#[tokio::test]
async fn a_page_says_its_place_and_the_total() {
    let service = five().await;
    let reply = service.get("/Users?startIndex=2&count=2&attributes=userName").await;
    assert_eq!(
        (reply.status, reply.body),
        (
            200,
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 5, "startIndex": 2, "itemsPerPage": 2,
                "Resources": [{"schemas": [USER], "id": "id2", "userName": "Bo"}, {"schemas": [USER], "id": "id3", "userName": "carl"}],
            })
        )
    );
}

/// R7644-3.4.2.4-02, R7644-3.4.2.4-03, R7644-3.4.2.4-04, R7644-3.4.2.4-06, AMB-32, IR27: numbers outside of the list.
#[tokio::test]
async fn pages_outside_of_the_list_are_empty() {
    let service = five().await;
    let check = async |parameters: &str, start: u64, items: usize| {
        let reply = service.get(&format!("/Users?{parameters}")).await;
        assert_eq!(reply.status, 200);
        assert_eq!((&reply.body["totalResults"], &reply.body["startIndex"]), (&json!(5), &json!(start)), "{parameters}");
        assert_eq!(reply.body["Resources"].as_array().unwrap().len(), items, "{parameters}");
    };
    check("startIndex=0", 1, 5).await;
    check("startIndex=-5&count=1", 1, 1).await;
    check("count=-1", 1, 0).await;
    check("count=0", 1, 0).await;
    check("startIndex=9999", 9999, 0).await;
    check("startIndex=99999999999999999999", i64::MAX as u64, 0).await;
    service.get("/Users?count=").await.check_error(400, Some("invalidValue"));
    service.get("/Users?startIndex=abc").await.check_error(400, Some("invalidValue"));
}

/// R7644-3.4.2.4-05: the profile bounds a page.
#[tokio::test]
async fn a_page_is_as_large_as_the_profile_allows() {
    let service = Service::with_profile(r#"{"name": "x", "paging": {"defaultCount": 2, "maxCount": 3}}"#);
    for name in ["a", "b", "c", "d"] {
        service.user(name).await;
    }
    assert_eq!(service.get("/Users").await.names(), ["a", "b"]);
    assert_eq!(service.get("/Users?count=100").await.names(), ["a", "b", "c"]);
}

/// R7644-3.4.2.2-02, R7644-3.4.2.2-22, R7644-3.4.2-06, IR26: only what matches; nothing is no error.
#[tokio::test]
async fn only_what_matches_is_returned() {
    let service = five().await;
    assert_eq!(filter(&service, r#"userName eq "ANNA""#).await.names(), ["anna"]);
    assert_eq!(filter(&service, r#"title pr and not (userName sw "b")"#).await.names(), ["anna", "dora", "eva"]);
    assert_eq!(filter(&service, r#"id eq "id4""#).await.names(), ["dora"]);
    let none = filter(&service, r#"userName eq "nobody""#).await;
    assert_eq!((none.status, &none.body["totalResults"], &none.body["Resources"]), (200, &json!(0), &json!([])));
}

/// AMB-10, entra.md 5.4: Entra writes blanks as plus signs.
#[tokio::test]
async fn a_plus_is_a_blank() {
    let service = five().await;
    assert_eq!(service.get("/Users?filter=userName+eq+%22anna%22").await.names(), ["anna"]);
}

/// R7644-3.4.2.2-21, AMB-06, AMB-08, IR22: what cannot be understood is never answered with everything.
#[tokio::test]
async fn a_faulty_filter_is_refused() {
    let service = five().await;
    for text in
        ["", "userName", r#"userName foo "x""#, r#"nothing eq "x""#, r#"active eq "true""#, "active gt true", r#"groups.value eq "g""#]
    {
        filter(&service, text).await.check_error(400, Some("invalidFilter"));
    }
    assert!(filter(&service, r#"userName px "x""#).await.body["detail"].as_str().unwrap().contains("px"));
    filter(&service, r#"meta.location eq "x""#).await.check_error(400, Some("invalidFilter"));
}

/// AMB-06, AMB-08, invariant 11: tolerated by a dialect that says so, and counted.
#[tokio::test]
async fn a_lenient_filter_is_counted() {
    use scimkit_types::{Dialect, Tolerance};
    let service = Service::with_dialect(Dialect::LENIENT);
    service.post("/Users", json!({"schemas": [USER], "userName": "ola", "active": true})).await;
    assert_eq!(filter(&service, r#"active eq "true""#).await.names(), ["ola"]);
    assert_eq!(filter(&service, r#"nothing eq "x" or userName eq "ola""#).await.names(), ["ola"]);
    let counts = service.server.tolerances();
    let counts = counts.values().next().unwrap();
    assert_eq!((counts[&Tolerance::ConvertFilterValues], counts[&Tolerance::UnknownInFilter]), (1, 1));
}

/// Invariant 9, IR23: a filter widens nothing.
#[tokio::test]
async fn a_filter_never_reaches_another_tenant() {
    let service = five().await;
    let path = format!("/Users?filter={}", encode(r#"userName eq "anna" or not (userName eq "x")"#));
    let reply = service.send("GET", &path, &["authorization: Bearer other"], "").await;
    assert_eq!(reply.body["totalResults"], 0);
}

/// R7644-3.4.2.3-04, R7644-3.4.2.3-05, R7644-3.4.2.3-06: order without case, missing values last when ascending and first when descending.
#[tokio::test]
async fn results_are_sorted() {
    let service = five().await;
    assert_eq!(service.get("/Users?sortBy=userName").await.names(), ["anna", "Bo", "carl", "dora", "eva"]);
    assert_eq!(service.get("/Users?sortBy=title").await.names(), ["Bo", "anna", "dora", "eva", "carl"]);
    let descending = service.get("/Users?sortBy=title&sortOrder=descending").await;
    assert_eq!(descending.names(), ["carl", "dora", "eva", "anna", "Bo"]);
}

/// R7644-3.4.2.3-03: nothing can be sorted by what has sub-attributes, is unknown or secret.
#[tokio::test]
async fn a_faulty_sort_is_refused() {
    let service = five().await;
    for attribute in ["name", "nothing", "password", "groups.value", "a b"] {
        let reply = service.get(&format!("/Users?sortBy={}", encode(attribute))).await;
        reply.check_error(400, Some("invalidValue"));
    }
    assert_eq!(service.get("/Users?sortBy=name.familyName").await.status, 200);
}

/// AMB-22, R7644-3.5-02, R7644-3.5.2-01: switched off, a filter is refused and a sort is ignored.
#[tokio::test]
async fn switched_off_features_fail_as_documented() {
    let service = Service::with_profile(r#"{"name": "x", "features": {"filter": false, "sort": false, "patch": false}}"#);
    service.user("b").await;
    service.user("a").await;
    filter(&service, "userName pr").await.check_error(400, Some("invalidFilter"));
    assert_eq!(service.get("/Users?sortBy=userName").await.names(), ["b", "a"]);
    service.patch("/Users/id1", json!([{"op": "add", "path": "title", "value": "x"}])).await.check_error(501, None);
}

/// R7644-3.4.3-01, R7644-3.4.3-02, R7644-3.4.3-03: a search by POST is the query.
#[tokio::test]
async fn a_search_is_a_query() {
    let service = five().await;
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "attributes": ["userName"], "filter": "active eq true",
        "sortBy": "userName", "sortOrder": "descending", "startIndex": 2, "count": 2,
    });
    let posted = service.post("/Users/.search", search).await;
    let got =
        service.get("/Users?attributes=userName&filter=active%20eq%20true&sortBy=userName&sortOrder=descending&startIndex=2&count=2").await;
    assert_eq!((posted.status, posted.body), (200, got.body));
    service.post("/Users/.search", json!({"filter": "userName pr"})).await.check_error(400, Some("invalidSyntax"));
    let faulty = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": "x"});
    service.post("/Users/.search", faulty).await.check_error(400, Some("invalidValue"));
}

/// R7644-3.4.2-01, AMB-42: other parameters, and a filter on one resource, are ignored.
#[tokio::test]
async fn unknown_parameters_are_ignored() {
    let service = five().await;
    assert_eq!(service.get("/Users?foo=bar&aadOptscim062020").await.body["totalResults"], 5);
    assert_eq!(service.get("/Users/id1?filter=x").await.status, 200);
}

/// R7644-3.4.2.5-01, R7644-3.4.2.5-02: a list has the chosen attributes, by names in whatever case, and always `id`.
#[tokio::test]
async fn a_list_has_the_chosen_attributes() {
    let service = Service::new();
    let body = json!({"schemas": [USER], "userName": "ola", "title": "Guide", "name": {"givenName": "Ola", "familyName": "N"}});
    service.post("/Users", body).await;
    let check = async |parameters: &str, expected: serde_json::Value| {
        let reply = service.get(&format!("/Users?{parameters}")).await;
        assert_eq!(reply.body["Resources"], json!([expected]), "{parameters}");
    };
    check("attributes=NAME.givenname", json!({"schemas": [USER], "id": "id1", "name": {"givenName": "Ola"}})).await;
    check(&format!("attributes={}", encode(&format!("{USER}:title"))), json!({"schemas": [USER], "id": "id1", "title": "Guide"})).await;
    let left = json!({"schemas": [USER], "id": "id1", "userName": "ola", "name": {"familyName": "N"}});
    check("excludedAttributes=id,schemas,meta,TITLE,name.givenName", left).await;
}

/// R7644-3.4.2.3-02, R7644-3.4.2.3-03: a multi-valued attribute sorts by its primary value, without one by the first.
#[tokio::test]
async fn a_multi_valued_attribute_sorts_by_its_primary_value() {
    let service = Service::new();
    for (name, emails) in [
        ("second", json!([{"value": "a@example.com"}, {"value": "m@example.com", "primary": true}])),
        ("first", json!([{"value": "b@example.com"}, {"value": "z@example.com"}])),
        ("third", json!([{"value": "x@example.com", "primary": true}, {"value": "0@example.com"}])),
    ] {
        let reply = service.post("/Users", json!({"schemas": [USER], "userName": name, "emails": emails})).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
    }
    assert_eq!(service.get("/Users?sortBy=emails.value").await.names(), ["first", "second", "third"]);
    let descending = service.get("/Users?sortBy=emails.value&sortOrder=descending").await;
    assert_eq!(descending.names(), ["third", "second", "first"]);
}
