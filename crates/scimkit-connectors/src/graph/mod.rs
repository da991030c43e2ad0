//! People and groups from Microsoft Graph delta queries.
//!
//! [`GraphSource`] is a [`Source`](scimkit_provisioning::Source) over a [`Transport`](scimkit_client::Transport).
//! [`RecordedPages`] is such a transport over files.
//!
//! ```
//! use std::sync::Arc;
//! use scimkit_connectors::graph::{GraphOptions, GraphSource, RecordedPages};
//! use scimkit_provisioning::Source;
//!
//! # let folder = tempfile::tempdir()?;
//! # let directory = scimkit_example_directory::generate(&Default::default());
//! # directory.write_to(folder.path())?;
//! # let (path, service_principal_id) = (folder.path(), directory.service_principal_id());
//! let pages = RecordedPages::open(path, 1)?;
//! let source = GraphSource::new(Arc::new(pages.clone()), GraphOptions::new(service_principal_id))?;
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let page = source.read("User", None).await?;
//! assert!(!page.changes.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Attributes keep the names that Microsoft Graph gives them; mappings find them under the names of the synchronization schema too.

mod json;
mod options;
mod page;
mod recorded;
mod request;
mod source;

pub use options::{GraphLimits, GraphOptions};
pub use recorded::{RecordedPages, RecordedPagesError};
pub use request::PageName;
pub use source::GraphSource;
