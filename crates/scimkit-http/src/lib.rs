//! HTTP for scimkit: a reqwest transport, an axum service and a tokio timer.

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(feature = "jwks")]
pub mod jwks;
#[cfg(feature = "oauth")]
pub mod oauth;
#[cfg(feature = "reqwest")]
pub mod reqwest;
#[cfg(feature = "rustls")]
pub mod tls;
#[cfg(feature = "tokio")]
pub mod tokio;
