//! The rows of the table `value`: what a filter can reach in a document, with the keys that it is compared by.
//!
//! Every element of a top-level attribute has a row under the attribute's path, and every value of a sub-attribute has one under
//! `attribute.subAttribute`. Paths are in lower case; those of an extension begin with its URI and a colon. Names that no filter can
//! hold have no rows, so that nothing in a document can pass for another path; neither have paths that are too long for an index.

use scimkit_types::compare::{attribute_key, instant};
use scimkit_types::{AttributeName, ComplexValue, Resource, SchemaUri, Timestamp, Value};

use super::session::{Each, Parameter, Session, parameters};
use crate::error::Result;
use crate::keys::instant_key;
use crate::resource::document;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null = 0,
    Simple = 1,
    Complex = 2,
    List = 3,
}

/// A row, but for the resource and scope that it belongs to.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) path: String,
    pub(crate) element: i64,
    ordinal: i64,
    kind: Kind,
    is_present: bool,
    is_primary: bool,
    folded: Option<String>,
    /// Only if it differs from `folded`.
    exact: Option<String>,
    boolean: Option<bool>,
    number: Option<Vec<u8>>,
    instant: Option<[u8; 16]>,
}

impl Row {
    fn new(path: &str, element: i64, ordinal: i64, is_primary: bool, value: &Value) -> Self {
        let mut row = Self {
            path: path.to_owned(),
            element,
            ordinal,
            kind: Kind::Simple,
            is_present: value.is_present(),
            is_primary,
            folded: None,
            exact: None,
            boolean: None,
            number: None,
            instant: None,
        };
        match value {
            Value::Null => row.kind = Kind::Null,
            Value::Complex(_) => row.kind = Kind::Complex,
            Value::List(_) => row.kind = Kind::List,
            Value::Boolean(value) => row.boolean = Some(*value),
            Value::Number(number) => row.number = Some(number.key()),
            Value::String(text) => {
                let folded = attribute_key(path, text, false);
                row.exact = (folded != *text).then(|| text.clone());
                row.folded = Some(folded.into_owned());
                row.instant = instant(text).map(instant_key);
            }
        }
        row
    }

    pub(crate) fn place(&self) -> (&str, i64, i64) {
        (&self.path, self.element, self.ordinal)
    }

    fn parameters(&self, scope: i64, resource: i64) -> Vec<Parameter> {
        let kind = self.kind as i64;
        let (folded, exact) = (self.folded.as_deref(), self.exact.as_deref());
        let values = parameters![
            resource,
            self.path.as_str(),
            self.element,
            self.ordinal,
            scope,
            kind,
            self.is_present,
            self.is_primary,
            folded,
            exact,
            self.boolean,
            self.number.clone(),
            self.instant,
        ];
        values.into()
    }
}

/// The rows of a document, in the order of their places.
pub(crate) fn of_document(document: &Resource) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, value) in document.as_complex().iter() {
        if is_name(name) {
            of_attribute(&name.to_ascii_lowercase(), value, &mut rows);
        } else if let (Ok(_), Value::Complex(attributes)) = (name.parse::<SchemaUri>(), value) {
            let uri = name.to_ascii_lowercase();
            for (name, value) in attributes.iter().filter(|(name, _)| is_name(name)) {
                of_attribute(&format!("{uri}:{}", name.to_ascii_lowercase()), value, &mut rows);
            }
        }
    }
    rows.sort_by(|left, right| left.place().cmp(&right.place()));
    rows
}

fn is_name(name: &str) -> bool {
    name.parse::<AttributeName>().is_ok()
}

fn of_attribute(path: &str, value: &Value, rows: &mut Vec<Row>) {
    for (element, value) in (0..).zip(value.elements()) {
        of_element(path, element, value, rows);
    }
}

/// The rows of one element of a top-level attribute.
pub(crate) fn of_element(path: &str, element: i64, value: &Value, rows: &mut Vec<Row>) {
    let sub_attributes = value.as_complex();
    let is_primary = sub_attributes.and_then(|value| value.get("primary")).and_then(Value::as_bool) == Some(true);
    if path.len() > LONGEST_PATH {
        return;
    }
    rows.push(Row::new(path, element, 0, is_primary, value));
    let sub_attributes = sub_attributes.into_iter().flat_map(ComplexValue::iter);
    for (name, value) in sub_attributes.filter(|(name, _)| is_name(name)) {
        let path = format!("{path}.{}", name.to_ascii_lowercase());
        if path.len() > LONGEST_PATH {
            continue;
        }
        for (ordinal, value) in (0..).zip(value.elements()) {
            rows.push(Row::new(&path, element, ordinal, is_primary, value));
        }
    }
}

/// The longest path in bytes that has rows; an index holds it beside the text.
pub(super) const LONGEST_PATH: usize = 512;

/// The rows of what a document does not hold and filters may ask for: `id` and `meta`.
pub(super) fn of_common(id: &str, resource_type: &str, created_at: Timestamp, modified_at: Timestamp) -> Vec<Row> {
    let mut document = Resource::from(ComplexValue::new());
    document::add_common(&mut document, id, resource_type, created_at, modified_at);
    of_document(&document)
}

const INSERT: Each = Each {
    one: "INSERT INTO @value (resource, path, element, ordinal, scope, kind, present, is_primary, folded, exact, boolean, number, instant) \
          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    all: "INSERT INTO @value (resource, path, element, ordinal, scope, kind, present, is_primary, folded, exact, boolean, number, instant) \
          SELECT * FROM unnest(?1::bigint[], ?2::text[], ?3::bigint[], ?4::bigint[], ?5::bigint[], ?6::bigint[], ?7::bigint[], ?8::bigint[], \
          ?9::text[], ?10::text[], ?11::bigint[], ?12::bytea[], ?13::bytea[])",
};

const DELETE: Each = Each {
    one: "DELETE FROM @value WHERE resource = ?1 AND path = ?2 AND element = ?3 AND ordinal = ?4",
    all: "DELETE FROM @value v USING unnest(?1::bigint[], ?2::text[], ?3::bigint[], ?4::bigint[]) AS gone(resource, path, element, ordinal) \
          WHERE v.resource = gone.resource AND v.path = gone.path AND v.element = gone.element AND v.ordinal = gone.ordinal",
};

/// Writes rows.
pub(super) async fn insert<S: Session>(session: &mut S, scope: i64, resource: i64, rows: &[Row]) -> Result<()> {
    let parameters: Vec<Vec<Parameter>> = rows.iter().map(|row| row.parameters(scope, resource)).collect();
    session.each(&INSERT, &parameters).await.map(drop)
}

/// Removes rows.
pub(super) async fn delete<S: Session>(session: &mut S, resource: i64, rows: &[Row]) -> Result<()> {
    let place = |row: &Row| parameters![resource, row.path.as_str(), row.element, row.ordinal].into();
    session.each(&DELETE, &rows.iter().map(place).collect::<Vec<_>>()).await.map(drop)
}

/// Removes the rows of a top-level attribute.
pub(super) async fn delete_attribute<S: Session>(session: &mut S, resource: i64, path: &str) -> Result<()> {
    let below = (format!("{path}."), format!("{path}/"));
    let sql = "DELETE FROM @value WHERE resource = ?1 AND (path = ?2 OR (path >= ?3 AND path < ?4))";
    session.execute(sql, &parameters![resource, path, below.0, below.1]).await?;
    Ok(())
}

/// Writes what differs between the rows that are there and those that are wanted, both in the order of their places.
pub(super) async fn replace<S: Session>(session: &mut S, scope: i64, resource: i64, old: Vec<Row>, new: Vec<Row>) -> Result<()> {
    let differs = |row: &Row, others: &[Row]| {
        let place = others.binary_search_by(|other| other.place().cmp(&row.place()));
        place.ok().and_then(|place| others.get(place)) != Some(row)
    };
    let stays: Vec<bool> = new.iter().map(|row| !differs(row, &old)).collect();
    let gone: Vec<Row> = old.into_iter().filter(|row| differs(row, &new)).collect();
    let come: Vec<Row> = new.into_iter().zip(stays).filter(|(_, stays)| !stays).map(|(row, _)| row).collect();
    delete(session, resource, &gone).await?;
    insert(session, scope, resource, &come).await
}
