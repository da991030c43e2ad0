//! Tests of the public API.

mod compile;
mod diff;
mod entra;
mod interop;
mod rules;
mod support;
mod vectors;
