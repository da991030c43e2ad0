//! Transactions over a pool, and what brings a schema to the present version.

use std::fmt;

use deadpool_postgres::{Pool, Transaction};
use tokio_postgres::IsolationLevel;

use super::error::may_be_repeated;
use super::session::PostgresSession;
use crate::error::{Result, StoreError};
use crate::sql::{Database, Work, senseless};

/// How often a transaction is tried that the database gives up for others.
const ATTEMPTS: u32 = 16;
/// What brings a schema from each version to the next.
const MIGRATIONS: [&str; 5] = [
    include_str!("schema.sql"),
    include_str!("schema-2.sql"),
    include_str!("schema-3.sql"),
    include_str!("schema-4.sql"),
    include_str!("schema-5.sql"),
];
/// Under which number those who change schemas wait for each other: `scimkit` in ASCII.
const LOCK: i64 = 0x0073_6369_6d6b_6974;

/// A schema of a database.
pub(crate) struct PostgresDatabase {
    pool: Pool,
    /// The name of the schema.
    name: String,
    /// The name in quotes.
    schema: String,
}

impl fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresDatabase").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl PostgresDatabase {
    pub(crate) async fn open(pool: Pool, schema: &str) -> Result<Self> {
        // A longer name would be cut off by the server, and two stores could be one.
        if schema.is_empty() || schema.len() > 63 || schema.contains('\0') {
            return Err(StoreError::backend(format!(
                "expected the name of a schema of 1 to 63 bytes, found `{}`",
                schema.replace('\0', "\u{fffd}")
            )));
        }
        let database = Self { pool, name: schema.to_owned(), schema: format!("\"{}\"", schema.replace('"', "\"\"")) };
        database.migrate().await?;
        Ok(database)
    }

    /// Brings the schema to the present version, once, however many try.
    async fn migrate(&self) -> Result<()> {
        let mut client = self.pool.get().await?;
        let transaction = client.transaction().await?;
        let migrated = self.migrate_in(&transaction).await;
        match migrated {
            Ok(()) => transaction.commit().await?,
            // The error that led here says more than one of taking back.
            Err(_) => drop(transaction.rollback().await),
        }
        migrated
    }

    async fn migrate_in(&self, transaction: &Transaction<'_>) -> Result<()> {
        if self.version(transaction).await? == Some(MIGRATIONS.len()) {
            return Ok(());
        }
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
        let present = self.version(transaction).await?;
        let done = present.unwrap_or(0);
        if done > MIGRATIONS.len() {
            return Err(senseless(&format!("the schema has version {done}, this library knows versions up to {}", MIGRATIONS.len())));
        }
        let schema = &self.schema;
        if present.is_none() {
            let sql = format!("CREATE SCHEMA IF NOT EXISTS {schema}; CREATE TABLE {schema}.version (version BIGINT NOT NULL)");
            transaction.batch_execute(&sql).await?;
        }
        for migration in MIGRATIONS.iter().skip(done) {
            transaction.batch_execute(&migration.replace('@', &format!("{schema}."))).await?;
        }
        let version = i64::try_from(MIGRATIONS.len()).map_err(StoreError::backend)?;
        transaction.execute(&format!("DELETE FROM {schema}.version"), &[]).await?;
        transaction.execute(&format!("INSERT INTO {schema}.version (version) VALUES ($1)"), &[&version]).await?;
        Ok(())
    }

    /// The version of the schema; `None` if nothing is there.
    async fn version(&self, transaction: &Transaction<'_>) -> Result<Option<usize>> {
        // The tables are asked: what the session remembers of names may be older than what others did while it waited.
        let sql = "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.relname = 'version' AND n.nspname = $1";
        if transaction.query_opt(sql, &[&self.name]).await?.is_none() {
            return Ok(None);
        }
        let row = transaction.query_opt(&format!("SELECT version FROM {}.version", self.schema), &[]).await?;
        let version: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
        usize::try_from(version).map(Some).map_err(|_| senseless("the version of the schema is negative"))
    }

    async fn attempt<W: Work>(&self, work: &W, isolation: IsolationLevel, is_read_only: ReadOnly) -> Result<W::Answer> {
        let mut client = self.pool.get().await?;
        let transaction = client.build_transaction().isolation_level(isolation).read_only(is_read_only == ReadOnly::Yes).start().await?;
        let mut session = PostgresSession::new(&transaction, &self.schema);
        match work.run(&mut session).await {
            Ok(answer) => {
                match is_read_only {
                    // There is nothing to keep, so the answer need not wait until the transaction has ended.
                    ReadOnly::Yes => drop(transaction),
                    ReadOnly::No => transaction.commit().await?,
                }
                Ok(answer)
            }
            Err(error) => {
                // The error that led here says more than one of taking back; the pool looks at the connection before it is used again.
                drop(transaction.rollback().await);
                Err(error)
            }
        }
    }

    async fn repeat<W: Work>(&self, work: &W, isolation: IsolationLevel, is_read_only: ReadOnly) -> Result<W::Answer> {
        for _ in 1..ATTEMPTS {
            match self.attempt(work, isolation, is_read_only).await {
                Err(error) if may_be_repeated(&error) => {}
                answer => return answer,
            }
        }
        self.attempt(work, isolation, is_read_only).await
    }
}

/// Whether a transaction may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadOnly {
    Yes,
    No,
}

impl Database for PostgresDatabase {
    /// Statements see what was committed before them and lock the rows that they are going to change, in one order.
    async fn write<W: Work>(&self, work: W) -> Result<W::Answer> {
        self.repeat(&work, IsolationLevel::ReadCommitted, ReadOnly::No).await
    }

    async fn read<W: Work>(&self, work: W) -> Result<W::Answer> {
        self.repeat(&work, IsolationLevel::RepeatableRead, ReadOnly::Yes).await
    }
}
