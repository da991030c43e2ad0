//! What the stores keep and answer.

// A server for tests.
#[cfg(feature = "postgres")]
#[cfg(test)]
#[expect(dead_code, reason = "tests of durability are elsewhere")]
mod cluster;
// Every store and wrapper against the suites.
#[cfg(test)]
mod conformance;
// What only a database file can do or suffer.
#[cfg(test)]
mod files;
// Answers against the evaluator's, for generated filters and resources.
#[cfg(test)]
mod filters;
// Who is handed which job, against a simple store.
#[cfg(test)]
mod handout;
// What only a server can do or suffer.
#[cfg(feature = "postgres")]
#[cfg(test)]
mod postgres;
