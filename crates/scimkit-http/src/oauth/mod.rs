//! OAuth 2: how a client comes to an access token, keeps it and renews it (RFC 6749).
//!
//! An [`OAuthClient`] speaks to an authorization server through a [`Transport`](scimkit_client::Transport), so that its requests are
//! bounded, never follow a redirect, and take a slot of a [`RateLimited`](scimkit_client::RateLimited) if that is given. [`OAuthTokens`]
//! is a [`TokenSource`](scimkit_client::TokenSource) over it that renews tokens in time, one request at a time, and keeps them in a
//! [`TokenStore`], such as a file ([`FileTokens`]), so that a restart needs no new consent.
//!
//! | grant | how |
//! |---|---|
//! | authorization code with PKCE and state (RFC 7636) | [`OAuthClient::consent`], then [`OAuthTokens::authorize`] |
//! | refresh, with rotation | by itself |
//! | client credentials, with a secret or a signed assertion (RFC 7523) | [`OAuthTokens::client_credentials`] |
//!
//! ```
//! use std::sync::Arc;
//! use scimkit_client::{Authorized, TokenSource, transport_fn};
//! use scimkit_http::oauth::{ClientAuthentication, Cloud, MemoryTokens, OAuthClient, OAuthTokens};
//! use scimkit_types::SystemClock;
//!
//! # let transport = Arc::new(transport_fn(|_| async {
//! #     let body = br#"{"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600}"#.as_slice();
//! #     Ok(http::Response::builder().header("content-type", "application/json").body(body.into()).unwrap())
//! # }));
//! let cloud = Cloud::global();
//! let client = OAuthClient::new("client-id", &cloud.token_address("contoso.example")?, transport)?
//!     .with_authentication(ClientAuthentication::Body("secret".into()))
//!     .with_scopes([cloud.graph_scope()]);
//! let tokens = OAuthTokens::client_credentials(client, Arc::new(MemoryTokens::default()), Arc::new(SystemClock::default()));
//! # futures_util::FutureExt::now_or_never(async {
//! assert_eq!(tokens.token().await?.expose(), "t0ken");
//! # Ok::<(), scimkit_client::TokenError>(())
//! # }).unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assertion;
mod client;
mod cloud;
mod consent;
mod file;
mod source;
mod tokens;

pub use assertion::AssertionKey;
pub use client::{ClientAuthentication, OAuthClient};
pub use cloud::Cloud;
pub use consent::Consent;
pub use file::FileTokens;
pub use source::OAuthTokens;
pub use tokens::{MemoryTokens, TokenStore, Tokens};
