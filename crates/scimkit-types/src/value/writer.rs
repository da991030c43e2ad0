//! Writing values as JSON text.

use std::io::Write as _;

use super::reader::{is_plain, plain_length};
use super::{ComplexValue, Value};

impl Value {
    /// Writes the value as compact JSON behind what is there: the same text as `serde_json` writes, in less time.
    ///
    /// ```
    /// use scimkit_types::{ComplexValue, Value};
    /// let mut text = Vec::new();
    /// Value::Complex(ComplexValue::from_iter([("displayName", "Ola \"O\"")])).write_json(&mut text);
    /// assert_eq!(text, br#"{"displayName":"Ola \"O\""}"#);
    /// ```
    pub fn write_json(&self, into: &mut Vec<u8>) {
        match self {
            Self::Null => into.extend_from_slice(b"null"),
            Self::Boolean(true) => into.extend_from_slice(b"true"),
            Self::Boolean(false) => into.extend_from_slice(b"false"),
            // Writing to memory cannot fail.
            Self::Number(number) => drop(write!(into, "{number}")),
            Self::String(text) => write_text(text, into),
            Self::List(values) => {
                let mut open = b'[';
                for value in values {
                    into.push(open);
                    value.write_json(into);
                    open = b',';
                }
                close(open, *b"[]", into);
            }
            Self::Complex(value) => value.write_json(into),
        }
    }
}

impl ComplexValue {
    /// Writes the object as compact JSON behind what is there; see [`Value::write_json`].
    pub fn write_json(&self, into: &mut Vec<u8>) {
        let mut open = b'{';
        for (name, value) in self.iter() {
            into.push(open);
            write_text(name, into);
            into.push(b':');
            value.write_json(into);
            open = b',';
        }
        close(open, *b"{}", into);
    }
}

/// Ends what was opened, or opens and ends it if there was nothing in it.
fn close(open: u8, [start, end]: [u8; 2], into: &mut Vec<u8>) {
    if open == start {
        into.push(start);
    }
    into.push(end);
}

/// Text between quotation marks; what must be escaped is (RFC 8259 section 7), and nothing else.
fn write_text(text: &str, into: &mut Vec<u8>) {
    into.push(b'"');
    if is_plain(text.as_bytes()) {
        into.extend_from_slice(text.as_bytes());
    } else {
        write_escaped(text.as_bytes(), into);
    }
    into.push(b'"');
}

fn write_escaped(mut rest: &[u8], into: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    while let Some((plain, next)) = rest.split_at_checked(plain_length(rest)) {
        into.extend_from_slice(plain);
        let Some((byte, next)) = next.split_first() else { break };
        let short = match byte {
            b'"' | b'\\' => *byte,
            b'\x08' => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            b'\x0c' => b'f',
            b'\r' => b'r',
            _ => 0,
        };
        if short == 0 {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or_default();
            into.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
        } else {
            into.extend_from_slice(&[b'\\', short]);
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let numbers = ["0", "-1", "1.10", "1E+2", "123456789012345678901234567890"];
        let text = || "[ab \"\\\\\u{0}-\u{1f}\u{7f}/åß\u{2028}😀]{0,40}";
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            prop::sample::select(numbers.to_vec()).prop_map(|text| Value::Number(text.parse().unwrap())),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
                prop::collection::vec((text(), inner), 0..5).prop_map(|members| Value::Complex(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// R8259-7-01: as `serde_json` writes it, and read as what it was.
        #[test]
        fn json_is_what_serde_json_writes(value in value()) {
            let mut text = b"behind ".to_vec();
            value.write_json(&mut text);
            let text = text.strip_prefix(b"behind ").unwrap();
            prop_assert_eq!(std::str::from_utf8(text).unwrap(), serde_json::to_string(&value).unwrap());
            prop_assert_eq!(Value::from_json(text).unwrap(), value);
        }
    }

    /// The errors are those of `serde_json`, with their place.
    #[test]
    fn what_is_no_json_is_told_as_serde_json_tells_it() {
        let deep = "[".repeat(1000);
        for text in [b"{" as &[u8], b"[1,]", b"{\"a\":1,\"A\":2}", b"\"\xff\"", deep.as_bytes(), b"", b"1e999", b"[1] 2"] {
            let expected = serde_json::from_slice::<Value>(text).unwrap_err();
            assert_eq!(Value::from_json(text).unwrap_err().to_string(), expected.to_string());
        }
    }
}
