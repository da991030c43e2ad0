//! The connection that writes: what waits while it writes is written together after that, so that one flush of the disk serves many.

use std::collections::VecDeque;
use std::error::Error;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::database::File;
use super::session;
use crate::error::{Result, StoreError};
use crate::sql::Work;

/// How many calls are written in one transaction at most.
const TOGETHER: usize = 128;

/// The connection that writes and the calls that wait for it.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Mutex<Connection>,
    file: Option<Arc<File>>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    calls: VecDeque<Box<dyn Call>>,
    /// Whether a thread is taking calls out.
    is_served: bool,
}

/// One call of a store.
trait Call: std::fmt::Debug + Send {
    /// Does the call and keeps its answer; tells whether it succeeded.
    fn run(&mut self, connection: &mut Connection) -> bool;

    /// Whether it need not be durable by itself.
    fn is_deferred(&self) -> bool;

    /// Gives the answer to the caller: that of the call, or the error of the transaction that it was part of.
    fn answer(self: Box<Self>, failed: Option<&StoreError>);
}

struct Pending<W: Work> {
    work: W,
    answer: Option<Result<W::Answer>>,
    caller: oneshot::Sender<Result<W::Answer>>,
}

impl<W: Work> std::fmt::Debug for Pending<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

impl<W: Work> Call for Pending<W> {
    fn run(&mut self, connection: &mut Connection) -> bool {
        self.answer.insert(session::run(connection, &self.work)).is_ok()
    }

    fn is_deferred(&self) -> bool {
        self.work.is_deferred()
    }

    fn answer(self: Box<Self>, failed: Option<&StoreError>) {
        let answer = match (failed, self.answer) {
            (Some(error), _) => Err(copy(error)),
            (None, Some(answer)) => answer,
            (None, None) => Err(StoreError::backend("expected an answer of each call, found none")),
        };
        // Nobody waits for it any more if the caller was dropped; the call is done all the same.
        drop(self.caller.send(answer));
    }
}

/// The same error for another caller, with the text of its cause.
fn copy(error: &StoreError) -> StoreError {
    match error.source() {
        Some(source) => StoreError::with_source(error.kind().clone(), source.to_string()),
        None => StoreError::new(error.kind().clone()),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    pub(super) fn new(connection: Connection, file: Option<Arc<File>>) -> Self {
        Self { connection: Mutex::new(connection), file, queue: Mutex::default() }
    }

    /// Does work in a transaction that is kept if the work succeeds. It is done to the end even if the future is dropped.
    pub(super) async fn write<W: Work>(self: &Arc<Self>, work: W) -> Result<W::Answer> {
        let runtime = Handle::try_current().map_err(StoreError::backend)?;
        let (caller, answer) = oneshot::channel();
        let is_served = {
            let mut queue = lock(&self.queue);
            queue.calls.push_back(Box::new(Pending { work, answer: None, caller }));
            mem::replace(&mut queue.is_served, true)
        };
        if !is_served {
            let service = Service { writer: Arc::clone(self), is_done: false };
            runtime.spawn_blocking(move || service.run());
        }
        answer.await.map_err(|_| StoreError::backend("the runtime ended before the call was written"))?
    }

    /// Reads on the connection that writes: for databases that have one connection.
    pub(super) fn read<W: Work>(&self, work: &W) -> Result<W::Answer> {
        self.read_on(&mut lock(&self.connection), work)
    }

    /// Reads on the connection that writes, unless it is writing.
    pub(super) fn read_if_idle<W: Work>(&self, work: &W) -> Option<Result<W::Answer>> {
        let mut connection = match self.connection.try_lock() {
            Ok(connection) => connection,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(self.read_on(&mut connection, work))
    }

    fn read_on<W: Work>(&self, connection: &mut Connection, work: &W) -> Result<W::Answer> {
        if let Some(file) = &self.file {
            file.check_place()?;
        }
        reset(connection)?;
        connection.execute_batch("BEGIN")?;
        let answer = session::run(connection, work);
        connection.execute_batch("ROLLBACK")?;
        answer
    }

    fn write_all(&self, mut calls: Vec<Box<dyn Call>>) {
        let failed = self.write_together(&mut calls).err();
        for call in calls {
            call.answer(failed.as_ref());
        }
    }

    /// Does calls in one transaction; one that fails takes back what it did and nothing else.
    fn write_together(&self, calls: &mut [Box<dyn Call>]) -> Result<()> {
        if let Some(file) = &self.file {
            file.check_place()?;
        }
        let mut connection = lock(&self.connection);
        reset(&connection)?;
        // A transaction that is not flushed is durable with the next one that is: both are in one log.
        let is_deferred = calls.iter().all(|call| call.is_deferred());
        connection.execute_batch(if is_deferred { "PRAGMA synchronous = NORMAL" } else { "PRAGMA synchronous = FULL" })?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        if let [call] = calls {
            // What a savepoint would keep of each page that is changed is kept for the transaction anyway.
            let is_done = call.run(&mut connection);
            if connection.is_autocommit() {
                return Err(taken_back());
            }
            connection.execute_batch(if is_done { "COMMIT" } else { "ROLLBACK" })?;
            return Ok(());
        }
        for call in calls {
            connection.execute_batch("SAVEPOINT call")?;
            let is_done = call.run(&mut connection);
            if connection.is_autocommit() {
                return Err(taken_back());
            }
            connection.execute_batch(if is_done { "RELEASE call" } else { "ROLLBACK TO call; RELEASE call" })?;
        }
        connection.execute_batch("COMMIT")?;
        Ok(())
    }
}

fn taken_back() -> StoreError {
    StoreError::backend("the database took back a transaction that it could not go on with")
}

/// Takes back a transaction that was left open by an error.
fn reset(connection: &Connection) -> Result<()> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    Ok(())
}

/// A thread that takes calls out of the queue until there are none.
struct Service {
    writer: Arc<Writer>,
    is_done: bool,
}

impl Service {
    fn run(mut self) {
        loop {
            let calls: Vec<_> = {
                let mut queue = lock(&self.writer.queue);
                let length = queue.calls.len().min(TOGETHER);
                if length == 0 {
                    queue.is_served = false;
                    self.is_done = true;
                    return;
                }
                queue.calls.drain(..length).collect()
            };
            self.writer.write_all(calls);
        }
    }
}

/// When the runtime ends before the thread began, or work panics, those who wait get an error and the next call starts anew.
impl Drop for Service {
    fn drop(&mut self) {
        if !self.is_done {
            let mut queue = lock(&self.writer.queue);
            queue.is_served = false;
            queue.calls.clear();
        }
    }
}
