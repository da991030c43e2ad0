//! Names of users: the profile `UsernameCaseMapped` (RFC 8265 section 3.3) as a key.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// The characters of the key of a name: fullwidth and halfwidth characters mapped to the usual ones, lower case, NFC (RFC 8265 section
/// 3.3.2), until nothing changes any more, four times at most (RFC 8264 section 7).
///
/// It is a key only: the rules that forbid characters do not apply, so that every name has one. It ends decomposed as other keys do, so
/// that names sort like other text.
pub(super) fn characters(text: &str) -> impl Iterator<Item = char> {
    // What has settled stays as it is, and only the first time there are capital sigmas.
    usual(usual(usual(lower_case(text).nfc()))).nfd()
}

fn usual(text: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    text.map(without_width).flat_map(char::to_lowercase).nfc()
}

/// The usual characters in lower case, of which that of the capital sigma depends on what is around it (Unicode table 3-17, `Final_Sigma`).
fn lower_case(text: &str) -> impl Iterator<Item = char> {
    let has_sigma = text.contains('Σ');
    let mut rest = text.chars();
    let mut is_in_word = false;
    let lower = std::iter::from_fn(move || {
        let c = without_width(rest.next()?);
        if !has_sigma {
            return Some(c.to_lowercase());
        }
        // What is looked ahead at is ignored, so that no character is looked at by two sigmas.
        let is_final = |rest: std::str::Chars<'_>| is_in_word && !rest.map(without_width).find(|c| !is_ignored(*c)).is_some_and(is_cased);
        let lower = if c == 'Σ' && is_final(rest.clone()) { 'ς' } else { c };
        if !is_ignored(c) {
            is_in_word = is_cased(c);
        }
        Some(lower.to_lowercase())
    });
    lower.flatten()
}

/// The property `Cased` of Unicode.
fn is_cased(c: char) -> bool {
    c.is_lowercase() || c.is_uppercase() || c.general_category() == GeneralCategory::TitlecaseLetter
}

/// The property `Case_Ignorable` of Unicode: marks, modifiers and what may stand inside a word.
fn is_ignored(c: char) -> bool {
    let is_inside_words = matches!(
        c,
        '\'' | '.'
            | ':'
            | '\u{b7}'
            | '\u{387}'
            | '\u{55f}'
            | '\u{5f4}'
            | '\u{2018}'
            | '\u{2019}'
            | '\u{2024}'
            | '\u{2027}'
            | '\u{fe13}'
            | '\u{fe52}'
            | '\u{fe55}'
            | '\u{ff07}'
            | '\u{ff0e}'
            | '\u{ff1a}'
    );
    is_inside_words
        || matches!(
            c.general_category(),
            GeneralCategory::NonspacingMark
                | GeneralCategory::EnclosingMark
                | GeneralCategory::Format
                | GeneralCategory::ModifierLetter
                | GeneralCategory::ModifierSymbol
        )
}

/// A fullwidth or halfwidth character as the usual one: its decomposition mapping in the Unicode character database.
fn without_width(c: char) -> char {
    /// Halfwidth Hangul letters, whose usual ones decompose further: first, last, and the usual one of the first.
    const HANGUL: [(u32, u32, u32); 6] = [
        (0xffa0, 0xffa0, 0x3164),
        (0xffa1, 0xffbe, 0x3131),
        (0xffc2, 0xffc7, 0x314f),
        (0xffca, 0xffcf, 0x3155),
        (0xffd2, 0xffd7, 0x315b),
        (0xffda, 0xffdc, 0x3161),
    ];
    match c {
        '\u{ffa0}'..='\u{ffdc}' => {
            let code = u32::from(c);
            let row = HANGUL.iter().find(|(first, last, _)| (*first..=*last).contains(&code));
            row.and_then(|(first, _, usual)| char::from_u32(usual + code - first)).unwrap_or(c)
        }
        '\u{ffe3}' => '\u{af}',
        '\u{3000}' | '\u{ff01}'..='\u{ffee}' => {
            let mut mapped = c;
            unicode_normalization::char::decompose_compatible(c, |usual| mapped = usual);
            mapped
        }
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widths_are_mapped_as_unicode_decomposes() {
        let compatible = |text: String| text.nfkc().collect::<String>();
        for c in ('\u{ff01}'..='\u{ffee}').chain(['\u{3000}']) {
            assert_eq!(compatible(without_width(c).to_string()), compatible(c.to_string()), "{c:?}");
            let is_assigned = compatible(c.to_string()) != c.to_string();
            assert_eq!(without_width(c) != c, is_assigned, "{c:?}");
        }
    }

    proptest! {
        /// R7644-5-01: the lower case of a capital sigma is that of the language's library, whatever is around it.
        #[test]
        fn lower_case_is_that_of_unicode(text in prop_oneof!["[aAΣσς1 '.:·ʰǅ\u{301}\u{345}\u{ad}\u{200d}中]{0,10}", "\\PC{0,3}Σ\\PC{0,3}"]) {
            let usual: String = text.chars().map(without_width).collect();
            prop_assert_eq!(lower_case(&text).collect::<String>(), usual.to_lowercase());
        }

        /// R7644-5-01: the characters come to what the steps of the standard do to the whole text.
        #[test]
        fn the_key_is_what_the_steps_of_the_profile_make(text in prop_oneof!["\\PC{0,12}", "[aAßİıςΣσǅﬁåÅéΐᾳＡｶﾞ가 \u{30a}\u{301}\u{345}\u{307}]{0,10}"]) {
            let step = |text: String| text.chars().map(without_width).collect::<String>().to_lowercase().nfc().collect::<String>();
            let mut expected = text.clone();
            for _ in 0..4 {
                expected = step(expected);
            }
            prop_assert_eq!(characters(&text).collect::<String>(), expected.nfd().collect::<String>());
        }
    }

    /// The words around are as long as a text may be, and yet nothing is looked at more than twice.
    #[test]
    fn many_sigmas_take_linear_time() {
        let text = format!("a{}", "Σ".repeat(100_000)) + &"'".repeat(100_000) + &"Σ".repeat(100_000);
        assert_eq!(lower_case(&text).filter(|c| *c == 'ς').count(), 1);
    }
}
