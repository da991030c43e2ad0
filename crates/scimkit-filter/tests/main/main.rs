//! The crate from outside.

mod vectors;
