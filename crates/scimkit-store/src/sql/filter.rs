//! A filter as a condition in SQL over the table `value`.
//!
//! The condition of a filter is exact and looks at the rows of one resource at a time. Beside it stands, where there is one, a condition
//! that finds the resources that can meet the filter through an index; it says nothing that the exact one does not. Every value is bound.

use scimkit_filter::{CompareOperator, Fold, Node, Operand, ResolvedPath};
use scimkit_types::compare::attribute_key;
use scimkit_types::{AttributeType, SortOrder};

use super::session::{Parameter, SqlDialect};
use super::values::LONGEST_PATH;
use crate::error::{Result, StoreError};
use crate::keys::instant_key;
use crate::resource::{Position, Sort};

/// A statement that is being written: the values that it binds.
#[derive(Debug)]
pub(super) struct Parameters {
    pub(super) values: Vec<Parameter>,
    pub(super) dialect: SqlDialect,
}

impl Parameters {
    pub(super) const fn new(dialect: SqlDialect) -> Self {
        Self { values: Vec::new(), dialect }
    }

    /// Binds a value and returns what stands for it.
    pub(super) fn bind(&mut self, value: impl Into<Parameter>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }
}

/// The condition that the resource `r` meets a filter: true or false, never null.
pub(super) fn condition(node: &Node, parameters: &mut Parameters) -> Result<String> {
    node.fold(parameters)
}

/// Conditions on the resource `r`, or on the element `e` of an attribute of it.
impl Fold for Parameters {
    type Output = String;
    type Error = StoreError;

    fn and(&mut self, parts: Vec<String>) -> Result<String> {
        Ok(join(&parts, "AND").unwrap_or_else(|| "TRUE".to_owned()))
    }

    fn or(&mut self, parts: Vec<String>) -> Result<String> {
        Ok(join(&parts, "OR").unwrap_or_else(|| "FALSE".to_owned()))
    }

    fn not(&mut self, part: String) -> Result<String> {
        Ok(format!("(NOT {part})"))
    }

    fn constant(&mut self, value: bool) -> Result<String> {
        Ok(if value { "TRUE" } else { "FALSE" }.to_owned())
    }

    fn present(&mut self, parent: Option<&ResolvedPath>, path: &ResolvedPath) -> Result<String> {
        let select = format!("{} AND v.present = 1", values(parent, path, self)?);
        Ok(self.dialect.exists(&select))
    }

    fn compare(
        &mut self,
        parent: Option<&ResolvedPath>,
        path: &ResolvedPath,
        operator: CompareOperator,
        operand: &Operand,
    ) -> Result<String> {
        // Nothing is bound that the statement does not use: SQLite counts.
        match (operand, operator) {
            (Operand::Null, CompareOperator::Equal) => Ok(format!("(NOT {})", self.present(parent, path)?)),
            (Operand::Null, CompareOperator::NotEqual) => self.present(parent, path),
            (_, CompareOperator::NotEqual) => {
                let equal = comparison(path, CompareOperator::Equal, operand, self).unwrap_or_else(|| "FALSE".to_owned());
                let values = values(parent, path, self)?;
                let differs = self.dialect.exists(&format!("{values} AND v.kind <> 0 AND ({equal}) IS NOT TRUE"));
                let is_there = self.dialect.exists(&format!("{values} AND v.kind <> 0"));
                Ok(format!("({differs} OR NOT {is_there})"))
            }
            _ => match comparison(path, operator, operand, self) {
                Some(comparison) => {
                    let select = format!("{} AND {comparison}", values(parent, path, self)?);
                    Ok(self.dialect.exists(&select))
                }
                None => Ok("FALSE".to_owned()),
            },
        }
    }

    fn element(&mut self, parent: Option<&ResolvedPath>, path: &ResolvedPath, part: String) -> Result<String> {
        if parent.is_some() || path.sub_attribute.is_some() {
            return Err(too_deep());
        }
        let bound = self.bind(attribute_path(path));
        let select = format!("SELECT 1 FROM @value e WHERE e.resource = r.resource AND e.path = {bound} AND {part}");
        Ok(self.dialect.exists(&select))
    }
}

fn too_deep() -> StoreError {
    StoreError::backend("expected a filter without a value path inside a value path (RFC 7644 figure 1), found one")
}

/// Balanced, so that the depth of the expression does not grow with the number of its parts.
fn join(parts: &[String], operator: &str) -> Option<String> {
    match parts {
        [] => None,
        [only] => Some(only.clone()),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            Some(format!("({} {operator} {})", join(left, operator)?, join(right, operator)?))
        }
    }
}

/// The path of a top-level attribute.
fn attribute_path(path: &ResolvedPath) -> String {
    let name = path.attribute.as_str().to_ascii_lowercase();
    match &path.extension {
        Some(uri) => format!("{}:{name}", uri.as_str().to_ascii_lowercase()),
        None => name,
    }
}

/// The paths that a resolved path stands for, and whether the first is left out where its value is complex: an element of a complex
/// attribute that is not complex itself stands for its `value`.
fn paths(parent: Option<&ResolvedPath>, path: &ResolvedPath) -> Result<(String, Option<String>)> {
    let (parent, sub_attribute) = match (parent, &path.sub_attribute) {
        (None, None) => return Ok((attribute_path(path), None)),
        (None, Some(name)) => (attribute_path(path), name),
        (Some(parent), None) => (attribute_path(parent), &path.attribute),
        (Some(_), Some(_)) => return Err(too_deep()),
    };
    let full = format!("{parent}.{}", sub_attribute.as_str().to_ascii_lowercase());
    Ok((full, (*sub_attribute == *"value").then_some(parent)))
}

/// The path of all values of a resource that a path stands for; `None` if there may be others.
pub(super) fn only_path(path: &ResolvedPath) -> Option<String> {
    let (full, whole) = paths(None, path).ok()?;
    (whole.is_none() && full.len() <= LONGEST_PATH).then_some(full)
}

/// A number as databases take it, for limits.
pub(super) fn bounded(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// `SELECT` of the rows `v` of all values at a path.
fn values(parent: Option<&ResolvedPath>, path: &ResolvedPath, parameters: &mut Parameters) -> Result<String> {
    let is_in_element = parent.is_some();
    let (full, parent) = paths(parent, path)?;
    if full.len() > LONGEST_PATH {
        return Err(StoreError::backend(format!("expected a path of at most {LONGEST_PATH} bytes, found {}", full.len())));
    }
    let full = parameters.bind(full);
    let mut sql = match parent {
        None => format!("SELECT 1 FROM @value v WHERE v.resource = r.resource AND v.path = {full}"),
        Some(parent) => {
            let parent = parameters.bind(parent);
            format!(
                "SELECT 1 FROM @value v WHERE v.resource = r.resource AND v.path IN ({full}, {parent}) \
                 AND (v.path <> {parent} OR v.kind <> 2)"
            )
        }
    };
    if is_in_element {
        sql.push_str(" AND v.element = e.element");
    }
    Ok(sql)
}

/// The condition that the value `v` compares so; null where the value is of another type; `None` if no value does.
fn comparison(path: &ResolvedPath, operator: CompareOperator, operand: &Operand, parameters: &mut Parameters) -> Option<String> {
    let sign = match operator {
        CompareOperator::Equal => Some("="),
        CompareOperator::GreaterThan => Some(">"),
        CompareOperator::GreaterOrEqual => Some(">="),
        CompareOperator::LessThan => Some("<"),
        CompareOperator::LessOrEqual => Some("<="),
        CompareOperator::NotEqual | CompareOperator::Contains | CompareOperator::StartsWith | CompareOperator::EndsWith => None,
    };
    match operand {
        Operand::Null => None,
        Operand::Boolean(value) => {
            (operator == CompareOperator::Equal).then(|| format!("v.boolean = {}", parameters.bind(i64::from(*value))))
        }
        Operand::Number(number) => {
            let sign = sign?;
            Some(format!("v.number {sign} {}", parameters.bind(number.key())))
        }
        Operand::Instant(at) => {
            let sign = sign?;
            Some(format!("v.instant {sign} {}", parameters.bind(instant_key(*at).to_vec())))
        }
        Operand::Text { key, .. } => {
            let text = if path.case_exact { "coalesce(v.exact, v.folded)" } else { "v.folded" };
            let length = key.chars().count();
            let dialect = parameters.dialect;
            Some(match operator {
                CompareOperator::StartsWith | CompareOperator::EndsWith if length == 0 => "v.folded IS NOT NULL".to_owned(),
                CompareOperator::StartsWith => format!("substr({text}, 1, {length}) = {}", parameters.bind(key.clone())),
                CompareOperator::EndsWith => format!("{} = {}", dialect.suffix(text, length), parameters.bind(key.clone())),
                CompareOperator::Contains => dialect.contains(text, &parameters.bind(key.clone())),
                _ => format!("{text} {} {}", sign?, parameters.bind(key.clone())),
            })
        }
    }
}

/// A condition that an index answers and that every resource of the scope that meets the filter meets too; `None` if there is none, or
/// if it has too many parts.
pub(super) fn narrowing(node: &Node, scope: &str, parameters: &mut Parameters) -> Option<String> {
    /// SQLite takes so many parts of a compound `SELECT`. Values of one path are one part.
    const MOST: usize = 500;
    let mut arms = Vec::new();
    narrow(None, node, rank(None, node)?, &mut arms)?;
    if arms.len() > MOST {
        return None;
    }
    let selects: Vec<String> = arms.into_iter().map(|arm| arm.select(scope, parameters)).collect();
    Some(format!("r.resource IN ({})", selects.join(" UNION ALL ")))
}

/// Values that an index finds.
struct Arm {
    /// The paths that they may stand at.
    paths: Vec<String>,
    keys: Keys,
}

enum Keys {
    /// One of these texts.
    Texts(Vec<String>),
    /// An instant that compares so.
    Instant(&'static str, [u8; 16]),
}

impl Arm {
    /// Texts at the same paths are looked for together.
    fn add_to(self, arms: &mut Vec<Self>) {
        if let Keys::Texts(texts) = &self.keys {
            for arm in arms.iter_mut().filter(|arm| arm.paths == self.paths) {
                if let Keys::Texts(known) = &mut arm.keys {
                    known.extend(texts.iter().cloned());
                    return;
                }
            }
        }
        arms.push(self);
    }

    fn select(self, scope: &str, parameters: &mut Parameters) -> String {
        let dialect = parameters.dialect;
        let mut list = |values: Vec<String>| values.into_iter().map(|value| parameters.bind(value)).collect::<Vec<_>>().join(", ");
        let paths = list(self.paths);
        let keys = match self.keys {
            Keys::Texts(texts) => {
                let texts = texts.iter().map(|text| dialect.indexed(text)).collect();
                format!("{} IN ({})", dialect.index("v.folded"), list(texts))
            }
            Keys::Instant(sign, key) => format!("v.instant {sign} {}", parameters.bind(key)),
        };
        format!("SELECT v.resource FROM @value v WHERE v.scope = {scope} AND v.path IN ({paths}) AND {keys}")
    }
}

/// How well an index narrows a filter: 0 best; `None` not at all.
fn rank(parent: Option<&ResolvedPath>, node: &Node) -> Option<u8> {
    match node {
        Node::And(parts) => parts.iter().filter_map(|part| rank(parent, part)).min(),
        Node::Or(parts) => parts.iter().map(|part| rank(parent, part)).try_fold(0, |worst, rank| Some(worst.max(rank?))),
        Node::Element { path, filter } if parent.is_none() => rank(Some(path), filter),
        Node::Compare { path, operator: CompareOperator::Equal, operand: Operand::Text { .. } } => {
            // A `type` is one of few values, so that nearly every resource may have it (RFC 7643 section 2.4).
            let name = path.sub_attribute.as_ref().unwrap_or(&path.attribute);
            Some(if *name == *"type" { 3 } else { 0 })
        }
        Node::Compare { operator: CompareOperator::Equal, operand: Operand::Instant(_), .. } => Some(1),
        Node::Compare { operator, operand: Operand::Instant(_), .. } if *operator != CompareOperator::NotEqual => Some(2),
        _ => None,
    }
}

/// Adds what finds every resource that can meet the part of the filter; `None` if nothing does.
fn narrow(parent: Option<&ResolvedPath>, node: &Node, wanted: u8, arms: &mut Vec<Arm>) -> Option<()> {
    match node {
        Node::And(parts) => {
            let best = parts.iter().find(|part| rank(parent, part) == Some(wanted))?;
            narrow(parent, best, wanted, arms)
        }
        Node::Or(parts) => parts.iter().try_for_each(|part| narrow(parent, part, rank(parent, part)?, arms)),
        Node::Element { path, filter } => narrow(Some(path), filter, wanted, arms),
        Node::Compare { path, operator, operand } => {
            let (full, whole) = paths(parent, path).ok()?;
            let keys = match (operand, operator) {
                // Text that is equal with case is equal without.
                (Operand::Text { text, .. }, _) => Keys::Texts(vec![attribute_key(&full, text, false).into_owned()]),
                (Operand::Instant(at), CompareOperator::Equal) => Keys::Instant("=", instant_key(*at)),
                (Operand::Instant(at), CompareOperator::GreaterThan | CompareOperator::GreaterOrEqual) => {
                    Keys::Instant(">=", instant_key(*at))
                }
                (Operand::Instant(at), _) => Keys::Instant("<=", instant_key(*at)),
                _ => return None,
            };
            Arm { paths: std::iter::once(full).chain(whole).collect(), keys }.add_to(arms);
            Some(())
        }
        _ => None,
    }
}

/// What the resource `r` is sorted by, as [`sort_key`](crate::keys::sort_key); null without a value.
pub(super) fn key(sort: &Sort, parameters: &mut Parameters) -> Result<String> {
    let path = &sort.path;
    let column = match path.type_ {
        AttributeType::String | AttributeType::Reference | AttributeType::Binary if path.case_exact => "coalesce(v.exact, v.folded)",
        AttributeType::String | AttributeType::Reference | AttributeType::Binary => "v.folded",
        AttributeType::DateTime => "v.instant",
        AttributeType::Boolean => "v.boolean",
        AttributeType::Integer | AttributeType::Decimal => "v.number",
        AttributeType::Complex => "CAST(NULL AS BYTEA)",
    };
    let values = values(None, path, parameters)?.replacen("SELECT 1", &format!("SELECT {column}"), 1);
    Ok(format!("({values} AND {column} IS NOT NULL ORDER BY v.is_primary DESC, v.element, v.ordinal LIMIT 1)"))
}

/// Whether a sort is the order that results have without one: by the instant of their creation.
pub(super) fn is_creation(sort: &Sort) -> bool {
    sort.order == SortOrder::Ascending
        && sort.path.extension.is_none()
        && sort.path.type_ == AttributeType::DateTime
        && sort.path.attribute == *"meta"
        && sort.path.sub_attribute.as_ref().is_some_and(|name| *name == *"created")
}

/// What results are ordered by, when the second column is the key: missing values last when ascending, ties by id.
pub(super) const fn order(sort: Option<&Sort>) -> &'static str {
    match sort {
        None => "r.created_at, r.id",
        Some(Sort { order: SortOrder::Descending, .. }) => "2 DESC NULLS FIRST, r.id",
        Some(_) => "2 ASC NULLS LAST, r.id",
    }
}

/// The condition that the resource `r` comes after a position in that order: true or false, never null.
pub(super) fn after(sort: Option<(&Sort, &str)>, position: &Position, parameters: &mut Parameters) -> Result<String> {
    let id = parameters.bind(position.id.clone());
    let Some((sort, key)) = sort else {
        let created = parameters.bind(position.key.clone().unwrap_or_default());
        return Ok(format!("(r.created_at, r.id) > ({created}, {id})"));
    };
    let is_descending = sort.order == SortOrder::Descending;
    let Some(bytes) = &position.key else {
        return Ok(if is_descending { format!("({key} IS NOT NULL OR r.id > {id})") } else { format!("({key} IS NULL AND r.id > {id})") });
    };
    let bound = parameters.bind(parameter_of(sort.path.type_, bytes)?);
    let later = if is_descending { format!("{key} < {bound}") } else { format!("{key} > {bound} OR {key} IS NULL") };
    Ok(format!("(({later} OR ({key} = {bound} AND r.id > {id})) IS TRUE)"))
}

/// A sort key as the column holds it.
pub(super) fn parameter_of(type_: AttributeType, key: &[u8]) -> Result<Parameter> {
    match type_ {
        AttributeType::String | AttributeType::Reference | AttributeType::Binary => {
            String::from_utf8(key.to_vec()).map(Parameter::Text).map_err(StoreError::backend)
        }
        AttributeType::Boolean => Ok(Parameter::Integer(i64::from(key.first().is_some_and(|byte| *byte != 0)))),
        AttributeType::DateTime | AttributeType::Integer | AttributeType::Decimal | AttributeType::Complex => {
            Ok(Parameter::Bytes(key.to_vec()))
        }
    }
}

/// A sort key as a column holds it, as bytes.
pub(super) fn key_of_parameter(parameter: Parameter) -> Result<Option<Vec<u8>>> {
    match parameter {
        Parameter::Null => Ok(None),
        Parameter::Text(text) => Ok(Some(text.into_bytes())),
        Parameter::Bytes(bytes) => Ok(Some(bytes)),
        Parameter::Integer(value) => u8::try_from(value).map(|value| Some(vec![value])).map_err(StoreError::backend),
        Parameter::Integers(_) | Parameter::Texts(_) => Err(StoreError::backend("expected one sort key, found several")),
    }
}
