//! Connections to one database file: one that writes, a few that read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::session;
use super::writer::Writer;
use crate::error::{Result, StoreError};
use crate::sql::{Database, Work, senseless};

/// How long a connection waits for another process that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// How many connections read at the same time.
const READERS: usize = 4;
/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 64;
/// After how many pages, of usually 4 KiB, the log is written back into the file: seldom, so that pages that change often are written once.
const CHECKPOINT: i64 = 8192;
/// Marks a file as one of these stores (`PRAGMA application_id`): `SCIM` in ASCII.
const APPLICATION_ID: i32 = 0x5343_494d;
/// What brings a database from each version to the next.
const MIGRATIONS: [&str; 7] = [
    include_str!("schema.sql"),
    include_str!("schema-2.sql"),
    include_str!("schema-3.sql"),
    include_str!("schema-4.sql"),
    include_str!("schema-5.sql"),
    include_str!("schema-6.sql"),
    include_str!("schema-7.sql"),
];

/// What the calls on a database are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// Many callers; some calls look at much.
    Resources,
    /// One caller mostly, which reads what it has just written; every call is short.
    State,
}

impl Usage {
    /// How much of the file the connection that writes keeps in memory, in KiB: entries of indexes lie all over a large file.
    const fn writer_cache(self) -> i64 {
        match self {
            Self::Resources => 64 * 1024,
            Self::State => 16 * 1024,
        }
    }

    /// The same of each connection that reads.
    const fn reader_cache(self) -> i64 {
        match self {
            Self::Resources => 8 * 1024,
            Self::State => 1024,
        }
    }
}

/// A database. Work is done on the threads that the tokio runtime has for blocking work.
#[derive(Debug)]
pub(crate) struct SqliteDatabase {
    writer: Arc<Writer>,
    file: Option<Arc<File>>,
}

/// A file, and the connections that read it.
#[derive(Debug)]
pub(super) struct File {
    path: PathBuf,
    usage: Usage,
    identity: Option<Identity>,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

/// Which file a path leads to.
type Identity = (u64, u64);

impl SqliteDatabase {
    /// Opens or creates a file.
    pub(super) fn open(path: &Path, usage: Usage) -> Result<Self> {
        let mut writer = connect(path, usage.writer_cache())?;
        let mode: String = writer.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        if mode != "wal" {
            writer.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        }
        writer.query_row(&format!("PRAGMA wal_autocheckpoint = {CHECKPOINT}"), [], |_| Ok(()))?;
        migrate(&mut writer)?;
        // What a savepoint keeps of changed pages stays in memory until the savepoint is released, which is after each call.
        writer.pragma_update(None, "temp_store", "MEMORY")?;
        let (identity, permits) = (identity(path), Arc::new(Semaphore::new(READERS)));
        let file = Arc::new(File { path: path.to_owned(), usage, identity, idle: Mutex::default(), permits });
        Ok(Self { writer: Arc::new(Writer::new(writer, Some(Arc::clone(&file)))), file: Some(file) })
    }

    /// A database that lives as long as its only connection.
    pub(crate) fn open_in_memory() -> Result<Self> {
        let mut writer = Connection::open_in_memory()?;
        configure(&writer)?;
        migrate(&mut writer)?;
        Ok(Self { writer: Arc::new(Writer::new(writer, None)), file: None })
    }
}

impl Database for SqliteDatabase {
    async fn write<W: Work>(&self, work: W) -> Result<W::Answer> {
        self.writer.write(work).await
    }

    async fn read<W: Work>(&self, work: W) -> Result<W::Answer> {
        let runtime = Handle::try_current().map_err(StoreError::backend)?;
        let Some(file) = &self.file else {
            let writer = Arc::clone(&self.writer);
            return runtime.spawn_blocking(move || writer.read(&work)).await.map_err(StoreError::backend)?;
        };
        let (file, writer) = (Arc::clone(file), Arc::clone(&self.writer));
        let permit = Arc::clone(&file.permits).acquire_owned().await.map_err(StoreError::backend)?;
        let read = move || {
            // What was just written is still in the memory of the connection that wrote it, and in that of no other.
            let answer = (file.usage == Usage::State).then(|| writer.read_if_idle(&work)).flatten();
            let answer = answer.unwrap_or_else(|| file.read(&work));
            drop(permit);
            answer
        };
        runtime.spawn_blocking(read).await.map_err(StoreError::backend)?
    }
}

impl File {
    /// Reads on a connection of its own, beside the one that writes.
    fn read<W: Work>(&self, work: &W) -> Result<W::Answer> {
        self.check_place()?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => self.reader()?,
        };
        reader.execute_batch("BEGIN")?;
        let answer = session::run(&mut reader, work);
        // A connection that cannot end its transaction is closed.
        reader.execute_batch("ROLLBACK")?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
        answer
    }

    fn reader(&self) -> Result<Connection> {
        let connection = connect(&self.path, self.usage.reader_cache())?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    /// Refuses to go on with a file that was moved or replaced: SQLite would write on to where nobody finds it.
    pub(super) fn check_place(&self) -> Result<()> {
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

fn connect(path: &Path, cache: i64) -> Result<Connection> {
    let connection = Connection::open(path)?;
    configure(&connection)?;
    // A negative size is one in KiB.
    connection.pragma_update(None, "cache_size", -cache)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Plans do not depend on the values of parameters: a statement would be prepared anew for each.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{NewResource, ResourceKey, Selection, Tenant};
    use crate::sql::resources::{Create, Get};

    fn key() -> ResourceKey {
        ResourceKey::new(Tenant::default(), "User", "u")
    }

    /// A commit is on disk when it returns, and readers see what was there before it while it is made.
    #[test]
    fn connections_flush_each_commit_and_readers_write_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.db");
        let database = SqliteDatabase::open(&path, Usage::Resources).unwrap();
        let file = database.file.unwrap();
        for connection in [connect(&file.path, 1024).unwrap(), file.reader().unwrap()] {
            let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!((pragma("synchronous"), pragma("foreign_keys")), (2, 1));
            let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
            assert_eq!(mode, "wal");
        }
        assert!(file.reader().unwrap().execute_batch("DELETE FROM resource").is_err());
    }

    /// While another process writes, this one reads what was there before.
    #[tokio::test]
    async fn readers_do_not_wait_for_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("all.db");
        let database = SqliteDatabase::open(&path, Usage::Resources).unwrap();
        let user = NewResource::new(key(), scimkit_types::Resource::default(), scimkit_types::Timestamp::UNIX_EPOCH);
        database.write(Create(user)).await.unwrap();
        let other = connect(&path, 1024).unwrap();
        other.execute_batch("BEGIN IMMEDIATE; UPDATE resource SET revision = 2").unwrap();
        let during = database.read(Get(key(), Selection::Whole)).await.unwrap().unwrap();
        other.execute_batch("COMMIT").unwrap();
        let after = database.read(Get(key(), Selection::Whole)).await.unwrap().unwrap();
        assert_eq!((during.revision.0, after.revision.0), (1, 2));
    }
}
