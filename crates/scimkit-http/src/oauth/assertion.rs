//! A client that shows who it is by a signature in the place of a secret (RFC 7523 section 2.2).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use scimkit_client::TokenError;
use scimkit_types::Timestamp;
use secrecy::zeroize::Zeroizing;
use serde_json::json;

/// How long an assertion is valid.
const VALIDITY: Duration = Duration::from_secs(300);

/// The private key of a client: RSA (RS256) or P-256 (ES256). It is shown nowhere.
#[derive(Clone)]
pub struct AssertionKey {
    key: Arc<Key>,
    /// Members of the header beside the algorithm: which key it is.
    key_id: Option<(&'static str, String)>,
}

enum Key {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

impl AssertionKey {
    /// The key in a PEM file of PKCS #8 (`BEGIN PRIVATE KEY`). Copies that are made of it on the way are wiped.
    ///
    /// # Errors
    /// [`TokenError`] unless it is a key of RSA, of 2048 bits or more, or of the curve P-256.
    pub fn from_pem(pem: &str) -> Result<Self, TokenError> {
        let wrong = || TokenError::new("expected a private key of RSA or P-256 in PKCS #8 as PEM, found something else");
        let body = pem.split_once("-----BEGIN PRIVATE KEY-----").and_then(|(_, rest)| rest.split_once("-----END PRIVATE KEY-----"));
        let text = Zeroizing::new(body.ok_or_else(wrong)?.0.split_whitespace().collect::<String>());
        let der = Zeroizing::new(BASE64_STANDARD.decode(text.as_bytes()).map_err(|_| wrong())?);
        let key = match RsaKeyPair::from_pkcs8(&der) {
            Ok(key) => Key::Rsa(key),
            Err(_) => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &SystemRandom::new());
                Key::P256(key.map_err(|_| wrong())?)
            }
        };
        Ok(Self { key: Arc::new(key), key_id: None })
    }

    /// This key under the id by which the authorization server knows it (`kid`).
    #[must_use]
    pub fn with_key_id(self, key_id: impl Into<String>) -> Self {
        Self { key_id: Some(("kid", key_id.into())), ..self }
    }

    /// This key under the thumbprint of its certificate, the base64url text of its SHA-256 (`x5t#S256`), as Microsoft Entra ID wants it.
    #[must_use]
    pub fn with_certificate_thumbprint(self, thumbprint: impl Into<String>) -> Self {
        Self { key_id: Some(("x5t#S256", thumbprint.into())), ..self }
    }

    /// A signed assertion that the client is who it is, good for one request (RFC 7523 section 3).
    pub(super) fn sign(&self, client_id: &str, audience: &str, number: &str, now: Timestamp) -> Result<String, TokenError> {
        let failure = || TokenError::new("the assertion of the client could not be signed");
        let algorithm = match &*self.key {
            Key::Rsa(_) => "RS256",
            Key::P256(_) => "ES256",
        };
        let mut header = json!({"alg": algorithm, "typ": "JWT"});
        if let (Some((name, key_id)), Some(header)) = (&self.key_id, header.as_object_mut()) {
            header.insert((*name).to_owned(), key_id.as_str().into());
        }
        let now = now.as_second();
        let expires = now.saturating_add(i64::try_from(VALIDITY.as_secs()).unwrap_or(i64::MAX));
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": audience, "jti": number, "iat": now, "nbf": now, "exp": expires,
        });
        let part = |value: serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let random = SystemRandom::new();
        let signature = match &*self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).map_err(|_| failure())?;
                signature
            }
            Key::P256(key) => key.sign(&random, text.as_bytes()).map_err(|_| failure())?.as_ref().to_vec(),
        };
        Ok(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for AssertionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AssertionKey([redacted])")
    }
}
