//! What the stores keep and answer.

// Every store and wrapper against the suites.
mod conformance;
// SQLite's answers against the evaluator's, for generated filters and resources.
mod filters;
// What only a database file can do or suffer.
mod files;
