//! Values: JSON literals (RFC 8259).

use nom::Parser as _;
use nom::bytes::complete::take_while;
use nom::character::complete::char;
use scimkit_types::Number;
use scimkit_types::value::NumberError;

use super::failure::{Failure, What};
use super::{Parsed, Parser, bytes_while};
use crate::ast::Literal;

const VALUE: &str = "a value: text in double quotes, a number, `true`, `false` or `null`";
const NUMBER: &str = "a number such as `42` or `-1.5`";
const ESCAPE: &str = "an escape such as `\\n` or `\\u00e5`";

impl Parser<'_> {
    /// `compValue = false / null / true / number / string`
    pub(super) fn literal<'i>(&self, input: &'i str) -> Parsed<'i, Literal> {
        match input.as_bytes().first() {
            Some(b'"') => text(input),
            Some(b'-' | b'0'..=b'9') => number(input),
            _ => self.keyword(input),
        }
    }

    fn keyword<'i>(&self, input: &'i str) -> Parsed<'i, Literal> {
        let (rest, word) = take_while(|c: char| !ends_value(c)).parse(input)?;
        let is = |keyword: &str| if self.is_lenient() { word.eq_ignore_ascii_case(keyword) } else { word == keyword };
        let literal = match () {
            () if is("true") => Literal::Boolean(true),
            () if is("false") => Literal::Boolean(false),
            () if is("null") => Literal::Null,
            () => return Err(Failure::over(input, word.len(), What::Expected(VALUE)).fatal()),
        };
        Ok((rest, literal))
    }
}

/// Whether a number or keyword ends before this character.
fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']' | '"')
}

/// `number = [minus] int [frac] [exp]`
fn number(input: &str) -> Parsed<'_, Literal> {
    let (rest, token) = take_while(|c: char| !ends_value(c)).parse(input)?;
    let number = token.parse().map_err(|fault| {
        let what = if fault == NumberError::OutOfRange { "a number in the range of a double" } else { NUMBER };
        Failure::over(input, token.len(), What::Expected(what)).fatal()
    })?;
    Ok((rest, Literal::Number(number)))
}

/// The number that a text is, without anything around it.
pub(crate) fn parse_number(text: &str) -> Option<Number> {
    match number(text) {
        Ok(("", Literal::Number(number))) => Some(number),
        _ => None,
    }
}

/// `string = quotation-mark *char quotation-mark`
fn text(input: &str) -> Parsed<'_, Literal> {
    let (rest, _) = char('"').parse(input)?;
    let (after, plain) = plain(rest)?;
    if let Some(after) = after.strip_prefix('"') {
        return Ok((after, Literal::String(plain.to_owned())));
    }
    let mut text = plain.to_owned();
    let mut rest = after;
    loop {
        let (after, piece) = self::plain(rest)?;
        text.push_str(piece);
        if let Some(after) = after.strip_prefix('"') {
            return Ok((after, Literal::String(text)));
        }
        let (after, c) = escape(after)?;
        text.push(c);
        rest = after;
    }
}

/// The characters up to a quotation mark, an escape, a control character or the end.
fn plain(input: &str) -> Parsed<'_, &str> {
    bytes_while(input, |byte| byte != b'"' && byte != b'\\' && byte >= b' ')
}

/// An escape, or the reason why the text does not go on here.
fn escape(input: &str) -> Parsed<'_, char> {
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
