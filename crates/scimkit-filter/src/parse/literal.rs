//! Values: JSON literals (RFC 8259).

use nom::Parser as _;
use nom::bytes::complete::take_while;
use nom::character::complete::char;
use scimkit_types::value::NumberError;
use scimkit_types::{Number, Tolerance};

use super::failure::{Failure, What};
use super::{Parsed, Parser, bytes_while, looked_at};
use crate::ast::{Literal, Text};

const VALUE: &str = "a value: text in double quotes, a number, `true`, `false` or `null`";
const NUMBER: &str = "a number such as `42` or `-1.5`";
const ESCAPE: &str = "an escape such as `\\n` or `\\u00e5`";

impl Parser<'_> {
    /// `compValue = false / null / true / number / string`
    pub(super) fn literal<'i>(&self, input: &'i str) -> Parsed<'i, Literal> {
        match input.as_bytes().first() {
            Some(b'"') => self.text(input),
            Some(b'-' | b'0'..=b'9') => self.number(input),
            _ => self.keyword(input),
        }
    }

    fn number<'i>(&self, input: &'i str) -> Parsed<'i, Literal> {
        number(input, self.options.limits.value)
    }

    /// `string = quotation-mark *char quotation-mark` without escapes; `None` if it is anything else, or too long.
    #[inline]
    pub(super) fn plain_text<'i>(&self, input: &'i str) -> Option<(&'i str, &'i str)> {
        let (after, plain) = plain(input.strip_prefix('"')?).ok()?;
        if plain.len() > self.options.limits.value {
            return None;
        }
        Some((after.strip_prefix('"')?, plain))
    }

    /// `string = quotation-mark *char quotation-mark`
    fn text<'i>(&self, input: &'i str) -> Parsed<'i, Literal> {
        let (start, _) = char('"').parse(input)?;
        let (mut rest, piece) = plain(start)?;
        let mut text = Text::from(piece);
        loop {
            if start.len() - rest.len() > self.options.limits.value {
                return Err(too_long(input, self.options.limits.value));
            }
            if let Some(after) = rest.strip_prefix('"') {
                return Ok((after, Literal::String(text)));
            }
            let (after, c) = escape(rest)?;
            text.push(c);
            let (after, piece) = plain(after)?;
            text.push_str(piece);
            rest = after;
        }
    }

    fn keyword<'i>(&self, input: &'i str) -> Parsed<'i, Literal> {
        let (rest, word) = bytes_while(input, |byte| byte.is_ascii_alphabetic())?;
        let literal = match word {
            _ if !rest.is_empty() && !rest.starts_with(ends_value) => None,
            "true" => Some(Literal::Boolean(true)),
            "false" => Some(Literal::Boolean(false)),
            "null" => Some(Literal::Null),
            _ => self.keyword_of_any_case(word),
        };
        match literal {
            Some(literal) => Ok((rest, literal)),
            None => {
                let (_, word) = take_while(|c: char| !ends_value(c)).parse(input)?;
                Err(Failure::over(input, word.len(), What::Expected(VALUE)).fatal())
            }
        }
    }

    #[cold]
    fn keyword_of_any_case(&self, word: &str) -> Option<Literal> {
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        let literal = match () {
            () if is("true") => Literal::Boolean(true),
            () if is("false") => Literal::Boolean(false),
            () if is("null") => Literal::Null,
            () => return None,
        };
        self.tolerates(Tolerance::FilterLiteralCase).then_some(literal)
    }
}

/// Whether a number or keyword ends before this character.
fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"')
}

/// The number that a text is, without anything around it.
pub(crate) fn parse_number(text: &str) -> Option<Number> {
    match number(text, text.len()) {
        Ok(("", Literal::Number(number))) => Some(number),
        _ => None,
    }
}

/// `number = [minus] int [frac] [exp]`, of at most this length
fn number(input: &str, limit: usize) -> Parsed<'_, Literal> {
    let (rest, token) = take_while(|c: char| !ends_value(c)).parse(input)?;
    looked_at(token.len());
    if token.len() > limit {
        return Err(too_long(input, limit));
    }
    let number = token.parse().map_err(|fault| {
        let what = if fault == NumberError::OutOfRange { "a number in the range of a double" } else { NUMBER };
        Failure::over(input, token.len(), What::Expected(what)).fatal()
    })?;
    Ok((rest, Literal::Number(number)))
}

/// The failure of a value that starts here and goes on beyond the limit.
#[cold]
fn too_long(input: &str, limit: usize) -> nom::Err<Failure> {
    Failure::at(input, What::Limit { what: "length of a value", limit }).fatal()
}

/// The characters up to a quotation mark, an escape, a control character or the end.
#[inline]
fn plain(input: &str) -> Parsed<'_, &str> {
    let (plain, rest) = input.split_at_checked(plain_length(input.as_bytes())).unwrap_or(("", input));
    looked_at(plain.len());
    Ok((rest, plain))
}

/// The number of bytes before a quotation mark, a backslash or a control character; eight are looked at at once.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    // The lowest byte whose highest bit is set in the result is less than `limit`; higher ones may only seem so.
    let less = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS;
    let equal = |word: u64, byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    let (words, tail) = bytes.as_chunks::<8>();
    let mut length = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let ends = less(word, b' ') | equal(word, b'"') | equal(word, b'\\');
        if ends != 0 {
            return length + (ends.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    length + tail.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' ')).unwrap_or(tail.len())
}

/// An escape, or the reason why the text does not go on here.
fn escape(input: &str) -> Parsed<'_, char> {
    looked_at(1);
    let Some(escaped) = input.strip_prefix('\\') else {
        let what = if input.is_empty() { "`\"` at the end of the text" } else { "an escape in place of a control character" };
        return Err(Failure::over(input, input.len().min(1), What::Expected(what)).fatal());
    };
    let mut chars = escaped.chars();
    let c = match chars.next() {
        Some(c @ ('"' | '\\' | '/')) => c,
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => return unicode(input),
        other => {
            let length = 1 + other.map_or(0, char::len_utf8);
            return Err(Failure::over(input, length, What::Expected(ESCAPE)).fatal());
        }
    };
    Ok((chars.as_str(), c))
}

/// `\uXXXX`, or two of them that form a surrogate pair.
fn unicode(input: &str) -> Parsed<'_, char> {
    let wrong = |length: usize| {
        let length = input.floor_char_boundary(length.min(input.len()));
        Failure::over(input, length, What::Expected(ESCAPE)).fatal()
    };
    let (rest, first) = code_unit(input).ok_or_else(|| wrong(6))?;
    if let Some(c) = char::from_u32(first) {
        return Ok((rest, c));
    }
    let (rest, second) = code_unit(rest).ok_or_else(|| wrong(6))?;
    let pair = [first, second].map(|unit| u16::try_from(unit).unwrap_or_default());
    match char::decode_utf16(pair).next() {
        Some(Ok(c)) => Ok((rest, c)),
        _ => Err(wrong(12)),
    }
}

fn code_unit(input: &str) -> Option<(&str, u32)> {
    let digits = input.strip_prefix("\\u")?;
    let hex = digits.get(..4).filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((digits.get(4..)?, u32::from_str_radix(hex, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn eight_bytes_at_once_are_looked_at_like_one(bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(&b"\"\\ !\x1f\x80[]"[..])], 0..40)) {
            let expected = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' ')).unwrap_or(bytes.len());
            prop_assert_eq!(plain_length(&bytes), expected);
        }
    }
}
