use http::header::{ACCEPT, CONTENT_TYPE, IF_MATCH, USER_AGENT};
use scimkit_client::request::{BaseUri, Selection};
use scimkit_client::{Class, ClientError, Cost};
use scimkit_types::{BulkOperation, BulkRequest, Resource, SearchRequest, SortOrder, Value, Version, schema};

fn base(uri: &str) -> Result<BaseUri, ClientError> {
    BaseUri::new(uri.parse().unwrap())
}

fn plain() -> BaseUri {
    base("https://example.com/scim/v2").unwrap()
}

/// R7643-6-03, IR38: base and endpoint are joined with one slash, whatever slashes they have.
#[test]
fn base_and_endpoint_are_joined_with_one_slash() {
    for (address, endpoint, expected) in [
        ("https://example.com", "/Users", "https://example.com/Users"),
        ("https://example.com/", "Users", "https://example.com/Users"),
        ("https://example.com/v2", "/Users", "https://example.com/v2/Users"),
        ("https://example.com/v2//", "//Users/", "https://example.com/v2/Users"),
        ("https://example.com:8443/v2/", "a/b", "https://example.com:8443/v2/a/b"),
        ("https://example.com/v2?aadOptscim062020", "Users", "https://example.com/v2/Users?aadOptscim062020"),
        ("https://example.com/v2", "", "https://example.com/v2"),
        ("https://example.com", "", "https://example.com/"),
    ] {
        assert_eq!(base(address).unwrap().read(endpoint).unwrap().uri(), expected);
    }
}

/// R7644-1.3-01: the query of a base stays, and what a call adds follows it.
#[test]
fn the_query_of_the_base_is_part_of_every_request() {
    let base = base("https://example.com/v2/?aadOptscim062020&x=1").unwrap();
    assert_eq!(base.to_string(), "https://example.com/v2?aadOptscim062020&x=1");
    let request = base.get("/Users", "1", &Selection::Only(vec!["userName".into(), "name.givenName".into()])).unwrap();
    assert_eq!(request.uri(), "https://example.com/v2/Users/1?aadOptscim062020&x=1&attributes=userName,name.givenName");
    let request = base.delete("/Users", "1", None).unwrap();
    assert_eq!(request.uri(), "https://example.com/v2/Users/1?aadOptscim062020&x=1");
}

/// R7644-7.1-01: an address with user information is refused, and not shown.
#[test]
fn a_base_is_absolute_and_has_no_user_information() {
    for address in ["/v2", "ftp://example.com", "https://user:s3cret@example.com/v2", "example.com"] {
        let error = base(address).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}

/// R7644-1.2-01: everything but unreserved characters is percent-encoded, once, and a space is `%20`.
#[test]
fn a_filter_is_percent_encoded_once() {
    let mut search = SearchRequest::default();
    search.filter = Some(r#"userName eq "a+b&c#d%20é/?""#.to_owned());
    search.sort_by = Some("name.familyName".to_owned());
    search.sort_order = Some(SortOrder::Descending);
    search.start_index = Some(1);
    search.count = Some(10);
    search.excluded_attributes = vec!["members".to_owned(), "urn:a:b:x".to_owned()];
    let request = plain().query("/Users", &search).unwrap();
    assert_eq!(
        request.uri().query().unwrap(),
        "excludedAttributes=members,urn%3Aa%3Ab%3Ax&filter=userName%20eq%20%22a%2Bb%26c%23d%2520%C3%A9%2F%3F%22\
         &sortBy=name.familyName&sortOrder=descending&startIndex=1&count=10"
    );
    assert!(request.body().is_empty() && !request.headers().contains_key(CONTENT_TYPE));
}

/// R9865-2-06: a cursor is opaque: any text passes through.
#[test]
fn a_cursor_is_sent_as_it_came() {
    let mut search = SearchRequest::default();
    search.cursor = Some("a/+=é".to_owned());
    assert_eq!(plain().query("Users", &search).unwrap().uri().query(), Some("cursor=a%2F%2B%3D%C3%A9"));
    search.cursor = Some(String::new());
    assert_eq!(plain().query("Users", &search).unwrap().uri().query(), Some("cursor="));
}

/// An id is one segment of a path, whatever is in it; one that would address something else is refused.
#[test]
fn an_id_cannot_leave_its_endpoint() {
    for (id, segment) in [("a/../b?c#d%", "a%2F..%2Fb%3Fc%23d%25"), ("å", "%C3%A5"), ("a b", "a%20b"), (".search", ".search")] {
        let uri = format!("https://example.com/scim/v2/Users/{segment}");
        assert_eq!(*plain().delete("/Users", id, None).unwrap().uri(), *uri);
    }
    for id in ["", ".", ".."] {
        assert!(matches!(plain().delete("/Users", id, None), Err(ClientError::InvalidRequest { .. })), "{id}");
    }
    assert!(plain().read("/Users/../Groups").is_err());
}

/// R7644-3.1-01, R7644-3.8-05, R8259-8.1-01: bodies are SCIM JSON in UTF-8 without a mark, and say so.
#[test]
fn bodies_say_what_they_are() {
    let mut user = Resource::new([schema::USER]);
    user.insert("userName", "åsa");
    let request = plain().create("/Users", &user).unwrap();
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/scim/v2/Users"));
    assert_eq!(request.headers()[CONTENT_TYPE], "application/scim+json");
    assert_eq!(request.headers()[ACCEPT], "application/scim+json, application/json");
    assert_eq!(request.headers()[USER_AGENT], concat!("scimkit/", env!("CARGO_PKG_VERSION")));
    assert_eq!(request.body(), r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"åsa"}"#);
}

/// R7232-2.3-01: a precondition is an entity tag in quotes.
#[test]
fn a_precondition_names_the_version() {
    let version = Version::new("a1");
    let user = Resource::new([schema::USER]);
    let requests = [
        plain().replace("Users", "1", &user, Some(&version)),
        plain().patch("Users", "1", &Value::Null, Some(&version)),
        plain().delete("Users", "1", Some(&version)),
    ];
    for request in requests {
        assert_eq!(request.unwrap().headers()[IF_MATCH], r#"W/"a1""#);
    }
    assert!(!plain().delete("Users", "1", None).unwrap().headers().contains_key(IF_MATCH));
}

/// R7644-3.9-04: `attributes` and `excludedAttributes` exclude each other.
#[test]
fn attributes_cannot_be_both_selected_and_excluded() {
    let mut search = SearchRequest::default();
    search.attributes = vec!["userName".to_owned()];
    search.excluded_attributes = vec!["name".to_owned()];
    assert!(matches!(plain().query("Users", &search), Err(ClientError::InvalidRequest { .. })));
    assert!(matches!(plain().search("Users", &search), Err(ClientError::InvalidRequest { .. })));
}

/// R7644-7.5.2-01, R7644-3.4.3-02: a search keeps its filter out of the address and is a read.
#[test]
fn a_search_has_its_filter_in_the_body() {
    let mut search = SearchRequest::default();
    search.filter = Some("userName eq \"x\"".to_owned());
    let request = plain().search("/Users", &search).unwrap();
    assert_eq!((request.method().as_str(), request.uri()), ("POST", &"https://example.com/scim/v2/Users/.search".parse().unwrap()));
    let body: Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(SearchRequest::from_json(&body).unwrap(), search);
    assert_eq!(Class::of(&request), Class::Read);
    assert_eq!(plain().search("", &search).unwrap().uri().path(), "/scim/v2/.search");
}

#[test]
fn a_bulk_request_costs_its_operations() {
    let mut bulk = BulkRequest::default();
    bulk.operations = vec![BulkOperation::default(); 7];
    let request = plain().bulk(bulk).unwrap();
    assert_eq!((request.uri().path(), request.extensions().get::<Cost>()), ("/scim/v2/Bulk", Some(&Cost(7))));
    assert_eq!(Class::of(&request), Class::Write);
}
