//! What holds for every filter and every text.

use proptest::prelude::*;
use scimkit_filter::generators::{any_attribute_path, any_filter, any_patch_path};
use scimkit_filter::{AttributePath, Filter, Limits, ParseError, ParseOptions, PatchPath};
use scimkit_types::{Catalog, Dialect};

use crate::strategies::almost_filter;

fn unbounded() -> ParseOptions<'static> {
    ParseOptions::default().with_limits(Limits::default().with_length(usize::MAX).with_depth(256).with_terms(usize::MAX))
}

fn is_sound(error: &ParseError, text: &str) -> bool {
    let span = error.span();
    text.starts_with(error.input())
        && error.input().get(span).is_some()
        && error.caret().lines().count() == 2
        && !error.to_string().contains(char::is_control)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn a_printed_filter_is_read_as_the_same(filter in any_filter()) {
        let text = filter.to_string();
        for dialect in [Dialect::STRICT, Dialect::LENIENT] {
            prop_assert_eq!(&Filter::parse_with(&text, &unbounded().with_dialect(dialect)), &Ok(filter.clone()), "{}", text);
        }
    }

    #[test]
    fn a_printed_path_is_read_as_the_same(path in any_patch_path(), attribute in any_attribute_path()) {
        prop_assert_eq!(PatchPath::parse_with(&path.to_string(), &unbounded()), Ok(path));
        prop_assert_eq!(AttributePath::parse(&attribute.to_string()), Ok(attribute));
    }

    #[test]
    fn no_pair_of_parentheses_can_be_left_out(filter in any_filter()) {
        let text = filter.to_string();
        for (open, close) in groups(&text) {
            let mut fewer = text.clone();
            fewer.replace_range(close..=close, "");
            fewer.replace_range(open..=open, "");
            prop_assert_ne!(&Filter::parse_with(&fewer, &unbounded()), &Ok(filter.clone()), "{}", fewer);
        }
    }

    /// R7644-3.4.2.2-24: every text gets an answer, and every error points into the text.
    #[test]
    fn every_text_gets_an_answer(text in prop_oneof![any::<String>(), almost_filter()]) {
        let catalog = Catalog::standard();
        for dialect in [Dialect::STRICT, Dialect::LENIENT] {
            let options = ParseOptions::default().with_dialect(dialect).with_catalog(&catalog);
            let errors = [
                Filter::parse_with(&text, &options).err(),
                PatchPath::parse_with(&text, &options).err(),
                AttributePath::parse_with(&text, &options).err(),
            ];
            for error in errors.into_iter().flatten() {
                prop_assert!(is_sound(&error, &text), "{error:?}");
            }
        }
    }

    #[test]
    fn any_white_space_will_do_leniently(filter in any_filter(), blank in "[ \t\r\n\u{a0}]{1,3}") {
        let lenient = unbounded().with_dialect(Dialect::LENIENT);
        let text = respaced(&filter.to_string(), &blank);
        prop_assert_eq!(Filter::parse_with(&text, &lenient), Ok(filter), "{}", text);
    }

    #[test]
    fn what_is_read_strictly_is_read_leniently_as_the_same(text in almost_filter()) {
        if let Ok(filter) = Filter::parse(&text) {
            prop_assert_eq!(Filter::parse_with(&text, &ParseOptions::default().with_dialect(Dialect::LENIENT)), Ok(filter));
        }
    }

    #[test]
    fn what_is_read_is_printed_and_read_as_the_same(text in almost_filter()) {
        let options = ParseOptions::default().with_dialect(Dialect::LENIENT);
        if let Ok(filter) = Filter::parse_with(&text, &options) {
            prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
        }
    }
}

/// The text with other blanks, also around parentheses and inside brackets.
fn respaced(text: &str, blank: &str) -> String {
    let (mut spaced, mut is_text, mut is_escaped) = (blank.to_owned(), false, false);
    for c in text.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_text => is_escaped = true,
            '"' => is_text = !is_text,
            _ => {}
        }
        match c {
            ' ' if !is_text => spaced.push_str(blank),
            '(' | ')' | '[' | ']' if !is_text => spaced.extend([blank, c.encode_utf8(&mut [0; 4]), blank]),
            other => spaced.push(other),
        }
    }
    spaced + blank
}

/// The places of matching parentheses outside of text.
fn groups(text: &str) -> Vec<(usize, usize)> {
    let (mut open, mut pairs, mut is_text, mut is_escaped) = (Vec::new(), Vec::new(), false, false);
    for (place, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_text => is_escaped = true,
            '"' => is_text = !is_text,
            '(' if !is_text => open.push(place),
            ')' if !is_text => pairs.push((open.pop().unwrap(), place)),
            _ => {}
        }
    }
    pairs
}
