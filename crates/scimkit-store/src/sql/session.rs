//! A transaction in a database, whichever it is.

use std::borrow::Cow;
use std::future::Future;

use sha2::{Digest, Sha256};

use super::senseless;
use crate::error::Result;

/// A transaction.
pub(crate) trait Session: Send {
    /// How its database differs from others.
    const DIALECT: SqlDialect;

    /// The rows that a statement gives.
    fn rows(&mut self, sql: &str, parameters: &[Parameter]) -> impl Future<Output = Result<Vec<Row>>> + Send;

    /// The text that a statement gives for each of many keys, in their order; the key is the parameter after those that all share.
    fn texts(
        &mut self,
        statement: &Each,
        shared: &[Parameter],
        keys: &[String],
    ) -> impl Future<Output = Result<Vec<Option<String>>>> + Send;

    /// Runs a statement and tells how many rows it changed.
    fn execute(&mut self, sql: &str, parameters: &[Parameter]) -> impl Future<Output = Result<u64>> + Send;

    /// Runs a statement for each of many rows of parameters, and tells how many rows it changed.
    fn each(&mut self, statement: &Each, rows: &[Vec<Parameter>]) -> impl Future<Output = Result<u64>> + Send;

    /// Sets the texts of keys that share their first parameters: a statement adds a row for each key that has none, another one changes the
    /// others. Tells how many rows were added.
    fn put(&mut self, add: &Each, change: &Each, shared: [i64; 2], rows: &[(&str, &str)]) -> impl Future<Output = Result<u64>> + Send;
}

/// A statement that is run for many rows of parameters.
#[derive(Debug)]
pub(crate) struct Each {
    /// Run once for each row.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "SQLite does it so"))]
    pub(crate) one: &'static str,
    /// Run once for all rows; each parameter is the array of a column.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "PostgreSQL does it so"))]
    pub(crate) all: &'static str,
}

/// The first row that a statement gives.
pub(crate) async fn first<S: Session>(session: &mut S, sql: &str, parameters: &[Parameter]) -> Result<Option<Row>> {
    Ok(session.rows(sql, parameters).await?.into_iter().next())
}

/// A value in a database.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Parameter {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// Several integers; see [`SqlDialect::among`].
    Integers(Vec<i64>),
    /// Several texts; see [`SqlDialect::among`].
    Texts(Vec<String>),
}

impl From<i64> for Parameter {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Parameter {
    fn from(value: bool) -> Self {
        Self::Integer(i64::from(value))
    }
}

impl From<&str> for Parameter {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Parameter {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Cow<'_, str>> for Parameter {
    fn from(text: Cow<'_, str>) -> Self {
        Self::Text(text.into_owned())
    }
}

impl From<Vec<u8>> for Parameter {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<[u8; 16]> for Parameter {
    fn from(bytes: [u8; 16]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Parameter {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Parameters of several types.
macro_rules! parameters {
    ($($value:expr),* $(,)?) => {
        [$($crate::sql::session::Parameter::from($value)),*]
    };
}
pub(crate) use parameters;

/// A row, whose columns are taken one after the other.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Parameter>);

impl Row {
    pub(crate) fn new(columns: Vec<Parameter>) -> Self {
        Self(columns.into_iter())
    }

    /// The next column.
    pub(crate) fn take<T: Column>(&mut self) -> Result<T> {
        self.0.next().and_then(T::of).ok_or_else(|| senseless("a column has another type than expected"))
    }
}

/// What a column is read as.
pub(crate) trait Column: Sized {
    /// The value; `None` if it is of another type.
    fn of(value: Parameter) -> Option<Self>;
}

impl Column for Parameter {
    fn of(value: Parameter) -> Option<Self> {
        Some(value)
    }
}

impl Column for i64 {
    fn of(value: Parameter) -> Option<Self> {
        if let Parameter::Integer(value) = value { Some(value) } else { None }
    }
}

impl Column for String {
    fn of(value: Parameter) -> Option<Self> {
        if let Parameter::Text(text) = value { Some(text) } else { None }
    }
}

impl Column for Vec<u8> {
    fn of(value: Parameter) -> Option<Self> {
        if let Parameter::Bytes(bytes) = value { Some(bytes) } else { None }
    }
}

impl<T: Column> Column for Option<T> {
    fn of(value: Parameter) -> Option<Self> {
        if value == Parameter::Null { Some(None) } else { T::of(value).map(Some) }
    }
}

/// How one database's SQL differs from the other's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SqlDialect {
    #[cfg(feature = "sqlite")]
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
}

/// How many characters of a text an index of PostgreSQL holds, which takes rows of about 2,700 bytes.
#[cfg(feature = "postgres")]
const INDEXED: usize = 255;

impl SqlDialect {
    /// Over how many rows the number of resources of a scope is spread, so that transactions do not wait for each other to count.
    pub(crate) const fn shards(self) -> u64 {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => 1,
            #[cfg(feature = "postgres")]
            Self::Postgres => 32,
        }
    }

    /// At the end of a `SELECT` of `scope`: nobody keeps another attribute apart until the transaction ends.
    pub(crate) const fn hold_scope(self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "",
            #[cfg(feature = "postgres")]
            Self::Postgres => " FOR KEY SHARE OF s",
        }
    }

    /// At the end of a `SELECT` of `scope`: nobody else creates a resource under a limit until the transaction ends.
    pub(crate) const fn hold_number(self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "",
            #[cfg(feature = "postgres")]
            Self::Postgres => " FOR NO KEY UPDATE OF s",
        }
    }

    /// At the end of a `SELECT` of `scope`: nobody writes to it until the transaction ends.
    pub(crate) const fn lock_scope(self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "",
            #[cfg(feature = "postgres")]
            Self::Postgres => " FOR UPDATE OF s",
        }
    }

    /// What is said before marks of a scope are moved: nobody counts by them until the transaction ends.
    pub(crate) const fn lock_marks(self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => None,
            #[cfg(feature = "postgres")]
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(1935894893, CAST(CAST(?1 AS BIGINT) & 2147483647 AS INTEGER))"),
        }
    }

    /// At the end of a `SELECT` of a row `r`: nobody changes it until the transaction ends.
    pub(crate) const fn lock_row(self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "",
            #[cfg(feature = "postgres")]
            Self::Postgres => " FOR UPDATE OF r",
        }
    }

    /// The same, but rows that somebody else has locked are left out instead of waited for.
    pub(crate) const fn lock_free_row(self) -> &'static str {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => "",
            #[cfg(feature = "postgres")]
            Self::Postgres => " FOR UPDATE OF r SKIP LOCKED",
        }
    }

    /// The condition that a column has one of the values of a parameter.
    pub(crate) fn among(self, column: &str, parameter: &str) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => format!("{column} IN (SELECT json_each.value FROM json_each({parameter}))"),
            #[cfg(feature = "postgres")]
            Self::Postgres => format!("{column} = ANY({parameter})"),
        }
    }

    /// The condition that a `SELECT` gives any row. PostgreSQL would make joins of bare ones, and plan those of a long filter for ages.
    pub(crate) fn exists(self, select: &str) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => format!("EXISTS ({select})"),
            #[cfg(feature = "postgres")]
            Self::Postgres => format!("(EXISTS ({select}) IS TRUE)"),
        }
    }

    /// The condition that a text holds another one.
    pub(crate) fn contains(self, text: &str, part: &str) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => format!("instr({text}, {part}) > 0"),
            #[cfg(feature = "postgres")]
            Self::Postgres => format!("strpos({text}, {part}) > 0"),
        }
    }

    /// The last characters of a text, at least one.
    pub(crate) fn suffix(self, text: &str, length: usize) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => format!("substr({text}, -{length})"),
            #[cfg(feature = "postgres")]
            Self::Postgres => format!("right({text}, {length})"),
        }
    }

    /// What an index holds of a text.
    pub(crate) fn index(self, column: &str) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => column.to_owned(),
            #[cfg(feature = "postgres")]
            Self::Postgres => format!("left({column}, {INDEXED})"),
        }
    }

    /// The same of a text that is looked for.
    pub(crate) fn indexed(self, text: &str) -> String {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => text.to_owned(),
            #[cfg(feature = "postgres")]
            Self::Postgres => text.chars().take(INDEXED).collect(),
        }
    }

    /// What is said in a transaction that need not be durable by itself. SQLite is told before it begins.
    pub(crate) const fn defer(self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => None,
            #[cfg(feature = "postgres")]
            Self::Postgres => Some("SET LOCAL synchronous_commit = off"),
        }
    }

    /// What is said before the statements of a query. PostgreSQL would compile those of a long filter for minutes.
    pub(crate) const fn before_query(self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => None,
            #[cfg(feature = "postgres")]
            Self::Postgres => Some("SET LOCAL jit = off"),
        }
    }
}

/// A key that is looked up and never shown, short enough for the indexes of every database: a long one is replaced by its digest.
pub(crate) fn short(key: &str) -> Cow<'_, str> {
    const LONGEST: usize = 512;
    if key.len() <= LONGEST {
        return Cow::Borrowed(key);
    }
    let digest: String = Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    Cow::Owned(format!("\u{1}sha256:{digest}"))
}
