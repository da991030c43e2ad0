//! SCIM without async: requests and answers as values over a blocking HTTP library.

mod carry;
mod program;

pub use carry::{Carrier, CarryError};
pub use program::{Arguments, Failure, main_with, run};
