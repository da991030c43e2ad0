//! Functions on text. Null in, null out, unless the function says otherwise.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use scimkit_types::Value;
use unicode_normalization::UnicodeNormalization;

use super::{Function, Gives, Lists};
use crate::expression::{Call, Outcome, Stop, into_text, owned, text_of};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("Append", &["source", "suffix"], append),
    Function::new("InStr", &["value1", "value2", "start", "compareType"], in_str).required(2).gives(Gives::Integer),
    Function::new("Join", &["separator", "source"], join).repeated().lists(Lists::Rest),
    Function::new("Left", &["source", "length"], left),
    Function::new("Mid", &["source", "start", "length"], mid).required(2),
    Function::new("NormalizeDiacritics", &["source"], |call| map(call, normalize_diacritics)),
    Function::new("PCase", &["source", "wordSeparators"], proper_case).required(1),
    Function::new("Redact", &["source"], |call| call.value(0)).gives(Gives::First).lists(Lists::Branches),
    Function::new("StripSpaces", &["source"], |call| map(call, |text| text.replace(' ', ""))),
    Function::new("ToLower", &["source", "culture"], |call| change_case(call, lower))
        .required(1)
        .gives(Gives::LikeFirst)
        .lists(Lists::First),
    Function::new("ToUpper", &["source", "culture"], |call| change_case(call, upper))
        .required(1)
        .gives(Gives::LikeFirst)
        .lists(Lists::First),
    Function::new("Trim", &["source"], trim).gives(Gives::LikeFirst).lists(Lists::First),
    Function::new("Word", &["source", "number", "delimiters"], word),
];

fn map(call: Call<'_>, change: impl FnOnce(&str) -> String) -> Outcome<'_> {
    owned(call.text(0)?.map(|text| change(&text)))
}

fn append(call: Call<'_>) -> Outcome<'_> {
    let (Some(source), Some(suffix)) = (call.text(0)?, call.text(1)?) else { return owned(Value::Null) };
    let mut output = call.context.output();
    output.push(&source)?;
    output.push(&suffix)?;
    output.finish()
}

/// The 1-based place of the second text in the first; 0 if it is not there, and where no text is left to search. Text compares with case unless `vbTextCompare` is given.
fn in_str(call: Call<'_>) -> Outcome<'_> {
    let (source, part) = (call.text(0)?.unwrap_or_default(), call.text(1)?.unwrap_or_default());
    let skipped = call.integer(2)?.map_or(Ok(0), |start| call.place(2, start))?;
    let ignores_case = call.text(3)?.is_some_and(|mode| mode == "vbTextCompare");
    let fold = |text: &str| if ignores_case { lower(text, false) } else { text.to_owned() };
    let (source, part): (Vec<char>, String) = (fold(&source).chars().collect(), fold(&part));
    if skipped >= source.len() {
        return owned(0);
    }
    let tail: String = source.iter().skip(skipped).collect();
    let place = tail.find(&part).and_then(|at| tail.get(..at)).map_or(0, |head| skipped + head.chars().count() + 1);
    owned(i64::try_from(place).unwrap_or(i64::MAX))
}

/// Null and empty sources are passed over; lists are spread.
fn join(call: Call<'_>) -> Outcome<'_> {
    let separator = call.text(0)?.unwrap_or_default();
    let mut output = call.context.output();
    let mut is_first = true;
    for index in 1..call.len() {
        for value in call.list(index)?.iter() {
            let Some(text) = text_of(value)?.filter(|text| !text.is_empty()) else { continue };
            if !is_first {
                output.push(&separator)?;
            }
            is_first = false;
            output.push(&text)?;
        }
    }
    output.finish()
}

/// Null gives empty text; a negative number gives the whole text.
fn left(call: Call<'_>) -> Outcome<'_> {
    let source = call.text(0)?.unwrap_or_default();
    let count = call.required_integer(1)?;
    let end = usize::try_from(count).ok().and_then(|count| source.char_indices().nth(count)).map_or(source.len(), |(at, _)| at);
    owned(source.get(..end))
}

/// From a 1-based place, so many characters or all that are left.
fn mid(call: Call<'_>) -> Outcome<'_> {
    let Some(source) = call.text(0)? else { return owned(Value::Null) };
    let skipped = call.place(1, call.required_integer(1)?)?;
    let length = match call.integer(2)? {
        None => usize::MAX,
        Some(length) => usize::try_from(length).map_err(|_| call.expected(2, "a number from 0"))?,
    };
    owned(source.chars().skip(skipped).take(length).collect::<String>())
}

/// Latin letters lose their marks; some letters become two.
fn normalize_diacritics(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut is_latin = false;
    for c in text.nfd() {
        let is_mark = ('\u{300}'..='\u{36f}').contains(&c);
        if is_mark && is_latin {
            continue;
        }
        if !is_mark {
            is_latin = c.is_ascii_alphabetic() || ('\u{c0}'..='\u{24f}').contains(&c);
        }
        match c {
            'æ' => plain.push_str("ae"),
            'Æ' => plain.push_str("AE"),
            'œ' | 'ø' => plain.push_str("oe"),
            'Œ' | 'Ø' => plain.push_str("OE"),
            'ß' => plain.push_str("ss"),
            'ı' => plain.push('i'),
            'ł' => plain.push('l'),
            'Ł' => plain.push('L'),
            other => plain.push(other),
        }
    }
    plain.nfc().collect()
}

/// Every word begins with a capital and goes on in small letters. Without separators a word ends at white space, punctuation and
/// symbols.
fn proper_case(call: Call<'_>) -> Outcome<'_> {
    static SEPARATORS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[\p{Z}\p{Cc}\p{Cf}\p{P}\p{S}]").ok());
    let Some(source) = call.text(0)? else { return owned(Value::Null) };
    let separators = characters(call, 1)?.filter(|separators| !separators.is_empty());
    let mut buffer = [0; 4];
    let mut is_separator = |c: char| match &separators {
        Some(separators) => separators.contains(c),
        None => SEPARATORS.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut buffer))),
    };
    let mut starts_word = true;
    let text = source.chars().map(|c| {
        let changed = if starts_word { upper_char(c, false) } else { lower_char(c, false) };
        starts_word = is_separator(c);
        changed
    });
    owned(text.collect::<String>())
}

fn change_case(call: Call<'_>, change: fn(&str, bool) -> String) -> Outcome<'_> {
    let is_turkic = call.text(1)?.is_some_and(|culture| {
        let language = culture.split('-').next().unwrap_or_default().to_ascii_lowercase();
        language == "tr" || language == "az"
    });
    match call.value(0)? {
        value if value.as_list().is_some() => each(value.elements(), |text| change(text, is_turkic)),
        value => owned(into_text(value)?.map(|text| change(&text, is_turkic))),
    }
}

fn trim(call: Call<'_>) -> Outcome<'_> {
    match call.value(0)? {
        value if value.as_list().is_some() => each(value.elements(), |text| text.trim().to_owned()),
        value => owned(into_text(value)?.map(|text| text.trim().to_owned())),
    }
}

fn each<'a>(values: &[Value], change: impl Fn(&str) -> String) -> Outcome<'a> {
    let changed: Result<Vec<Value>, Stop> = values.iter().map(|value| Ok(Value::from(text_of(value)?.map(|text| change(&text))))).collect();
    owned(Value::List(changed?))
}

fn lower(text: &str, is_turkic: bool) -> String {
    if text.is_ascii() && !is_turkic {
        return text.to_ascii_lowercase();
    }
    text.chars().map(|c| lower_char(c, is_turkic)).collect()
}

fn upper(text: &str, is_turkic: bool) -> String {
    if text.is_ascii() && !is_turkic {
        return text.to_ascii_uppercase();
    }
    text.chars().map(|c| upper_char(c, is_turkic)).collect()
}

/// One letter becomes one letter, as in .NET: a letter whose other case has several stays.
fn lower_char(c: char, is_turkic: bool) -> char {
    match c {
        'I' if is_turkic => 'ı',
        'İ' if is_turkic => 'i',
        _ => single(c.to_lowercase(), c),
    }
}

fn upper_char(c: char, is_turkic: bool) -> char {
    match c {
        'i' if is_turkic => 'İ',
        'ı' if is_turkic => 'I',
        'ı' => 'ı',
        _ => single(c.to_uppercase(), c),
    }
}

fn single(mut mapped: impl Iterator<Item = char>, original: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => original,
    }
}

/// The n-th part that is not empty; empty text if there is none.
fn word(call: Call<'_>) -> Outcome<'_> {
    let source = call.text(0)?.unwrap_or_default();
    let number = call.required_integer(1)?;
    let delimiters = characters(call, 2)?.unwrap_or_default();
    let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok());
    let mut words = source.split(|c| delimiters.contains(c)).filter(|word| !word.is_empty());
    owned(index.and_then(|index| words.nth(index)).unwrap_or_default())
}

/// The argument as a set of characters, each of which every character of the source may be compared with.
fn characters(call: Call<'_>, index: usize) -> Result<Option<Cow<'_, str>>, Stop> {
    let characters = call.text(index)?;
    if characters.as_ref().is_some_and(|text| text.len() > 256) {
        return Err(call.expected(index, "at most 256 bytes of characters"));
    }
    Ok(characters)
}
