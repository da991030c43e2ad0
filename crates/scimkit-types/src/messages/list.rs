//! Queries and their answers (RFC 7644 sections 3.4.2 and 3.4.3, RFC 9865).

use super::{LIST_RESPONSE, MessageError, SEARCH_REQUEST, check_schema};
use crate::resource::Resource;
use crate::value::{ComplexValue, Number, Value};

/// The answer to a query (RFC 7644 section 3.4.2).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ListResponse {
    /// How many resources match, on all pages.
    pub total_results: u64,
    /// The 1-based index of the first resource of this page.
    pub start_index: Option<u64>,
    /// How many resources this page has.
    pub items_per_page: Option<u64>,
    /// The cursor of the next page (RFC 9865).
    pub next_cursor: Option<String>,
    /// The cursor of the previous page (RFC 9865).
    pub previous_cursor: Option<String>,
    /// The resources.
    pub resources: Vec<Resource>,
}

impl ListResponse {
    /// A page of an answer.
    pub fn new(total_results: u64, resources: Vec<Resource>) -> Self {
        Self { total_results, resources, ..Self::default() }
    }

    /// Reads a list response. A missing `Resources` is an empty list.
    ///
    /// A missing `totalResults`, which RFC 9865 allows with cursors, is taken as the number of resources on the page; both missing is an
    /// error.
    ///
    /// # Errors
    /// [`MessageError`] naming the member at fault.
    pub fn from_json(value: Value) -> Result<Self, MessageError> {
        let Value::Complex(mut body) = value else { return Err(MessageError::new("", "a list response")) };
        let mut list = Self {
            total_results: 0,
            start_index: unsigned(&body, "startIndex")?,
            items_per_page: unsigned(&body, "itemsPerPage")?,
            next_cursor: text(&body, "nextCursor")?,
            previous_cursor: text(&body, "previousCursor")?,
            resources: Vec::new(),
        };
        let total_results = unsigned(&body, "totalResults")?;
        let resources = body.remove("Resources");
        if total_results.is_none() && resources.is_none() {
            return Err(MessageError::new("totalResults", "a number"));
        }
        match resources {
            None | Some(Value::Null) => {}
            Some(Value::List(items)) => {
                for (index, item) in items.into_iter().enumerate() {
                    let Value::Complex(item) = item else {
                        return Err(MessageError::new(format!("Resources[{index}]"), "a resource"));
                    };
                    list.resources.push(Resource::from(item));
                }
            }
            Some(_) => return Err(MessageError::new("Resources", "a list of resources")),
        }
        list.total_results = total_results.unwrap_or(list.resources.len() as u64);
        Ok(list)
    }

    /// The answer as JSON. `Resources` is written even when it is empty (AMB-32).
    pub fn into_json(self) -> Value {
        let mut body = ComplexValue::new();
        body.insert("schemas", vec![Value::from(LIST_RESPONSE)]);
        body.insert("totalResults", Number::from(self.total_results));
        insert_some(&mut body, "startIndex", self.start_index.map(Number::from));
        insert_some(&mut body, "itemsPerPage", self.items_per_page.map(Number::from));
        insert_some(&mut body, "nextCursor", self.next_cursor);
        insert_some(&mut body, "previousCursor", self.previous_cursor);
        body.insert("Resources", Value::List(self.resources.into_iter().map(|r| Value::Complex(r.into_complex())).collect()));
        Value::Complex(body)
    }
}

/// In which order sorted resources come (RFC 7644 section 3.4.2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "closed by RFC 7644 section 3.4.2.3")]
pub enum SortOrder {
    /// Smallest first; resources without a value come last.
    #[default]
    Ascending,
    /// Largest first; resources without a value come first.
    Descending,
}

/// A query (RFC 7644 section 3.4.3): the body of `.search`, and the parameters of a GET.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchRequest {
    /// The attributes to return.
    pub attributes: Vec<String>,
    /// The attributes not to return.
    pub excluded_attributes: Vec<String>,
    /// The filter, as text.
    pub filter: Option<String>,
    /// The attribute to sort by.
    pub sort_by: Option<String>,
    /// The order of the sort.
    pub sort_order: Option<SortOrder>,
    /// The 1-based index of the first resource wanted; a value below 1 means 1.
    pub start_index: Option<i64>,
    /// How many resources are wanted at most; a negative value means 0.
    pub count: Option<i64>,
    /// The cursor of the page wanted (RFC 9865); an empty text asks for the first one.
    pub cursor: Option<String>,
}

impl SearchRequest {
    /// Reads the body of `.search`. `schemas` must name the schema of search requests.
    ///
    /// # Errors
    /// [`MessageError`] naming the member at fault.
    pub fn from_json(value: &Value) -> Result<Self, MessageError> {
        let body = value.as_complex().ok_or_else(|| MessageError::new("", "a search request"))?;
        check_schema(body, SEARCH_REQUEST, "`urn:ietf:params:scim:api:messages:2.0:SearchRequest`")?;
        let integer = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let number = value.as_number().and_then(Number::as_i64);
                number.map(Some).ok_or_else(|| MessageError::new(name, "an integer"))
            }
        };
        Ok(Self {
            attributes: texts(body, "attributes")?,
            excluded_attributes: texts(body, "excludedAttributes")?,
            filter: text(body, "filter")?,
            sort_by: text(body, "sortBy")?,
            sort_order: match text(body, "sortOrder")?.as_deref() {
                None => None,
                Some("ascending") => Some(SortOrder::Ascending),
                Some("descending") => Some(SortOrder::Descending),
                Some(_) => return Err(MessageError::new("sortOrder", "`ascending` or `descending`")),
            },
            start_index: integer("startIndex")?,
            count: integer("count")?,
            cursor: text(body, "cursor")?,
        })
    }

    /// The query as the body of `.search`.
    pub fn to_json(&self) -> Value {
        let mut body = ComplexValue::new();
        let list = |texts: &[String]| Value::List(texts.iter().map(|text| Value::from(text.as_str())).collect());
        body.insert("schemas", vec![Value::from(SEARCH_REQUEST)]);
        if !self.attributes.is_empty() {
            body.insert("attributes", list(&self.attributes));
        }
        if !self.excluded_attributes.is_empty() {
            body.insert("excludedAttributes", list(&self.excluded_attributes));
        }
        insert_some(&mut body, "filter", self.filter.clone());
        insert_some(&mut body, "sortBy", self.sort_by.clone());
        insert_some(
            &mut body,
            "sortOrder",
            self.sort_order.map(|order| match order {
                SortOrder::Ascending => "ascending",
                SortOrder::Descending => "descending",
            }),
        );
        insert_some(&mut body, "startIndex", self.start_index);
        insert_some(&mut body, "count", self.count);
        insert_some(&mut body, "cursor", self.cursor.clone());
        Value::Complex(body)
    }
}

pub(super) fn insert_some(body: &mut ComplexValue, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        body.insert(name, value);
    }
}

pub(super) fn text(body: &ComplexValue, name: &str) -> Result<Option<String>, MessageError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(MessageError::new(name, "text")),
    }
}

fn texts(body: &ComplexValue, name: &str) -> Result<Vec<String>, MessageError> {
    let elements = body.get(name).map(Value::elements).unwrap_or_default();
    elements.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(|| MessageError::new(name, "a list of texts"))).collect()
}

/// Some peers write numbers as text.
pub(super) fn unsigned(body: &ComplexValue, name: &str) -> Result<Option<u64>, MessageError> {
    let number = match body.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    number.map(Some).ok_or_else(|| MessageError::new(name, "a number"))
}
