//! Which resources a filter can meet at all, told from an index: a superset that is evaluated afterwards.

use std::collections::{BTreeSet, HashMap};

use scimkit_filter::{Node, Operand, ResolvedPath};
use scimkit_types::compare::attribute_key;
use scimkit_types::{Resource, Value};

/// Attributes of the base schema that clients match resources by (RFC 7644 section 3.4.2.2 and what provisioning clients send).
const MATCHED: [&str; 4] = ["username", "externalid", "displayname", "emails.value"];

/// Resources by the folded text of some attributes.
#[derive(Debug)]
pub(super) struct ValueIndex {
    /// Ids by folded text, by path in lower case.
    paths: HashMap<String, HashMap<String, BTreeSet<String>>>,
}

impl Default for ValueIndex {
    fn default() -> Self {
        Self { paths: MATCHED.iter().map(|path| ((*path).to_owned(), HashMap::new())).collect() }
    }
}

impl ValueIndex {
    /// Begins to index a path; `false` if it was indexed before, or belongs to an extension, which is not.
    pub(super) fn watch(&mut self, path: &str) -> bool {
        if path.contains(':') || self.paths.contains_key(&path.to_ascii_lowercase()) {
            return false;
        }
        self.paths.insert(path.to_ascii_lowercase(), HashMap::new());
        true
    }

    /// Enters what a resource has at one path.
    pub(super) fn enter_at(&mut self, path: &str, id: &str, document: &Resource) {
        let path = path.to_ascii_lowercase();
        if let Some(index) = self.paths.get_mut(&path) {
            for text in texts_at(document, &path) {
                index.entry(attribute_key(&path, text, false).into_owned()).or_default().insert(id.to_owned());
            }
        }
    }

    /// Enters what a resource has at every path.
    pub(super) fn enter(&mut self, id: &str, document: &Resource) {
        for (path, index) in &mut self.paths {
            for text in texts_at(document, path) {
                index.entry(attribute_key(path, text, false).into_owned()).or_default().insert(id.to_owned());
            }
        }
    }

    /// Removes what a resource has at every path.
    pub(super) fn leave(&mut self, id: &str, document: &Resource) {
        for (path, index) in &mut self.paths {
            for text in texts_at(document, path) {
                let key = attribute_key(path, text, false);
                if let Some(ids) = index.get_mut(&*key) {
                    ids.remove(id);
                    if ids.is_empty() {
                        index.remove(&*key);
                    }
                }
            }
        }
    }

    fn find(&self, path: &str, text: &str) -> Option<BTreeSet<String>> {
        let index = self.paths.get(path)?;
        Some(index.get(&*attribute_key(path, text, false)).cloned().unwrap_or_default())
    }
}

/// Every text that could count as a value of the path; elements that are text themselves stand for their `value`.
fn texts_at<'a>(document: &'a Resource, path: &str) -> Vec<&'a str> {
    let (attribute, sub_attribute) = path.split_once('.').map_or((path, None), |(attribute, sub)| (attribute, Some(sub)));
    let elements = document.get(attribute).map(Value::elements).unwrap_or_default();
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

/// The ids that can meet a filter; `None` if no index tells. `members` answers which resources have a member of that value.
pub(super) fn find(node: &Node, values: &ValueIndex, members: &dyn Fn(&str, &str) -> Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
    find_below(None, node, values, members)
}

fn find_below(
    parent: Option<&ResolvedPath>,
    node: &Node,
    values: &ValueIndex,
    members: &dyn Fn(&str, &str) -> Option<BTreeSet<String>>,
) -> Option<BTreeSet<String>> {
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
            if path.extension.is_some() || parent.is_some_and(|parent| parent.extension.is_some()) {
                return None;
            }
            let name = attribute.as_str().to_ascii_lowercase();
            match sub_attribute {
                None if name == "id" => Some(BTreeSet::from([text.clone()])),
                None => values.find(&name, text),
                Some(sub) => {
                    let is_value = *sub == *"value";
                    values
                        .find(&format!("{name}.{}", sub.as_str().to_ascii_lowercase()), text)
                        .or_else(|| if is_value { members(&name, text) } else { None })
                }
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
