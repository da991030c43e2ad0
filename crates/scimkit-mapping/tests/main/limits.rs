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

/// Thirty-nine searches of 1,000 letters take 39,156 steps, `Join` with its separator 2, and the last search 842 for 838 letters.
#[test]
fn an_evaluation_has_forty_thousand_steps() {
    let replace = |name: &str| format!("Replace([{name}], , \"x\", , \"\", , )");
    let many = vec![replace("a"); 39].join(", ");
    let expression = Expression::parse(&format!("Join(\"\", {many}, {})", replace("b"))).unwrap();
    let evaluate = |length: usize| {
        let mut record = SourceRecord::new("1", "User");
        record.attributes.insert("a", "x".repeat(1_000));
        record.attributes.insert("b", "x".repeat(length));
        expression.evaluate(&record, &environment()).map_err(|error| error.kind().clone())
    };
    assert_eq!(evaluate(838), Ok(Evaluation::Value("".into())));
    check_limit(evaluate(839), "number of steps", 40_000);
}

/// The steps of a trace are bounded as well: their number, and the bytes behind which no more are kept.
#[test]
fn a_trace_keeps_a_bounded_number_of_values() {
    let trace = |text: &str, length: usize| {
        let mut record = SourceRecord::new("1", "User");
        record.attributes.insert("a", "x".repeat(length));
        let expression = Expression::parse(&format!("Join(\"\"{text})")).unwrap();
        let (result, steps) = expression.trace(&record, &environment());
        assert!(result.is_ok());
        steps.len()
    };
    assert_eq!(trace(&", [a]".repeat(1_500), 1), 1_000);
    let conditions = ", IIF(IsNull([a]), \"x\", \"\")".repeat(100);
    assert_eq!(trace(&conditions, 1), 1 + 3 * 100);
    assert_eq!(trace(&conditions, 65_536), 1 + 3 * 16);
}

/// Numbers that no text is long enough for.
#[test]
fn numbers_of_any_size_are_answered() {
    let shown = |text: &str| match evaluate(text, "fjord", &environment()) {
        Ok(Evaluation::Value(value)) => serde_json::to_string(&value).unwrap(),
        Ok(other) => panic!("{other:?}"),
        Err(kind) => kind.to_string(),
    };
    let (least, most) = (i64::MIN, i64::MAX);
    assert_eq!(shown(&format!("InStr([a], \"o\", {least})")), "`InStr` expected a number from 1 as `start`");
    assert_eq!(shown(&format!("InStr([a], \"o\", \"{least}\")")), "`InStr` expected a number from 1 as `start`");
    assert_eq!(shown(&format!("InStr([a], \"\", {most})")), "0");
    assert_eq!(shown(&format!("Mid([a], {least}, 1)")), "`Mid` expected a number from 1 as `start`");
    assert_eq!(shown(&format!("Mid([a], 2, {most})")), "\"jord\"");
    assert_eq!(shown(&format!("Mid([a], {most}, {most})")), "\"\"");
    assert_eq!(shown(&format!("Left([a], {most})")), "\"fjord\"");
    assert_eq!(shown(&format!("Item([a], {least})")), "`Item` expected the number of an element, from 1 as `index`");
    assert_eq!(shown(&format!("Word([a], {least}, \" \")")), "\"\"");
    assert_eq!(shown(&format!("DNComponent([a], {least})")), "`DNComponent` expected a number from 1 as `number`");
    for count in [least, -2_026, most] {
        let message = "`DateAdd` expected a date in the years 1 to 9999 as `value`";
        assert_eq!(shown(&format!("DateAdd(\"yyyy\", {count}, \"2026-01-01\")")), message);
    }
    for count in [least, -1, most] {
        assert_eq!(shown(&format!("DateFromNum({count})")), "`DateFromNum` expected a date in the years 1 to 9999 as `value`");
    }
    assert_eq!(shown("NumFromDate(\"1600-12-31\")"), "`NumFromDate` expected a date from the year 1601 as `value`");
    assert_eq!(shown("DateDiff(\"s\", \"0001-01-01\", \"9999-12-31\")"), "315537811200");
    assert_eq!(shown("Replace([a], \"\", , , \"x\", , )"), "`Replace` expected text that is not empty as `oldValue`");
    assert_eq!(shown("Split([a], \"\")"), "`Split` expected text that is not empty as `delimiter`");
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
