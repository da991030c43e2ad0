//! JSON documents with everything that their text says: order, spelling, and where each value stands.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::fault::Fault;

/// The text that a document was read from. It is no part of the document's meaning, so that all are equal.
#[derive(Clone, Default)]
pub(crate) struct Origin(Option<Arc<str>>);

impl Origin {
    pub(crate) fn new(text: &str) -> Self {
        Self(Some(Arc::from(text)))
    }

    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Origin(text)" } else { "Origin" })
    }
}

/// A JSON value whose scalars stand as they were written, and whose members in their order.
///
/// Documents have been read by `serde_json` before, so that they are no deeper than it allows.
#[derive(Clone, Debug)]
enum Tree {
    Scalar(String),
    List(Vec<Self>),
    /// The names stand as JSON text.
    Object(Vec<(String, Self)>),
}

/// The text of a document that was read from `origin`, gave `before` then, and has become `after`.
///
/// Where both are the same, the text stays as it is, with members that have no meaning here, and without such that only have defaults.
pub(crate) fn rewrite(origin: &str, before: &Value, after: &Value) -> Option<String> {
    if before == after {
        return Some(origin.to_owned());
    }
    let mut text = String::new();
    Tree::read(origin)?.merged(before, after).write(0, &mut text);
    Some(text)
}

impl Tree {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        Some(match text.as_bytes().first()? {
            b'{' => {
                let members = members(text)?.into_iter();
                let members = members.map(|(name, value)| Some((Value::from(name).to_string(), Self::read(value.get())?)));
                Self::Object(members.collect::<Option<_>>()?)
            }
            b'[' => {
                let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                Self::List(elements.into_iter().map(|element| Self::read(element.get())).collect::<Option<_>>()?)
            }
            _ => Self::Scalar(text.to_owned()),
        })
    }

    fn from_value(value: &Value) -> Self {
        match value {
            Value::Object(members) => Self::Object(
                members.iter().map(|(name, value)| (Value::from(name.as_str()).to_string(), Self::from_value(value))).collect(),
            ),
            Value::Array(elements) => Self::List(elements.iter().map(Self::from_value).collect()),
            scalar => Self::Scalar(scalar.to_string()),
        }
    }

    fn merged(&self, before: &Value, after: &Value) -> Self {
        match (self, before, after) {
            _ if before == after => self.clone(),
            (Self::Object(members), Value::Object(before), Value::Object(after)) => {
                let plain = |name: &str| serde_json::from_str::<String>(name).unwrap_or_default();
                let mut merged = Vec::new();
                for (name, tree) in members {
                    let key = plain(name);
                    match (before.get(&key), after.get(&key)) {
                        (Some(before), Some(after)) => merged.push((name.clone(), tree.merged(before, after))),
                        (None, Some(after)) => merged.push((name.clone(), Self::from_value(after))),
                        (None, None) => merged.push((name.clone(), tree.clone())),
                        (Some(_), None) => {}
                    }
                }
                let is_new = |name: &str| members.iter().all(|(known, _)| plain(known) != name);
                for (name, value) in after.iter().filter(|(name, value)| is_new(name) && before.get(*name) != Some(value)) {
                    merged.push((Value::from(name.as_str()).to_string(), Self::from_value(value)));
                }
                Self::Object(merged)
            }
            (Self::List(trees), Value::Array(before), Value::Array(after)) if trees.len() == before.len() => {
                let same_place = before.len() == after.len();
                let element = |(index, value): (usize, &Value)| {
                    let place = if before.get(index) == Some(value) { Some(index) } else { before.iter().position(|known| known == value) };
                    match (place.and_then(|place| trees.get(place)), trees.get(index), before.get(index)) {
                        (Some(tree), _, _) => tree.clone(),
                        (None, Some(tree), Some(before)) if same_place => tree.merged(before, value),
                        _ => Self::from_value(value),
                    }
                };
                Self::List(after.iter().enumerate().map(element).collect())
            }
            _ => Self::from_value(after),
        }
    }

    /// Writes the value as `serde_json` would, indented by two blanks.
    fn write(&self, depth: usize, text: &mut String) {
        let line = |text: &mut String, depth: usize| {
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", depth));
        };
        match self {
            Self::Scalar(scalar) => text.push_str(scalar),
            Self::List(elements) if elements.is_empty() => text.push_str("[]"),
            Self::Object(members) if members.is_empty() => text.push_str("{}"),
            Self::List(elements) => {
                text.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    line(text, depth + 1);
                    element.write(depth + 1, text);
                }
                line(text, depth);
                text.push(']');
            }
            Self::Object(members) => {
                text.push('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    line(text, depth + 1);
                    // Writing to a string cannot fail.
                    let _ = write!(text, "{name}: ");
                    value.write(depth + 1, text);
                }
                line(text, depth);
                text.push('}');
            }
        }
    }
}

/// The members of an object in their order.
fn members(text: &str) -> Option<Vec<(String, &RawValue)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    serde_json::Deserializer::from_str(text).deserialize_map(Members).ok()
}

/// One step of a path such as `rules[0].name`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Name(&'a str),
    Index(usize),
}

/// The steps of a path.
pub(crate) fn parts(path: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for piece in path.split('.').filter(|piece| !piece.is_empty()) {
        let (name, mut rest) = piece.split_once('[').map_or((piece, ""), |(name, rest)| (name, rest));
        if !name.is_empty() {
            parts.push(Part::Name(name));
        }
        while let Some((index, more)) = rest.split_once(']') {
            parts.extend(index.parse().map(Part::Index).ok());
            rest = more.strip_prefix('[').unwrap_or_default();
        }
    }
    parts
}

/// Gives each fault the line of the value at its path, or of the nearest one around it that is there.
pub(crate) fn set_lines(text: &str, faults: &mut [Fault]) {
    let mut places = Places { text, lines: Lines::new(text), known: HashMap::new() };
    faults.iter_mut().for_each(|fault| fault.line = Some(places.line(&fault.path)));
}

/// Where the values of a document stand; every list and object is read once, however many values are asked for.
#[derive(Debug)]
struct Places<'t> {
    text: &'t str,
    lines: Lines,
    /// The parts of what stands at a path.
    known: HashMap<String, Children<'t>>,
}

#[derive(Debug)]
enum Children<'t> {
    Object(HashMap<String, &'t str>),
    List(Vec<&'t str>),
    None,
}

impl<'t> Children<'t> {
    fn of(text: &'t str) -> Self {
        if let Some(members) = members(text) {
            return Self::Object(members.into_iter().map(|(name, value)| (name, value.get())).collect());
        }
        match serde_json::from_str::<Vec<&RawValue>>(text) {
            Ok(elements) => Self::List(elements.into_iter().map(RawValue::get).collect()),
            Err(_) => Self::None,
        }
    }

    fn get(&self, part: Part<'_>) -> Option<&'t str> {
        match (self, part) {
            (Self::Object(members), Part::Name(name)) => members.get(name).copied(),
            (Self::List(elements), Part::Index(index)) => elements.get(index).copied(),
            _ => None,
        }
    }
}

impl Places<'_> {
    fn line(&mut self, path: &str) -> usize {
        let mut current = self.text.trim_start();
        let mut known = String::new();
        for part in parts(path) {
            let children = self.known.entry(known.clone()).or_insert_with(|| Children::of(current));
            let Some(next) = children.get(part) else { break };
            current = next;
            match part {
                Part::Name(name) => known.extend([".", name]),
                Part::Index(index) => known.extend(["[", &index.to_string(), "]"]),
            }
        }
        self.lines.at(current.as_ptr().addr().saturating_sub(self.text.as_ptr().addr()))
    }
}

/// Where the lines of a text end.
#[derive(Debug)]
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    /// The line of a byte, from 1.
    pub(crate) fn at(&self, at: usize) -> usize {
        1 + self.0.partition_point(|end| *end < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n  \"a\": [1.0, {\"b\": null,\n    \"c\": 1e2}],\n  \"d\": \"\\u00e5\"}\n";

    #[test]
    fn values_are_found_by_path() {
        let paths = ["", "a", "a[1]", "a[1].c", "a[1].none", "d", "a[7]", "a[1].c"];
        let mut faults = paths.map(|path| Fault { path: path.to_owned(), ..Fault::new("", "") });
        set_lines(TEXT, &mut faults);
        assert_eq!(faults.map(|fault| fault.line.unwrap()), [1, 2, 2, 3, 2, 4, 2, 3]);
    }

    #[test]
    fn only_what_changed_is_written_anew() {
        let before: Value = serde_json::from_str(TEXT).unwrap();
        let rewritten = |change: &dyn Fn(&mut Value)| {
            let mut after = before.clone();
            change(&mut after);
            rewrite(TEXT, &before, &after).unwrap()
        };
        assert_eq!(rewritten(&|_| {}), TEXT);
        let text = rewritten(&|value| value["a"][1]["b"] = 7.into());
        assert_eq!(text, "{\n  \"a\": [\n    1.0,\n    {\n      \"b\": 7,\n      \"c\": 1e2\n    }\n  ],\n  \"d\": \"\\u00e5\"\n}");
        let text = rewritten(&|value| value["a"].as_array_mut().unwrap().insert(0, Value::Null));
        assert!(text.contains("null,\n    1.0,") && text.contains("1e2"), "{text}");
        let text = rewritten(&|value| {
            value.as_object_mut().unwrap().remove("a");
        });
        assert_eq!(text, "{\n  \"d\": \"\\u00e5\"\n}");
    }
}
