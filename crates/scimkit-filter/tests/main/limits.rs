//! What is too large is refused while it is read.

use scimkit_filter::{Filter, Limits, ParseErrorKind, ParseOptions, PatchPath};

fn limit(text: &str, limits: Limits) -> Option<(&'static str, usize)> {
    match Filter::parse_with(text, &ParseOptions::default().with_limits(limits)) {
        Ok(_) => None,
        Err(error) => match error.kind() {
            ParseErrorKind::Limit { what, limit } => Some((what, *limit)),
            other => panic!("expected a limit, found {other}"),
        },
    }
}

fn nested(levels: usize) -> String {
    format!("{}title pr{}", "(".repeat(levels), ")".repeat(levels))
}

/// R7644-3.4.2.2-24
#[test]
fn depth_is_bounded() {
    assert_eq!(limit(&nested(64), Limits::default()), None);
    assert_eq!(limit(&nested(65), Limits::default()), Some(("depth", 64)));
    let negations = format!("{}title pr{}", "not (".repeat(65), ")".repeat(65));
    assert_eq!(limit(&negations, Limits::default()), Some(("depth", 64)));
    let brackets = format!("{}emails[type pr]{}", "(".repeat(64), ")".repeat(64));
    assert_eq!(limit(&brackets, Limits::default()), Some(("depth", 64)));
}

/// R7644-3.4.2.2-24: no setting lets a text overflow the stack.
#[test]
fn depth_has_a_ceiling_of_its_own() {
    let limits = Limits::default().with_depth(usize::MAX).with_length(usize::MAX);
    assert_eq!(limit(&nested(256), limits), None);
    assert_eq!(limit(&nested(100_000), limits), Some(("depth", 256)));
    let open = "emails[not(".to_owned() + &"(".repeat(100_000);
    assert_eq!(limit(&open, limits), Some(("depth", 256)));
    assert!(PatchPath::parse_with(&open, &ParseOptions::default().with_limits(limits)).is_err());
}

#[test]
fn length_is_bounded_in_bytes() {
    let limits = Limits::default().with_length(11);
    assert_eq!(limit(r#"title co """#, limits), None);
    assert_eq!(limit(r#"title eq """#, limits.with_length(10)), Some(("length", 10)));
    assert_eq!(limit(r#"title eq "å""#, limits), Some(("length", 11)));
    let error = Filter::parse(&"å".repeat(5000)).unwrap_err();
    assert_eq!(
        (error.input().len(), error.span(), error.to_string()),
        (8192, 8192..8192, "the length is over the limit of 8192".to_owned())
    );
}

#[test]
fn terms_are_bounded() {
    let terms = |count: usize| vec!["a pr"; count].join(" or ");
    assert_eq!(limit(&terms(512), Limits::default()), None);
    assert_eq!(limit(&terms(513), Limits::default()), Some(("number of terms", 512)));
    assert_eq!(limit(r#"emails[type pr and value pr]"#, Limits::default().with_terms(2)), None);
    assert_eq!(limit(r#"emails[type pr and value pr]"#, Limits::default().with_terms(1)), Some(("number of terms", 1)));
}

/// R7644-3.4.2.2-24: a value is as long as it is written, so that what is refused was never put together.
#[test]
fn values_are_bounded() {
    const LIMIT: Option<(&str, usize)> = Some(("length of a value", 12));
    let limits = Limits::default().with_value(12);
    let unicode = r"\u00e5".repeat(2);
    for (fits, is_too_long) in [("x".repeat(12), "x".repeat(13)), (unicode.clone(), unicode + "x"), ("å".repeat(6), "å".repeat(6) + "x")]
    {
        assert_eq!(limit(&format!(r#"title eq "{fits}""#), limits), None, "{fits}");
        assert_eq!(limit(&format!(r#"title eq "{is_too_long}" and a pr"#), limits), LIMIT, "{is_too_long}");
        assert_eq!(limit(&format!(r#"emails[value eq "{is_too_long}"]"#), limits), LIMIT, "{is_too_long}");
    }
    assert_eq!(limit("rank eq 123456789.12", limits), None);
    assert_eq!(limit("rank eq 123456789.123", limits), LIMIT);
    let text = |length: usize| format!(r#"title eq "{}""#, "x".repeat(length));
    assert_eq!(limit(&text(4096), Limits::default()), None);
    assert_eq!(limit(&text(4097), Limits::default()), Some(("length of a value", 4096)));
    let options = ParseOptions::default().with_limits(limits);
    let error = PatchPath::parse_with(r#"emails[value eq "a secret of some length"].type"#, &options).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.is_in_brackets()), ("the length of a value is over the limit of 12", true));
}

/// A value is printed in its shortest form, so that what was read within the limit is read again. Found by fuzzing.
#[test]
fn a_value_at_the_limit_is_not_printed_over_it() {
    for escape in [r"\b", r"\f", r"\n", r"\r", r"\t", r"\", r#"\""#, r"\/", r"\u0001"] {
        let written = escape.repeat(12 / escape.len());
        let options = ParseOptions::default().with_limits(Limits::default().with_value(written.len()));
        let filter = Filter::parse_with(&format!(r#"title eq "{written}""#), &options).unwrap();
        assert_eq!(Filter::parse_with(&filter.to_string(), &options).as_ref(), Ok(&filter), "{written}");
    }
}
