//! Whether and how filters fit the standard user.

use scimkit_filter::{AttributePath, Borders, CompareOperator, Filter, Node, Operand, ParseOptions, resolve_path};
use scimkit_types::{AttributeType, Catalog, Dialect, Tolerance};

fn resolve(filter: &str, dialect: Dialect) -> Result<Node, String> {
    let catalog = Catalog::standard();
    let user = catalog.resource_type("User").unwrap();
    let filter = Filter::parse_with(filter, &ParseOptions::default().with_catalog(&catalog)).unwrap();
    filter.resolve(&catalog, user, dialect).map(|resolved| resolved.root().clone()).map_err(|error| error.to_string())
}

#[track_caller]
fn check_refused(filter: &str, error: &str) {
    assert_eq!(resolve(filter, Dialect::STRICT), Err(error.to_owned()), "{filter}");
}

#[track_caller]
fn check_fits(filters: &[&str]) {
    for filter in filters {
        assert!(resolve(filter, Dialect::STRICT).is_ok(), "{filter}: {:?}", resolve(filter, Dialect::STRICT));
    }
}

/// R7644-3.4.2.2-09: S01 and S02.
#[test]
fn booleans_and_binary_data_have_no_order() {
    for operator in ["gt", "ge", "lt", "le"] {
        check_refused(&format!("active {operator} true"), &format!("`active` cannot be compared by `{operator}` with a boolean"));
        check_refused(
            &format!(r#"x509Certificates.value {operator} "MII""#),
            &format!("`x509Certificates.value` cannot be compared by `{operator}` with text"),
        );
    }
    check_fits(&["active eq true", "active ne false", r#"x509Certificates eq "MII=""#, r#"x509Certificates ne "MII=""#]);
}

/// AMB-09: S03.
#[test]
fn substrings_are_for_text() {
    for operator in ["co", "sw", "ew"] {
        check_refused(&format!(r#"active {operator} "tr""#), &format!("`active` cannot be compared by `{operator}` with text"));
        check_refused(
            &format!(r#"meta.created {operator} "2011""#),
            &format!("`meta.created` cannot be compared by `{operator}` with text that is no dateTime"),
        );
        check_refused(&format!(r#"title {operator} null"#), &format!("`title` cannot be compared by `{operator}` with null"));
    }
    check_fits(&[r#"profileUrl sw "https:""#, r#"emails co "@""#, r#"title gt "a""#]);
}

/// AMB-08, R7644-3.4.2.2-08: S10, S24 and S25.
#[test]
fn values_have_the_type_of_the_attribute() {
    check_refused(r#"active eq "true""#, "`active` cannot be compared by `eq` with text");
    check_refused("userName gt 5", "`userName` cannot be compared by `gt` with a number");
    check_refused(r#"meta.lastModified gt "yesterday""#, "`meta.lastModified` cannot be compared by `gt` with text that is no dateTime");
    check_refused(r#"emails[primary eq 1]"#, "`emails.primary` cannot be compared by `eq` with a number");
}

/// AMB-08: a lenient dialect converts what has one meaning.
#[test]
fn values_of_another_type_are_converted_on_demand() {
    let dialect = Dialect::STRICT.with(Tolerance::ConvertFilterValues);
    let operand = |filter: &str| {
        resolve(filter, dialect).map(|node| match node {
            Node::Compare { operand, .. } => operand,
            other => panic!("expected a comparison, found {other:?}"),
        })
    };
    assert_eq!(operand(r#"active eq "TRUE""#), Ok(Operand::Boolean(true)));
    assert_eq!(operand(r#"active ne "false""#), Ok(Operand::Boolean(false)));
    assert_eq!(operand("externalId eq 5"), Ok(Operand::Text { text: "5".to_owned(), key: "5".to_owned(), borders: Borders::default() }));
    assert!(operand(r#"active eq "yes""#).is_err());
    assert!(operand(r#"active gt "true""#).is_err());
    assert!(operand("meta.created gt 5").is_err());
}

/// R7644-3.4.2.2-19: S04 and S05.
#[test]
fn the_value_of_a_complex_attribute_is_implied() {
    let end = |filter: &str| match resolve(filter, Dialect::STRICT).unwrap() {
        Node::Compare { path, .. } | Node::Present(path) => (path.to_attribute_path().to_string(), path.type_),
        other => panic!("expected one condition, found {other:?}"),
    };
    assert_eq!(end(r#"EMAILS co "x""#), ("emails.value".to_owned(), AttributeType::String));
    let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    assert_eq!(end(&format!(r#"{manager} eq "x""#)), (format!("{manager}.value"), AttributeType::String));
    assert_eq!(end("emails pr"), ("emails".to_owned(), AttributeType::Complex));
    assert_eq!(end("name eq null"), ("name".to_owned(), AttributeType::Complex));
    check_refused(r#"name eq "Jensen""#, "`name` is complex, expected one of its sub-attributes");
    check_refused(r#"addresses eq "x""#, "`addresses` is complex, expected one of its sub-attributes");
}

/// AMB-06, R7644-3.4.2.2-14: S12 and S13.
#[test]
fn unknown_attributes_are_refused() {
    check_refused(r#"foo eq "x""#, "`foo` is not an attribute of `User`");
    check_refused(r#"emails[foo eq "x"]"#, "`emails.foo` is not an attribute of `User`");
    check_refused(r#"emails[emails.value eq "x"]"#, "`emails.emails.value` is not an attribute of `User`");
    check_refused(r#"userName[value eq "x"]"#, "`userName.value` is not an attribute of `User`");
    check_refused("userName.value pr", "`userName.value` is not an attribute of `User`");
    check_refused("urn:x:y:department pr", "`urn:x:y:department` is not an attribute of `User`");
    check_refused("members pr", "`members` is not an attribute of `User`");
}

/// AMB-06, AMB-07, R7644-3.4.2.1-04: S11.
#[test]
fn unknown_attributes_have_no_value_on_demand() {
    let dialect = Dialect::STRICT.with(Tolerance::UnknownInFilter);
    let cases = [
        ("members.value pr", false),
        (r#"foo eq "x""#, false),
        (r#"foo ne "x""#, true),
        ("foo eq null", true),
        ("foo ne null", false),
        ("foo gt 1", false),
        (r#"foo[a ne "x"]"#, false),
    ];
    for (filter, expected) in cases {
        assert_eq!(resolve(filter, dialect), Ok(Node::Constant(expected)), "{filter}");
    }
}

/// R7643-4.1.1-13: S21 and S22; no filter tells anything of a password.
#[test]
fn passwords_are_not_compared() {
    let all = Dialect::LENIENT;
    for filter in [r#"password eq "x""#, r#"PASSWORD sw "t""#, "password pr", "not (title pr and password eq null)"] {
        let error = resolve(filter, all).unwrap_err();
        assert!(error.to_lowercase().ends_with("`password` cannot be part of a filter"), "{error}");
    }
}

/// R7643-2.1-01, AMB-38: names are found without case and come out in the spelling of the schema.
#[test]
fn names_take_the_spelling_of_the_schema() {
    let catalog = Catalog::standard();
    let user = catalog.resource_type("User").unwrap();
    let spelling = |text: &str| {
        let path = AttributePath::parse(text).unwrap();
        let (resolved, definition) = resolve_path(&path, &catalog, user).unwrap();
        (resolved.to_attribute_path().to_string(), definition.name.to_string())
    };
    assert_eq!(spelling("NAME.FAMILYNAME"), ("name.familyName".to_owned(), "familyName".to_owned()));
    assert_eq!(spelling("META.lastmodified"), ("meta.lastModified".to_owned(), "lastModified".to_owned()));
    assert_eq!(spelling("urn:IETF:params:scim:schemas:core:2.0:user:USERNAME"), ("userName".to_owned(), "userName".to_owned()));
    assert_eq!(
        spelling("urn:ietf:params:scim:schemas:extension:ENTERPRISE:2.0:user:Manager.Value"),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value".to_owned(), "value".to_owned())
    );
    assert_eq!(spelling("emails"), ("emails".to_owned(), "emails".to_owned()));
}

#[test]
fn paths_in_brackets_are_relative_to_the_element() {
    let Node::Element { path, filter } = resolve(r#"EMAILS[TYPE eq "Work"]"#, Dialect::STRICT).unwrap() else {
        panic!("expected an element");
    };
    assert!(path.is_multi_valued && path.sub_attribute.is_none());
    let Node::Compare { path, operator, operand } = *filter else { panic!("expected a comparison") };
    assert_eq!((path.attribute.as_str(), path.extension, path.sub_attribute), ("type", None, None));
    assert_eq!(operator, CompareOperator::Equal);
    assert_eq!(operand, Operand::Text { text: "Work".to_owned(), key: "work".to_owned(), borders: Borders::default() });
    check_fits(&[r#"name[familyName eq "x"]"#]);
}

/// R7644-3.10-01, R7644-3.4.2.2-23, AMB-38: URIs of schemas compare without case, known ones and others.
#[test]
fn schema_uris_compare_without_case() {
    let node = resolve(r#"schemas eq "URN:Example:A""#, Dialect::STRICT).unwrap();
    let Node::Compare { operand: Operand::Text { key, .. }, path, .. } = node else { panic!("expected a comparison with text") };
    assert_eq!((key.as_str(), path.case_exact), ("urn:example:a", false));
}
