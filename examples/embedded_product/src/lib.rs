//! A product with users of its own that lets directories provision them.
//!
//! [`application`] is the whole product as an axum router: its own pages and, below `/scim/v2`, a SCIM server over the product's user
//! table. The server has no store: [`Provisioning`] is the `ResourceHandler` between SCIM and the table.

mod accounts;
mod application;
mod provisioning;

pub use accounts::{Account, Accounts};
pub use application::application;
pub use provisioning::Provisioning;
