//! How many requests in how much time: exact sliding windows and GCRA as pure decisions over state.
//!
//! A limit decides; it does not wait, reads no clock and knows nothing of what it limits. Whoever asks passes the present instant and
//! gets a [`Decision`]: admitted, or refused until a named instant.
//!
//! ```
//! use scimkit_rate_limit::{Decision, Keyed, Quota, SlidingWindow, Timestamp};
//!
//! let (two, tenants) = (2.try_into()?, 10_000.try_into()?);
//! let tenants = Keyed::<String, _>::new(SlidingWindow::new(Quota::per_minute(two)), tenants);
//! let now = Timestamp::UNIX_EPOCH;
//! assert!(tenants.admit("acme", 1, now).is_admitted());
//! assert!(tenants.admit("acme", 1, now).is_admitted());
//! assert_eq!(tenants.admit("acme", 1, now), Decision::Refused { retry_at: "1970-01-01T00:01:00Z".parse()? });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! First, the promise:
//!
//! | wanted | take |
//! |---|---|
//! | never more than a [`Quota`] in any window, all of it usable at once | [`SlidingWindow`]; its state grows with the quota, to at most 8 bytes a request from 25 requests on, in windows of up to two years |
//! | an even pace with bursts, as of `governor`, with which it agrees call by call | [`Gcra`]; 8 bytes |
//! | several of either kind for one request, such as ten a second and 500 a minute | [`Limits`] |
//!
//! Then, who keeps the state:
//!
//! | wanted | take |
//! |---|---|
//! | a service that limits each tenant or address | [`Keyed`]: shared by threads, with a bound on the keys |
//! | one limit shared by threads without a lock | [`AtomicGcra`] |
//! | a client that keeps to the quota of a service | [`Limiter`]: knows what is under way, and learns from [`Advice`] |
//! | many processes with one quota | `RedisLimit` (feature `redis`), or another [`SharedLimit`] |
//! | to keep the state oneself | the methods of [`Limit`] |
//!
//! Beside them: [`Fields`] writes the header fields that [`Advice`] reads; [`Line`] says who is next, on demand before background, without
//! starving anybody; a [`Usage`] is what counts, to be kept over a restart.
//!
//! A client takes a slot from sending until one window after the answer:
//!
//! ```
//! use scimkit_rate_limit::{Decision, Limiter, Limits, Quota, Timestamp};
//!
//! let mut limiter = Limiter::new(Limits::from(Quota::per_second(1.try_into()?)));
//! let at = |millis| Timestamp::from_millisecond(millis);
//! assert!(limiter.start(1, at(0)?).is_admitted());
//! limiter.finish(1, at(300)?); // the answer is there
//! assert_eq!(limiter.start(1, at(1000)?), Decision::Refused { retry_at: at(1300)? });
//! assert!(limiter.start(1, at(1300)?).is_admitted());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! **Two sides.** A service charges a request when it arrives: [`Limit::admit`]. A client does not know when its request arrives, only that
//! it is between sending and the answer: [`Limiter::start`] takes a slot, [`Limiter::finish`] begins the window after which the slot is free
//! again. So the delays of a network cannot squeeze the requests of two windows into one at the service.
//!
//! **Clocks.** Instants may go back, since clocks are set. A limit never admits more because of that: after a step back of up to one window
//! it waits for the clock to catch up; after a longer one no time counts as passed. Nothing then waits until the clock is there again.
//!
//! **What it does not do.** It neither waits nor queues: `RateLimited` of `scimkit-client` does, over a clock and a timer. There is no limit on
//! how many requests run at the same time.
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
