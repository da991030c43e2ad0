//! Reading references in chunks: those that are marked, or all that the source has beside all that were written.

use std::collections::VecDeque;

use scimkit_store::Table;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::error::Result;
use crate::judged::{Item, ReferenceList};
use crate::reference_rows::{Other, Written, written_key};
use crate::run::Run;
use crate::state::{CHUNK, Walk, part_text, reference_key, reference_prefix, references_prefix};

/// The rows of a prefix, one by one, without the prefix.
#[derive(Debug)]
struct Rows<'a, T> {
    walk: Walk<'a, T>,
    prefix: String,
    held: VecDeque<(String, T)>,
    is_done: bool,
}

impl<'a, T: DeserializeOwned> Rows<'a, T> {
    fn new(run: &'a Run<'_>, table: Table, prefix: String) -> Self {
        Self { walk: run.state.walk(table, prefix.as_str()), prefix, held: VecDeque::new(), is_done: false }
    }

    /// The key of the next row.
    async fn front(&mut self) -> Result<Option<&str>> {
        if self.held.is_empty() && !self.is_done {
            match self.walk.next().await? {
                Some(rows) => self.held.extend(rows),
                None => self.is_done = true,
            }
        }
        Ok(self.held.front().map(|(key, _)| key.strip_prefix(&self.prefix).unwrap_or(key)))
    }
}

/// All references of an object at one path, in order: those of the source merged with those that were written.
#[derive(Debug)]
pub(crate) struct All<'a> {
    told: Rows<'a, IgnoredAny>,
    written: Rows<'a, Written>,
}

impl<'a> All<'a> {
    pub(crate) fn new(run: &'a Run<'_>, (object_type, id): (&str, &str), list: &ReferenceList) -> Self {
        let told = Rows::new(run, Table::Reference, reference_prefix(object_type, id, &list.attribute));
        let written = Rows::new(run, Table::Written, reference_prefix(object_type, id, &list.desired.target));
        Self { told, written }
    }

    /// The next references; none after the last ones.
    pub(crate) async fn next(&mut self) -> Result<Vec<Item>> {
        let mut items = Vec::with_capacity(CHUNK);
        while items.len() < CHUNK {
            // As they sort among those that were written.
            let told = self.told.front().await?.map(|part| format!("s{part}"));
            let written = self.written.front().await?;
            let (is_told, is_written) = match (told.as_deref(), written) {
                (None, None) => break,
                (Some(told), Some(written)) => (told <= written, written <= told),
                (told, written) => (told.is_some(), written.is_some()),
            };
            let key = if is_told { told } else { written.map(str::to_owned) };
            if is_told {
                self.told.held.pop_front();
            }
            let row = if is_written { self.written.held.pop_front().map(|(_, row)| row) } else { None };
            if let Some(other) = key.as_deref().and_then(Other::of_key) {
                items.push(Item { other, is_told, row });
            }
        }
        Ok(items)
    }
}

/// The references of an object that are marked.
#[derive(Debug)]
pub(crate) struct Marked<'a> {
    marks: Rows<'a, IgnoredAny>,
}

impl<'a> Marked<'a> {
    pub(crate) fn new(run: &'a Run<'_>, (object_type, id): (&str, &str)) -> Self {
        Self { marks: Rows::new(run, Table::Touched, references_prefix(object_type, id)) }
    }

    /// The next marks; none after the last ones.
    pub(crate) async fn next(&mut self) -> Result<Vec<Other>> {
        let mut others = Vec::with_capacity(CHUNK);
        while others.len() < CHUNK {
            let Some(key) = self.marks.front().await? else { break };
            let other = Other::of_key(key);
            self.marks.held.pop_front();
            others.extend(other);
        }
        Ok(others)
    }
}

/// What the source and the target have of some references at one path.
pub(crate) async fn items(run: &Run<'_>, object: (&str, &str), list: &ReferenceList, others: &[Other]) -> Result<Vec<Item>> {
    let (object_type, id) = object;
    // A resource is none of the source's ids, and an id is never empty.
    let source = |other: &Other| match other {
        Other::Source(id) => id.clone(),
        Other::Target(_) => String::new(),
    };
    let keys: Vec<String> = others.iter().map(|other| reference_key(object_type, id, &list.attribute, &source(other))).collect();
    let told = run.state.get_many::<IgnoredAny>(Table::Reference, &keys).await?;
    let keys: Vec<String> = others.iter().map(|other| written_key(object_type, id, &list.desired.target, other)).collect();
    let rows = run.state.get_many::<Written>(Table::Written, &keys).await?;
    let parts = others.iter().cloned().zip(told).zip(rows);
    Ok(parts.map(|((other, told), row)| Item { other, is_told: told.is_some(), row }).collect())
}

/// Whether something was written at a path.
pub(crate) async fn is_filled(run: &Run<'_>, (object_type, id): (&str, &str), path: &str) -> Result<bool> {
    let mut walk = run.state.walk::<Written>(Table::Written, reference_prefix(object_type, id, path));
    while let Some(rows) = walk.next().await? {
        if rows.iter().any(|(_, row)| row.is_written()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The ids of the objects that the source says an object refers to, in chunks.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    walk: Walk<'a, IgnoredAny>,
}

impl<'a> Told<'a> {
    pub(crate) fn new(run: &'a Run<'_>, (object_type, id): (&str, &str), attribute: &str) -> Self {
        Self { walk: run.state.walk(Table::Reference, reference_prefix(object_type, id, attribute)) }
    }

    /// The next ids; `None` after the last ones.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<String>>> {
        let parts = self.walk.next_ids().await?;
        Ok(parts.map(|parts| parts.iter().map(|part| part_text(part).into_owned()).collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::key_part;

    proptest! {
        /// The merge of the two tables goes by the order of their keys.
        #[test]
        fn source_objects_sort_alike_in_both_tables(left in any::<String>(), right in any::<String>()) {
            let (told_left, told_right) = (key_part(&left), key_part(&right));
            let (written_left, written_right) = (Other::Source(left.clone()).key(), Other::Source(right.clone()).key());
            prop_assert_eq!(told_left.cmp(&told_right), written_left.cmp(&written_right));
            prop_assert_eq!(Other::of_key(&written_left), Some(Other::Source(left.clone())));
            let resource = Other::Target(left);
            prop_assert_eq!(Other::of_key(&resource.key()), Some(resource.clone()));
            prop_assert!(resource.key() > written_right);
        }
    }
}
