//! Typed views of resources: conveniences over [`Resource`](crate::Resource), which keep what they do not name.
//!
//! Every view has a member `other` with the members that it does not name, so that reading and writing loses nothing.
//!
//! ```
//! use scimkit_types::views::{MultiValue, User};
//! use scimkit_types::Resource;
//!
//! let mut resource: Resource = serde_json::from_str(
//!     r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "USERNAME": "ola", "name": {"givenname": "Ola"}, "shoeSize": 42}"#,
//! )?;
//! let mut user = User::from_resource(&resource)?;
//! assert_eq!(user.name.as_ref().and_then(|name| name.given_name.as_deref()), Some("Ola"));
//!
//! user.emails.push(MultiValue::new("ola@example.com").with_type("work"));
//! user.apply_to(&mut resource);
//! assert_eq!(resource.get("shoeSize").and_then(|size| size.as_number()?.as_u64()), Some(42));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod config;
mod field;
mod group;
mod user;

pub use config::{AuthenticationScheme, BulkSupport, FilterSupport, Pagination, ServiceProviderConfig, Support};
pub use field::ViewError;
pub use group::{Group, Member};
pub use user::{Address, EnterpriseUser, Manager, MultiValue, Name, Password, User};
