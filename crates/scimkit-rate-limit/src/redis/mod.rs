//! A state shared by many processes in Redis or Valkey.

use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{ErrorKind, RedisError, RedisResult, Script, ServerErrorKind};

use crate::instant;
use crate::limits::{Limits, Rule};
use crate::shared::{RequestNumber, SharedAnswer, SharedDecision, SharedError, SharedLimit};

/// Limits whose state is in Redis or Valkey, shared by all processes that use the same key.
///
/// Each call is one script, which runs as one step and reads the server's clock; so it decides as a [`Limiter`](crate::Limiter) would that
/// all processes share, in whole microseconds: a window is rounded up to one. When the server cannot be reached, the answer is an error and
/// nothing is admitted. What is kept is about 100 bytes for each unit of cost in the longest window, and it expires when it no longer counts.
/// A charge takes time proportional to its cost. Rules of GCRA whose burst takes longer than 100 days are rounded in the 16th digit.
///
/// When the server's clock is set back by more than the limits take, everything counts as used at that instant.
///
/// All processes must use the same limits under a key. The quota is kept while the server keeps its data: turn off eviction, or use a policy
/// that spares keys that expire later, and let replicas take over only with all writes.
///
/// The connection is any of the redis crate that can be cloned, such as `MultiplexedConnection` or `ConnectionManager`; set a response timeout.
#[derive(Clone, Debug)]
pub struct RedisLimit<C> {
    connection: C,
    keys: [String; 3],
    rules: Vec<String>,
    script: Script,
}

/// What the script answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reply {
    answer: i64,
    /// Microseconds since 1970 and nanoseconds after them.
    retry_at: (u64, u64),
    id: u64,
    /// Microseconds since 1970.
    now: u64,
}

const SCRIPT: &str = include_str!("decide.lua");

const ADMITTED: i64 = 0;
const REFUSED: i64 = 1;

impl<C: ConnectionLike + Clone + Send + Sync> RedisLimit<C> {
    /// These limits under this key. The state is in three keys that begin with `{scimkit:KEY}:`, in one slot of a cluster.
    pub fn new(connection: C, key: &str, limits: &Limits) -> Self {
        let keys = parts(key);
        let rules = limits.rules().iter().flat_map(|rule| match rule {
            Rule::SlidingWindow(window) => {
                let micros = window.quota().window().as_nanos().div_ceil(1000);
                ["w".to_owned(), window.quota().requests().to_string(), micros.to_string()]
            }
            Rule::Gcra(gcra) => ["g".to_owned(), gcra.interval().as_nanos().to_string(), gcra.burst().to_string()],
        });
        Self { connection, keys, rules: rules.collect(), script: Script::new(SCRIPT) }
    }

    /// Decides on a request and charges it at once if it is admitted. For services.
    ///
    /// # Errors
    /// When the server does not answer; then nothing may be admitted.
    pub async fn admit(&self, cost: u32) -> Result<SharedDecision, SharedError> {
        let reply = self.call("admit", cost, "0", None).await.map_err(SharedError::new)?;
        Ok(decision(reply))
    }

    /// What [`admit`](Self::admit) would say; charges nothing.
    ///
    /// # Errors
    /// When the server does not answer; then nothing may be admitted.
    pub async fn decide(&self, cost: u32) -> Result<SharedDecision, SharedError> {
        let reply = self.call("decide", cost, "0", None).await.map_err(SharedError::new)?;
        Ok(decision(reply))
    }

    /// Runs the script; at the server's time unless another is given, in microseconds since 1970. A server that does not know the script, or
    /// no longer, is asked again with its text, which it may not forget in between.
    async fn call(&self, act: &str, cost: u32, amount: &str, now: Option<u64>) -> RedisResult<Reply> {
        let now = now.map_or_else(String::new, |now| now.to_string());
        let ask = async |command: &str, script: &str| {
            let mut command = redis::cmd(command);
            command.arg(script).arg(self.keys.len()).arg(&self.keys);
            command.arg(act).arg(cost).arg(amount).arg(&now).arg(&self.rules);
            command.query_async::<(i64, String, u64, u64)>(&mut self.connection.clone()).await
        };
        let known = ask("EVALSHA", self.script.get_hash()).await;
        let (answer, retry_at, id, now) = match known {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => ask("EVAL", SCRIPT).await?,
            known => known?,
        };
        let (micros, nanos) = retry_at.split_once(':').unwrap_or((&retry_at, "0"));
        let number =
            |text: &str| text.parse::<u64>().map_err(|_| RedisError::from((ErrorKind::UnexpectedReturnType, "expected an instant")));
        let retry_at = if act == "finish" || act == "pause" { (now, 0) } else { (number(micros)?, number(nanos)?) };
        Ok(Reply { answer, retry_at, id, now })
    }
}

/// The keys of the state. A cluster hashes the first text in braces, if there is any: it is the same for all three, whatever the key is.
fn parts(key: &str) -> [String; 3] {
    ["charges", "under-way", "meta"].map(|part| format!("{{scimkit:{key}}}:{part}"))
}

/// Whole microseconds, rounded up; at most a century, so that the script counts exactly.
fn micros(duration: Duration) -> String {
    let century = instant::CENTURY.unsigned_abs() / 1000;
    duration.as_nanos().div_ceil(1000).min(century.into()).to_string()
}

fn decision(reply: Reply) -> SharedDecision {
    match reply.answer {
        ADMITTED => SharedDecision::Admitted(RequestNumber(reply.id)),
        REFUSED => {
            let wait = Duration::from_micros(reply.retry_at.0.saturating_sub(reply.now)) + Duration::from_nanos(reply.retry_at.1);
            SharedDecision::Refused { retry_after: wait }
        }
        _ => SharedDecision::Impossible,
    }
}

impl<C: ConnectionLike + Clone + std::fmt::Debug + Send + Sync> SharedLimit for RedisLimit<C> {
    fn start(&self, cost: u32, deadline: Duration) -> SharedAnswer<'_, SharedDecision> {
        Box::pin(async move {
            let reply = self.call("start", cost, &micros(deadline), None).await;
            reply.map(decision).map_err(SharedError::new)
        })
    }

    fn finish(&self, request: RequestNumber, cost: u32) -> SharedAnswer<'_, ()> {
        Box::pin(async move {
            let reply = self.call("finish", cost, &request.0.to_string(), None).await;
            reply.map(|_| ()).map_err(SharedError::new)
        })
    }

    fn pause(&self, pause: Duration) -> SharedAnswer<'_, ()> {
        Box::pin(async move {
            let reply = self.call("pause", 0, &micros(pause), None).await;
            reply.map(|_| ()).map_err(SharedError::new)
        })
    }
}

#[cfg(test)]
mod tests;
