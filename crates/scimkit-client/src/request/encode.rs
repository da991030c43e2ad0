//! Percent-encoding, once (RFC 3986 section 2.1).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Selection;

/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One segment of a path, or a name or value of a query.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The part of an address after the question mark.
#[derive(Debug, Default)]
pub(super) struct Query(String);

impl Query {
    pub(super) fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.push(name, &encode(value));
        }
    }

    pub(super) fn list(&mut self, name: &str, values: &[String]) {
        if !values.is_empty() {
            self.push(name, &values.iter().map(|value| encode(value)).collect::<Vec<_>>().join(","));
        }
    }

    pub(super) fn select(&mut self, selection: &Selection) {
        match selection {
            Selection::Default => {}
            Selection::Only(names) => self.list("attributes", names),
            Selection::Except(names) => self.list("excludedAttributes", names),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn push(&mut self, name: &str, encoded: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(encoded);
    }
}
