//! A transaction in PostgreSQL.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use tokio_postgres::Statement;
use tokio_postgres::types::{FromSql, Kind, ToSql, Type};

use crate::error::{Result, StoreError};
use crate::sql::session::{Each, Parameter, Row, Session, SqlDialect};

/// How many statements a connection keeps prepared. Filters make new ones, as many as there are forms of filters.
const STATEMENTS: usize = 256;

/// A transaction.
#[derive(Debug)]
pub(super) struct PostgresSession<'a> {
    transaction: &'a Transaction<'a>,
    schema: &'a str,
}

type Value = Box<dyn ToSql + Send + Sync>;

impl<'a> PostgresSession<'a> {
    pub(super) const fn new(transaction: &'a Transaction<'a>, schema: &'a str) -> Self {
        Self { transaction, schema }
    }

    async fn prepare(&self, sql: &str) -> Result<Statement> {
        if self.transaction.statement_cache.size() > STATEMENTS {
            self.transaction.statement_cache.clear();
        }
        Ok(self.transaction.prepare_cached(&self.statement(sql)).await?)
    }

    /// The text as PostgreSQL takes it. No name and no literal in it holds one of the characters.
    fn statement(&self, sql: &str) -> String {
        let mut text = String::with_capacity(sql.len() + 64);
        for character in sql.chars() {
            match character {
                '@' => {
                    text.push_str(self.schema);
                    text.push('.');
                }
                '?' => text.push('$'),
                other => text.push(other),
            }
        }
        text
    }
}

fn references(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
}

impl Session for PostgresSession<'_> {
    const DIALECT: SqlDialect = SqlDialect::Postgres;

    async fn rows(&mut self, sql: &str, parameters: &[Parameter]) -> Result<Vec<Row>> {
        let statement = self.prepare(sql).await?;
        let values = bind(&statement, parameters)?;
        let rows = self.transaction.query(&statement, &references(&values)).await?;
        rows.iter().map(read).collect()
    }

    async fn texts(&mut self, statement: &Each, shared: &[Parameter], keys: &[String]) -> Result<Vec<Option<String>>> {
        // PostgreSQL refuses text with U+0000, which no key holds.
        let sought = keys.iter().filter(|key| !key.contains('\0')).cloned().collect();
        let parameters: Vec<Parameter> = shared.iter().cloned().chain([Parameter::Texts(sought)]).collect();
        let mut found: HashMap<String, String> = HashMap::new();
        for mut row in self.rows(statement.all, &parameters).await? {
            found.insert(row.take()?, row.take()?);
        }
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    async fn execute(&mut self, sql: &str, parameters: &[Parameter]) -> Result<u64> {
        let statement = self.prepare(sql).await?;
        let values = bind(&statement, parameters)?;
        Ok(self.transaction.execute(&statement, &references(&values)).await?)
    }

    async fn each(&mut self, statement: &Each, rows: &[Vec<Parameter>]) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let statement = self.prepare(statement.all).await?;
        let columns: Result<Vec<Value>> = (0..).zip(statement.params()).map(|(column, type_)| array(rows, column, type_)).collect();
        Ok(self.transaction.execute(&statement, &references(&columns?)).await?)
    }

    async fn put(&mut self, add: &Each, change: &Each, [first, second]: [i64; 2], rows: &[(&str, &str)]) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let (keys, texts): (Vec<&str>, Vec<&str>) = rows.iter().copied().unzip();
        let parameters: [&(dyn ToSql + Sync); 4] = [&first, &second, &keys, &texts];
        let statement = self.prepare(add.all).await?;
        let added = self.transaction.execute(&statement, &parameters).await?;
        if added < rows.len() as u64 {
            let statement = self.prepare(change.all).await?;
            self.transaction.execute(&statement, &parameters).await?;
        }
        Ok(added)
    }
}

fn misfit(type_: &Type) -> StoreError {
    StoreError::backend(format!("expected a parameter of type `{type_}`, found one of another type"))
}

/// The values of parameters, in the types that the statement has.
fn bind(statement: &Statement, parameters: &[Parameter]) -> Result<Vec<Value>> {
    statement.params().iter().zip(parameters).map(|(type_, parameter)| value(type_, parameter)).collect()
}

fn value(type_: &Type, parameter: &Parameter) -> Result<Value> {
    Ok(match (parameter, type_) {
        (Parameter::Null, &Type::TEXT) => Box::new(None::<&str>),
        (Parameter::Null, &Type::BYTEA) => Box::new(None::<&[u8]>),
        (Parameter::Null, &Type::INT8) => Box::new(None::<i64>),
        (Parameter::Integer(value), &Type::INT8) => Box::new(*value),
        (Parameter::Integer(value), &Type::INT2) => Box::new(i16::try_from(*value).map_err(StoreError::backend)?),
        (Parameter::Text(text), &Type::TEXT) => Box::new(text.clone()),
        (Parameter::Bytes(bytes), &Type::BYTEA) => Box::new(bytes.clone()),
        (Parameter::Integers(values), &Type::INT8_ARRAY) => Box::new(values.clone()),
        (Parameter::Texts(texts), &Type::TEXT_ARRAY) => Box::new(texts.clone()),
        _ => return Err(misfit(type_)),
    })
}

/// One column of rows of parameters as an array.
fn array(rows: &[Vec<Parameter>], column: usize, type_: &Type) -> Result<Value> {
    let Kind::Array(element) = type_.kind() else { return Err(misfit(type_)) };
    let cells = rows.iter().map(|row| row.get(column));
    Ok(match *element {
        Type::INT8 => Box::new(
            cells
                .map(|cell| cell_of(cell, type_, |cell| if let Parameter::Integer(value) = cell { Some(*value) } else { None }))
                .collect::<Result<Vec<_>>>()?,
        ),
        Type::TEXT => Box::new(
            cells
                .map(|cell| cell_of(cell, type_, |cell| if let Parameter::Text(text) = cell { Some(text.clone()) } else { None }))
                .collect::<Result<Vec<_>>>()?,
        ),
        Type::BYTEA => Box::new(
            cells
                .map(|cell| cell_of(cell, type_, |cell| if let Parameter::Bytes(bytes) = cell { Some(bytes.clone()) } else { None }))
                .collect::<Result<Vec<_>>>()?,
        ),
        _ => return Err(misfit(type_)),
    })
}

fn cell_of<T>(cell: Option<&Parameter>, type_: &Type, read: impl Fn(&Parameter) -> Option<T>) -> Result<Option<T>> {
    match cell {
        Some(Parameter::Null) => Ok(None),
        Some(cell) => read(cell).map(Some).ok_or_else(|| misfit(type_)),
        None => Err(misfit(type_)),
    }
}

fn read(row: &tokio_postgres::Row) -> Result<Row> {
    let values: Result<Vec<Parameter>> = (0..row.len()).map(|column| Ok(row.try_get::<_, Read>(column)?.0)).collect();
    Ok(Row::new(values?))
}

/// A column of any type that the tables have.
struct Read(Parameter);

impl<'a> FromSql<'a> for Read {
    fn from_sql(type_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *type_ {
            Type::INT2 => Parameter::Integer(i64::from(i16::from_sql(type_, raw)?)),
            Type::INT8 => Parameter::Integer(i64::from_sql(type_, raw)?),
            Type::BYTEA => Parameter::Bytes(<&[u8]>::from_sql(type_, raw)?.to_vec()),
            _ => Parameter::Text(String::from_sql(type_, raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Parameter::Null))
    }

    fn accepts(type_: &Type) -> bool {
        matches!(*type_, Type::INT2 | Type::INT8 | Type::BYTEA | Type::TEXT)
    }
}
