//! A filter made ready for one resource type: attributes found, operators checked, values typed.

use std::cell::Cell;

use scimkit_types::compare::TextComparison;
use scimkit_types::{
    Attribute, AttributeName, AttributeType, Catalog, Dialect, Number, ResourceType, Returned, SchemaUri, Timestamp, Tolerance, compare,
};

use crate::ast::{AttributeExpression, AttributePath, CompareOperator, Filter, Literal, ValuePath};
use crate::error::ResolveError;
use crate::parse;
use crate::search::Borders;

/// A filter that fits a resource type and can be evaluated without looking anything up.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedFilter {
    pub(crate) root: Node,
}

impl ResolvedFilter {
    /// The tree, for stores that look for something in it; [`fold`](Self::fold) is for those that translate it.
    pub const fn root(&self) -> &Node {
        &self.root
    }
}

/// One node of a resolved filter. The tree is as deep as the filter was, so a walk may recurse.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store that translates must know every kind")]
pub enum Node {
    /// All of these hold.
    And(Vec<Self>),
    /// At least one of these holds.
    Or(Vec<Self>),
    /// This does not hold; two-valued, so it holds whenever the inner one is false.
    Not(Box<Self>),
    /// The attribute has a value: not null, not empty text, not an empty list or complex value.
    Present(ResolvedPath),
    /// Some value of the attribute compares so. `Equal` with [`Operand::Null`] holds if there is no value, `NotEqual` if there is one;
    /// `NotEqual` with another operand holds if any value differs or there is none (AMB-07).
    Compare {
        /// The attribute.
        path: ResolvedPath,
        /// How it compares.
        operator: CompareOperator,
        /// With what.
        operand: Operand,
    },
    /// Some element of a complex multi-valued attribute (or the one value of a complex attribute) meets a filter whose paths are
    /// relative to the element: their `attribute` is the sub-attribute, their `extension` and `sub_attribute` are `None`.
    Element {
        /// The attribute, without sub-attribute.
        path: ResolvedPath,
        /// What the element must meet.
        filter: Box<Self>,
    },
    /// Always or never, such as for an attribute that a lenient dialect takes as one without value.
    Constant(bool),
}

/// An attribute of a resource type, found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResolvedPath {
    /// The extension that the attribute belongs to; `None` for the base schema and the common attributes.
    pub extension: Option<SchemaUri>,
    /// The attribute in its canonical spelling.
    pub attribute: AttributeName,
    /// The sub-attribute in its canonical spelling; the implied `value` is filled in.
    pub sub_attribute: Option<AttributeName>,
    /// The type of what the path ends at.
    pub type_: AttributeType,
    /// Whether text compares with case.
    pub case_exact: bool,
    /// How text compares.
    pub comparison: TextComparison,
    /// Whether the top-level attribute has a list of values.
    pub is_multi_valued: bool,
}

/// The value that an attribute compares with, in the attribute's type.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store that translates must know every kind")]
pub enum Operand {
    /// No value.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// Text, with the key under which it compares (see [`ResolvedPath::comparison`]).
    Text {
        /// As it was given.
        text: String,
        /// The comparison key.
        key: String,
        /// What a search for the key in other text needs to know; empty unless the operator looks for it.
        borders: Borders,
    },
    /// A dateTime.
    Instant(Timestamp),
}

impl Filter {
    /// Makes the filter ready for a resource type.
    ///
    /// Of `dialect`, [`Tolerance::UnknownInFilter`] takes an unknown attribute as one without value (AMB-06),
    /// [`Tolerance::ConvertFilterValues`] converts a value of another JSON type (AMB-08), and [`Tolerance::DateTimeSubstring`] looks for
    /// text in that of a dateTime (AMB-09).
    ///
    /// # Errors
    /// [`ResolveError`] if an attribute is unknown or cannot be compared so.
    pub fn resolve(&self, catalog: &Catalog, resource_type: &ResourceType, dialect: Dialect) -> Result<ResolvedFilter, ResolveError> {
        self.resolve_reporting(catalog, resource_type, dialect).map(|(resolved, _)| resolved)
    }

    /// Makes the filter ready for a resource type and tells which tolerances of the dialect it needed; see [`resolve`](Self::resolve).
    ///
    /// # Errors
    /// [`ResolveError`] if an attribute is unknown or cannot be compared so.
    pub fn resolve_reporting(
        &self,
        catalog: &Catalog,
        resource_type: &ResourceType,
        dialect: Dialect,
    ) -> Result<(ResolvedFilter, Dialect), ResolveError> {
        let needed = Cell::new(Dialect::STRICT);
        let root = Resolver { catalog, resource_type, tolerances: Tolerances { dialect, needed: &needed }, parent: None }.filter(self)?;
        Ok((ResolvedFilter { root }, needed.get()))
    }
}

/// Finds the attribute that a path names, and its definition: of the sub-attribute if the path has one.
///
/// The path stays as it is: the `value` that a comparison of `emails` implies is filled in by [`Filter::resolve`] only.
///
/// # Errors
/// [`ResolveError::UnknownAttribute`].
pub fn resolve_path<'a>(
    path: &AttributePath,
    catalog: &'a Catalog,
    resource_type: &'a ResourceType,
) -> Result<(ResolvedPath, &'a Attribute), ResolveError> {
    let Found { path, definition, .. } = find(path, catalog, resource_type)?;
    Ok((path, definition))
}

/// An attribute of the catalog with what leads to it.
struct Found<'a> {
    path: ResolvedPath,
    definition: &'a Attribute,
    /// Whether the attribute or the one above it is never returned.
    is_sensitive: bool,
}

fn find<'a>(path: &AttributePath, catalog: &'a Catalog, resource_type: &'a ResourceType) -> Result<Found<'a>, ResolveError> {
    let unknown = || ResolveError::UnknownAttribute { path: path.to_string(), resource_type: resource_type.name.clone() };
    let schema = path.schema.as_ref().filter(|schema| **schema != resource_type.schema);
    let top = catalog.attribute(resource_type, schema.map(SchemaUri::as_str), path.attribute.as_str()).ok_or_else(unknown)?;
    let extension = schema.map(|schema| catalog.schema(schema.as_str()).map_or_else(|| schema.clone(), |known| known.id.clone()));
    let sub = match &path.sub_attribute {
        Some(name) => Some(top.sub_attribute(name.as_str()).ok_or_else(unknown)?),
        None => None,
    };
    let resolved = resolved(extension, top, sub);
    let is_sensitive = [Some(top), sub].into_iter().flatten().any(|attribute| attribute.returned == Returned::Never);
    Ok(Found { path: resolved, definition: sub.unwrap_or(top), is_sensitive })
}

fn resolved(extension: Option<SchemaUri>, top: &Attribute, sub: Option<&Attribute>) -> ResolvedPath {
    let end = sub.unwrap_or(top);
    let comparison = match (&extension, sub) {
        (None, None) => TextComparison::of(top.name.as_str(), end.compares_case_exact()),
        _ => caseless_unless_exact(end),
    };
    ResolvedPath {
        extension,
        attribute: top.name.clone(),
        sub_attribute: sub.map(|sub| sub.name.clone()),
        type_: end.type_,
        case_exact: end.compares_case_exact(),
        comparison,
        is_multi_valued: top.is_multi_valued,
    }
}

/// How text of an attribute compares that is not at the top of a base schema.
fn caseless_unless_exact(attribute: &Attribute) -> TextComparison {
    if attribute.compares_case_exact() { TextComparison::CaseExact } else { TextComparison::Caseless }
}

/// What is tolerated, and what of it was needed.
#[derive(Clone, Copy)]
struct Tolerances<'a> {
    dialect: Dialect,
    needed: &'a Cell<Dialect>,
}

impl Tolerances<'_> {
    /// Whether a deviation that is at hand is tolerated; if so, it is noted.
    fn allow(self, tolerance: Tolerance) -> bool {
        let is_allowed = self.dialect.allows(tolerance);
        if is_allowed {
            self.needed.set(self.needed.get().with(tolerance));
        }
        is_allowed
    }
}

/// One level of a filter: the resource type, or the attribute whose brackets are open.
#[derive(Clone, Copy)]
struct Resolver<'a> {
    catalog: &'a Catalog,
    resource_type: &'a ResourceType,
    tolerances: Tolerances<'a>,
    parent: Option<(&'a AttributePath, &'a Attribute)>,
}

impl<'a> Resolver<'a> {
    fn filter(&self, filter: &Filter) -> Result<Node, ResolveError> {
        let all = |parts: &[Filter]| parts.iter().map(|part| self.filter(part)).collect::<Result<Vec<_>, _>>();
        match filter {
            Filter::And(parts) => all(parts).map(Node::And),
            Filter::Or(parts) => all(parts).map(Node::Or),
            Filter::Not(inner) => Ok(Node::Not(Box::new(self.filter(inner)?))),
            Filter::Attribute(AttributeExpression::Present(path)) => {
                Ok(self.find(path)?.map_or(Node::Constant(false), |found| Node::Present(found.path)))
            }
            Filter::Attribute(AttributeExpression::Compare { path, operator, value }) => self.compare(path, *operator, value),
            Filter::ValuePath(value_path) => self.element(value_path),
        }
    }

    fn element(&self, value_path: &ValuePath) -> Result<Node, ResolveError> {
        let Some(found) = self.find(&value_path.path)? else {
            return Ok(Node::Constant(false));
        };
        let inner = Resolver { parent: Some((&value_path.path, found.definition)), ..*self };
        Ok(Node::Element { path: found.path, filter: Box::new(inner.filter(&value_path.value_filter)?) })
    }

    fn compare(&self, path: &AttributePath, operator: CompareOperator, value: &Literal) -> Result<Node, ResolveError> {
        let Some(found) = self.find(path)? else {
            // Nothing equals no value but null, and everything else differs from it (AMB-07).
            return Ok(Node::Constant((operator == CompareOperator::Equal) == (*value == Literal::Null) && is_equality(operator)));
        };
        let (path, end) = if *value == Literal::Null { (found.path, found.definition) } else { self.implied_value(path, found)? };
        let operand = operand(end, path.comparison, operator, value, self.tolerances).ok_or_else(|| {
            let path = self.full_path(&path.to_attribute_path());
            ResolveError::Comparison { path, operator: operator.as_str(), value: kind_of(end, value) }
        })?;
        Ok(match operand {
            Operand::Boolean(wanted) if is_equality(operator) && self.is_primary(&path) => primary(&path, operator, wanted),
            operand => Node::Compare { path, operator, operand },
        })
    }

    /// Whether a path is the `primary` of the elements of a multi-valued attribute (RFC 7643 section 2.4).
    fn is_primary(&self, path: &ResolvedPath) -> bool {
        match (self.parent, &path.sub_attribute) {
            (Some((_, parent)), None) => parent.is_multi_valued && path.attribute == *"primary",
            (None, Some(name)) => path.is_multi_valued && *name == *"primary",
            _ => false,
        }
    }

    /// The attribute that a comparison means: of a complex attribute its sub-attribute `value`, if it has one (R7644-3.4.2.2-19).
    fn implied_value(&self, path: &AttributePath, found: Found<'a>) -> Result<(ResolvedPath, &'a Attribute), ResolveError> {
        let Found { path: found_path, definition, .. } = found;
        if definition.type_ != AttributeType::Complex {
            return Ok((found_path, definition));
        }
        let value = definition.sub_attribute("value").filter(|_| found_path.sub_attribute.is_none() && self.parent.is_none());
        let value = value.ok_or_else(|| ResolveError::SubAttributeNeeded { path: self.full_path(path) })?;
        if value.returned == Returned::Never {
            return Err(ResolveError::Sensitive { path: self.full_path(path) });
        }
        Ok((resolved(found_path.extension, definition, Some(value)), value))
    }

    /// The attribute, or `None` if it is unknown and the dialect takes it as one without value.
    fn find(&self, path: &AttributePath) -> Result<Option<Found<'a>>, ResolveError> {
        let found = match self.parent {
            None => find(path, self.catalog, self.resource_type),
            Some((_, parent)) => self.find_in(parent, path),
        };
        match found {
            Ok(found) if found.is_sensitive => Err(ResolveError::Sensitive { path: self.full_path(path) }),
            Ok(found) => Ok(Some(found)),
            Err(ResolveError::UnknownAttribute { .. }) if self.tolerances.allow(Tolerance::UnknownInFilter) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn find_in(&self, parent: &'a Attribute, path: &AttributePath) -> Result<Found<'a>, ResolveError> {
        let is_plain = path.schema.is_none() && path.sub_attribute.is_none();
        let definition = is_plain.then(|| parent.sub_attribute(path.attribute.as_str())).flatten();
        let definition = definition
            .ok_or_else(|| ResolveError::UnknownAttribute { path: self.full_path(path), resource_type: self.resource_type.name.clone() })?;
        let path = ResolvedPath { comparison: caseless_unless_exact(definition), ..resolved(None, definition, None) };
        Ok(Found { path, definition, is_sensitive: definition.returned == Returned::Never })
    }

    /// The path for an error, with the attribute whose brackets are open in front.
    fn full_path(&self, path: &AttributePath) -> String {
        match self.parent {
            Some((parent, _)) => format!("{parent}.{path}"),
            None => path.to_string(),
        }
    }
}

impl ResolvedPath {
    /// The path as it stands in a filter.
    pub fn to_attribute_path(&self) -> AttributePath {
        AttributePath { schema: self.extension.clone(), attribute: self.attribute.clone(), sub_attribute: self.sub_attribute.clone() }
    }
}

const fn is_equality(operator: CompareOperator) -> bool {
    matches!(operator, CompareOperator::Equal | CompareOperator::NotEqual)
}

const fn is_substring(operator: CompareOperator) -> bool {
    matches!(operator, CompareOperator::Contains | CompareOperator::StartsWith | CompareOperator::EndsWith)
}

/// The comparison of `primary`, which is false where it is absent (R7643-2.4-04).
fn primary(path: &ResolvedPath, operator: CompareOperator, wanted: bool) -> Node {
    let compare = |path: &ResolvedPath, operator, operand| Node::Compare { path: path.clone(), operator, operand };
    if wanted == (operator == CompareOperator::Equal) {
        return compare(path, CompareOperator::Equal, Operand::Boolean(true));
    }
    let is_false = |path: &ResolvedPath| {
        let is = |operand| compare(path, CompareOperator::Equal, operand);
        Node::Or(vec![is(Operand::Boolean(false)), is(Operand::Null)])
    };
    let Some(name) = path.sub_attribute.clone() else { return is_false(path) };
    let inner = ResolvedPath { extension: None, attribute: name, sub_attribute: None, is_multi_valued: false, ..path.clone() };
    let element = ResolvedPath { sub_attribute: None, type_: AttributeType::Complex, case_exact: false, ..path.clone() };
    let any = Node::Element { path: element, filter: Box::new(is_false(&inner)) };
    match operator {
        // What has no element at all differs from every value (AMB-07).
        CompareOperator::NotEqual => Node::Or(vec![any, compare(path, operator, Operand::Boolean(wanted))]),
        _ => any,
    }
}

/// The value in the attribute's type; `None` if the two cannot be compared so (R7644-3.4.2.2-08 and -09, AMB-08, AMB-09).
fn operand(
    attribute: &Attribute,
    comparison: TextComparison,
    operator: CompareOperator,
    value: &Literal,
    tolerances: Tolerances<'_>,
) -> Option<Operand> {
    let converts = || tolerances.allow(Tolerance::ConvertFilterValues);
    let text_operand = |text: &str| {
        let key = comparison.key(text).into_owned();
        let is_searched =
            matches!(operator, CompareOperator::Contains | CompareOperator::EndsWith) && comparison != TextComparison::CaseExact;
        let borders = if is_searched { Borders::of(&key) } else { Borders::default() };
        Operand::Text { text: text.to_owned(), key, borders }
    };
    if *value == Literal::Null {
        return is_equality(operator).then_some(Operand::Null);
    }
    match attribute.type_ {
        AttributeType::String | AttributeType::Reference | AttributeType::Binary => {
            let fits = attribute.type_ != AttributeType::Binary || is_equality(operator);
            match value {
                Literal::String(text) if fits => Some(text_operand(text)),
                Literal::Boolean(_) | Literal::Number(_) if fits && converts() => Some(text_operand(&value.to_string())),
                _ => None,
            }
        }
        AttributeType::Boolean if is_equality(operator) => match value {
            Literal::Boolean(value) => Some(Operand::Boolean(*value)),
            Literal::String(text) if text.eq_ignore_ascii_case("true") && converts() => Some(Operand::Boolean(true)),
            Literal::String(text) if text.eq_ignore_ascii_case("false") && converts() => Some(Operand::Boolean(false)),
            _ => None,
        },
        AttributeType::Integer | AttributeType::Decimal if !is_substring(operator) => match value {
            Literal::Number(number) => Some(Operand::Number(number.clone())),
            Literal::String(text) => parse::parse_number(text).filter(|_| converts()).map(Operand::Number),
            _ => None,
        },
        AttributeType::DateTime => match value {
            Literal::String(text) if !is_substring(operator) => compare::instant(text).map(Operand::Instant),
            Literal::String(text) if tolerances.allow(Tolerance::DateTimeSubstring) => Some(text_operand(text)),
            _ => None,
        },
        AttributeType::Boolean | AttributeType::Integer | AttributeType::Decimal | AttributeType::Complex => None,
    }
}

const fn kind_of(attribute: &Attribute, value: &Literal) -> &'static str {
    match value {
        Literal::Null => "null",
        Literal::Boolean(_) => "a boolean",
        Literal::Number(_) => "a number",
        Literal::String(_) if matches!(attribute.type_, AttributeType::DateTime) => "text that is no dateTime",
        Literal::String(_) => "text",
    }
}
