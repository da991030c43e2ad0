//! A transaction in SQLite.

use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql, params_from_iter};

use crate::error::{Result, StoreError};
use crate::sql::session::{Each, Parameter, Row, Session, SqlDialect};
use crate::sql::{Work, corrupt};

/// The transaction that is open on a connection. It answers at once: its futures are ready when they are made.
#[derive(Debug)]
pub(super) struct SqliteSession<'a>(pub(super) &'a mut Connection);

impl SqliteSession<'_> {
    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        Ok(self.0.prepare_cached(&sql.replace('@', ""))?)
    }

    fn query(&self, sql: &str, parameters: &[Parameter]) -> Result<Vec<Row>> {
        let mut statement = self.prepare(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(parameters))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let values: Result<Vec<_>> = (0..columns).map(|column| read(row.get_ref(column)?)).collect();
            found.push(Row::new(values?));
        }
        Ok(found)
    }

    fn look_up(&self, sql: &str, shared: &[Parameter], keys: &[String]) -> Result<Vec<Option<String>>> {
        let mut statement = self.prepare(sql)?;
        for (index, parameter) in (1..).zip(shared) {
            statement.raw_bind_parameter(index, parameter)?;
        }
        let mut texts = Vec::with_capacity(keys.len());
        for key in keys {
            statement.raw_bind_parameter(shared.len() + 1, key)?;
            let mut rows = statement.raw_query();
            let text = rows.next()?.map(|row| row.get(0)).transpose()?;
            texts.push(text);
        }
        Ok(texts)
    }

    fn change(&self, sql: &str, parameters: &[Parameter]) -> Result<u64> {
        Ok(self.prepare(sql)?.execute(params_from_iter(parameters))? as u64)
    }

    fn change_each(&self, sql: &str, rows: &[Vec<Parameter>]) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let mut statement = self.prepare(sql)?;
        let mut changed = 0;
        for row in rows {
            changed += statement.execute(params_from_iter(row))? as u64;
        }
        Ok(changed)
    }

    fn put_each(&self, add: &str, change: &str, [first, second]: [i64; 2], rows: &[(&str, &str)]) -> Result<u64> {
        if rows.is_empty() {
            return Ok(0);
        }
        let (mut add, mut change) = (self.prepare(add)?, self.prepare(change)?);
        let mut added = 0;
        for (key, text) in rows {
            if add.execute((first, second, key, text))? == 0 {
                change.execute((first, second, key, text))?;
            } else {
                added += 1;
            }
        }
        Ok(added)
    }
}

impl Session for SqliteSession<'_> {
    const DIALECT: SqlDialect = SqlDialect::Sqlite;

    fn rows(&mut self, sql: &str, parameters: &[Parameter]) -> impl Future<Output = Result<Vec<Row>>> + Send {
        ready(self.query(sql, parameters))
    }

    fn texts(
        &mut self,
        statement: &Each,
        shared: &[Parameter],
        keys: &[String],
    ) -> impl Future<Output = Result<Vec<Option<String>>>> + Send {
        ready(self.look_up(statement.one, shared, keys))
    }

    fn execute(&mut self, sql: &str, parameters: &[Parameter]) -> impl Future<Output = Result<u64>> + Send {
        ready(self.change(sql, parameters))
    }

    fn each(&mut self, statement: &Each, rows: &[Vec<Parameter>]) -> impl Future<Output = Result<u64>> + Send {
        ready(self.change_each(statement.one, rows))
    }

    fn put(&mut self, add: &Each, change: &Each, shared: [i64; 2], rows: &[(&str, &str)]) -> impl Future<Output = Result<u64>> + Send {
        ready(self.put_each(add.one, change.one, shared, rows))
    }
}

/// Does work in the transaction that is open on a connection.
pub(super) fn run<W: Work>(connection: &mut Connection, work: &W) -> Result<W::Answer> {
    let mut session = SqliteSession(connection);
    let work = pin!(work.run(&mut session));
    match work.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(StoreError::backend("expected work that waits for nothing but the database, found some that does")),
    }
}

impl ToSql for Parameter {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let list = |json: serde_json::Result<String>| {
            json.map(|json| ToSqlOutput::Owned(Value::Text(json))).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
        };
        match self {
            Self::Null => Ok(ToSqlOutput::Borrowed(ValueRef::Null)),
            Self::Integer(value) => Ok(ToSqlOutput::Borrowed(ValueRef::Integer(*value))),
            Self::Text(text) => Ok(ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))),
            Self::Bytes(bytes) => Ok(ToSqlOutput::Borrowed(ValueRef::Blob(bytes))),
            Self::Integers(values) => list(serde_json::to_string(values)),
            Self::Texts(texts) => list(serde_json::to_string(texts)),
        }
    }
}

fn read(value: ValueRef<'_>) -> Result<Parameter> {
    match value {
        ValueRef::Null => Ok(Parameter::Null),
        ValueRef::Integer(value) => Ok(Parameter::Integer(value)),
        ValueRef::Text(text) => {
            String::from_utf8(text.to_vec()).map(Parameter::Text).map_err(|error| corrupt("a text is not UTF-8", error))
        }
        ValueRef::Blob(bytes) => Ok(Parameter::Bytes(bytes.to_vec())),
        ValueRef::Real(_) => Err(crate::sql::senseless("a column holds a number with a fraction")),
    }
}
