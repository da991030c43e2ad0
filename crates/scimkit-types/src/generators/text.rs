//! Text and names.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::strategy::SBoxedStrategy;

use crate::schema::AttributeName;

/// Text that goes wrong easily.
const AWKWARD: &[&str] = &[
    "",
    " ",
    "a",
    "A",
    "work",
    "WORK",
    "straße",
    "STRASSE",
    "Straße",
    "İstanbul",
    "i\u{307}stanbul",
    "ılık",
    "ILIK",
    "ὀδυσσεύς",
    "ὈΔΥΣΣΕΎΣ",
    "e\u{301}",
    "é",
    "É",
    "\u{1e9b}\u{323}",
    "\"quoted\"",
    "a\\b",
    "\\\"",
    "100%",
    "a_b",
    "'; --",
    "a] eq \"b",
    "true",
    "null",
    "1",
    "a\tb\r\nc",
    "\u{1}",
    "\u{7f}",
    "\u{202e}abc",
    "\u{ffff}",
    "😀",
    "👩\u{200d}🔬",
];

/// Text of any kind, often short and awkward, without U+0000.
pub fn text() -> BoxedStrategy<String> {
    // Patterns are read once: there is a strategy for each attribute of each catalog.
    static TEXT: LazyLock<SBoxedStrategy<String>> = LazyLock::new(|| {
        prop_oneof![
            4 => prop::sample::select(AWKWARD).prop_map(str::to_owned),
            2 => "[a-zA-Z0-9 ._@-]{1,12}",
            1 => "[\\PC&&[^\\x00]]{0,8}",
            1 => "[ßİıςΣſKÅ\u{300}-\u{303}]{1,4}",
        ]
        .sboxed()
    });
    TEXT.clone().boxed()
}

/// Text as [`text`] gives it, with something in it besides white space.
pub fn filled_text() -> BoxedStrategy<String> {
    text().prop_map(|text| if text.trim().is_empty() { format!("{text}x") } else { text }).boxed()
}

/// The name of an attribute, sometimes one that means something elsewhere in the filter language.
pub fn attribute_name() -> BoxedStrategy<AttributeName> {
    static NAME: LazyLock<SBoxedStrategy<AttributeName>> = LazyLock::new(|| {
        let special =
            prop::sample::select(vec!["not", "and", "or", "pr", "eq", "true", "null", "$ref", "userName", "emails", "value", "x-y_z$1"]);
        let text = prop_oneof![1 => special.prop_map(str::to_owned), 2 => "\\$?[a-zA-Z][a-zA-Z0-9_$-]{0,8}"];
        text.prop_filter_map("a name", |name| name.parse().ok()).sboxed()
    });
    NAME.clone().boxed()
}
