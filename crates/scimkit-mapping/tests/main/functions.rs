//! Functions whose results cannot be foretold, and the letters that `NormalizeDiacritics` knows.

use std::collections::BTreeSet;

use proptest::prelude::*;
use scimkit_mapping::{Environment, Evaluation, EvaluationErrorKind, Expression, SeededEntropy, SourceRecord, TakenValues};
use scimkit_types::Value;

#[derive(Debug, Default)]
struct Taken(BTreeSet<String>);

impl TakenValues for Taken {
    fn is_taken(&self, target: &str, value: &str) -> bool {
        assert_eq!(target, "", "an expression on its own has no target");
        self.0.contains(value)
    }
}

fn evaluate(text: &str, entropy: &SeededEntropy, taken: &Taken) -> Result<String, EvaluationErrorKind> {
    let mut environment = Environment::new("2026-03-01T08:00:00Z".parse().unwrap());
    environment.entropy = Some(entropy);
    environment.taken = Some(taken);
    let result = Expression::parse(text).unwrap().evaluate(&SourceRecord::new("1", "User"), &environment);
    match result.map_err(|error| error.kind().clone())? {
        Evaluation::Value(Value::String(text)) => Ok(text),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// The first value that is not taken is chosen, and none is an error.
    #[test]
    fn a_unique_value_is_the_first_that_is_free(
        offered in proptest::collection::vec("[a-d]{1,2}", 2..8), taken in proptest::collection::btree_set("[a-d]{1,2}", 0..20),
    ) {
        let arguments: Vec<String> = offered.iter().map(|value| format!("\"{value}\"")).collect();
        let text = format!("SelectUniqueValue({})", arguments.join(", "));
        let first = offered.iter().find(|value| !taken.contains(*value)).cloned();
        let found = evaluate(&text, &SeededEntropy::new(1), &Taken(taken));
        prop_assert_eq!(found, first.ok_or(EvaluationErrorKind::NotUnique { offered: offered.len() }));
    }

    /// A random text has its length and its minima, and nothing that is avoided.
    #[test]
    fn a_random_text_keeps_its_promises(
        seed in any::<u64>(), minima in proptest::array::uniform4(0_usize..20), more in 0_usize..100, avoided in "[a-yA-Y0-8!-+]{0,12}",
    ) {
        let length = minima.iter().sum::<usize>() + more;
        let [digits, special, capital, small] = minima;
        let avoided_text = avoided.replace(['"', '\\'], "");
        let text = format!("RandomString({length}, {digits}, {special}, {capital}, {small}, \"{avoided_text}\")");
        let random = evaluate(&text, &SeededEntropy::new(seed), &Taken::default()).unwrap();
        let count = |is: fn(&char) -> bool| random.chars().filter(is).count();
        prop_assert_eq!(random.chars().count(), length);
        prop_assert!(count(char::is_ascii_digit) >= digits && count(char::is_ascii_punctuation) >= special);
        prop_assert!(count(char::is_ascii_uppercase) >= capital && count(char::is_ascii_lowercase) >= small);
        prop_assert!(!random.contains(|c| avoided_text.contains(c)));
    }

    /// A GUID has its form, is of version 4, and is another one each time.
    #[test]
    fn a_guid_is_new_each_time(seed in any::<u64>()) {
        let entropy = SeededEntropy::new(seed);
        let guids: Vec<String> = (0..4).map(|_| evaluate("Guid()", &entropy, &Taken::default()).unwrap()).collect();
        for guid in &guids {
            prop_assert!(guid.split('-').map(str::len).eq([8, 4, 4, 4, 12]));
            prop_assert!(guid.chars().all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c)));
            prop_assert_eq!(guid.chars().nth(14), Some('4'));
        }
        prop_assert_eq!(guids.iter().collect::<BTreeSet<_>>().len(), 4);
    }
}

#[test]
fn what_a_random_text_cannot_be_is_an_error() {
    let message = |text: &str| evaluate(text, &SeededEntropy::new(1), &Taken::default()).unwrap_err().to_string();
    assert_eq!(message("RandomString(257, 0, 0, 0, 0)"), "`RandomString` expected a number up to 256 as `length`");
    assert_eq!(
        message("RandomString(3, 1, 1, 1, 1)"),
        "`RandomString` expected a number that is not below the sum of the minima as `length`"
    );
    assert_eq!(
        message("RandomString(3, 1, 0, 0, 0, \"0123456789\")"),
        "`RandomString` expected 0, since all such characters are avoided as `minimumNumbers`"
    );
}

#[test]
fn all_published_letters_lose_their_marks() {
    let pairs: Vec<(String, String)> = serde_json::from_str(include_str!("../../../../testdata/mapping/diacritics.json")).unwrap();
    assert_eq!(pairs.len(), 261);
    for (from, to) in pairs {
        let found = evaluate(&format!("NormalizeDiacritics(\"{from}\")"), &SeededEntropy::new(1), &Taken::default());
        assert_eq!(found.as_deref(), Ok(to.as_str()), "{from}");
    }
}
