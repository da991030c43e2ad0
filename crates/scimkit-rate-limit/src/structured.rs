//! The part of Structured Fields (RFC 9651) that header fields of limits use: lists of items with parameters, and dictionaries of items.

/// A member of a list, or of a dictionary if it has a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member<'a> {
    pub(crate) key: Option<&'a str>,
    pub(crate) item: Item,
    pub(crate) parameters: Vec<(&'a str, Item)>,
}

/// A bare item, as far as it is of use here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Integer(i64),
    /// A string or a token.
    Text(String),
    /// A decimal, a byte sequence, a boolean: parsed and of no use.
    Other,
}

impl Member<'_> {
    /// The parameter of this key that is not negative.
    pub(crate) fn number(&self, key: &str) -> Option<u64> {
        self.parameter(key)?.number()
    }

    pub(crate) fn parameter(&self, key: &str) -> Option<&Item> {
        // Of several with the same key the last counts.
        self.parameters.iter().rev().find(|(name, _)| *name == key).map(|(_, item)| item)
    }
}

impl Item {
    pub(crate) fn number(&self) -> Option<u64> {
        if let Self::Integer(number) = self { u64::try_from(*number).ok() } else { None }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// The longest value that is read, and the most members and parameters.
const LONGEST: usize = 4096;
const MEMBERS: usize = 32;

/// The members of a value; `None` if it is not well-formed, when it must be ignored as a whole.
pub(crate) fn parse(value: &str) -> Option<Vec<Member<'_>>> {
    if value.len() > LONGEST {
        return None;
    }
    let mut reader = Reader { rest: value.trim_matches(' ') };
    let mut members = Vec::new();
    while !reader.rest.is_empty() {
        members.push(reader.member()?);
        reader.skip_whitespace();
        if reader.rest.is_empty() {
            break;
        }
        reader.expect(',')?;
        reader.skip_whitespace();
        // A comma at the end is not allowed.
        if reader.rest.is_empty() || members.len() >= MEMBERS {
            return None;
        }
    }
    Some(members)
}

/// A string item (RFC 9651 section 3.3.3), without the characters that it cannot hold.
pub(crate) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars().filter(|character| matches!(character, ' '..='~')) {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn member(&mut self) -> Option<Member<'a>> {
        let start = self.rest;
        let mut key = None;
        if start.starts_with(|first: char| first.is_ascii_lowercase() || first == '*') {
            let name = self.take_while(is_key);
            if self.skip('=') {
                key = Some(name);
            } else {
                // A token may go on with characters that a key cannot hold.
                self.rest = start;
            }
        }
        let item = self.item()?;
        let mut parameters = Vec::new();
        while self.skip(';') {
            self.rest = self.rest.trim_start_matches(' ');
            let name = self.take_while(is_key);
            if name.is_empty() || parameters.len() >= MEMBERS {
                return None;
            }
            parameters.push((name, if self.skip('=') { self.item()? } else { Item::Other }));
        }
        Some(Member { key, item, parameters })
    }

    fn item(&mut self) -> Option<Item> {
        match self.rest.chars().next()? {
            '"' => self.string(),
            '-' | '0'..='9' => self.number(),
            'a'..='z' | 'A'..='Z' | '*' => Some(Item::Text(self.take_while(is_token).to_owned())),
            ':' => {
                self.expect(':')?;
                self.take_while(|character| character.is_ascii_alphanumeric() || matches!(character, '+' | '/' | '='));
                self.expect(':')?;
                Some(Item::Other)
            }
            '?' => {
                self.expect('?')?;
                (self.skip('0') || self.skip('1')).then_some(Item::Other)
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Item> {
        let is_negative = self.skip('-');
        let digits = self.take_while(|character| character.is_ascii_digit());
        if self.skip('.') {
            let fraction = self.take_while(|character| character.is_ascii_digit());
            let is_decimal = (1..=12).contains(&digits.len()) && (1..=3).contains(&fraction.len());
            return is_decimal.then_some(Item::Other);
        }
        if !(1..=15).contains(&digits.len()) {
            return None;
        }
        let number: i64 = digits.parse().ok()?;
        Some(Item::Integer(if is_negative { -number } else { number }))
    }

    fn string(&mut self) -> Option<Item> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Some(Item::Text(text)),
                '\\' => text.push(self.next().filter(|character| matches!(character, '"' | '\\'))?),
                character @ ' '..='~' => text.push(character),
                _ => return None,
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next()?;
        self.rest = characters.as_str();
        Some(next)
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|character| !is_part(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn skip(&mut self, character: char) -> bool {
        let rest = self.rest.strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, character: char) -> Option<()> {
        self.skip(character).then_some(())
    }

    fn skip_whitespace(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}

const fn is_key(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit() || matches!(character, '_' | '-' | '.' | '*')
}

const fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, ':' | '/' | '!' | '#' | '$' | '%' | '&' | '\'' | '*' | '+' | '-' | '.' | '^' | '_' | '`' | '|' | '~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_dictionaries_are_read() {
        let members = parse(r#""a \"b\"";q=100; w=60;pk=:cHsdsRa894==:;x , tok:en;r=-1;d=1.5;b=?1, limit=10;w=1"#).unwrap();
        assert_eq!(members.len(), 3);
        assert_eq!(members[0].item, Item::Text(r#"a "b""#.to_owned()));
        assert_eq!((members[0].number("q"), members[0].number("w"), members[0].parameter("pk")), (Some(100), Some(60), Some(&Item::Other)));
        assert_eq!((members[1].item.text(), members[1].number("r"), members[1].key), (Some("tok:en"), None, None));
        assert_eq!((members[2].key, members[2].item.number(), members[2].number("w")), (Some("limit"), Some(10), Some(1)));
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn what_is_malformed_is_nothing_at_all() {
        for value in
            ["\"a\";q=1,", "\"a", "a;", "a;Q=1", "1 2", "\"\u{e9}\"", "1234567890123456", "=1", "a,,b", "a;q=", "\"\\n\"", "1.", "(1 2)"]
        {
            assert_eq!(parse(value), None, "{value}");
        }
        assert_eq!(parse(&"a,".repeat(3000)), None);
        assert_eq!(parse(&vec!["a"; 33].join(",")), None);
        assert_eq!(parse(&vec!["a"; 32].join(",")).unwrap().len(), 32);
    }
}
