//! A SCIM service provider for any client, over memory, SQLite or PostgreSQL.
//!
//! [`main_with`] is the program: arguments in, text out. [`ServiceProvider::start`] starts the same service inside of another program.
//!
//! ```
//! use scimkit_example_service_provider::{Options, ServiceProvider, Store};
//! use scimkit_types::Profile;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = Options::new(Profile::standard()).with_listen("127.0.0.1:0".parse()?).with_store(Store::Memory).with_token("secret");
//! let running = ServiceProvider::start(options).await?;
//! assert!(running.base_url().ends_with("/scim/v2"));
//! running.stop().await;
//! assert_eq!(running.counts().requests, 0);
//! # Ok(())
//! # }
//! ```

mod access;
mod arguments;
mod audit;
mod counts;
mod figures;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
mod program;
mod servers;
mod service;
mod store;
mod tenants;

pub use arguments::{Arguments, ArgumentsError};
pub use counts::Counts;
pub use options::{JwksSource, Options, PostgresAddress, Store, StoreFormatError};
pub use program::main_with;
pub use service::{Running, ServiceProvider, StartError};
pub use tenants::{TenantOptions, TenantsError, Token};
