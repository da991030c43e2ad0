//! What filters mean on a resource.

use scimkit_filter::{Filter, Node, ParseOptions};
use scimkit_types::{Attribute, AttributeType, Catalog, Dialect, Resource, ResourceType, Schema, Value};

const EXAMPLE: &str = "urn:example:2.0:Thing";

/// The standard catalog and a type with numbers.
fn catalog() -> Catalog {
    let standard = Catalog::standard();
    let mut schemas = standard.schemas().to_vec();
    let attribute = |name: &str, type_| Attribute::new(name.parse().unwrap(), type_);
    let mut ranks = attribute("ranks", AttributeType::Integer);
    ranks.is_multi_valued = true;
    let attributes = vec![attribute("rank", AttributeType::Integer), attribute("weight", AttributeType::Decimal), ranks];
    schemas.push(Schema::new(EXAMPLE.parse().unwrap(), attributes));
    let mut types = standard.resource_types().to_vec();
    types.push(ResourceType::new("Thing", "/Things", EXAMPLE.parse().unwrap()));
    Catalog::new(schemas, types).unwrap()
}

fn matches_as(resource_type: &str, filter: &str, resource: &str) -> bool {
    let catalog = catalog();
    let options = ParseOptions::default().with_catalog(&catalog).with_dialect(Dialect::LENIENT);
    let filter = Filter::parse_with(filter, &options).unwrap();
    let resource: Resource = serde_json::from_str(resource).unwrap();
    filter.resolve(&catalog, catalog.resource_type(resource_type).unwrap(), Dialect::STRICT).unwrap().matches(&resource)
}

#[track_caller]
fn check(filter: &str, resource: &str, expected: bool) {
    assert_eq!(matches_as("User", filter, resource), expected, "{filter} on {resource}");
    let negated = format!("not ({filter})");
    assert_eq!(matches_as("User", &negated, resource), !expected, "{negated} on {resource}");
}

const TWO_ADDRESSES: &str = r#"{"emails": [{"type": "work", "value": "b@x.org"}, {"type": "home", "value": "B@home.org"}]}"#;

/// R7644-3.4.2.2-13, -18: S14 to S16.
#[test]
fn brackets_bind_conditions_to_one_element() {
    check(r#"emails.type eq "work" and emails.value ew "@home.org""#, TWO_ADDRESSES, true);
    check(r#"emails[type eq "work" and value ew "@home.org"]"#, TWO_ADDRESSES, false);
    check(r#"emails[type eq "home" and value ew "@home.org"]"#, TWO_ADDRESSES, true);
    check(r#"emails[not (type eq "work")]"#, TWO_ADDRESSES, true);
    check(r#"emails[type eq "work"].value eq "b@x.org""#, TWO_ADDRESSES, true);
    check(r#"emails[type pr]"#, r#"{"emails": []}"#, false);
    check(r#"emails[type ne "x"]"#, "{}", false);
}

/// AMB-07, R7644-3.4.2.2-18: S16 and S17.
#[test]
fn ne_holds_if_any_value_differs_or_there_is_none() {
    check(r#"emails.value ne "b@x.org""#, TWO_ADDRESSES, true);
    check(r#"emails.value ne "b@x.org""#, r#"{"emails": [{"value": "B@X.org"}]}"#, false);
    check(r#"emails.type ne "work""#, r#"{"emails": [{"value": "a"}, {"type": "work"}]}"#, false);
    check(r#"emails.type ne "work""#, r#"{"emails": [{"value": "a"}]}"#, true);
    for resource in ["{}", r#"{"title": null}"#, r#"{"title": []}"#, r#"{"title": ""}"#] {
        check(r#"title ne "x""#, resource, true);
    }
    check(r#"title ne "x""#, r#"{"title": "X"}"#, false);
    check("active ne true", r#"{"active": true}"#, false);
    check("active ne true", "{}", true);
}

/// R7644-3.4.2.2-07, R7643-2.5-01: S18 to S20.
#[test]
fn nothing_empty_is_present() {
    for resource in ["{}", r#"{"title": null}"#, r#"{"title": ""}"#, r#"{"title": []}"#] {
        check("title pr", resource, false);
        check("title eq null", resource, true);
        check("title ne null", resource, false);
    }
    check("title pr", r#"{"TITLE": "x"}"#, true);
    check("title eq null", r#"{"title": "x"}"#, false);
    for resource in [r#"{"emails": []}"#, r#"{"emails": [{}]}"#, r#"{"emails": [{"value": ""}, null]}"#] {
        check("emails pr", resource, false);
        check("emails eq null", resource, true);
    }
    check("emails pr", r#"{"emails": [{"primary": false}]}"#, true);
    check("name pr", r#"{"name": {"familyName": "", "givenName": null}}"#, false);
    check("name pr", r#"{"name": {"familyName": "x"}}"#, true);
}

/// R7644-3.4.2.2-22, R7643-3.1-12, R7643-2.3.7-05: S06 to S08 and S26.
#[test]
fn case_counts_where_the_schema_says_so() {
    check(r#"emails.value eq "BJENSEN@EXAMPLE.COM""#, r#"{"emails": [{"value": "bjensen@example.com"}]}"#, true);
    check(r#"id eq "AB""#, r#"{"id": "ab"}"#, false);
    check(r#"id eq "ab""#, r#"{"id": "ab"}"#, true);
    check(r#"externalId eq "AB""#, r#"{"externalId": "ab"}"#, false);
    check(r#"profileUrl eq "https://X""#, r#"{"profileUrl": "https://x"}"#, false);
    check(r#"displayName eq "bärbel""#, r#"{"displayName": "BÄRBEL"}"#, true);
    check(r#"displayName co "STRASSE""#, r#"{"displayName": "Die Straße 5"}"#, true);
    check(r#"displayName ew "ÄR""#, "{\"displayName\": \"Ba\u{308}r\"}", true);
}

/// R7643-3.1-18: the name of a resource type is case exact.
#[test]
fn names_of_resource_types_compare_with_case() {
    let user = r#"{"meta": {"resourceType": "User"}}"#;
    check(r#"meta.resourceType eq "User""#, user, true);
    check(r#"meta.resourceType eq "user""#, user, false);
}

/// R7643-2.4-04: an absent `primary` is false.
#[test]
fn an_absent_primary_is_false() {
    let (none, one) = (r#"{"emails": [{"value": "a"}]}"#, r#"{"emails": [{"value": "a", "primary": true}]}"#);
    let two = r#"{"emails": [{"value": "a", "primary": true}, {"value": "b"}]}"#;
    for (filter, expected) in [
        ("emails[primary eq false]", [true, false, true, false]),
        ("emails[primary ne true]", [true, false, true, false]),
        ("emails[primary eq true]", [false, true, true, false]),
        ("emails[primary ne false]", [false, true, true, false]),
        (r#"emails[primary eq false and value eq "a"]"#, [true, false, false, false]),
        ("emails.primary eq false", [true, false, true, false]),
        ("emails.primary ne true", [true, false, true, true]),
        ("emails.primary eq true", [false, true, true, false]),
        ("emails.primary ne false", [false, true, true, false]),
        ("emails.primary pr", [false, true, true, false]),
    ] {
        for (user, expected) in [none, one, two, "{}"].into_iter().zip(expected) {
            check(filter, user, expected);
        }
    }
}

/// A ligature is what it stands for.
#[test]
fn ligatures_compare_as_their_letters() {
    check(r#"displayName eq "ﬁsh""#, r#"{"displayName": "Fish"}"#, true);
}

/// R7644-5-01, R7644-7.8-01, S27: names of users compare by their PRECIS profile, in comparisons of every kind.
#[test]
fn names_of_users_compare_by_their_profile() {
    check(r#"userName eq "Ｆｉｓｈ""#, r#"{"userName": "fish"}"#, true);
    check("userName eq \"A\u{30a}sa\"", r#"{"userName": "ÅSA"}"#, true);
    check(r#"userName sw "Ｆ""#, r#"{"userName": "fish"}"#, true);
    check(r#"userName eq "ﬁsh""#, r#"{"userName": "fish"}"#, false);
    check(r#"userName eq "strasse""#, r#"{"userName": "straße"}"#, false);
    check(r#"displayName eq "Ｆｉｓｈ""#, r#"{"displayName": "fish"}"#, false);
}

/// R7644-3.4.2.2-06
#[test]
fn substrings_include_the_whole_and_the_empty_text() {
    for operator in ["co", "sw", "ew"] {
        check(&format!(r#"title {operator} "boss""#), r#"{"title": "Boss"}"#, true);
        check(&format!(r#"title {operator} """#), r#"{"title": "Boss"}"#, true);
        check(&format!(r#"title {operator} """#), "{}", false);
        check(&format!(r#"title {operator} "bosses""#), r#"{"title": "Boss"}"#, false);
    }
    check(r#"title co "os""#, r#"{"title": "Boss"}"#, true);
    check(r#"title sw "os""#, r#"{"title": "Boss"}"#, false);
    check(r#"title sw "bo""#, r#"{"title": "Boss"}"#, true);
    check(r#"title ew "SS""#, r#"{"title": "Boss"}"#, true);
}

/// R7644-3.4.2.2-05, -08: S09.
#[test]
fn date_times_compare_as_instants() {
    let resource = r#"{"meta": {"lastModified": "2011-05-13T06:42:34.5+02:00"}}"#;
    let instants =
        [("eq", true, false), ("ne", false, true), ("gt", false, false), ("ge", true, false), ("lt", false, true), ("le", true, true)];
    for (operator, same, later) in instants {
        check(&format!(r#"meta.lastModified {operator} "2011-05-13T04:42:34.5Z""#), resource, same);
        check(&format!(r#"meta.lastModified {operator} "2011-05-13T05:00:00Z""#), resource, later);
    }
    check(r#"meta.lastModified gt "2011-05-13T04:42:34Z""#, r#"{"meta": {"lastModified": "soon"}}"#, false);
}

/// AMB-37: a time without a zone is one of UTC, on either side.
#[test]
fn date_times_without_zone_are_utc() {
    for (filter, resource) in [("2011-05-13T04:42:34", "2011-05-13T06:42:34+02:00"), ("2011-05-13T06:42:34+02:00", "2011-05-13T04:42:34")] {
        check(&format!(r#"meta.lastModified eq "{filter}""#), &format!(r#"{{"meta": {{"lastModified": "{resource}"}}}}"#), true);
    }
    check(r#"meta.lastModified gt "2011-05-13T04:42:34""#, r#"{"meta": {"lastModified": "2011-05-13T04:42:34.000000001"}}"#, true);
}

/// AMB-40: `$ref` is a name like others, though the grammar of names has no `$` in front.
#[test]
fn references_can_be_filtered() {
    let resource =
        r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"$ref": "https://example.com/Users/1"}}}"#;
    let path = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.$ref";
    check(&format!(r#"{path} ew "/Users/1""#), resource, true);
    check(&format!(r#"{path} ew "/Users/2""#), resource, false);
    check(&format!("{path} pr"), resource, true);
}

/// R7644-3.4.2.2-08: "10" and "9" as text and as numbers.
#[test]
fn text_orders_by_code_point_and_numbers_by_value() {
    check(r#"title lt "9""#, r#"{"title": "10"}"#, true);
    check(r#"title gt "B""#, r#"{"title": "c"}"#, true);
    check(r#"title ge "é""#, r#"{"title": "É"}"#, true);
    let thing = |filter: &str, resource: &str| matches_as("Thing", filter, resource);
    assert!(thing("rank gt 9", r#"{"rank": 10}"#));
    assert!(thing("rank eq 9007199254740993", r#"{"rank": 9007199254740993}"#));
    assert!(!thing("rank eq 9007199254740993", r#"{"rank": 9007199254740992}"#));
    assert!(thing("weight eq 1e1", r#"{"weight": 10}"#));
    assert!(thing("weight le -0.5", r#"{"weight": -0.5}"#));
    assert!(!thing("weight lt 1", "{}"));
    assert!(thing("ranks eq 2 and ranks gt 2 and ranks ne 2", r#"{"ranks": [1, 2, 3]}"#));
    assert!(!thing("rank eq 1", r#"{"rank": "1"}"#));
    assert!(thing("rank ne 1", r#"{"rank": "1"}"#));
}

/// R7644-3.4.2.2-17, -23, R7643-4.3-02: S30.
#[test]
fn extensions_are_reached_by_their_uri() {
    let uri = scimkit_types::schema::ENTERPRISE_USER;
    let resource = format!(r#"{{"schemas": ["{uri}"], "{uri}": {{"department": "R&D", "manager": {{"value": "m1"}}}}}}"#);
    check(&format!(r#"{uri}:department eq "r&d""#), &resource, true);
    check(&format!(r#"{uri}:MANAGER eq "m1""#), &resource, true);
    check(&format!(r#"{uri}:manager[value eq "m1"]"#), &resource, true);
    check(&format!(r#"{uri}:manager.value pr"#), "{}", false);
    check(&format!(r#"schemas eq "{uri}""#), &resource, true);
    check(&format!(r#"schemas eq "{uri}""#), r#"{"schemas": []}"#, false);
}

/// R7644-3.4.2.2-10, -11
#[test]
fn connectives_have_their_truth_tables() {
    let resource = r#"{"title": "x"}"#;
    for (left, right) in [(true, true), (true, false), (false, true), (false, false)] {
        let condition = |holds: bool| if holds { "title pr" } else { "nickName pr" };
        check(&format!("{} and {}", condition(left), condition(right)), resource, left && right);
        check(&format!("{} or {}", condition(left), condition(right)), resource, left || right);
    }
    check("title pr or nickName pr and nickName pr", resource, true);
    check("(title pr or nickName pr) and nickName pr", resource, false);
}

#[test]
fn a_plain_value_stands_for_the_value_of_an_element() {
    let resource = r#"{"emails": ["a@x.org", {"value": "b@x.org", "type": "work"}]}"#;
    check(r#"emails eq "a@x.org""#, resource, true);
    check(r#"emails[value eq "A@x.org"]"#, resource, true);
    check(r#"emails[value eq "a@x.org" and type eq "work"]"#, resource, false);
    check(r#"emails[type eq "work"]"#, r#"{"emails": {"type": "work"}}"#, true);
}

#[test]
fn an_element_is_matched_by_itself() {
    let catalog = catalog();
    let filter = Filter::parse(r#"emails[type eq "work" and primary ne true]"#).unwrap();
    let resolved = filter.resolve(&catalog, catalog.resource_type("User").unwrap(), Dialect::STRICT).unwrap();
    let Node::Element { filter, .. } = resolved.root() else { panic!("expected an element") };
    let element = |text: &str| serde_json::from_str::<Value>(text).unwrap().as_complex().cloned().unwrap();
    assert!(filter.matches_element(&element(r#"{"TYPE": "Work"}"#)));
    assert!(!filter.matches_element(&element(r#"{"type": "work", "primary": true}"#)));
}
