//! Which resources a filter can meet at all, told from an index: a superset that is evaluated afterwards.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use scimkit_filter::{Node, Operand, ResolvedPath};
use scimkit_types::compare::attribute_key;
use scimkit_types::{Resource, Value};

use super::packed::Packed;

/// Attributes of the base schema that clients match resources by (RFC 7644 section 3.4.2.2 and what provisioning clients send).
const MATCHED: [&str; 4] = ["username", "externalid", "displayname", "emails.value"];

/// Ids by the hash of something: a superset, since two things may have one hash.
#[derive(Debug, Default)]
pub(super) struct HashIndex {
    ids: BTreeSet<(u64, Arc<str>)>,
    hasher: RandomState,
    /// The first of all ids.
    first: Arc<str>,
}

impl HashIndex {
    pub(super) fn insert(&mut self, key: impl Hash, id: &Arc<str>) {
        self.ids.insert((self.hasher.hash_one(key), Arc::clone(id)));
    }

    pub(super) fn remove(&mut self, key: impl Hash, id: &Arc<str>) {
        self.ids.remove(&(self.hasher.hash_one(key), Arc::clone(id)));
    }

    pub(super) fn ids(&self, key: impl Hash) -> impl Iterator<Item = &Arc<str>> {
        self.of(self.hasher.hash_one(key))
    }

    fn of(&self, hash: u64) -> impl Iterator<Item = &Arc<str>> {
        self.ids.range((hash, Arc::clone(&self.first))..).take_while(move |(other, _)| *other == hash).map(|(_, id)| id)
    }
}

/// Resources by the folded text of some attributes.
#[derive(Debug)]
pub(super) struct ValueIndex {
    paths: Vec<Path>,
    index: HashIndex,
}

/// A path that is indexed; all parts are in lower case.
#[derive(Debug)]
struct Path {
    /// As a whole; that of an extension begins with its URI and a colon.
    name: String,
    extension: Option<String>,
    attribute: String,
    sub_attribute: Option<String>,
}

impl Path {
    fn new(path: &str) -> Self {
        let name = path.to_ascii_lowercase();
        let (extension, rest) = name.rsplit_once(':').map_or((None, name.as_str()), |(uri, rest)| (Some(uri.to_owned()), rest));
        let (attribute, sub_attribute) = rest.split_once('.').map_or((rest, None), |(attribute, sub)| (attribute, Some(sub.to_owned())));
        Self { extension, attribute: attribute.to_owned(), sub_attribute, name: name.clone() }
    }

    /// Whether the path leads into the top-level attribute or extension of this name.
    fn begins_with(&self, name: &str) -> bool {
        self.extension.as_deref().unwrap_or(&self.attribute).eq_ignore_ascii_case(name)
    }

    /// Every text that could count as a value of the path; elements that are text themselves stand for their `value`.
    fn texts<'a>(&'a self, document: &'a Resource) -> impl Iterator<Item = &'a str> {
        let value = match &self.extension {
            Some(uri) => document.extension(uri).and_then(|members| members.get(&self.attribute)),
            None => document.get(&self.attribute),
        };
        value.map(Value::elements).unwrap_or_default().iter().flat_map(|element| {
            let found = match (element, &self.sub_attribute) {
                (Value::Complex(element), Some(name)) => element.get(name),
                (Value::Complex(_), None) => None,
                (text, _) => Some(text),
            };
            found.map(Value::elements).unwrap_or_default().iter().filter_map(Value::as_str)
        })
    }
}

impl ValueIndex {
    /// An index of the attributes that clients match by, and of these.
    pub(super) fn new(paths: &[String]) -> Self {
        let mut new = Self { paths: Vec::new(), index: HashIndex::default() };
        for path in MATCHED.into_iter().chain(paths.iter().map(String::as_str)) {
            new.watch(path);
        }
        new
    }

    /// Whether a path is indexed.
    pub(super) fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|known| known.name.eq_ignore_ascii_case(path))
    }

    /// Begins to index a path.
    pub(super) fn watch(&mut self, path: &str) {
        if !self.has(path) {
            self.paths.push(Path::new(path));
        }
    }

    fn hash(&self, path: &str, text: &str) -> u64 {
        self.index.hasher.hash_one((path, &*attribute_key(path, text, false)))
    }

    /// The hashes of what a resource has at every path.
    fn hashes(&self, document: &Resource) -> BTreeSet<u64> {
        self.hashes_at(&self.paths.iter().collect::<Vec<_>>(), document)
    }

    /// Enters what a resource has at one path.
    pub(super) fn enter_at(&mut self, path: &str, id: &Arc<str>, document: &Resource) {
        let known = self.paths.iter().filter(|known| known.name.eq_ignore_ascii_case(path));
        let hashes: Vec<u64> = known.flat_map(|known| known.texts(document).map(|text| self.hash(&known.name, text))).collect();
        self.index.ids.extend(hashes.into_iter().map(|hash| (hash, Arc::clone(id))));
    }

    /// Enters what a resource has at every path.
    pub(super) fn enter(&mut self, id: &Arc<str>, document: &Resource) {
        self.exchange(id, &BTreeSet::new(), &self.hashes(document));
    }

    /// Removes what a resource has at every path.
    pub(super) fn leave(&mut self, id: &Arc<str>, document: &Resource) {
        self.exchange(id, &self.hashes(document), &BTreeSet::new());
    }

    /// Brings the index from what a resource had to what it has, which is packed and not; what did not change is only compared.
    pub(super) fn reenter(&mut self, id: &Arc<str>, old: &Packed, new: (&Packed, &Resource)) {
        let names = old.differing(new.0);
        let changed: Vec<&Path> = self.paths.iter().filter(|path| names.iter().any(|name| path.begins_with(name))).collect();
        if changed.is_empty() {
            return;
        }
        let old = old.unpack_some(|name| names.contains(&name));
        let (left, entered) = (self.hashes_at(&changed, &old), self.hashes_at(&changed, new.1));
        self.exchange(id, &left, &entered);
    }

    /// The hashes of what a resource has at some paths.
    fn hashes_at(&self, paths: &[&Path], document: &Resource) -> BTreeSet<u64> {
        paths.iter().flat_map(|path| path.texts(document).map(|text| self.hash(&path.name, text))).collect()
    }

    /// Enters and removes what differs between the hashes that a resource had and those that it has.
    fn exchange(&mut self, id: &Arc<str>, left: &BTreeSet<u64>, entered: &BTreeSet<u64>) {
        for hash in left.difference(entered) {
            self.index.ids.remove(&(*hash, Arc::clone(id)));
        }
        self.index.ids.extend(entered.difference(left).map(|hash| (*hash, Arc::clone(id))));
    }

    fn find(&self, path: &str, text: &str) -> Option<BTreeSet<Arc<str>>> {
        let hash = self.has(path).then(|| self.hash(path, text))?;
        Some(self.index.of(hash).map(Arc::clone).collect())
    }
}

/// Which resources have a member of a value in an attribute; `None` if its elements are not kept apart.
type Members<'a> = &'a dyn Fn(&str, &str) -> Option<BTreeSet<Arc<str>>>;

/// The ids that can meet a filter; `None` if no index tells. `members` answers which resources have a member of that value.
pub(super) fn find(node: &Node, values: &ValueIndex, members: Members<'_>) -> Option<BTreeSet<Arc<str>>> {
    find_below(None, node, values, members)
}

fn find_below(parent: Option<&ResolvedPath>, node: &Node, values: &ValueIndex, members: Members<'_>) -> Option<BTreeSet<Arc<str>>> {
    match node {
        Node::And(parts) => parts.iter().filter_map(|part| find_below(parent, part, values, members)).min_by_key(BTreeSet::len),
        Node::Or(parts) => {
            let found: Option<Vec<_>> = parts.iter().map(|part| find_below(parent, part, values, members)).collect();
            found.map(|found| found.into_iter().flatten().collect())
        }
        Node::Compare { path, operator: scimkit_filter::CompareOperator::Equal, operand: Operand::Text { text, .. } } => {
            let (attribute, sub_attribute) = match parent {
                Some(parent) => (&parent.attribute, Some(&path.attribute)),
                None => (&path.attribute, path.sub_attribute.as_ref()),
            };
            let extension = parent.map_or(path.extension.as_ref(), |parent| parent.extension.as_ref());
            let name = attribute.as_str().to_ascii_lowercase();
            let name = match extension {
                Some(uri) => format!("{}:{name}", uri.as_str().to_ascii_lowercase()),
                None => name,
            };
            // The elements of an attribute that is kept apart are in no document.
            let apart = members(&name, text);
            match sub_attribute {
                None if name == "id" => Some(BTreeSet::from([Arc::from(text.as_str())])),
                Some(sub) if apart.is_some() && *sub == *"value" => apart,
                _ if apart.is_some() => None,
                None => values.find(&name, text),
                Some(sub) => values.find(&format!("{name}.{}", sub.as_str().to_ascii_lowercase()), text),
            }
        }
        Node::Element { path, filter } => find_below(Some(path), filter, values, members),
        Node::Constant(false) => Some(BTreeSet::new()),
        Node::Constant(true) | Node::Not(_) | Node::Present(_) | Node::Compare { .. } => None,
    }
}

/// The top-level attribute or extension that a path leads into.
pub(super) fn name(path: &ResolvedPath) -> &str {
    path.extension.as_ref().map_or(path.attribute.as_str(), |uri| uri.as_str())
}

/// Adds the top-level attributes and extensions that a filter asks for, each once.
pub(super) fn names<'a>(node: &'a Node, into: &mut Vec<&'a str>) {
    match node {
        Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| names(part, into)),
        Node::Not(part) => names(part, into),
        Node::Present(path) | Node::Compare { path, .. } | Node::Element { path, .. } => {
            if !into.contains(&name(path)) {
                into.push(name(path));
            }
        }
        Node::Constant(_) => {}
    }
}
