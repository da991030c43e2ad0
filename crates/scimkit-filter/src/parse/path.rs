//! Attribute paths and the schema URIs in front of them.

use scimkit_types::{AttributeName, SchemaUri, Tolerance};

use super::failure::{Failure, What};
use super::{Parsed, Parser, looked_at};
use crate::ast::AttributePath;

const NAME: &str = "an attribute name such as `userName`";
const SUB_ATTRIBUTE: &str = "a sub-attribute such as `value`";

impl Parser<'_> {
    /// An attribute path and nothing else.
    pub(super) fn whole_attribute_path<'i>(&self, input: &'i str, into: &mut Option<AttributePath>) -> Parsed<'i, ()> {
        let rest = self.optional_blanks(input);
        let (rest, path) = self.attribute_path(rest)?;
        let rest = self.optional_blanks(rest);
        Self::end(rest, "the end of the path")?;
        *into = Some(path);
        Ok((rest, ()))
    }

    /// `attrPath = [URI ":"] ATTRNAME *1subAttr`
    pub(super) fn attribute_path<'i>(&self, input: &'i str) -> Parsed<'i, AttributePath> {
        let (rest, attribute) = attribute_name(input)?;
        match rest.as_bytes().first() {
            Some(b'.' | b':') => self.longer_path(input, rest, attribute),
            _ => Ok((rest, AttributePath::new(attribute))),
        }
    }

    /// A path that starts at `input`, of more than the name that has been read up to `after`.
    pub(super) fn longer_path<'i>(&self, input: &'i str, after: &'i str, attribute: AttributeName) -> Parsed<'i, AttributePath> {
        if !after.starts_with('.') {
            return self.qualified_path(input);
        }
        let (rest, sub_attribute) = self.sub_attribute(after)?;
        match rest.as_bytes().first() {
            Some(b'.' | b':') => self.qualified_path(input),
            _ => Ok((rest, AttributePath { schema: None, attribute, sub_attribute })),
        }
    }

    /// A path with the URI of a schema in front, or one with too many names.
    #[inline(never)]
    fn qualified_path<'i>(&self, input: &'i str) -> Parsed<'i, AttributePath> {
        let (after, token) = path_token(input);
        let (schema, names) = if token.contains(':') { self.schema(input, token)? } else { (None, input) };
        let (rest, attribute) = name(names, NAME)?;
        let (rest, sub_attribute) = self.sub_attribute(rest)?;
        if rest.len() > after.len() {
            let what = if rest.starts_with('.') { "no more than one sub-attribute" } else { NAME };
            return Err(Failure::at(rest, What::Expected(what)).fatal());
        }
        Ok((rest, AttributePath { schema, attribute, sub_attribute }))
    }

    /// `subAttr = "." ATTRNAME`, if it is there.
    #[inline]
    pub(super) fn sub_attribute<'i>(&self, input: &'i str) -> Parsed<'i, Option<AttributeName>> {
        let Some(rest) = input.strip_prefix('.') else { return Ok((input, None)) };
        name(rest, SUB_ATTRIBUTE).map(|(rest, name)| (rest, Some(name)))
    }

    /// A known schema URI that is the whole rest of the input.
    pub(super) fn whole_schema<'i>(&self, input: &'i str) -> Option<(&'i str, SchemaUri)> {
        let (rest, token) = path_token(input);
        let rest = self.optional_blanks(rest);
        let known = self.known_schema(token)?;
        (rest.is_empty() && known.as_str().len() == token.len()).then(|| (rest, known.clone()))
    }

    /// The schema in front of an attribute, and what follows the colon: the longest known one, or all before the last colon.
    fn schema<'i>(&self, input: &'i str, token: &str) -> Result<(Option<SchemaUri>, &'i str), nom::Err<Failure>> {
        if let Some(known) = self.known_schema(token) {
            let length = known.as_str().len();
            let after = input.get(length..).unwrap_or_default();
            let dotted = || after.strip_prefix('.').filter(|_| self.tolerates(Tolerance::DotAfterSchema));
            let names = after.strip_prefix(':').or_else(dotted);
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
            looked_at(length.min(token.len()));
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

/// The bytes that belong to a path: names and dots and, once there is a colon, all that a URI may hold. The rest comes first.
fn path_token(input: &str) -> (&str, &str) {
    let end = input.bytes().position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_' | b'$' | b'.'));
    let end = match end {
        Some(end) if input.as_bytes().get(end) == Some(&b':') => SchemaUri::length_in(input),
        Some(end) => end,
        None => input.len(),
    };
    looked_at(end);
    let (token, rest) = input.split_at_checked(end).unwrap_or(("", input));
    (rest, token)
}

/// The name at the start of an attribute path.
#[inline]
pub(super) fn attribute_name(input: &str) -> Parsed<'_, AttributeName> {
    name(input, NAME)
}

/// `ATTRNAME = ALPHA *(nameChar)`, with `$` among the name characters and before the name (EID 8924).
#[inline]
fn name<'i>(input: &'i str, expected: &'static str) -> Parsed<'i, AttributeName> {
    match AttributeName::split_off(input) {
        Some((name, rest)) => {
            looked_at(name.as_str().len());
            Ok((rest, name))
        }
        None => Err(no_name(input, expected)),
    }
}

#[cold]
fn no_name(input: &str, expected: &'static str) -> nom::Err<Failure> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$');
    let length = input.find(|c| !is_name(c)).unwrap_or(input.len());
    Failure::over(input, length, What::Expected(expected)).fatal()
}
