//! Mappings from outside: the public API only.

/// The table of expressions.
#[cfg(test)]
mod expressions;
/// Compiling, checking and evaluating sets of mappings.
#[cfg(test)]
mod mapping_set;
/// What holds for every expression.
#[cfg(test)]
mod properties;
/// Synchronization schemas as documents.
#[cfg(test)]
mod schema;
