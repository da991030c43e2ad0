//! The limiters against slow models of what they promise.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

/// Instants and durations of the tests.
mod support;

/// The generic cell rate algorithm against a plain statement of it.
mod gcra;
/// Many keys with a bound.
mod keyed;
/// Sliding windows against a list of everything that was admitted.
mod sliding_window;
