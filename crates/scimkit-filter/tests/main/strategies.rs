//! Generators of text that is nearly a filter.

use proptest::prelude::*;
use scimkit_filter::generators::any_filter;
use scimkit_types::schema;

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "(",
        ")",
        "[",
        "]",
        " ",
        "  ",
        "\t",
        "\"",
        "\\",
        "\\u",
        "\\ud83d",
        "not",
        "and",
        "or",
        "pr",
        "eq",
        "co",
        "emails",
        ".value",
        "urn:a:b:",
        schema::USER,
        ":",
        ".",
        "$",
        "-1",
        "0",
        "1e9",
        "true",
        "True",
        "null",
        "é",
        "\u{0}",
        "\u{202e}",
        "\"x\"",
        " or ",
        " pr and ",
        "not (",
    ])
}

/// Text made of pieces of the language in any order, and filters with a character replaced by a piece: both come further than arbitrary
/// text.
pub(crate) fn almost_filter() -> impl Strategy<Value = String> {
    let damaged = (any_filter(), any::<prop::sample::Index>(), 0..2usize, piece()).prop_map(|(filter, place, removed, piece)| {
        let text: Vec<char> = filter.to_string().chars().collect();
        let place = place.index(text.len());
        let (head, tail) = text.split_at(place);
        head.iter().copied().chain(piece.chars()).chain(tail.iter().skip(removed).copied()).collect()
    });
    prop_oneof![prop::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat()), damaged]
}
