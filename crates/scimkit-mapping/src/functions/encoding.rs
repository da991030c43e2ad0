//! Functions that change how data is written.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scimkit_types::Value;

use super::Function;
use crate::expression::{Call, Outcome, owned};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("ConvertFromBase64", &["source", "encoding"], convert_from_base64).required(1),
    Function::new("ConvertToBase64", &["source"], convert_to_base64),
    Function::new("ConvertToUTF8Hex", &["source"], convert_to_utf8_hex),
    Function::new("CRef", &["source"], |call| owned(call.text(0)?.map(Cow::into_owned))),
    Function::new("DNComponent", &["dn", "number"], dn_component),
    Function::new("StringFromSid", &["source"], string_from_sid),
];

/// Base64 of text in UTF-16 (the default), ASCII or UTF-8.
fn convert_from_base64(call: Call<'_>) -> Outcome<'_> {
    let Some(source) = call.text(0)? else { return owned(Value::Null) };
    let bytes = STANDARD.decode(source.trim()).map_err(|_| call.expected(0, "base64 data"))?;
    let encoding = call.present(1)?;
    let text = match encoding.as_deref().unwrap_or("Unicode") {
        "UTF8" => String::from_utf8(bytes).ok(),
        "ASCII" => bytes.is_ascii().then(|| String::from_utf8(bytes).ok()).flatten(),
        "Unicode" => {
            let (units, rest) = bytes.as_chunks::<2>();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
            String::from_utf16(&units).ok().filter(|_| rest.is_empty())
        }
        _ => return Err(call.expected(1, "`Unicode`, `ASCII` or `UTF8`")),
    };
    owned(text.ok_or_else(|| call.expected(0, "text in the encoding"))?)
}

/// Base64 of the text in UTF-16, low byte first.
fn convert_to_base64(call: Call<'_>) -> Outcome<'_> {
    let Some(source) = call.text(0)? else { return owned(Value::Null) };
    let bytes: Vec<u8> = source.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut output = call.context.output();
    output.push(&STANDARD.encode(bytes))?;
    output.finish()
}

fn convert_to_utf8_hex(call: Call<'_>) -> Outcome<'_> {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let Some(source) = call.text(0)? else { return owned(Value::Null) };
    let digits = source.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex: String = digits.filter_map(|digit| DIGITS.get(usize::from(digit))).collect();
    let mut output = call.context.output();
    output.push(&hex)?;
    output.finish()
}

/// The value of the n-th part of a distinguished name (RFC 4514), from the left.
fn dn_component(call: Call<'_>) -> Outcome<'_> {
    let Some(name) = call.text(0)? else { return owned(Value::Null) };
    let index = call.place(1, call.required_integer(1)?)?;
    let mut parts = vec![String::new()];
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match c {
            ',' => parts.push(String::new()),
            '\\' => parts.last_mut().into_iter().for_each(|part| part.extend(chars.next())),
            other => parts.last_mut().into_iter().for_each(|part| part.push(other)),
        }
    }
    let part = parts.get(index).and_then(|part| part.split_once('='));
    owned(part.map(|(_, value)| value.trim()))
}

/// The text of a Windows security identifier that stands as base64 data.
fn string_from_sid(call: Call<'_>) -> Outcome<'_> {
    let Some(source) = call.text(0)? else { return owned(Value::Null) };
    let bytes = STANDARD.decode(source.trim()).map_err(|_| call.expected(0, "base64 data"))?;
    let text = sid_text(&bytes).ok_or_else(|| call.expected(0, "a security identifier"))?;
    owned(text)
}

fn sid_text(bytes: &[u8]) -> Option<String> {
    let (&[revision, count], rest) = bytes.split_first_chunk::<2>()?;
    let (authority, rest) = rest.split_first_chunk::<6>()?;
    let (parts, rest) = rest.as_chunks::<4>();
    if parts.len() != usize::from(count) || !rest.is_empty() {
        return None;
    }
    let authority = authority.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let parts = parts.iter().map(|part| format!("-{}", u32::from_le_bytes(*part)));
    Some(format!("S-{revision}-{authority}{}", parts.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_security_identifier_has_authority_and_parts() {
        let bytes = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
        assert_eq!(sid_text(&bytes).as_deref(), Some("S-1-5-32-544"));
        assert_eq!(sid_text(&bytes[..15]), None);
        assert_eq!(sid_text(&[]), None);
    }
}
