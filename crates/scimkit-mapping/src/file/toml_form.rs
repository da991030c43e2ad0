//! TOML, and where in its text a value stands.

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::Fault;
use crate::schema::document::{self, Lines, Part};
use crate::schema::{FormatError, check_size};

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, FormatError> {
    check_size(text)?;
    let fault = |path: String, error: &toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        let line_start = text.get(..at).and_then(|head| head.rfind('\n')).map_or(0, |end| end + 1);
        let column = text.get(line_start..at).map_or(1, |head| head.chars().count() + 1);
        FormatError { path, line: Lines::new(text).at(at), column, message: error.message().replace('\n', ", ") }
    };
    let deserializer = toml::Deserializer::parse(text).map_err(|error| fault(".".to_owned(), &error))?;
    serde_path_to_error::deserialize(deserializer).map_err(|error| fault(error.path().to_string(), error.inner()))
}

/// Gives each fault the line of the value at its path, or of the nearest one around it that is there.
pub(crate) fn set_lines(text: &str, faults: &mut [Fault]) {
    let document = DeTable::parse(text);
    let lines = Lines::new(text);
    for fault in faults {
        fault.line = Some(document.as_ref().map_or(1, |document| lines.at(locate(document, &fault.path))));
    }
}

/// The byte at which the value at a path begins, or the nearest one around it that is there.
fn locate(document: &Spanned<DeTable<'_>>, path: &str) -> usize {
    let mut found = document.span().start;
    let mut parts = document::parts(path).into_iter();
    let mut current: Option<&Spanned<DeValue<'_>>> = match parts.next() {
        Some(Part::Name(name)) => document.get_ref().get(name),
        _ => None,
    };
    while let Some(value) = current {
        found = value.span().start;
        current = parts.next().and_then(|part| match (part, value.get_ref()) {
            (Part::Name(name), DeValue::Table(table)) => table.get(name),
            (Part::Index(index), DeValue::Array(values)) => values.get(index),
            _ => None,
        });
    }
    found
}
