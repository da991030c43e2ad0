//! What the stores keep and answer.

// A server for tests.
#[cfg(all(test, feature = "postgres"))]
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
