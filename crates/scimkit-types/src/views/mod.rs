//! Typed views of resources: conveniences over [`Resource`], which keeps what they do not name.

mod group;
mod user;

pub use group::{Group, Member};
pub use user::{Address, EnterpriseUser, Manager, MultiValue, Name, User};
