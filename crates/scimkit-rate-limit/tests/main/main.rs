//! The limiters against slow models of what they promise, and against another crate.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

/// Instants and durations of the tests.
mod support;

/// What services say, whatever it is.
mod advice;
/// The generic cell rate algorithm against a plain statement of it and against governor.
mod gcra;
/// Many keys with a bound.
mod keyed;
/// Who is next.
mod line;
/// Sliding windows against a list of everything that was admitted.
mod sliding_window;
