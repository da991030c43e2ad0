//! The texts that a path of the configuration selects, such as `emails[type eq "work"].value`.

use scimkit_filter::{Filter, Node, ParseOptions, PatchPath, ResolvedPath, resolve_path};
use scimkit_types::{AttributeName, Catalog, ComplexValue, Dialect, Resource, ResourceType, Value};

/// A path that fits a resource type.
#[derive(Debug)]
pub(crate) enum Selector {
    Attribute(ResolvedPath),
    Elements { path: ResolvedPath, filter: Box<Node>, sub_attribute: Option<AttributeName> },
}

impl Selector {
    /// # Errors
    /// What is wrong with the path, for people.
    pub(crate) fn new(catalog: &Catalog, resource_type: &ResourceType, text: &str) -> Result<Self, String> {
        let options = ParseOptions::default().with_catalog(catalog);
        match PatchPath::parse_with(text, &options).map_err(|error| error.to_string())? {
            PatchPath::Attribute(path) => {
                let (path, _) = resolve_path(&path, catalog, resource_type).map_err(|error| error.to_string())?;
                Ok(Self::Attribute(path))
            }
            PatchPath::ValuePath { value_path, sub_attribute } => {
                let filter = Filter::ValuePath(value_path).resolve(catalog, resource_type, Dialect::STRICT);
                match filter.map_err(|error| error.to_string())?.root() {
                    Node::Element { path, filter } => Ok(Self::Elements { path: path.clone(), filter: filter.clone(), sub_attribute }),
                    _ => Err("expected the elements of a multi-valued attribute".to_owned()),
                }
            }
            PatchPath::Schema(uri) => Err(format!("expected an attribute, found `{uri}`")),
        }
    }

    /// The texts of a resource that the path selects.
    pub(crate) fn texts<'r>(&self, resource: &'r Resource) -> Vec<&'r str> {
        let (path, sub_attribute) = match self {
            Self::Attribute(path) => (path, path.sub_attribute.as_ref().map(AttributeName::as_str)),
            Self::Elements { path, sub_attribute, .. } => (path, Some(sub_attribute.as_ref().map_or("value", AttributeName::as_str))),
        };
        let members: Option<&ComplexValue> = match &path.extension {
            Some(uri) => resource.extension(uri.as_str()),
            None => Some(resource.as_complex()),
        };
        let elements = members.and_then(|members| members.get(path.attribute.as_str())).map(Value::elements).unwrap_or_default();
        let chosen = elements.iter().filter(|element| match self {
            Self::Attribute(_) => true,
            Self::Elements { filter, .. } => element.as_complex().is_some_and(|element| filter.matches_element(element)),
        });
        chosen
            .filter_map(|element| match (element, sub_attribute) {
                (Value::Complex(element), Some(name)) => element.get(name).and_then(Value::as_str),
                (element, _) => element.as_str(),
            })
            .collect()
    }
}
