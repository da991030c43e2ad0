//! Published keys and what they verify (RFC 7517, RFC 7518, RFC 8037).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde_json::{Map, Value};

/// An algorithm that tokens are signed with, all of them with a private key that only the issuer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm that can be verified.
    pub const ALL: [Self; 9] =
        [Self::Rs256, Self::Rs384, Self::Rs512, Self::Ps256, Self::Ps384, Self::Ps512, Self::Es256, Self::Es384, Self::EdDsa];

    /// The name in headers and keys, such as `RS256`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn rsa(self) -> Option<&'static RsaParameters> {
        match self {
            Self::Rs256 => Some(&signature::RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => Some(&signature::RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
            Self::Es256 | Self::Es384 | Self::EdDsa => None,
        }
    }
}

/// A published key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: Option<String>,
    /// The only algorithm that the key is for, if it says so.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point of the curve, or an Ed25519 key.
    Point {
        algorithm: Algorithm,
        bytes: Vec<u8>,
    },
}

impl Key {
    /// Reads a key; `None` for one of another kind or use, which a set may hold as well (RFC 7517 section 5).
    pub(crate) fn parse(jwk: &Value) -> Option<Self> {
        let jwk = jwk.as_object()?;
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let is_for_signatures = text("use").is_none_or(|usage| usage == "sig");
        let verifies = jwk.get("key_ops").is_none_or(|operations| {
            operations.as_array().is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
        });
        if !is_for_signatures || !verifies {
            return None;
        }
        Some(Self { id: text("kid").map(str::to_owned), algorithm: text("alg").map(str::to_owned), material: Material::parse(jwk)? })
    }

    /// Whether tokens of this algorithm may be signed with the key.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        let is_allowed = self.algorithm.as_deref().is_none_or(|own| own == algorithm.name());
        let is_possible = match &self.material {
            Material::Rsa { .. } => algorithm.rsa().is_some(),
            Material::Point { algorithm: own, .. } => *own == algorithm,
        };
        is_allowed && is_possible
    }

    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &str, signature: &[u8]) -> bool {
        let message = message.as_bytes();
        match (&self.material, algorithm.rsa()) {
            (Material::Rsa { n, e }, Some(parameters)) => {
                RsaPublicKeyComponents { n: n.as_slice(), e: e.as_slice() }.verify(parameters, message, signature).is_ok()
            }
            (Material::Point { algorithm: own, bytes }, None) if *own == algorithm => {
                let verification: &dyn VerificationAlgorithm = match algorithm {
                    Algorithm::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
                    Algorithm::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
                    _ => &signature::ED25519,
                };
                UnparsedPublicKey::new(verification, bytes).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

impl Material {
    fn parse(jwk: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        // An uncompressed point: both coordinates in full length.
        let point = |algorithm: Algorithm, length: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let is_whole = x.len() == length && y.len() == length;
            is_whole.then(|| Self::Point { algorithm, bytes: [&[4], x.as_slice(), y.as_slice()].concat() })
        };
        match (text("kty")?, text("crv")) {
            ("RSA", _) => Some(Self::Rsa { n: bytes("n")?, e: bytes("e")? }),
            ("EC", Some("P-256")) => point(Algorithm::Es256, 32),
            ("EC", Some("P-384")) => point(Algorithm::Es384, 48),
            ("OKP", Some("Ed25519")) => Some(Self::Point { algorithm: Algorithm::EdDsa, bytes: bytes("x")? }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 8037 appendix A.4.
    #[test]
    fn a_published_signature_is_verified() {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        let key = Key::parse(&jwk).unwrap();
        let signature =
            URL_SAFE_NO_PAD.decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg").unwrap();
        let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        assert!(key.fits(Algorithm::EdDsa) && key.verifies(Algorithm::EdDsa, message, &signature));
        assert!(!key.verifies(Algorithm::EdDsa, &message.replace('R', "S"), &signature));
        assert!(!key.fits(Algorithm::Es256) && !key.verifies(Algorithm::Es256, message, &signature));
        assert!(!key.verifies(Algorithm::Rs256, message, &signature));
    }

    #[test]
    fn keys_of_other_kinds_and_uses_are_left_out() {
        let key = |changes: Value| {
            let mut jwk = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "a"});
            jwk.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            Key::parse(&jwk)
        };
        assert!(key(json!({})).is_some_and(|key| key.fits(Algorithm::Rs256) && key.fits(Algorithm::Ps512) && !key.fits(Algorithm::EdDsa)));
        assert!(key(json!({"alg": "RS256"})).is_some_and(|key| key.fits(Algorithm::Rs256) && !key.fits(Algorithm::Ps256)));
        assert!(key(json!({"use": "sig", "key_ops": ["verify"]})).is_some());
        for changes in [
            json!({"use": "enc"}),
            json!({"key_ops": ["encrypt"]}),
            json!({"kty": "oct", "k": "AQAB"}),
            json!({"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"}),
            json!({"kty": "EC", "crv": "secp256k1"}),
            json!({"n": "!"}),
            json!({"kty": 1}),
        ] {
            assert!(key(changes.clone()).is_none(), "{changes}");
        }
    }

    #[test]
    fn algorithms_have_their_names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.name()), Some(algorithm));
        }
        for name in ["none", "HS256", "rs256", ""] {
            assert_eq!(Algorithm::parse(name), None, "{name}");
        }
    }
}
