//! The members of a table of a job file, each with what is wrong with it.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use scimkit_mapping::Fault;
use serde_json::{Map, Value};

/// A table of the file. What does not fit is noted and taken as absent, so that all faults are found.
#[derive(Debug)]
pub(super) struct Members<'a> {
    path: String,
    members: Option<&'a Map<String, Value>>,
    pub faults: Vec<Fault>,
}

impl<'a> Members<'a> {
    /// The whole file.
    pub(super) fn of(document: &'a Value) -> Self {
        Self::at(String::new(), Some(document))
    }

    fn at(path: String, value: Option<&'a Value>) -> Self {
        let mut members = Self { path, members: value.and_then(Value::as_object), faults: Vec::new() };
        if let (Some(value), None) = (value, members.members) {
            let found = name_of(value);
            let path = members.path.clone();
            members.faults.push(fault(path, format!("expected a table, found {found}")));
        }
        members
    }

    /// A table in this one, empty if there is none.
    pub(super) fn table(&self, name: &str) -> Self {
        Self::at(self.path_of(name), self.get(name))
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.members.and_then(|members| members.get(name))
    }

    /// All members but these.
    pub(super) fn others(&self, known: &[&str]) -> Map<String, Value> {
        let members = self.members.into_iter().flatten().filter(|(name, _)| !known.contains(&name.as_str()));
        members.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// Notes every member that has another name than these.
    pub(super) fn refuse_others(&mut self, known: &[&str]) {
        for name in self.others(known).keys() {
            self.note(name, format!("there is no such member; expected one of `{}`", known.join("`, `")));
        }
    }

    pub(super) fn note(&mut self, name: &str, message: impl Into<String>) {
        let path = self.path_of(name);
        self.faults.push(fault(path, message));
    }

    fn expected<T>(&mut self, name: &str, what: &str, value: &Value) -> Option<T> {
        self.note(name, format!("expected {what}, found {}", name_of(value)));
        None
    }

    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        let value = self.get(name)?;
        value.as_str().filter(|text| !text.is_empty()).or_else(|| self.expected(name, "text", value))
    }

    pub(super) fn required_text(&mut self, name: &str) -> Option<&'a str> {
        if self.get(name).is_none() {
            self.note(name, "is required");
        }
        self.text(name)
    }

    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        value.as_bool().or_else(|| self.expected(name, "true or false", value))
    }

    /// A whole number of at least `least`.
    pub(super) fn number(&mut self, name: &str, least: u64) -> Option<u64> {
        let value = self.get(name)?;
        let what = format!("a whole number of at least {least}");
        value.as_u64().filter(|number| *number >= least).or_else(|| self.expected(name, &what, value))
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let value = self.get(name)?;
        let found = value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
        match found {
            Some((_, choice)) => Some(*choice),
            None => self.expected(name, &one_of(words), value),
        }
    }

    /// Some of some words.
    pub(super) fn choices<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<Vec<T>> {
        let texts = self.texts(name)?;
        let mut choices = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            match words.iter().find(|(word, _)| word == text) {
                Some((_, choice)) => choices.push(*choice),
                None => self.note(&format!("{name}[{index}]"), format!("expected {}, found `{text}`", one_of(words))),
            }
        }
        Some(choices)
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<&'a str>> {
        let value = self.get(name)?;
        let Some(elements) = value.as_array() else { return self.expected(name, "a list of texts", value) };
        let mut texts = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            match element.as_str().filter(|text| !text.is_empty()) {
                Some(text) => texts.push(text),
                None => self.note(&format!("{name}[{index}]"), format!("expected text, found {}", name_of(element))),
            }
        }
        Some(texts)
    }

    /// A length of time that is not zero.
    pub(super) fn duration(&mut self, name: &str) -> Option<Duration> {
        let value = self.get(name)?;
        let parsed = value.as_str().and_then(|text| text.parse::<Span>().ok());
        let parsed = parsed.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        let duration = parsed.and_then(|duration| Duration::try_from(duration).ok()).filter(|duration| !duration.is_zero());
        duration.or_else(|| self.expected(name, "a length of time such as `PT40M` or `40 minutes`", value))
    }
}

pub(super) fn fault(path: String, message: impl Into<String>) -> Fault {
    let place = if path.is_empty() { "job file".to_owned() } else { format!("`{path}`") };
    Fault::at_path(path, place, message)
}

fn one_of<T>(words: &[(&str, T)]) -> String {
    let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    format!("one of `{}`", words.join("`, `"))
}

/// What a value is, with its text if it is short.
fn name_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) if text.len() <= 80 => format!("`{}`", text.escape_debug()),
        Value::String(_) => "a long text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a table".to_owned(),
    }
}
