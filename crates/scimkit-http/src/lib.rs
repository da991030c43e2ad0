//! HTTP for scimkit: a reqwest transport, an axum service and a tokio timer.

#[cfg(feature = "axum")]
pub mod axum;
