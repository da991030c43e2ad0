//! What an expression may cost: at the limit and over it.

use scimkit_mapping::{Environment, Evaluation, EvaluationErrorKind, Expression, SourceRecord};

fn environment() -> Environment<'static> {
    Environment::new("2026-03-01T08:00:00Z".parse().unwrap())
}

#[track_caller]
fn evaluate(text: &str, value: &str, environment: &Environment<'_>) -> Result<Evaluation, EvaluationErrorKind> {
    let mut record = SourceRecord::new("1", "User");
    record.attributes.insert("a", value);
    Expression::parse(text).unwrap().evaluate(&record, environment).map_err(|error| error.kind().clone())
}

#[track_caller]
fn check_limit(result: Result<Evaluation, EvaluationErrorKind>, expected: &str, number: usize) {
    match result {
        Err(EvaluationErrorKind::Limit { what, limit }) => assert_eq!((what, limit), (expected, number)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_text_of_an_expression_has_ten_thousand_characters() {
    let text = |length: usize| format!("\"{}\"", "å".repeat(length - 2));
    assert!(Expression::parse(&text(10_000)).is_ok());
    assert_eq!(Expression::parse(&text(10_001)).unwrap_err().to_string(), "the length is over the limit of 10000");
}

#[test]
fn calls_nest_sixty_four_deep() {
    let nested = |depth: usize| format!("{}[a]{}", "Trim(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&nested(64)).is_ok());
    assert_eq!(Expression::parse(&nested(65)).unwrap_err().to_string(), "the depth is over the limit of 64");
}

#[test]
fn regular_expressions_are_bounded_in_size() {
    let replace = |pattern: &str| Expression::parse(&format!("Replace([a], , \"{pattern}\", , \"\", , )"));
    assert!(replace(&"a".repeat(4_096)).is_ok());
    assert!(replace(&"a".repeat(4_097)).unwrap_err().to_string().starts_with("the size of the regular expression is over the limit"));
    assert!(replace("(a{100}){100}").is_ok());
    assert!(replace("(a{500}){500}").unwrap_err().to_string().starts_with("the size of the regular expression is over the limit"));
}

#[test]
fn steps_are_counted() {
    let mut environment = environment();
    environment.limits.steps = 4;
    assert!(evaluate("Join(\"\", [a], [a])", "x", &environment).is_ok());
    check_limit(evaluate("Join(\"\", [a], [a], [a])", "x", &environment), "number of steps", 4);
}

/// A search that finds something at every character would go through the text again and again.
#[test]
fn searching_takes_steps() {
    let mut environment = environment();
    let text = "ab".repeat(8 * 1024);
    check_limit(evaluate("Replace([a], , \"[ab]\", , \"c\", , )", &text, &environment), "number of steps", 40_000);
    environment.limits.steps = 1_000_000;
    assert!(evaluate("Replace([a], , \"[ab]\", , \"c\", , )", &text, &environment).is_ok());
    assert!(evaluate("Replace([a], , \"[ab]+\", , \"c\", , )", &text, &self::environment()).is_ok());
}

#[test]
fn a_searched_text_is_bounded() {
    let replace = |length: usize| evaluate("Replace([a], , \"b\", , \"\", , )", &"a".repeat(length), &environment());
    assert!(replace(16_384).is_ok());
    check_limit(replace(16_385), "length of a searched text", 16_384);
}

/// Every function is held to it, whatever it does; an attribute that is only passed on is not.
#[test]
fn what_a_function_makes_is_bounded() {
    for text in ["Append([a], \"\")", "ToLower([a])", "StripSpaces([a])", "Trim([a])", "PCase([a])", "[a] & \"\"", "Split([a], \",\")"] {
        assert!(evaluate(text, &"a".repeat(65_536), &environment()).is_ok(), "{text}");
        check_limit(evaluate(text, &"a".repeat(65_537), &environment()), "length of a text", 65_536);
    }
    assert!(evaluate("[a]", &"a".repeat(70_000), &environment()).is_ok());
    assert!(evaluate("Coalesce([b], [a])", &"a".repeat(70_000), &environment()).is_ok());
}
