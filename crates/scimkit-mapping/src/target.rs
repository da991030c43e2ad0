//! Paths of target attributes: what they name, how a value takes their type, and where it stands in a resource.

use std::borrow::Cow;

use scimkit_filter::{AttributeExpression, AttributePath, CompareOperator, Filter, Literal, ParseOptions, PatchPath, ValuePath};
use scimkit_types::{
    Attribute, AttributeName, AttributeType, Catalog, ComplexValue, Dialect, Mutability, Resource, ResourceType, Returned, SchemaUri, Value,
};

use crate::expression::{EvaluationErrorKind, Stop, number, text_of};
use crate::functions;
use crate::values::Values;

/// A target attribute that the catalog knows.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The path, printed.
    pub(crate) text: String,
    /// The extension; `None` for the base schema.
    pub(crate) extension: Option<SchemaUri>,
    /// The definition of the top-level attribute.
    pub(crate) attribute: Attribute,
    /// What an element of the list must be, such as `type` equal to `work`.
    pub(crate) conditions: Vec<(AttributeName, Value)>,
    /// The definition of the sub-attribute that the value stands in.
    pub(crate) leaf: Option<Attribute>,
}

impl Target {
    /// Finds what a path names.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn compile(text: &str, catalog: &Catalog, resource_type: &ResourceType) -> Result<Self, String> {
        let options = ParseOptions::default().with_dialect(Dialect::FILTER_GRAMMAR).with_catalog(catalog);
        let path = PatchPath::parse_with(text, &options).map_err(|error| format!("the target is not a valid path: {error}"))?;
        let (attribute_path, filter, sub_attribute) = match &path {
            PatchPath::Attribute(path) => (path, None, path.sub_attribute.as_ref()),
            PatchPath::ValuePath { value_path, sub_attribute } => {
                (&value_path.path, Some(&*value_path.value_filter), sub_attribute.as_ref())
            }
            PatchPath::Schema(uri) => return Err(format!("expected an attribute, found the schema `{uri}`")),
        };
        let schema = attribute_path.schema.as_ref();
        let unknown = || format!("`{path}` is not an attribute of `{}`", resource_type.name);
        let attribute =
            catalog.attribute(resource_type, schema.map(SchemaUri::as_str), attribute_path.attribute.as_str()).ok_or_else(unknown)?;
        let leaf = match sub_attribute {
            Some(name) => Some(attribute.sub_attribute(name.as_str()).ok_or_else(unknown)?),
            None if filter.is_some() => Some(attribute.sub_attribute("value").ok_or_else(unknown)?),
            None => None,
        };
        let conditions = match filter {
            Some(_) if !attribute.is_multi_valued => return Err(format!("`{}` has no elements that could be filtered", attribute.name)),
            Some(filter) => conditions(filter, attribute)?,
            None => Vec::new(),
        };
        let is_read_only = attribute.mutability == Mutability::ReadOnly || leaf.is_some_and(|leaf| leaf.mutability == Mutability::ReadOnly);
        if is_read_only || attribute.name == *"schemas" {
            return Err(format!("`{path}` is set by the service provider and cannot be a target"));
        }
        // A password would stand in clear in the plan, the state and the log.
        let is_secret = |definition: &Attribute| definition.mutability == Mutability::WriteOnly || definition.returned == Returned::Never;
        if is_secret(attribute) || leaf.is_some_and(is_secret) {
            return Err(format!("`{path}` is a secret that can only be written, so it cannot be provisioned"));
        }
        let extension = schema.filter(|uri| **uri != resource_type.schema).cloned();
        let attribute = attribute.clone();
        let leaf = leaf.cloned();
        // One attribute has one name: without the URI of the base schema, as resources have it.
        let mut path = path;
        if let PatchPath::Attribute(path) | PatchPath::ValuePath { value_path: ValuePath { path, .. }, .. } = &mut path {
            path.schema.clone_from(&extension);
        }
        Ok(Self { text: path.to_string(), extension, attribute, conditions, leaf })
    }

    /// Whether the attribute refers to other resources, as `manager` and `members` do.
    pub(crate) fn is_reference(&self) -> bool {
        let names_type = self.attribute.reference_types.iter().any(|kind| kind != "external" && kind != "uri");
        let is_whole = self.conditions.is_empty() && self.leaf.as_ref().is_none_or(|leaf| leaf.name == *"value");
        is_whole && (self.attribute.sub_attribute("$ref").is_some() || (self.attribute.type_ == AttributeType::Reference && names_type))
    }

    /// The path of the whole attribute, without sub-attribute.
    pub(crate) fn attribute_text(&self) -> String {
        match &self.extension {
            Some(extension) => format!("{extension}:{}", self.attribute.name),
            None => self.attribute.name.to_string(),
        }
    }

    /// The path for a filter: no elements are picked.
    pub(crate) fn filter_path(&self) -> AttributePath {
        let mut path = AttributePath::new(self.attribute.name.clone());
        path.schema.clone_from(&self.extension);
        path.sub_attribute = self.leaf.as_ref().map(|leaf| leaf.name.clone());
        path
    }

    /// The definition of what the value must fit.
    pub(crate) fn definition(&self) -> &Attribute {
        self.leaf.as_ref().unwrap_or(&self.attribute)
    }

    /// Whether only one value fits.
    pub(crate) const fn is_single(&self) -> bool {
        !self.attribute.is_multi_valued
    }

    /// Whether two mappings would write the same place.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        let covers = self.leaf.is_none() || other.leaf.is_none();
        let same_leaf = match (&self.leaf, &other.leaf) {
            (Some(left), Some(right)) => left.name == right.name,
            _ => covers,
        };
        self.is_same_attribute(other) && same_leaf && (covers || self.conditions == other.conditions)
    }

    /// Whether two mappings write one list, of which one does not say which elements it means.
    pub(crate) fn shares_elements_unclearly(&self, other: &Self) -> bool {
        let is_unclear = self.conditions.is_empty() || other.conditions.is_empty();
        self.is_same_attribute(other) && !self.is_single() && is_unclear
    }

    pub(crate) fn is_same_attribute(&self, other: &Self) -> bool {
        self.extension == other.extension && self.attribute.name == other.attribute.name
    }

    /// Whether the elements that two mappings write are the same ones.
    pub(crate) fn is_same_element(&self, other: &Self) -> bool {
        self.is_same_attribute(other) && self.conditions == other.conditions && self.leaf.is_some() && other.leaf.is_some()
    }

    /// The values in the attribute's type; null and empty text are none.
    pub(crate) fn convert(&self, value: Cow<'_, Value>) -> Result<Values, EvaluationErrorKind> {
        match value {
            Cow::Borrowed(Value::List(values)) => self.convert_list(values.iter().map(Cow::Borrowed)),
            Cow::Owned(Value::List(values)) => self.convert_list(values.into_iter().map(Cow::Owned)),
            value if is_none(&value) => Ok(Values::None),
            value => convert(value, self.definition()).map(Values::One),
        }
    }

    fn convert_list<'a>(&self, values: impl Iterator<Item = Cow<'a, Value>>) -> Result<Values, EvaluationErrorKind> {
        let values: Vec<_> = values.filter(|value| !is_none(value)).collect();
        if values.len() > 1 && self.is_single() {
            return Err(EvaluationErrorKind::List { found: values.len() });
        }
        let values: Result<Vec<Value>, _> = values.into_iter().map(|value| convert(value, self.definition())).collect();
        Ok(Values::from(values?))
    }

    /// Sets the values, which have been converted.
    pub(crate) fn place(&self, resource: &mut Resource, values: Values) {
        if !values.is_empty() {
            self.place_in(self.container(resource).entry(self.attribute.name.as_str()), values);
        }
    }

    /// Sets the values, which have been converted, in the value of the whole attribute.
    pub(crate) fn place_in(&self, whole: &mut Value, values: Values) {
        match (&self.leaf, values) {
            (_, Values::None) => {}
            (None, Values::One(value)) if self.is_single() => *whole = value,
            (None, values) => *whole = Value::List(values.into_vec()),
            (Some(leaf), values) if self.is_single() => {
                as_complex(whole).insert(leaf.name.as_str(), values.into_iter().next());
            }
            (Some(leaf), values) => {
                let elements = as_list(whole);
                for value in values {
                    let free = elements.iter().position(|element| {
                        self.meets(element) && element.as_complex().is_some_and(|element| element.get(leaf.name.as_str()).is_none())
                    });
                    let free = free.filter(|_| !self.conditions.is_empty());
                    match free.and_then(|index| elements.get_mut(index)).and_then(Value::as_complex_mut) {
                        Some(element) => {
                            element.insert(leaf.name.as_str(), value);
                        }
                        None => {
                            let mut element = self.new_element();
                            element.insert(leaf.name.as_str(), value);
                            elements.push(Value::Complex(element));
                        }
                    }
                }
            }
        }
    }

    /// Sets the attribute as a whole, whatever the path picks.
    pub(crate) fn place_whole(&self, resource: &mut Resource, mut values: Vec<Value>) {
        let value = if self.is_single() { values.pop() } else { (!values.is_empty()).then_some(Value::List(values)) };
        if let Some(value) = value {
            self.container(resource).insert(self.attribute.name.as_str(), value);
        }
    }

    /// Where the attribute stands, made if it is not there.
    fn container<'a>(&self, resource: &'a mut Resource) -> &'a mut ComplexValue {
        match &self.extension {
            Some(extension) => as_complex(resource.as_complex_mut().entry(extension.as_str())),
            None => resource.as_complex_mut(),
        }
    }

    /// An element that has what the conditions say and nothing else.
    pub(crate) fn new_element(&self) -> ComplexValue {
        self.conditions.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
    }

    /// Whether an element has what the conditions say; text compares without ASCII case.
    pub(crate) fn meets(&self, element: &Value) -> bool {
        let Some(element) = element.as_complex() else { return false };
        self.conditions.iter().all(|(name, expected)| match (element.get(name.as_str()), expected) {
            (Some(Value::String(found)), Value::String(expected)) => found.eq_ignore_ascii_case(expected),
            (Some(found), expected) => found == expected,
            (None, _) => false,
        })
    }

    /// The attribute as the resource has it.
    pub(crate) fn attribute_in<'a>(&self, resource: &'a Resource) -> Option<&'a Value> {
        match &self.extension {
            Some(extension) => resource.extension(extension.as_str())?.get(self.attribute.name.as_str()),
            None => resource.get(self.attribute.name.as_str()),
        }
    }

    /// The values at the path, as the resource has them.
    pub(crate) fn values_in(&self, resource: &Resource) -> Vec<Value> {
        let Some(value) = self.attribute_in(resource) else { return Vec::new() };
        match &self.leaf {
            None => value.elements().to_vec(),
            Some(leaf) => {
                let elements = value.elements().iter().filter(|element| self.meets(element));
                elements.filter_map(|element| element.as_complex()?.get(leaf.name.as_str()).cloned()).collect()
            }
        }
    }

    /// Removes the values at the path, and elements of which nothing but the conditions would be left.
    pub(crate) fn remove_from(&self, resource: &mut Resource) {
        let container = match &self.extension {
            Some(extension) => resource.get_mut(extension.as_str()).and_then(Value::as_complex_mut),
            None => Some(resource.as_complex_mut()),
        };
        let Some(container) = container else { return };
        let name = self.attribute.name.as_str();
        match (&self.leaf, container.get_mut(name)) {
            (_, None) => return,
            (None, Some(_)) => {
                container.remove(name);
            }
            (Some(leaf), Some(Value::Complex(value))) => {
                value.remove(leaf.name.as_str());
            }
            (Some(leaf), Some(Value::List(elements))) => elements.retain_mut(|element| {
                if !self.meets(element) {
                    return true;
                }
                let Some(element) = element.as_complex_mut() else { return true };
                element.remove(leaf.name.as_str());
                element.iter().any(|(name, _)| self.conditions.iter().all(|(condition, _)| *condition != *name))
            }),
            (Some(_), Some(_)) => {}
        }
        if container.get(name).is_some_and(Value::is_unassigned) {
            container.remove(name);
        }
        if let Some(extension) = &self.extension
            && resource.extension(extension.as_str()).is_some_and(ComplexValue::is_empty)
        {
            resource.remove(extension.as_str());
        }
    }
}

/// The comparisons of a filter that says nothing but which values some sub-attributes have.
fn conditions(filter: &Filter, attribute: &Attribute) -> Result<Vec<(AttributeName, Value)>, String> {
    let parts = match filter {
        Filter::And(parts) => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    parts.iter().map(|part| condition(part, attribute)).collect()
}

fn condition(filter: &Filter, attribute: &Attribute) -> Result<(AttributeName, Value), String> {
    let Filter::Attribute(AttributeExpression::Compare { path, operator: CompareOperator::Equal, value }) = filter else {
        return Err(format!("expected comparisons with `eq` that are joined by `and`, found `{filter}`"));
    };
    let name = path.attribute.as_str();
    let definition = attribute.sub_attribute(name).ok_or_else(|| format!("`{name}` is not a sub-attribute of `{}`", attribute.name))?;
    let value = literal(value);
    let converted = convert(Cow::Owned(value), definition).map_err(|_| format!("`{filter}` does not fit the type of `{name}`"))?;
    Ok((definition.name.clone(), converted))
}

fn literal(literal: &Literal) -> Value {
    match literal {
        Literal::Null => Value::Null,
        Literal::Boolean(value) => Value::from(*value),
        Literal::Number(number) => Value::from(number.clone()),
        Literal::String(text) => Value::from(text.as_str()),
    }
}

/// One value in the type that a definition says.
fn convert(value: Cow<'_, Value>, definition: &Attribute) -> Result<Value, EvaluationErrorKind> {
    let expected = |expected: &'static str| EvaluationErrorKind::Type { expected };
    match (definition.type_, &*value) {
        (AttributeType::Complex, Value::String(_)) if definition.is_multi_valued && definition.sub_attribute("value").is_some() => {
            return Ok(Value::Complex(std::iter::once(("value", value.into_owned())).collect()));
        }
        (AttributeType::Complex, Value::Complex(_))
        | (AttributeType::String | AttributeType::Reference | AttributeType::Binary, Value::String(_)) => return Ok(value.into_owned()),
        (AttributeType::Complex, _) => return Err(expected("complex")),
        _ => {}
    }
    let text = match text_of(&value) {
        Ok(Some(text)) => text,
        Ok(None) => return Ok(Value::Null),
        Err(Stop::Error(kind)) => return Err(*kind),
        Err(_) => return Err(expected("text")),
    };
    match definition.type_ {
        AttributeType::Boolean if text.eq_ignore_ascii_case("true") => Ok(Value::from(true)),
        AttributeType::Boolean if text.eq_ignore_ascii_case("false") => Ok(Value::from(false)),
        AttributeType::Boolean => Err(expected("boolean")),
        AttributeType::Integer => text.trim().parse::<i64>().map(Value::from).map_err(|_| expected("integer")),
        AttributeType::Decimal => number(&text).map(Value::from).ok_or_else(|| expected("decimal")),
        AttributeType::DateTime => functions::date_time(&text).map(Value::from).ok_or_else(|| expected("dateTime")),
        AttributeType::String | AttributeType::Reference | AttributeType::Binary | AttributeType::Complex => {
            Ok(Value::from(text.into_owned()))
        }
    }
}

/// Whether a value stands for none: null, and empty text and lists.
fn is_none(value: &Value) -> bool {
    value.is_unassigned() || value.as_str() == Some("")
}

/// The value as a complex value; anything else is replaced by an empty one.
fn as_complex(value: &mut Value) -> &mut ComplexValue {
    if !matches!(value, Value::Complex(_)) {
        *value = Value::Complex(ComplexValue::new());
    }
    match value {
        Value::Complex(complex) => complex,
        #[expect(clippy::unreachable, reason = "the value was made complex just above")]
        _ => unreachable!("a complex value"),
    }
}

/// The value as a list; anything else is replaced by an empty one.
fn as_list(value: &mut Value) -> &mut Vec<Value> {
    if !matches!(value, Value::List(_)) {
        *value = Value::List(Vec::new());
    }
    match value {
        Value::List(values) => values,
        #[expect(clippy::unreachable, reason = "the value was made a list just above")]
        _ => unreachable!("a list"),
    }
}

/// What a path names among the attributes of a source record: a value, or a list if there are several.
pub(crate) fn select(attributes: &ComplexValue, path: &PatchPath) -> Value {
    let (path, filter, sub_attribute) = match path {
        PatchPath::Attribute(path) => (path, None, path.sub_attribute.as_ref()),
        PatchPath::ValuePath { value_path, sub_attribute } => (&value_path.path, Some(&*value_path.value_filter), sub_attribute.as_ref()),
        PatchPath::Schema(uri) => return attributes.get(uri.as_str()).cloned().unwrap_or_default(),
    };
    let container = match &path.schema {
        Some(uri) => attributes.get(uri.as_str()).and_then(Value::as_complex),
        None => Some(attributes),
    };
    let Some(value) = container.and_then(|container| container.get(path.attribute.as_str())) else { return Value::Null };
    let elements = value.elements().iter().filter(|element| filter.is_none_or(|filter| meets(element, filter)));
    let mut found: Vec<Value> = match sub_attribute {
        None => elements.cloned().collect(),
        Some(name) => elements.filter_map(|element| element.as_complex()?.get(name.as_str()).cloned()).collect(),
    };
    if found.len() > 1 { Value::List(found) } else { found.pop().unwrap_or_default() }
}

/// Whether an element of a source attribute meets comparisons for equality; no other filter holds.
fn meets(element: &Value, filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(|part| meets(element, part)),
        Filter::Attribute(AttributeExpression::Compare { path, operator: CompareOperator::Equal, value }) => {
            let found = element.as_complex().and_then(|element| element.get(path.attribute.as_str()));
            match (found.map(text_of), text_of(&literal(value))) {
                (Some(Ok(Some(found))), Ok(Some(expected))) => found.eq_ignore_ascii_case(&expected),
                _ => false,
            }
        }
        _ => false,
    }
}
