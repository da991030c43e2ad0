//! What a faulty text is answered with.

use insta::assert_snapshot;
use scimkit_filter::{Filter, ParseOptions, PatchPath};
use scimkit_types::{Catalog, Dialect};

/// R7644-3.4.2.2-21: the message and the place, as a person sees them.
fn shown(text: &str) -> String {
    let error = Filter::parse(text).unwrap_err();
    format!("{error}\n{}", error.caret())
}

#[test]
fn an_unknown_operator_is_named() {
    assert_snapshot!(shown(r#"userName px "x""#), @r#"
    expected an operator such as `eq` or `pr`, found `px`
    userName px "x"
             ^^
    "#);
    assert_snapshot!(shown(r#"userName = "x""#), @r#"
    expected an operator such as `eq` or `pr`, found `=`
    userName = "x"
             ^
    "#);
}

#[test]
fn text_without_quotes_is_shown_as_no_value() {
    assert_snapshot!(shown("userName eq bjensen and title pr"), @r"
    expected a value: text in double quotes, a number, `true`, `false` or `null`, found `bjensen`
    userName eq bjensen and title pr
                ^^^^^^^
    ");
}

#[test]
fn what_is_missing_at_the_end_is_said() {
    assert_snapshot!(shown("userName"), @r"
    expected an operator such as `eq` or `pr`, found the end
    userName
            ^
    ");
    assert_snapshot!(shown(r#"(title pr or (userName eq "x")"#), @r#"
    expected `and`, `or` or `)`, found the end
    (title pr or (userName eq "x")
                                  ^
    "#);
    assert_snapshot!(shown(r#"userName eq "x"#), @r#"
    expected `"` at the end of the text, found the end
    userName eq "x
                  ^
    "#);
}

#[test]
fn a_missing_connective_is_said() {
    assert_snapshot!(shown(r#"userName eq "x" xor title pr"#), @r#"
    expected `and` or `or`, found `xor`
    userName eq "x" xor title pr
                    ^^^
    "#);
    assert_snapshot!(shown(r#"title pr)"#), @r"
    expected `and`, `or` or the end, found `)`
    title pr)
            ^
    ");
}

#[test]
fn not_without_parentheses_is_explained() {
    assert_snapshot!(shown(r#"not userName eq "x""#), @r#"
    expected an operator, or `(` after `not`, found `userName`
    not userName eq "x"
        ^^^^^^^^
    "#);
}

#[test]
fn faults_of_values_are_pointed_at() {
    assert_snapshot!(shown("rank eq 01"), @r"
    expected a number such as `42` or `-1.5`, found `01`
    rank eq 01
            ^^
    ");
    assert_snapshot!(shown("rank eq 1e999"), @r"
    expected a number in the range of a double, found `1e999`
    rank eq 1e999
            ^^^^^
    ");
    assert_snapshot!(shown(r#"userName eq "bad \x""#), @r#"
    expected an escape such as `\n` or `\u00e5`, found `\x`
    userName eq "bad \x"
                     ^^
    "#);
}

#[test]
fn faults_of_paths_are_pointed_at() {
    assert_snapshot!(shown(r#"emails.value.foo eq "x""#), @r#"
    expected no more than one sub-attribute, found `.foo`
    emails.value.foo eq "x"
                ^^^^
    "#);
    assert_snapshot!(shown(r#"emails[type eq "work" and ims[type eq "x"]]"#), @r#"
    expected no brackets inside brackets, found `[`
    emails[type eq "work" and ims[type eq "x"]]
                                 ^
    "#);
    assert_snapshot!(shown(r#"emails.type[value eq "x"]"#), @r#"
    expected no brackets after a sub-attribute, found `[`
    emails.type[value eq "x"]
               ^
    "#);
}

#[test]
fn a_schema_uri_alone_is_no_condition() {
    let catalog = Catalog::standard();
    let options = ParseOptions::default().with_catalog(&catalog);
    let error = Filter::parse_with(r#"urn:ietf:params:scim:schemas:core:2.0:User eq "x""#, &options).unwrap_err();
    assert_eq!(error.to_string(), "expected `:` and an attribute after the schema URI, found ` `");
    assert_eq!(error.span(), 42..43);
}

/// Carets count characters, not bytes, and nothing in a message or drawing can steer a terminal.
#[test]
fn carets_count_characters_and_show_control_characters_safely() {
    let error = Filter::parse("åäö eq \"\u{1b}[31m\"").unwrap_err();
    assert_eq!(error.to_string(), "expected an attribute name such as `userName`, found `åäö`");
    assert_eq!(error.caret(), "åäö eq \"\u{fffd}[31m\"\n^^^");

    let error = Filter::parse("title eq \"å\u{7}\"").unwrap_err();
    assert_eq!(error.to_string(), "expected an escape in place of a control character, found `\\u{7}`");
    assert_eq!(error.caret(), "title eq \"å\u{fffd}\"\n           ^");
    assert_eq!(error.span(), 12..13);
}

#[test]
fn a_long_word_is_cut_in_the_message() {
    let error = Filter::parse(&format!("title eq {}", "ä".repeat(100))).unwrap_err();
    assert!(error.to_string().ends_with(&format!("found `{}…`", "ä".repeat(32))), "{error}");
    assert_eq!(error.span(), 9..209);
}

/// AMB-12, R7644-3.5.2-07: a fault in the brackets is one of the filter, any other is one of the path.
#[test]
fn faults_inside_brackets_are_told_apart() {
    let is_in_brackets = |text: &str| PatchPath::parse(text).unwrap_err().is_in_brackets();
    for text in [r#"emails[type foo "x"]"#, "emails[]", "emails[0]", r#"emails[type="work"]"#, "members[value eq 'x']"] {
        assert!(is_in_brackets(text), "{text}");
    }
    for text in ["", "emails..value", r#"emails[type eq "work""#, r#"emails[type eq "work"]value"#, r#"emails[type eq "work"].a.b"#, "*"] {
        assert!(!is_in_brackets(text), "{text}");
    }
}

/// R7644-3.4.2.2-15: what only the lenient grammar reads is refused by the strict one.
#[test]
fn leniency_has_an_end() {
    let lenient = ParseOptions::default().with_dialect(Dialect::LENIENT);
    let accepts = |text: &str| Filter::parse_with(text, &lenient).is_ok();
    assert!(accepts("\u{a0}rank gt-5 AND\nnot\t( active eq FALSE ) or(title pr)"));
    assert!(accepts(r#"emails [type eq"work"].value pr"#));
    for text in ["titlepr", "active eqtrue", "title pr andactive pr", "rank gt 5x", "title pr5", r#"title "x""#] {
        assert!(!accepts(text), "{text}");
    }
}
