//! What a client wants of an object.

use scimkit_types::{ComplexValue, Value};

/// Values by the path of the attribute in the target, as administrators write them into mappings: `userName`, `name.givenName`,
/// `emails[type eq "work"].value`, `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.
///
/// They keep their order. Paths are compared without case.
///
/// ```
/// use scimkit_testing::clients::Attributes;
/// let kari = Attributes::new().with("userName", "kari@example.com").with("name.givenName", "Kari").with("active", true);
/// assert_eq!(kari.get("USERNAME").and_then(|name| name.as_str()), Some("kari@example.com"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes(Vec<(String, Value)>);

impl Attributes {
    /// No values.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// These values and one more, in place of one of the same path.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, value: impl Into<Value>) -> Self {
        self.set(path, value);
        self
    }

    /// Sets the value of a path.
    pub fn set(&mut self, path: impl Into<String>, value: impl Into<Value>) {
        let (path, value) = (path.into(), value.into());
        match self.0.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(&path)) {
            Some(found) => found.1 = value,
            None => self.0.push((path, value)),
        }
    }

    /// The value of a path.
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.0.iter().find(|(other, _)| other.eq_ignore_ascii_case(path)).map(|(_, value)| value)
    }

    /// The paths that have a value, with it, in order; neither null nor an empty list is one.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().filter(|(_, value)| !value.is_unassigned()).map(|(path, value)| (path.as_str(), value))
    }

    /// Every path with its value, null too.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(path, value)| (path.as_str(), value))
    }

    /// What is different from these values in another state of the object: what a client would send. What has no value here is not.
    pub(crate) fn changes(&self, before: impl Fn(&str) -> Option<Value>) -> Self {
        let changed = self.iter().filter(|(path, value)| before(path).as_ref() != Some(*value));
        Self(changed.map(|(path, value)| (path.to_owned(), value.clone())).collect())
    }

    /// Puts the values into a resource.
    pub(crate) fn write_to(&self, resource: &mut ComplexValue) {
        for (path, value) in self.iter() {
            // A path that runs into a value of another kind has no place: the service shall find what is missing.
            let _ = TargetPath::new(path).write(resource, value);
        }
    }

    /// The URIs of the extensions that values belong to.
    pub(crate) fn extensions(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for uri in self.iter().filter_map(|(path, _)| TargetPath::new(path).schema) {
            if !found.iter().any(|other| other.eq_ignore_ascii_case(uri)) {
                found.push(uri);
            }
        }
        found
    }
}

impl<P: Into<String>, V: Into<Value>> FromIterator<(P, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (P, V)>>(values: I) -> Self {
        values.into_iter().fold(Self::new(), |attributes, (path, value)| attributes.with(path, value))
    }
}

/// The value at a path of a resource.
pub(crate) fn read<'a>(resource: &'a ComplexValue, path: &str) -> Option<&'a Value> {
    TargetPath::new(path).read(resource).filter(|value| !value.is_unassigned())
}

/// Whether a path selects elements by a filter.
pub(crate) fn is_filtered(path: &str) -> bool {
    path.contains('[')
}

/// A path in its parts.
struct TargetPath<'a> {
    schema: Option<&'a str>,
    name: &'a str,
    /// A sub-attribute and the value that the element has there.
    filter: Option<(&'a str, &'a str)>,
    sub_attribute: Option<&'a str>,
}

impl<'a> TargetPath<'a> {
    fn new(path: &'a str) -> Self {
        let (head, filtered) = path.split_once('[').map_or((path, None), |(head, rest)| (head, Some(rest)));
        let (schema, head) = head.rsplit_once(':').map_or((None, head), |(uri, name)| (Some(uri), name));
        let (name, mut sub_attribute) = head.split_once('.').map_or((head, None), |(name, sub)| (name, Some(sub)));
        let mut filter = None;
        if let Some((inside, tail)) = filtered.and_then(|rest| rest.split_once(']')) {
            filter = inside.split_once(" eq ").map(|(name, value)| (name.trim(), value.trim().trim_matches('"')));
            sub_attribute = tail.strip_prefix('.');
        }
        Self { schema, name, filter, sub_attribute }
    }

    fn read<'r>(&self, resource: &'r ComplexValue) -> Option<&'r Value> {
        let container = self.schema.map_or(Some(resource), |uri| resource.get(uri)?.as_complex())?;
        let value = container.get(self.name)?;
        let value = match self.filter {
            None => value,
            Some((name, wanted)) => value.elements().iter().find(|element| is_selected(element, name, wanted))?,
        };
        match self.sub_attribute {
            None => Some(value),
            Some(name) => value.as_complex()?.get(name),
        }
    }

    fn write(&self, resource: &mut ComplexValue, value: &Value) -> Option<()> {
        let container = match self.schema {
            None => resource,
            Some(uri) => complex(resource.entry(uri))?,
        };
        match (self.filter, self.sub_attribute) {
            (None, None) => {
                container.insert(self.name, value.clone());
            }
            (None, Some(name)) => {
                complex(container.entry(self.name))?.insert(name, value.clone());
            }
            (Some((name, wanted)), sub_attribute) => {
                let list = container.entry(self.name);
                if list.is_unassigned() {
                    *list = Value::List(Vec::new());
                }
                let Value::List(elements) = list else { return None };
                if !elements.iter().any(|element| is_selected(element, name, wanted)) {
                    elements.push(Value::Complex(new_element(self.name, name, wanted)));
                }
                let found = elements.iter_mut().find(|element| is_selected(element, name, wanted))?;
                found.as_complex_mut()?.insert(sub_attribute.unwrap_or("value"), value.clone());
            }
        }
        Some(())
    }
}

/// An element with what the filter wants. The work address among the e-mails is the primary one, as both clients send it.
fn new_element(attribute: &str, name: &str, wanted: &str) -> ComplexValue {
    let mut element = ComplexValue::default();
    if attribute.eq_ignore_ascii_case("emails") && name.eq_ignore_ascii_case("type") && wanted.eq_ignore_ascii_case("work") {
        element.insert("primary", true);
    }
    match truth(wanted) {
        Some(truth) => element.insert(name, truth),
        None => element.insert(name, wanted),
    };
    element
}

fn is_selected(element: &Value, name: &str, wanted: &str) -> bool {
    match element.as_complex().and_then(|element| element.get(name)) {
        Some(Value::String(text)) => text.eq_ignore_ascii_case(wanted),
        Some(Value::Boolean(found)) => truth(wanted) == Some(*found),
        _ => false,
    }
}

fn truth(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("false").then_some(false)
}

fn complex(value: &mut Value) -> Option<&mut ComplexValue> {
    if value.is_unassigned() {
        *value = Value::Complex(ComplexValue::default());
    }
    value.as_complex_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let paths = [
            "userName",
            "name.givenName",
            "emails[type eq \"work\"].value",
            "emails[type eq \"home\"].value",
            "roles[primary eq \"True\"].display",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        ];
        let attributes: Attributes = paths.iter().map(|path| (*path, format!("value of {path}"))).collect();
        let mut resource = ComplexValue::default();
        attributes.write_to(&mut resource);
        for path in paths {
            assert_eq!(read(&resource, path), attributes.get(path), "{path}");
        }
        let expected: Value = serde_json::from_str(
            r#"[{"primary": true, "type": "work", "value": "value of emails[type eq \"work\"].value"},
                {"type": "home", "value": "value of emails[type eq \"home\"].value"}]"#,
        )
        .unwrap();
        assert_eq!(resource.get("emails"), Some(&expected));
        assert_eq!(attributes.extensions(), ["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]);
        assert_eq!(attributes.changes(|path| read(&resource, path).cloned()), Attributes::new());
    }

    #[test]
    fn a_path_without_place_changes_nothing() {
        let mut resource: ComplexValue = [("name", Value::from("text"))].into_iter().collect();
        let before = resource.clone();
        Attributes::new().with("name.givenName", "Kari").with("name[type eq \"x\"].value", "1").write_to(&mut resource);
        assert_eq!(resource, before);
        assert_eq!(read(&resource, "name.givenName"), None);
    }
}
