//! References to resources that the same request creates: `bulkId:` and the id of the create (RFC 7644 section 3.7.2).

use std::collections::HashSet;

use scimkit_types::{Attribute, AttributeType, Catalog, ComplexValue, ErrorResponse, ResourceType, ScimType, Value};

const PREFIX: &str = "bulkId:";

/// The bulk id that a text such as `bulkId:qwerty` refers to.
pub(super) fn bulk_id(text: &str) -> Option<&str> {
    text.strip_prefix(PREFIX)
}

/// What takes the place of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) id: String,
    pub(super) location: String,
}

/// What an attribute's text can refer by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Not at all: the text is the client's own.
    Text,
    /// By an id.
    Id,
    /// By an address, whose last segment can be a reference too.
    Address,
}

/// The attributes of a resource type that refer to resources.
#[derive(Debug)]
pub(super) struct Shape {
    /// In lower case.
    addresses: HashSet<String>,
    /// Complex attributes with a `value`, for which a bare text may stand; in lower case.
    ids: HashSet<String>,
}

/// An attribute that had to wait until what it refers to was there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) path: String,
    pub(super) value: Value,
}

impl Shape {
    pub(super) fn new(catalog: &Catalog, resource_type: &ResourceType) -> Self {
        let mut shape = Self { addresses: HashSet::new(), ids: HashSet::new() };
        let extensions = resource_type.schema_extensions.iter().map(|extension| extension.schema.as_str());
        for uri in std::iter::once(resource_type.schema.as_str()).chain(extensions) {
            shape.add(catalog.schema(uri).map(|schema| schema.attributes.as_slice()).unwrap_or_default());
        }
        shape
    }

    /// A catalog bounds how deep attributes nest.
    fn add(&mut self, attributes: &[Attribute]) {
        for attribute in attributes {
            let name = attribute.name.as_str().to_ascii_lowercase();
            if attribute.type_ == AttributeType::Reference {
                self.addresses.insert(name);
            } else if attribute.sub_attribute("value").is_some() {
                self.ids.insert(name);
            }
            self.add(&attribute.sub_attributes);
        }
    }

    /// What a name or path such as `members` or `urn:…:User:manager.value` says of its text.
    fn kind(&self, path: &str) -> Kind {
        let outside = match (path.split_once('['), path.rsplit_once(']')) {
            (Some((head, _)), Some((_, ""))) => head,
            (Some(_), Some((_, tail))) => tail,
            _ => path,
        };
        let name = outside.rsplit([':', '.']).next().unwrap_or(outside).to_ascii_lowercase();
        match name.as_str() {
            "value" => Kind::Id,
            "$ref" => Kind::Address,
            name if self.addresses.contains(name) => Kind::Address,
            name if self.ids.contains(name) => Kind::Id,
            _ => Kind::Text,
        }
    }

    /// The bulk ids that the body of a create or replace refers to, or of a PATCH; one may come several times.
    pub(super) fn references(&self, data: &Value, is_patch: bool) -> Vec<String> {
        let mut found = Vec::new();
        if !is_patch {
            self.collect(data, Kind::Text, &mut found);
            return found;
        }
        for operation in operations(data) {
            let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
            if let Some(value) = operation.get("value") {
                self.collect(value, self.kind(path), &mut found);
            }
            found.extend(quoted(path).map(|(_, id, _)| id.to_owned()));
        }
        found
    }

    /// The reader of JSON bounds the depth.
    fn collect(&self, value: &Value, kind: Kind, found: &mut Vec<String>) {
        match value {
            Value::String(text) => found.extend(split(text, kind).map(|(_, id)| id.to_owned())),
            Value::List(values) => values.iter().for_each(|value| self.collect(value, kind, found)),
            Value::Complex(members) => members.iter().for_each(|(name, value)| self.collect(value, self.kind(name), found)),
            Value::Null | Value::Boolean(_) | Value::Number(_) => {}
        }
    }

    /// Puts what was made in the place of every reference.
    ///
    /// # Errors
    /// The first error of `made`.
    pub(super) fn resolve<'m>(
        &self,
        data: &mut Value,
        is_patch: bool,
        made: &impl Fn(&str) -> Result<&'m Made, ErrorResponse>,
    ) -> Result<(), ErrorResponse> {
        if !is_patch {
            return self.replace(data, Kind::Text, made);
        }
        for operation in operations_mut(data) {
            let mut kind = Kind::Text;
            if let Some(Value::String(path)) = operation.get_mut("path") {
                *path = resolve_path(path, made)?;
                kind = self.kind(path);
            }
            if let Some(value) = operation.get_mut("value") {
                self.replace(value, kind, made)?;
            }
        }
        Ok(())
    }

    /// The reader of JSON bounds the depth.
    fn replace<'m>(
        &self,
        value: &mut Value,
        kind: Kind,
        made: &impl Fn(&str) -> Result<&'m Made, ErrorResponse>,
    ) -> Result<(), ErrorResponse> {
        match value {
            Value::String(text) => {
                if let Some((head, id)) = split(text, kind) {
                    let made = made(id)?;
                    *text = match (kind, head) {
                        (Kind::Address, "") => made.location.clone(),
                        (Kind::Address, head) => format!("{head}{}", made.location.rsplit('/').next().unwrap_or_default()),
                        _ => made.id.clone(),
                    };
                }
                Ok(())
            }
            Value::List(values) => values.iter_mut().try_for_each(|value| self.replace(value, kind, made)),
            Value::Complex(members) => members.iter_mut().try_for_each(|(name, value)| self.replace(value, self.kind(name), made)),
            Value::Null | Value::Boolean(_) | Value::Number(_) => Ok(()),
        }
    }

    /// Takes the attributes out of a resource, or of multi-valued ones the elements, that refer to what is not there yet.
    pub(super) fn hold_back(&self, resource: &mut ComplexValue, is_missing: &dyn Fn(&str) -> bool) -> Vec<Held> {
        let mut held = Vec::new();
        for (name, value) in resource.iter_mut() {
            if let (true, Value::Complex(members)) = (name.contains(':'), value) {
                self.hold_back_from(members, &format!("{name}:"), is_missing, &mut held);
            }
        }
        self.hold_back_from(resource, "", is_missing, &mut held);
        held
    }

    fn hold_back_from(&self, members: &mut ComplexValue, prefix: &str, is_missing: &dyn Fn(&str) -> bool, held: &mut Vec<Held>) {
        members.retain(|name, value| {
            let refers = |value: &Value| {
                let mut found = Vec::new();
                self.collect(value, self.kind(name), &mut found);
                found.iter().any(|id| is_missing(id))
            };
            let taken = if let Value::List(elements) = value {
                Value::List(elements.extract_if(.., |element| refers(element)).collect())
            } else if refers(value) {
                std::mem::take(value)
            } else {
                Value::Null
            };
            if taken.is_unassigned() {
                return true;
            }
            held.push(Held { path: format!("{prefix}{name}"), value: taken });
            !value.is_unassigned()
        });
    }
}

/// What is answered to an operation that refers to a bulk id which no create of the request has.
pub(super) fn unknown(bulk_id: &str) -> ErrorResponse {
    ErrorResponse::of(ScimType::InvalidValue, format!("expected the `bulkId` of a create of this request, found `{bulk_id}`"))
}

/// The text before a reference and the bulk id.
fn split(text: &str, kind: Kind) -> Option<(&str, &str)> {
    match kind {
        Kind::Text => None,
        Kind::Id => Some(("", bulk_id(text)?)),
        Kind::Address => {
            let start = text.rfind('/').map_or(0, |slash| slash + 1);
            let (head, last) = text.split_at_checked(start)?;
            Some((head, bulk_id(last)?))
        }
    }
}

/// The operations of a PATCH body.
fn operations(data: &Value) -> impl Iterator<Item = &ComplexValue> {
    let operations = data.as_complex().and_then(|body| body.get("Operations")).map(Value::elements).unwrap_or_default();
    operations.iter().filter_map(Value::as_complex)
}

fn operations_mut(data: &mut Value) -> impl Iterator<Item = &mut ComplexValue> {
    let operations = match data.as_complex_mut().and_then(|body| body.get_mut("Operations")) {
        Some(Value::List(operations)) => operations.as_mut_slice(),
        _ => &mut [],
    };
    operations.iter_mut().filter_map(Value::as_complex_mut)
}

/// The references in a path's filter, such as `members[value eq "bulkId:qwerty"]`: what stands before them, the bulk id, what follows.
fn quoted(path: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let (head, tail) = rest.split_once("\"bulkId:")?;
        let (id, after) = tail.split_once('"')?;
        rest = after;
        Some((head, id, after))
    })
}

fn resolve_path<'m>(path: &str, made: &impl Fn(&str) -> Result<&'m Made, ErrorResponse>) -> Result<String, ErrorResponse> {
    let (mut resolved, mut rest) = (String::new(), path);
    for (head, id, after) in quoted(path) {
        resolved.push_str(head);
        resolved.push_str(&serde_json::to_string(&made(id)?.id).unwrap_or_default());
        rest = after;
    }
    resolved.push_str(rest);
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(name: &str) -> Shape {
        let catalog = Catalog::standard();
        Shape::new(&catalog, catalog.resource_type(name).unwrap())
    }

    fn json(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[track_caller]
    fn check(name: &str, before: &str, after: &str) {
        let (shape, mut data, is_patch) = (shape(name), json(before), before.contains("Operations"));
        let made = Made { id: "id1".to_owned(), location: "https://h/Users/id1".to_owned() };
        shape.resolve(&mut data, is_patch, &|id| if id == "a" { Ok(&made) } else { Err(unknown(id)) }).unwrap();
        assert_eq!(data, json(after));
        assert!(shape.references(&data, is_patch).is_empty());
    }

    /// R7644-3.7.2-01: in values, references and extensions, and in PATCH operations.
    #[test]
    fn references_are_replaced_wherever_they_stand() {
        check("Group", r#"{"members": [{"value": "bulkId:a"}, {"value": "b"}]}"#, r#"{"members": [{"value": "id1"}, {"value": "b"}]}"#);
        check("Group", r#"{"members": [{"$ref": "bulkId:a"}]}"#, r#"{"members": [{"$ref": "https://h/Users/id1"}]}"#);
        check("Group", r#"{"members": [{"$ref": "../Users/bulkId:a"}]}"#, r#"{"members": [{"$ref": "../Users/id1"}]}"#);
        check("User", r#"{"urn:x:User": {"manager": {"value": "bulkId:a"}}}"#, r#"{"urn:x:User": {"manager": {"value": "id1"}}}"#);
        check(
            "User",
            r#"{"Operations": [{"op": "add", "path": "urn:x:User:manager", "value": "bulkId:a"}]}"#,
            r#"{"Operations": [{"op": "add", "path": "urn:x:User:manager", "value": "id1"}]}"#,
        );
        check(
            "Group",
            r#"{"Operations": [{"op": "remove", "path": "members[value eq \"bulkId:a\"]"}, {"op": "add", "value": {"members": {"value": "bulkId:a"}}}]}"#,
            r#"{"Operations": [{"op": "remove", "path": "members[value eq \"id1\"]"}, {"op": "add", "value": {"members": {"value": "id1"}}}]}"#,
        );
    }

    #[test]
    fn text_of_the_client_stays_as_it_is() {
        for text in [
            r#"{"displayName": "bulkId:a", "title": "bulkId:x"}"#,
            r#"{"Operations": [{"op": "add", "path": "displayName", "value": "bulkId:a"}]}"#,
            r#"{"Operations": [{"op": "add", "path": "emails[value eq \"a.b\"].display", "value": "bulkId:a"}]}"#,
        ] {
            check("User", text, text);
        }
    }

    #[test]
    fn an_unknown_bulk_id_is_an_error() {
        let mut data = json(r#"{"members": [{"value": "bulkId:x"}]}"#);
        let error = shape("Group").resolve(&mut data, false, &|id| Err(unknown(id))).unwrap_err();
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidValue)));
    }

    #[test]
    fn only_what_refers_to_something_missing_is_held_back() {
        let mut data = json(
            r#"{"displayName": "g", "members": [{"value": "bulkId:a"}, {"value": "bulkId:b"}], "x": {"value": "bulkId:b"},
                "urn:x:User": {"manager": {"value": "bulkId:b"}, "department": "d"}}"#,
        );
        let held = shape("User").hold_back(data.as_complex_mut().unwrap(), &|id| id == "b");
        assert_eq!(data, json(r#"{"displayName": "g", "members": [{"value": "bulkId:a"}], "urn:x:User": {"department": "d"}}"#));
        let paths: Vec<&str> = held.iter().map(|held| held.path.as_str()).collect();
        assert_eq!(paths, ["urn:x:User:manager", "members", "x"]);
        assert_eq!(held[1].value, json(r#"[{"value": "bulkId:b"}]"#));
    }
}
