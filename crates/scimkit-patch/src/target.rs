//! What the path of an operation stands for.

use scimkit_filter::{
    AttributeExpression, AttributePath, CompareOperator, Filter, Literal, Node, ParseError, ParseOptions, PatchPath, ResolvedFilter,
    ValuePath,
};
use scimkit_types::{AttributeType, ComplexValue, Resource, Schema, SchemaUri, Tolerance, Value};

use crate::error::PatchError;
use crate::scope::{Place, Scope};

/// What an operation is done to.
#[derive(Debug)]
pub(crate) enum Target<'a> {
    /// All attributes of an extension (AMB-26).
    Extension(&'a Schema),
    /// All attributes of the base schema.
    Base,
    /// An attribute or sub-attribute; of the elements that meet the filter if there is one.
    Attribute(Place<'a>, Option<Box<ElementFilter>>),
}

/// What an element of a multi-valued attribute must meet.
#[derive(Debug)]
pub(crate) struct ElementFilter {
    test: Test,
    /// The filter as it was written.
    pub(crate) source: Filter,
}

#[derive(Debug)]
enum Test {
    /// On the sub-attributes of a complex element.
    SubAttributes(Node),
    /// On a resource that has a simple element as the only value of the attribute.
    Sole { filter: ResolvedFilter, extension: Option<String>, attribute: String },
}

impl ElementFilter {
    /// Whether an element meets the filter.
    pub(crate) fn matches(&self, element: &Value) -> bool {
        match (&self.test, element) {
            (Test::SubAttributes(node), Value::Complex(members)) => node.matches_element(members),
            (Test::SubAttributes(_), _) => false,
            (Test::Sole { filter, extension, attribute }, element) => {
                let members = ComplexValue::from_iter([(attribute.as_str(), Value::List(vec![element.clone()]))]);
                let members = match extension {
                    Some(uri) => ComplexValue::from_iter([(uri.as_str(), members)]),
                    None => members,
                };
                filter.matches(&Resource::from(members))
            }
        }
    }

    /// The sub-attributes and values that an element has for certain when it meets the filter; `None` unless the filter is a conjunction
    /// of `eq` with values.
    pub(crate) fn equalities(&self) -> Option<Vec<(&str, Value)>> {
        let parts = match &self.source {
            Filter::And(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        parts.iter().map(equality).collect()
    }

    /// The values of a filter such as `value eq "a" or value eq "b"`.
    pub(crate) fn values(&self) -> Option<Vec<&str>> {
        let parts = match &self.source {
            Filter::Or(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        let value = |filter| match filter {
            &Filter::Attribute(AttributeExpression::Compare {
                ref path,
                operator: CompareOperator::Equal,
                value: Literal::String(ref value),
            }) if is_plain(path) && path.attribute == *"value" => Some(value.as_str()),
            _ => None,
        };
        parts.iter().map(value).collect()
    }
}

fn is_plain(path: &AttributePath) -> bool {
    path.schema.is_none() && path.sub_attribute.is_none()
}

fn equality(filter: &Filter) -> Option<(&str, Value)> {
    let Filter::Attribute(AttributeExpression::Compare { path, operator: CompareOperator::Equal, value }) = filter else { return None };
    let value = match value {
        Literal::Null => return None,
        Literal::Boolean(value) => Value::Boolean(*value),
        Literal::Number(number) => Value::Number(number.clone()),
        Literal::String(text) => Value::from(text.as_str()),
    };
    is_plain(path).then_some((path.attribute.as_str(), value))
}

impl<'a> Scope<'a> {
    /// Reads a path.
    pub(crate) fn target(&mut self, path: &str) -> Result<Target<'a>, PatchError> {
        if path.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && let Some(attribute) = self.context.attribute(None, path)
        {
            return Ok(Target::Attribute(Place::new(None, attribute), None));
        }
        let options = ParseOptions::default().with_catalog(self.context.catalog).with_dialect(self.context.dialect);
        let (parsed, needed) = PatchPath::parse_reporting(path, &options).map_err(|source| self.unreadable(path, source))?;
        for tolerance in needed.tolerances() {
            self.tolerate(tolerance);
        }
        match parsed {
            PatchPath::Schema(uri) => self.schema(&uri).ok_or_else(|| self.unknown(path)),
            PatchPath::Attribute(attribute) => Ok(Target::Attribute(self.place(&attribute, path)?, None)),
            PatchPath::ValuePath { value_path, sub_attribute } => {
                let place = self.place(&value_path.path, path)?;
                if place.sub_attribute.is_some() || !place.attribute.is_multi_valued {
                    return Err(PatchError::FilterOnSingular { operation: self.operation, path: place.to_string() });
                }
                let filter = self.element_filter(place, value_path, path)?;
                let place = match sub_attribute {
                    Some(name) => place.child(place.attribute.sub_attribute(name.as_str()).ok_or_else(|| self.unknown(path))?),
                    None => place,
                };
                Ok(Target::Attribute(place, Some(Box::new(filter))))
            }
        }
    }

    /// The target that the URI of the base schema or of an extension stands for.
    pub(crate) fn schema(&self, uri: &SchemaUri) -> Option<Target<'a>> {
        if self.context.resource_type.schema == *uri {
            return Some(Target::Base);
        }
        self.context.extension(uri.as_str()).map(Target::Extension)
    }

    fn place(&mut self, path: &AttributePath, text: &str) -> Result<Place<'a>, PatchError> {
        let extension = match &path.schema {
            Some(uri) if self.context.resource_type.schema != *uri => {
                Some(self.context.extension(uri.as_str()).ok_or_else(|| self.unknown(text))?)
            }
            _ => None,
        };
        let place = match self.context.attribute(extension, path.attribute.as_str()) {
            Some(attribute) => Place::new(extension, attribute),
            None if path.schema.is_none() => self.bare_extension_attribute(path.attribute.as_str()).ok_or_else(|| self.unknown(text))?,
            None => return Err(self.unknown(text)),
        };
        match &path.sub_attribute {
            Some(name) => Ok(place.child(place.attribute.sub_attribute(name.as_str()).ok_or_else(|| self.unknown(text))?)),
            None => Ok(place),
        }
    }

    /// The attribute of the only extension that has one of this name: some peers leave the extension's URI out, as in `manager`.
    pub(crate) fn bare_extension_attribute(&mut self, name: &str) -> Option<Place<'a>> {
        if !self.allows(Tolerance::DottedKeys) {
            return None;
        }
        let context = self.context;
        let mut found = context.extensions().filter_map(|schema| Some(Place::new(Some(schema), schema.attribute(name)?)));
        let place = found.next()?;
        if found.next().is_some() {
            return None;
        }
        self.tolerate(Tolerance::DottedKeys);
        Some(place)
    }

    fn element_filter(&mut self, place: Place<'a>, value_path: ValuePath, text: &str) -> Result<ElementFilter, PatchError> {
        // A filter on an unknown sub-attribute would select nothing and be taken for success, so it stays an error.
        let mut dialect = self.context.dialect.without(Tolerance::UnknownInFilter);
        if dialect.allows(Tolerance::StringBooleans) {
            dialect = dialect.with(Tolerance::ConvertFilterValues);
        }
        let source = (*value_path.value_filter).clone();
        let mut path = value_path.path;
        path.schema = place.extension.map(|schema| schema.id.clone());
        let is_complex = is_complex(place.parent());
        let whole = if is_complex { Filter::ValuePath(ValuePath::new(path, source.clone())) } else { on_values(&source, &path) };
        let (resolved, needed) = whole
            .resolve_reporting(self.context.catalog, self.context.resource_type, dialect)
            .map_err(|source| PatchError::FilterType { operation: self.operation, path: text.to_owned(), source: Box::new(source) })?;
        for tolerance in needed.tolerances() {
            // The peer that writes booleans as text does so here as well.
            let is_text = tolerance == Tolerance::ConvertFilterValues && !self.allows(tolerance);
            self.tolerate(if is_text { Tolerance::StringBooleans } else { tolerance });
        }
        let test = match resolved.root() {
            Node::Element { filter, .. } => Test::SubAttributes((**filter).clone()),
            other if is_complex => Test::SubAttributes(other.clone()),
            _ => Test::Sole {
                extension: place.extension.map(|schema| schema.id.to_string()),
                attribute: place.attribute.name.to_string(),
                filter: resolved,
            },
        };
        Ok(ElementFilter { test, source })
    }

    /// AMB-12: a fault inside the brackets is one of the filter.
    fn unreadable(&self, path: &str, source: ParseError) -> PatchError {
        let (operation, path) = (self.operation, path.to_owned());
        let is_inside = path.find('[').is_some_and(|open| open < source.span().start)
            && path.rfind(']').is_some_and(|close| source.span().start <= close);
        let source = Box::new(source);
        if is_inside { PatchError::Filter { operation, path, source } } else { PatchError::Path { operation, path, source } }
    }

    pub(crate) fn unknown(&self, path: &str) -> PatchError {
        let resource_type = self.context.resource_type.name.clone();
        PatchError::UnknownAttribute { operation: self.operation, path: path.to_owned(), resource_type }
    }
}

/// The filter with the attribute itself in the place of `value`, for elements that are simple. As deep as the filter, which is bounded.
fn on_values(filter: &Filter, attribute: &AttributePath) -> Filter {
    let all = |parts: &[Filter]| parts.iter().map(|part| on_values(part, attribute)).collect();
    let renamed = |path: &AttributePath| {
        if is_plain(path) && path.attribute == *"value" {
            return attribute.clone();
        }
        // A simple value has no other attribute: the path stays one that is not known.
        let mut path = path.clone();
        path.sub_attribute = Some(std::mem::replace(&mut path.attribute, attribute.attribute.clone()));
        path
    };
    match filter {
        Filter::And(parts) => Filter::And(all(parts)),
        Filter::Or(parts) => Filter::Or(all(parts)),
        Filter::Not(inner) => Filter::Not(Box::new(on_values(inner, attribute))),
        Filter::Attribute(AttributeExpression::Present(path)) => Filter::Attribute(AttributeExpression::Present(renamed(path))),
        Filter::Attribute(AttributeExpression::Compare { path, operator, value }) => {
            Filter::Attribute(AttributeExpression::Compare { path: renamed(path), operator: *operator, value: value.clone() })
        }
        Filter::ValuePath(inner) => Filter::ValuePath(inner.clone()),
    }
}

/// Whether elements of the attribute have sub-attributes.
pub(crate) fn is_complex(place: Place<'_>) -> bool {
    place.definition().type_ == AttributeType::Complex
}
