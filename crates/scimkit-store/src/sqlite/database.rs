//! Connections to one database file: one that writes, a few that read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::error::senseless;
use crate::error::{Result, StoreError};

/// How long a connection waits for another process that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How many connections read at the same time.
const READERS: usize = 4;
/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 64;
/// Marks a file as one of these stores (`PRAGMA application_id`): `SCIM` in ASCII.
const APPLICATION_ID: i32 = 0x5343_494d;
/// What brings a database from each version to the next.
const MIGRATIONS: [&str; 1] = [include_str!("schema.sql")];

/// A database. Work is done on the threads that the tokio runtime has for blocking work.
#[derive(Debug)]
pub(super) struct Database {
    writer: Arc<tokio::sync::Mutex<Connection>>,
    file: Option<Arc<File>>,
}

#[derive(Debug)]
struct File {
    path: PathBuf,
    identity: Option<Identity>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

/// Which file a path leads to.
type Identity = (u64, u64);

impl Database {
    /// Opens or creates a file.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut writer = connect(path)?;
        let mode: String = writer.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        if mode != "wal" {
            writer.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        }
        migrate(&mut writer)?;
        let file =
            File { path: path.to_owned(), identity: identity(path), idle: Mutex::default(), permits: Arc::new(Semaphore::new(READERS)) };
        Ok(Self { writer: Arc::new(tokio::sync::Mutex::new(writer)), file: Some(Arc::new(file)) })
    }

    /// A database that lives as long as its only connection.
    pub(super) fn open_in_memory() -> Result<Self> {
        let mut writer = Connection::open_in_memory()?;
        configure(&writer)?;
        migrate(&mut writer)?;
        Ok(Self { writer: Arc::new(tokio::sync::Mutex::new(writer)), file: None })
    }

    /// Does work in a transaction that is kept if the work succeeds. It is done to the end even if the future is dropped.
    pub(super) async fn write<T: Send + 'static>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        let runtime = Handle::try_current().map_err(StoreError::backend)?;
        let file = self.file.clone();
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let work = move || {
            if let Some(file) = file {
                file.check_place()?;
            }
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        runtime.spawn_blocking(work).await.map_err(StoreError::backend)?
    }

    /// Reads in a transaction, so that all of it sees one state.
    pub(super) async fn read<T: Send + 'static>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T> + Send + 'static) -> Result<T> {
        let runtime = Handle::try_current().map_err(StoreError::backend)?;
        let Some(file) = &self.file else {
            let mut writer = Arc::clone(&self.writer).lock_owned().await;
            return runtime.spawn_blocking(move || work(&writer.transaction()?)).await.map_err(StoreError::backend)?;
        };
        let file = Arc::clone(file);
        let permit = Arc::clone(&file.permits).acquire_owned().await.map_err(StoreError::backend)?;
        let work = move || {
            file.check_place()?;
            let idle = file.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut reader = match idle {
                Some(reader) => reader,
                None => reader(&file.path)?,
            };
            let transaction = reader.transaction()?;
            let read = work(&transaction);
            drop(transaction);
            file.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
            drop(permit);
            read
        };
        runtime.spawn_blocking(work).await.map_err(StoreError::backend)?
    }
}

impl File {
    /// Refuses to go on with a file that was moved or replaced: SQLite would write on to where nobody finds it.
    fn check_place(&self) -> Result<()> {
        if identity(&self.path) == self.identity {
            return Ok(());
        }
        Err(StoreError::backend(format!("the database file `{}` was moved, replaced or deleted while it was open", self.path.display())))
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    path.exists().then_some((0, 0))
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    configure(&connection)?;
    Ok(connection)
}

fn reader(path: &Path) -> Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// Brings the database to the present version, once, however many connections try.
fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let application: i32 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_new = application == 0 && version == 0 && tables == 0;
    if !is_new && application != APPLICATION_ID {
        return Err(senseless("the database belongs to another application"));
    }
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() {
        return Err(senseless(&format!("the database has version {version}, this library knows versions up to {}", MIGRATIONS.len())));
    }
    if done < MIGRATIONS.len() {
        for migration in MIGRATIONS.iter().skip(done) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    }
    transaction.commit()?;
    Ok(())
}
