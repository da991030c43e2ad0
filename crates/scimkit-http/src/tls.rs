//! TLS by rustls with ring and the trust of the platform.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

/// TLS cannot be set up, as when the system has no certificates of authorities.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up")]
pub struct TlsError(#[from] rustls::Error);

/// Settings of a TLS client: ring, TLS 1.2 and 1.3, and the authorities that the platform trusts.
///
/// The cryptography is named here and not installed for the process, so that libraries which choose another one are not disturbed.
///
/// # Errors
/// [`TlsError`] if the platform trusts no authority.
pub fn client_config() -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_platform_verifier()?.with_no_client_auth())
}
