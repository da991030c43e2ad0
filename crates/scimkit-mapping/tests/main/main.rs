//! Mappings from outside: the public API only.

/// What is wrong with mappings, each with its message.
#[cfg(test)]
mod check;
/// Documents that are read and written.
#[cfg(test)]
mod documents;
/// The table of expressions.
#[cfg(test)]
mod expressions;
/// Which values flow to an object that exists.
#[cfg(test)]
mod flow;
/// Functions whose results are tested by what holds of them.
#[cfg(test)]
mod functions;
/// What an expression may cost.
#[cfg(test)]
mod limits;
/// Compiling, checking and evaluating sets of mappings.
#[cfg(test)]
mod mapping_set;
/// Numbers in the target's types.
#[cfg(test)]
mod numbers;
/// What holds for every expression.
#[cfg(test)]
mod properties;
/// Values that must not be shown.
#[cfg(test)]
mod redaction;
/// Roles in expressions and requests.
#[cfg(test)]
mod roles;
/// Synchronization schemas as documents.
#[cfg(test)]
mod schema;
