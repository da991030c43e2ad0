//! Attribute paths and the schema URIs in front of them.

use nom::Parser as _;
use nom::bytes::complete::take_while;
use scimkit_types::{AttributeName, SchemaUri};

use super::failure::{Failure, What};
use super::{Parsed, Parser, bytes_while};
use crate::ast::AttributePath;

const NAME: &str = "an attribute name such as `userName`";
const SUB_ATTRIBUTE: &str = "a sub-attribute such as `value`";

impl Parser<'_> {
    /// An attribute path and nothing else.
    pub(super) fn whole_attribute_path<'i>(&self, input: &'i str) -> Parsed<'i, AttributePath> {
        let (rest, _) = self.optional_blanks(input)?;
        let (rest, path) = self.attribute_path(rest)?;
        let (rest, _) = self.optional_blanks(rest)?;
        Self::end(rest, "the end of the path")?;
        Ok((rest, path))
    }

    /// `attrPath = [URI ":"] ATTRNAME *1subAttr`
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn attribute_path<'i>(&self, input: &'i str) -> Parsed<'i, AttributePath> {
        let (after, text) = bytes_while(input, is_name)?;
        let (rest, sub_text) = match after.strip_prefix('.') {
            Some(sub) => bytes_while(sub, is_name).map(|(rest, text)| (rest, Some((sub, text))))?,
            None => (after, None),
        };
        if matches!(rest.as_bytes().first(), Some(b'.' | b':')) {
            return self.qualified_path(input);
        }
        let attribute = named(input, text, NAME)?;
        let sub_attribute = sub_text.map(|(sub, text)| named(sub, text, SUB_ATTRIBUTE)).transpose()?;
        Ok((rest, AttributePath { schema: None, attribute, sub_attribute }))
    }

    /// A path with the URI of a schema in front, or one with too many names.
    #[inline(never)]
    fn qualified_path<'i>(&self, input: &'i str) -> Parsed<'i, AttributePath> {
        let (after, token) = path_token(input)?;
        let (schema, names) = if token.contains(':') { self.schema(input, token)? } else { (None, input) };
        let (rest, text) = bytes_while(names, is_name)?;
        let attribute = named(names, text, NAME)?;
        let (rest, sub_attribute) = self.sub_attribute(rest)?;
        if rest.len() > after.len() {
            let what = if rest.starts_with('.') { "no more than one sub-attribute" } else { NAME };
            return Err(Failure::at(rest, What::Expected(what)).fatal());
        }
        Ok((rest, AttributePath { schema, attribute, sub_attribute }))
    }

    /// `subAttr = "." ATTRNAME`, if it is there.
    pub(super) fn sub_attribute<'i>(&self, input: &'i str) -> Parsed<'i, Option<AttributeName>> {
        let Some(rest) = input.strip_prefix('.') else { return Ok((input, None)) };
        let (after, text) = bytes_while(rest, is_name)?;
        Ok((after, Some(named(rest, text, SUB_ATTRIBUTE)?)))
    }

    /// A known schema URI that is the whole rest of the input.
    pub(super) fn whole_schema<'i>(&self, input: &'i str) -> Option<(&'i str, SchemaUri)> {
        let (rest, token) = path_token(input).ok()?;
        let (rest, _) = self.optional_blanks(rest).ok()?;
        let known = self.known_schema(token)?;
        (rest.is_empty() && known.as_str().len() == token.len()).then(|| (rest, known.clone()))
    }

    /// The schema in front of an attribute, and what follows the colon: the longest known one, or all before the last colon.
    fn schema<'i>(&self, input: &'i str, token: &str) -> Result<(Option<SchemaUri>, &'i str), nom::Err<Failure>> {
        if let Some(known) = self.known_schema(token) {
            let length = known.as_str().len();
            let after = input.get(length..).unwrap_or_default();
            let names = after.strip_prefix(':').or_else(|| after.strip_prefix('.').filter(|_| self.is_lenient()));
            let names = names.ok_or_else(|| Failure::at(after, What::Expected("`:` and an attribute after the schema URI")).fatal())?;
            return Ok((Some(known.clone()), names));
        }
        let length = token.rfind(':').unwrap_or_default();
        let uri = token.get(..length).unwrap_or_default();
        let expected = "a schema URI such as `urn:ietf:params:scim:schemas:core:2.0:User`";
        let uri: SchemaUri = uri.parse().map_err(|_| Failure::over(input, token.len(), What::Expected(expected)).fatal())?;
        Ok((Some(uri), input.get(length + 1..).unwrap_or_default()))
    }

    /// The longest known URI that is all of a path, or all before its last colon or before a dot in place of that colon.
    fn known_schema(&self, token: &str) -> Option<&SchemaUri> {
        let schemas = self.options.catalog?.schemas().iter().map(|schema| &schema.id);
        let fits = |uri: &&SchemaUri| {
            let length = uri.as_str().len();
            let starts = token.get(..length).is_some_and(|head| **uri == *head);
            starts
                && token.get(length..).is_some_and(|rest| {
                    let names = rest.strip_prefix([':', '.']);
                    rest.is_empty() || names.is_some_and(|names| !names.contains(':'))
                })
        };
        schemas.filter(fits).max_by_key(|uri| uri.as_str().len())
    }
}

/// The bytes that belong to a path: names and dots and, once there is a colon, all that a URI may hold.
fn path_token(input: &str) -> Parsed<'_, &str> {
    let (rest, token) = bytes_while(input, |byte| is_name(byte) || byte == b'.')?;
    if !rest.starts_with(':') {
        return Ok((rest, token));
    }
    // A URI is ASCII nearly always.
    let (rest, token) = bytes_while(input, |byte| byte.is_ascii() && is_uri(char::from(byte)))?;
    if rest.is_empty() || rest.starts_with(|c: char| c.is_ascii()) { Ok((rest, token)) } else { take_while(is_uri).parse(input) }
}

/// `ATTRNAME = ALPHA *(nameChar)`, with `$` among the name characters and before the name (EID 8924). The text starts at `input`.
#[inline]
fn named(input: &str, text: &str, expected: &'static str) -> Result<AttributeName, nom::Err<Failure>> {
    text.parse().map_err(|_| Failure::over(input, text.len(), What::Expected(expected)).fatal())
}

/// Whether a byte is one of a name; looked up, as every byte of every path is asked for.
#[inline]
fn is_name(byte: u8) -> bool {
    const NAMES: [bool; 256] = {
        let mut names = [false; 256];
        let mut byte = 0_u8;
        while byte < 128 {
            #[expect(clippy::indexing_slicing, reason = "the table has a place for every byte; the compiler would refuse another")]
            {
                names[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'$');
            }
            byte += 1;
        }
        names
    };
    #[expect(clippy::indexing_slicing, reason = "the table has a place for every byte")]
    NAMES[usize::from(byte)]
}

fn is_uri(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '[' | ']' | '(' | ')')
}
