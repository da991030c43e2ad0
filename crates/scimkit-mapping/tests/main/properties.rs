//! What holds for every expression.

use proptest::prelude::*;
use scimkit_mapping::{Environment, Expression, SeededEntropy, SourceRecord, SynchronizationSchema};
use scimkit_types::Value;

/// Expressions as text, spaced in some legal way.
fn expression() -> impl Strategy<Value = String> {
    let text = r#"[ -~åß€\n]{0,8}"#.prop_map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
    let leaf = prop_oneof![
        text,
        any::<i64>().prop_map(|number| number.to_string()),
        (0..i64::MAX).prop_map(|number| format!("&H{number:x}")),
        "[a-c]".prop_map(|name| format!("[{name}]")),
        Just(r#"[emails[type eq "work"].value]"#.to_owned()),
        Just("IgnoreAttributeFlow".to_owned()),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let argument = prop_oneof![
            4 => inner.clone(),
            1 => (inner.clone(), "=|<>|>|>=|<|<=", inner.clone()).prop_map(|(left, operator, right)| format!("{left}{operator}{right}")),
            1 => (inner.clone(), inner).prop_map(|(left, right)| format!("{left} &  {right}")),
        ];
        let call = |name: &'static str, count: usize| {
            proptest::collection::vec(argument.clone(), count).prop_map(move |arguments| format!("{name} ({})", arguments.join(" ,\n")))
        };
        prop_oneof![
            call("Append", 2),
            call("Coalesce", 3),
            call("DateAdd", 3),
            call("IIF", 3),
            call("InStr", 4),
            call("Join", 3),
            call("Mid", 3),
            call("PCase", 1),
            call("Split", 2),
            call("Switch", 6),
            call("Word", 3),
            call("RandomString", 5),
            (argument.clone(), argument).prop_map(|(source, value)| format!("Replace({source},,\"[a-z]+(?<n>.)\", \"n\",{value},)")),
        ]
    })
}

fn record(values: &[String]) -> SourceRecord {
    let mut record = SourceRecord::new("1", "User");
    for (name, value) in ["a", "b", "c"].into_iter().zip(values) {
        record.attributes.insert(name, value.as_str());
    }
    record.attributes.insert("c", vec![Value::from("x"), Value::from("y")]);
    record
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// What stands printed parses to the same expression.
    #[test]
    fn printing_keeps_the_expression(text in expression()) {
        let expression = Expression::parse(&text).unwrap();
        let printed = expression.to_string();
        prop_assert_eq!(&Expression::parse(&printed).unwrap(), &expression);
        prop_assert_eq!(Expression::parse(&printed).unwrap().to_string(), printed);
    }

    /// Equal records and environments give equal results.
    #[test]
    fn evaluation_is_deterministic(text in expression(), values in proptest::collection::vec(".{0,12}", 3)) {
        let expression = Expression::parse(&text).unwrap();
        let evaluate = || {
            let entropy = SeededEntropy::new(3);
            let mut environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
            environment.entropy = Some(&entropy);
            expression.evaluate(&record(&values), &environment)
        };
        prop_assert_eq!(evaluate(), evaluate());
    }

    /// Text that is no expression is an error with a place inside the text, and so is text that nearly is one.
    #[test]
    fn arbitrary_text_never_panics(text in r#"[\PC\n]{0,40}"#, near in expression(), cut in any::<prop::sample::Index>()) {
        let at = cut.index(near.len() + 1);
        let damaged = near.get(..at).map(|head| format!("{head}{text}")).unwrap_or_default();
        for text in [text, damaged] {
            if let Err(error) = Expression::parse(&text) {
                prop_assert!(error.span().end <= error.input().len());
                prop_assert!(!error.caret().is_empty());
            }
        }
    }

    /// Functions get any text as any argument.
    #[test]
    fn arbitrary_arguments_never_panic(
        function in "CDate|DateFromNum|NumFromDate|ConvertFromBase64|StringFromSid|NormalizeDiacritics|PCase|CBool|ToUpper|Trim",
        value in any::<String>(), number in any::<i64>(), format in "[yMdHhmsftzKg'\\\\%: -]{0,12}",
    ) {
        let mut record = SourceRecord::new("1", "User");
        record.attributes.insert("a", value);
        record.attributes.insert("n", number);
        record.attributes.insert("f", format);
        let environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
        for text in [
            format!("{function}([a])"), format!("{function}([n])"), "FormatDateTime([a], , [f], [f])".to_owned(),
            "FormatDateTime(Now(), , \"M/d/yyyy h:mm:ss tt\", [f])".to_owned(), "Mid([a], [n], 2)".to_owned(),
            "Left([a], [n])".to_owned(), "Word([a], [n], [f])".to_owned(), "DNComponent([a], [n])".to_owned(),
            "Item([a], [n])".to_owned(), "InStr([a], [f], [n])".to_owned(), "DateAdd(\"m\", [n], Now())".to_owned(),
            "DateAdd(\"s\", [n], Now())".to_owned(), "Replace([a], , [f], , [a], )".to_owned(), "BitAnd([n], [a])".to_owned(),
        ] {
            let _ = Expression::parse(&text).unwrap().evaluate(&record, &environment);
        }
    }

    /// A document that is damaged is an error with a place.
    #[test]
    fn damaged_documents_never_panic(cut in any::<prop::sample::Index>(), text in "\\PC{0,8}") {
        let document = super::schema::RINGCENTRAL;
        let head = document.get(..cut.index(document.len())).unwrap_or_default();
        if let Err(error) = SynchronizationSchema::from_json(&format!("{head}{text}")) {
            prop_assert!(!error.message.is_empty() && !error.message.contains(" at line "));
        }
    }
}
