//! Explains a SCIM filter or the path of a PATCH operation.
//!
//! [`run`] is the program: arguments and input in, text out.
//!
//! ```
//! use clap::Parser;
//! use scimkit_example_filter::{Arguments, run};
//!
//! let arguments = Arguments::try_parse_from(["filter", "--path", "members[value eq \"1\"]", "--type", "Group"])?;
//! let mut output = Vec::new();
//! run(&arguments, std::io::empty(), &mut output)?;
//! assert!(String::from_utf8(output)?.contains("shortest: members[value eq \"1\"]"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod program;
mod resolved;
mod tree;

pub use program::{Arguments, run};
