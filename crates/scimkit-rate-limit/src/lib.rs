//! How many requests in how much time: exact sliding windows and GCRA as pure decisions over state.
//!
//! A limiter decides; it does not wait, reads no clock and knows nothing of what it limits. Whoever asks passes the present instant and
//! gets a [`Decision`]: admitted, or refused until a named instant.
//!
//! ```
//! use std::time::Duration;
//! use jiff::Timestamp;
//! use scimkit_rate_limit::{Decision, Quota, SlidingWindow};
//!
//! let quota = Quota::new(2, Duration::from_secs(60)).ok_or("a quota needs a request and some time")?;
//! let mut window = SlidingWindow::new(quota);
//! let now = Timestamp::UNIX_EPOCH;
//! assert_eq!(window.admit(1, now), Decision::Admitted);
//! assert_eq!(window.admit(1, now), Decision::Admitted);
//! assert_eq!(window.admit(1, now), Decision::Refused { retry_at: now + Duration::from_secs(60) });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | type | what it is |
//! |---|---|
//! | [`Quota`] | so many requests in a window of time |
//! | [`SlidingWindow`] | never more than the quota in any window, at 8 bytes a request |
//! | [`Gcra`] | an even rate with bursts, in constant memory |
//! | [`Limits`] | several limiters at once for one request |
//! | [`Keyed`] | one limiter for each key, with a bound on the keys |
//! | [`Limiter`] | what they have in common |
//!
//! **Two sides.** A service charges a request when it arrives: `admit`. A client does not know when its request arrives, only that it is
//! between sending and the answer: `start` takes a slot, `finish` begins the window after which the slot is free again. So the delays of
//! a network cannot squeeze the requests of two windows into one at the service.
//!
//! **Clocks.** Instants may go back, since clocks are set. A limiter never admits more because of that: after a step back of up to one
//! window it waits for the clock to catch up; after a longer one it counts the whole quota as used at the new time. Read the clock under
//! the same lock as the limiter, so that a late caller does not look like a clock that was set.

mod gcra;
mod instant;
mod keyed;
mod limiter;
mod limits;
mod quota;
mod sliding_window;

pub use gcra::Gcra;
pub use jiff::Timestamp;
pub use keyed::Keyed;
pub use limiter::{Decision, Limiter};
pub use limits::Limits;
pub use quota::Quota;
pub use sliding_window::{SlidingWindow, Usage};
