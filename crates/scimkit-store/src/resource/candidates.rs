//! Which resources a filter can meet at all, told from an index: a superset that is evaluated afterwards.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use scimkit_filter::{Node, Operand, ResolvedPath};
use scimkit_types::compare::attribute_key;
use scimkit_types::{Resource, Value};

/// Attributes of the base schema that clients match resources by (RFC 7644 section 3.4.2.2 and what provisioning clients send).
const MATCHED: [&str; 4] = ["username", "externalid", "displayname", "emails.value"];

/// Ids by the hash of something: a superset, since two things may have one hash.
#[derive(Debug, Default)]
pub(super) struct HashIndex {
    ids: BTreeSet<(u64, Arc<str>)>,
    hasher: RandomState,
}

impl HashIndex {
    pub(super) fn insert(&mut self, key: &impl Hash, id: &Arc<str>) {
        self.ids.insert((self.hasher.hash_one(key), Arc::clone(id)));
    }

    pub(super) fn remove(&mut self, key: &impl Hash, id: &Arc<str>) {
        self.ids.remove(&(self.hasher.hash_one(key), Arc::clone(id)));
    }

    pub(super) fn ids(&self, key: &impl Hash) -> impl Iterator<Item = &Arc<str>> {
        let hash = self.hasher.hash_one(key);
        self.ids.range((hash, Arc::from(""))..).take_while(move |(other, _)| *other == hash).map(|(_, id)| id)
    }
}

/// Resources by the folded text of some attributes.
#[derive(Debug)]
pub(super) struct ValueIndex {
    /// The paths in lower case; those of an extension begin with its URI and a colon.
    paths: HashSet<String>,
    index: HashIndex,
}

impl ValueIndex {
    /// An index of the attributes that clients match by, and of these.
    pub(super) fn new(paths: &[String]) -> Self {
        let paths = paths.iter().map(|path| path.to_ascii_lowercase());
        Self { paths: MATCHED.iter().map(|path| (*path).to_owned()).chain(paths).collect(), index: HashIndex::default() }
    }

    /// Whether a path is indexed.
    pub(super) fn has(&self, path: &str) -> bool {
        self.paths.contains(&path.to_ascii_lowercase())
    }

    /// Begins to index a path.
    pub(super) fn watch(&mut self, path: &str) {
        self.paths.insert(path.to_ascii_lowercase());
    }

    /// Enters what a resource has at one path.
    pub(super) fn enter_at(&mut self, path: &str, id: &Arc<str>, document: &Resource) {
        let path = path.to_ascii_lowercase();
        for text in texts_at(document, &path) {
            self.index.insert(&(path.as_str(), &*attribute_key(&path, text, false)), id);
        }
    }

    /// Enters what a resource has at every path.
    pub(super) fn enter(&mut self, id: &Arc<str>, document: &Resource) {
        for path in &self.paths {
            for text in texts_at(document, path) {
                self.index.insert(&(path.as_str(), &*attribute_key(path, text, false)), id);
            }
        }
    }

    /// Removes what a resource has at every path.
    pub(super) fn leave(&mut self, id: &Arc<str>, document: &Resource) {
        for path in &self.paths {
            for text in texts_at(document, path) {
                self.index.remove(&(path.as_str(), &*attribute_key(path, text, false)), id);
            }
        }
    }

    fn find(&self, path: &str, text: &str) -> Option<BTreeSet<Arc<str>>> {
        let key = attribute_key(path, text, false);
        self.paths.contains(path).then(|| self.index.ids(&(path, &*key)).map(Arc::clone).collect())
    }
}

/// Every text that could count as a value of the path; elements that are text themselves stand for their `value`.
fn texts_at<'a>(document: &'a Resource, path: &str) -> Vec<&'a str> {
    let (extension, path) = path.rsplit_once(':').map_or((None, path), |(uri, path)| (Some(uri), path));
    let (attribute, sub_attribute) = path.split_once('.').map_or((path, None), |(attribute, sub)| (attribute, Some(sub)));
    let value = match extension {
        Some(uri) => document.extension(uri).and_then(|members| members.get(attribute)),
        None => document.get(attribute),
    };
    let elements = value.map(Value::elements).unwrap_or_default();
    let mut texts = Vec::new();
    for element in elements {
        match (element, sub_attribute) {
            (Value::String(text), _) => texts.push(text.as_str()),
            (Value::Complex(element), Some(name)) => {
                texts.extend(element.get(name).map(Value::elements).unwrap_or_default().iter().filter_map(Value::as_str));
            }
            _ => {}
        }
    }
    texts
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

/// Whether a filter names a top-level attribute of the base schema.
pub(super) fn names(node: &Node, attribute: &str) -> bool {
    match node {
        Node::And(parts) | Node::Or(parts) => parts.iter().any(|part| names(part, attribute)),
        Node::Not(part) => names(part, attribute),
        Node::Present(path) | Node::Compare { path, .. } | Node::Element { path, .. } => {
            path.extension.is_none() && path.attribute == *attribute
        }
        Node::Constant(_) => false,
    }
}
