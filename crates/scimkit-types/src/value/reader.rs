//! Reading JSON text as values, with numbers as they are written.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use super::number::NumberError;
use super::{ComplexValue, Number, Value};

/// The depth of nesting up to which text is read, as `serde_json` has it.
const DEEPEST: usize = 128;

/// Why a text is not read.
#[derive(Debug)]
pub(super) enum Fault {
    /// Two members whose names differ at most by case, with the path of the second.
    Duplicate(String),
    TooDeep,
    Number(NumberError),
    Text(serde_json::Error),
    Syntax,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate(name) => write!(f, "attribute `{name}` occurs twice, its name compares without case"),
            Self::TooDeep => write!(f, "expected values that nest at most {DEEPEST} deep, found deeper ones"),
            Self::Number(fault) => fault.fmt(f),
            Self::Text(fault) => fault.fmt(f),
            Self::Syntax => f.write_str("expected JSON, found something else"),
        }
    }
}

impl Fault {
    /// The fault of the member of this name.
    fn within(self, name: &str) -> Self {
        match self {
            Self::Duplicate(path) => Self::Duplicate(format!("{name}.{path}")),
            other => other,
        }
    }
}

/// Reads a JSON document.
pub(super) fn read(text: &str) -> Result<Value, Fault> {
    let mut reader = Reader { rest: text };
    let value = reader.value(DEEPEST)?;
    reader.skip_blanks();
    if reader.rest.is_empty() { Ok(value) } else { Err(Fault::Syntax) }
}

/// Members as they come, each name once.
#[derive(Debug, Default)]
pub(super) struct Members {
    complex: ComplexValue,
    /// The marks of the names so far: a name whose mark is new is new itself.
    marks: u64,
    /// A short object is searched; a long one, which only a hostile peer sends, is checked through a set.
    seen: Option<HashSet<String>>,
}

/// The number of members up to which a linear search finds a duplicate faster than a set does.
const SEARCHED_MEMBERS: usize = 32;

impl Members {
    pub(super) fn push(&mut self, name: &str, value: Value) -> Result<(), Fault> {
        let mark = mark(name);
        let is_known = if self.complex.len() < SEARCHED_MEMBERS {
            self.marks & mark != 0 && self.complex.get(name).is_some()
        } else {
            let names = || self.complex.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
            !self.seen.get_or_insert_with(names).insert(name.to_ascii_lowercase())
        };
        if is_known {
            return Err(Fault::Duplicate(name.to_owned()));
        }
        self.marks |= mark;
        self.complex.push_unique(name, value);
        Ok(())
    }

    pub(super) fn into_complex(self) -> ComplexValue {
        self.complex
    }
}

/// One of 64 bits that names share if they differ at most by case; from their length, first and last bytes.
fn mark(name: &str) -> u64 {
    let lower = |byte: Option<&u8>| usize::from(byte.map_or(0, u8::to_ascii_lowercase));
    let bytes = name.as_bytes();
    1 << ((bytes.len() * 11 + lower(bytes.first()) * 5 + lower(bytes.last()) * 3) % 64)
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = ONES << 7;

/// Of each byte that is a quotation mark, a backslash or a control character the highest bit. Of the bytes above the lowest such, some may
/// be taken for one.
const fn ends(word: u64) -> u64 {
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & HIGHS
    }
    let controls = word.wrapping_sub(ONES * b' ' as u64) & !word & HIGHS;
    zeros(word ^ (ONES * b'"' as u64)) | zeros(word ^ (ONES * b'\\' as u64)) | controls
}

/// Whether no byte is a quotation mark, a backslash or a control character. Most texts are short, and told by two words that overlap.
pub(super) fn is_plain(text: &[u8]) -> bool {
    if let Some(last) = text.last_chunk::<8>() {
        let (words, _) = text.as_chunks::<8>();
        return words.iter().chain([last]).all(|word| ends(u64::from_le_bytes(*word)) == 0);
    }
    match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (Some(first), Some(last)) => ends(u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32) == 0,
        _ => !text.iter().any(|byte| matches!(byte, b'"' | b'\\' | ..b' ')),
    }
}

/// The number of bytes up to a quotation mark, a backslash, a control character or the end; eight at a time.
pub(super) fn plain_length(text: &[u8]) -> usize {
    let (words, tail) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let ends = ends(u64::from_le_bytes(*word));
        if ends != 0 {
            return index * 8 + usize::try_from(ends.trailing_zeros() / 8).unwrap_or_default();
        }
    }
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | ..b' ');
    text.len() - tail.len() + tail.iter().position(is_end).unwrap_or(tail.len())
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn skip_blanks(&mut self) {
        let is_blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let blanks = self.rest.bytes().position(|byte| !is_blank(byte)).unwrap_or(self.rest.len());
        self.rest = self.rest.get(blanks..).unwrap_or_default();
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        match self.rest.as_bytes().first() {
            Some(b' ' | b'\t' | b'\n' | b'\r') => {
                self.skip_blanks();
                self.rest.as_bytes().first().copied()
            }
            byte => byte.copied(),
        }
    }

    /// Takes `length` bytes.
    fn take(&mut self, length: usize) -> Result<&'a str, Fault> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Fault::Syntax)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes this byte if it comes next.
    fn takes(&mut self, byte: u8) -> bool {
        self.peek() == Some(byte) && self.take(1).is_ok()
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.takes(byte) { Ok(()) } else { Err(Fault::Syntax) }
    }

    fn keyword(&mut self, word: &str, value: Value) -> Result<Value, Fault> {
        self.rest = self.rest.strip_prefix(word).ok_or(Fault::Syntax)?;
        Ok(value)
    }

    /// `depth` is how many levels may still open.
    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        match self.peek() {
            Some(b'"') => self.text().map(|text| Value::String(text.into_owned())),
            Some(b'{') => self.members(depth.checked_sub(1).ok_or(Fault::TooDeep)?).map(Value::Complex),
            Some(b'[') => self.elements(depth.checked_sub(1).ok_or(Fault::TooDeep)?).map(Value::List),
            Some(b't') => self.keyword("true", Value::Boolean(true)),
            Some(b'f') => self.keyword("false", Value::Boolean(false)),
            Some(b'n') => self.keyword("null", Value::Null),
            Some(_) => self.number().map(Value::Number),
            None => Err(Fault::Syntax),
        }
    }

    fn number(&mut self) -> Result<Number, Fault> {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest.bytes().take_while(is_part).count();
        self.take(length)?.parse().map_err(Fault::Number)
    }

    fn text(&mut self) -> Result<Cow<'a, str>, Fault> {
        let inner = self.rest.strip_prefix('"').ok_or(Fault::Syntax)?;
        let (plain, rest) = inner.split_at_checked(plain_length(inner.as_bytes())).ok_or(Fault::Syntax)?;
        if let Some(rest) = rest.strip_prefix('"') {
            self.rest = rest;
            return Ok(Cow::Borrowed(plain));
        }
        // What is escaped is read where it is done already: the text ends at the first quotation mark without a backslash.
        let mut is_escaped = false;
        let end = rest.bytes().position(|byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        let length = 1 + plain.len() + end.ok_or(Fault::Syntax)? + 1;
        serde_json::from_str(self.take(length)?).map(Cow::Owned).map_err(Fault::Text)
    }

    fn elements(&mut self, depth: usize) -> Result<Vec<Value>, Fault> {
        self.expect(b'[')?;
        let mut values = Vec::new();
        if self.takes(b']') {
            return Ok(values);
        }
        loop {
            values.push(self.value(depth)?);
            if self.takes(b']') {
                return Ok(values);
            }
            self.expect(b',')?;
        }
    }

    fn members(&mut self, depth: usize) -> Result<ComplexValue, Fault> {
        self.expect(b'{')?;
        let mut members = Members::default();
        if self.takes(b'}') {
            return Ok(members.into_complex());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(Fault::Syntax);
            }
            let name = self.text()?;
            self.expect(b':')?;
            let value = self.value(depth).map_err(|fault| fault.within(&name))?;
            members.push(&name, value)?;
            if self.takes(b'}') {
                return Ok(members.into_complex());
            }
            self.expect(b',')?;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text of JSON's characters, often close to a document.
    fn texts() -> impl Strategy<Value = String> {
        let pieces = [
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            " ",
            "\n",
            "\"a\"",
            "\"\\u00e5\"",
            "\"\\",
            "\"",
            "\\\"",
            "1",
            "-0.50",
            "true",
            "null",
            "é",
            "\u{1}",
        ];
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_other_text_is_read_than_json(text in texts()) {
            let expected: Result<serde_json::Value, _> = serde_json::from_str(&text);
            match (read(&text), expected) {
                (Ok(value), Ok(expected)) => prop_assert_eq!(serde_json::to_value(&value).unwrap(), expected),
                (Err(Fault::Duplicate(_)), Ok(_)) | (Err(_), Err(_)) => {}
                (found, expected) => prop_assert!(false, "{:?} and {:?}", found, expected),
            }
        }
    }

    proptest! {
        #[test]
        fn the_end_of_plain_text_is_found(text in "[ab \"\\\\\u{0}\u{1f}\u{7f}!#åÿ\u{100}]{0,40}") {
            let slow = text.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < b' ');
            prop_assert_eq!(plain_length(text.as_bytes()), slow.unwrap_or(text.len()));
            prop_assert_eq!(is_plain(text.as_bytes()), slow.is_none());
        }
    }

    /// R8259-7-01: escapes of every kind are read, and half of a surrogate pair is an error.
    #[test]
    fn escapes_are_read() {
        let read_text = |text: &str| read(text).map(|value| value.as_str().unwrap_or_default().to_owned());
        assert_eq!(read_text(r#""a\"\\\/\n\u0041\ud83d\ude00é""#).unwrap(), "a\"\\/\nA😀é");
        assert_eq!(read_text(r#" "\\" "#).unwrap(), "\\");
        for text in [r#""\ud83d""#, r#""\ude00\ud83d""#, r#""\x""#, r#""\u12""#, "\"a\u{1}\"", r#""\"#] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| read(&format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
        assert!(nested(DEEPEST).is_ok());
        assert!(matches!(nested(DEEPEST + 1), Err(Fault::TooDeep)));
        assert!(matches!(nested(100_000), Err(Fault::TooDeep)));
    }
}
