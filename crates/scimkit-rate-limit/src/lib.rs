//! How many requests in how much time: exact sliding windows and GCRA as pure decisions over state.
//!
//! A limit decides; it does not wait, reads no clock and knows nothing of what it limits. Whoever asks passes the present instant and
//! gets a [`Decision`]: admitted, or refused until a named instant.
//!
//! ```
//! use std::time::Duration;
//! use jiff::Timestamp;
//! use scimkit_rate_limit::{Decision, Limit, Quota, SlidingWindow};
//!
//! let quota = Quota::new(2, Duration::from_secs(60)).ok_or("a quota needs a request and some time")?;
//! let window = SlidingWindow::new(quota);
//! let mut state = window.unused();
//! let now = Timestamp::UNIX_EPOCH;
//! assert_eq!(window.admit(&mut state, 1, now), Decision::Admitted);
//! assert_eq!(window.admit(&mut state, 1, now), Decision::Admitted);
//! assert_eq!(window.admit(&mut state, 1, now), Decision::Refused { retry_at: now + Duration::from_secs(60) });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | type | what it is |
//! |---|---|
//! | [`Quota`] | so many requests in a window of time |
//! | [`SlidingWindow`] | never more than the quota in any window |
//! | [`Gcra`] | an even rate with bursts, in constant memory; [`AtomicGcra`] is shared by threads without a lock |
//! | [`Limits`] | several of them at once for one request |
//! | [`Limit`] | what they have in common: a decision by a state |
//! | [`Keyed`] | one state for each key, with a bound on the keys: for services |
//! | [`Limiter`] | a limit with its state, with requests under way and what the service said: for clients |
//! | [`Advice`], [`Fields`] | the header fields by which services tell of limits, read and written |
//! | [`SharedLimit`] | a limit whose state many processes share |
//! | [`Line`] | who is next: on demand before background, without starving anybody |
//!
//! **Two sides.** A service charges a request when it arrives: [`Limit::admit`]. A client does not know when its request arrives, only that
//! it is between sending and the answer: [`Limiter::start`] takes a slot, [`Limiter::finish`] begins the window after which the slot is free
//! again. So the delays of a network cannot squeeze the requests of two windows into one at the service.
//!
//! **Clocks.** Instants may go back, since clocks are set. A limit never admits more because of that: after a step back of up to one window
//! it waits for the clock to catch up; after a longer one no time counts as passed.
//!
//! **Features.** `redis`: `RedisLimit`, a state shared by many processes in Redis or Valkey. Default: none.

mod advice;
mod charges;
mod decision;
mod gcra;
mod instant;
mod keyed;
mod learned;
mod limit;
mod limiter;
mod limits;
mod line;
mod quota;
#[cfg(feature = "redis")]
mod redis;
mod shared;
mod sliding_window;
mod structured;
mod usage;

pub use advice::{Advice, Answer, Fields, Policy, ServiceLimit};
pub use charges::Charges;
pub use decision::Decision;
pub use gcra::{Arrival, AtomicGcra, Gcra};
pub use jiff::Timestamp;
pub use keyed::Keyed;
pub use limit::Limit;
pub use limiter::Limiter;
pub use limits::{Limits, Rule, RuleState};
pub use line::{Line, Priority, Ticket};
pub use quota::Quota;
#[cfg(feature = "redis")]
pub use redis::RedisLimit;
pub use shared::{RequestNumber, SharedAnswer, SharedDecision, SharedError, SharedLimit};
pub use sliding_window::SlidingWindow;
pub use usage::{Usage, Used};
