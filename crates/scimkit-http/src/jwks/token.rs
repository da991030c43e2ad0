//! A token and its claims (RFC 7515, RFC 7519).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::JwksOptions;
use super::key::Algorithm;

/// The most bytes of a token; those of large directories have a few thousand.
const MAX_LENGTH: usize = 16 * 1024;

/// A token as it was sent; nothing in it is to be believed yet.
#[derive(Debug)]
pub(crate) struct Token<'t> {
    /// `None` for an algorithm that cannot be verified.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) key_id: Option<String>,
    pub(crate) claims: Claims,
    /// What the signature is of.
    pub(crate) signed: &'t str,
    pub(crate) signature: Vec<u8>,
}

/// What a token says of the one who has it.
///
/// `Debug` shows the names of claims, not their values.
pub struct Claims(Map<String, Value>);

impl<'t> Token<'t> {
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header = object(header)?;
        // RFC 7515 section 4.1.11: what must be understood is not. RFC 9068 section 2.1: other JWTs are no access tokens, but many
        // issuers say no more than `JWT`.
        let type_ = header.get("typ").map_or(Some("JWT"), Value::as_str)?;
        let type_ = type_.strip_prefix("application/").unwrap_or(type_);
        if header.contains_key("crit") || !["JWT", "at+jwt"].iter().any(|known| known.eq_ignore_ascii_case(type_)) {
            return None;
        }
        Some(Self {
            algorithm: Algorithm::parse(header.get("alg")?.as_str()?),
            key_id: match header.get("kid") {
                Some(id) => Some(id.as_str()?.to_owned()),
                None => None,
            },
            claims: Claims(object(claims)?),
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}

impl Claims {
    /// A claim.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Whether a word stands in the claim `scope`, separated by blanks (RFC 8693 section 4.2), or in `scp` or `roles`, as Microsoft
    /// Entra ID issues them.
    pub fn has_scope(&self, scope: &str) -> bool {
        let stands_in = |claim: &Value| match claim {
            Value::String(text) => text.split(' ').any(|word| word == scope),
            Value::Array(words) => words.iter().any(|word| word == scope),
            _ => false,
        };
        ["scope", "scp", "roles"].iter().any(|name| self.get(name).is_some_and(stands_in))
    }

    /// Whether the token is of the issuer, for one of the audiences, and valid at this instant. `None` if not.
    pub(crate) fn check(&self, options: &JwksOptions, now: Timestamp) -> Option<()> {
        let skew = i64::try_from(options.clock_skew.as_secs()).unwrap_or(i64::MAX);
        let now = now.as_second();
        let is_of_issuer = self.text("iss") == Some(options.issuer.as_str());
        let is_wanted = |audience: &Value| options.audiences.iter().any(|wanted| audience == wanted);
        let is_for_us = match self.get("aud")? {
            Value::Array(audiences) => audiences.iter().any(is_wanted),
            audience => is_wanted(audience),
        };
        let is_alive = now < seconds(self.get("exp")?)?.saturating_add(skew);
        let is_past = |name: &str| match self.get(name) {
            Some(claim) => seconds(claim).is_some_and(|begin| begin.saturating_sub(skew) <= now),
            None => true,
        };
        (is_of_issuer && is_for_us && is_alive && is_past("nbf") && is_past("iat")).then_some(())
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// RFC 7519 section 2: seconds since 1970, maybe with a fraction.
fn seconds(claim: &Value) -> Option<i64> {
    let number = claim.as_number()?;
    number.as_i64().or_else(|| SignedDuration::try_from_secs_f64(number.as_f64()?).ok().map(|duration| duration.as_secs()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn token(header: &Value, claims: &Value) -> String {
        format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn what_is_no_access_token_is_not_read() {
        let reads = |header: Value| Token::parse(&token(&header, &json!({}))).is_some();
        assert!(reads(json!({"alg": "RS256"})) && reads(json!({"alg": "RS256", "typ": "at+JWT"})) && reads(json!({"alg": "none"})));
        assert!(!reads(json!({"alg": "RS256", "typ": "secevent+jwt"})) && !reads(json!({"alg": "RS256", "crit": ["b64"]})));
        assert!(!reads(json!({"typ": "JWT"})) && !reads(json!([])) && !reads(json!({"alg": "RS256", "kid": 7})));
        let long = token(&json!({"alg": "RS256"}), &json!({"x": "x".repeat(MAX_LENGTH)}));
        for text in ["", "a", "a.b", "a.b.c", "....", long.as_str()] {
            assert!(Token::parse(text).is_none());
        }
    }

    #[track_caller]
    fn check(changes: &Value, is_valid: bool) {
        let mut claims = json!({"iss": "i", "aud": "a", "exp": 1000, "nbf": 900, "iat": 900});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let claims = Claims(claims.as_object().unwrap().clone());
        let options = JwksOptions::new("https://example.com/".parse().unwrap(), "i", "a").with_clock_skew(Duration::from_secs(10));
        let options = options.with_audience("b");
        assert_eq!(claims.check(&options, Timestamp::from_second(950).unwrap()).is_some(), is_valid, "{changes}");
    }

    #[test]
    fn claims_are_checked() {
        check(&json!({}), true);
        check(&json!({"aud": ["x", "b"]}), true);
        for changes in [json!({"aud": "x"}), json!({"aud": []}), json!({"aud": null}), json!({"iss": "j"}), json!({"iss": null})] {
            check(&changes, false);
        }
    }

    #[test]
    fn instants_are_checked_with_some_tolerance() {
        check(&json!({"exp": 941}), true);
        check(&json!({"exp": 940}), false);
        check(&json!({"exp": 940.5}), false);
        check(&json!({"exp": 941.5}), true);
        check(&json!({"exp": "1000"}), false);
        check(&json!({"exp": null}), false);
        check(&json!({"exp": 1e300}), false);
        check(&json!({"nbf": 960, "iat": 960}), true);
        check(&json!({"nbf": 961}), false);
        check(&json!({"iat": 961}), false);
        check(&json!({"nbf": "x"}), false);
    }

    #[test]
    fn scopes_are_found_where_issuers_put_them() {
        let claims = |json: Value| Claims(json.as_object().unwrap().clone());
        for found in [json!({"scope": "openid scim"}), json!({"scp": ["scim"]}), json!({"scp": "scim"}), json!({"roles": ["x", "scim"]})] {
            assert!(claims(found.clone()).has_scope("scim"), "{found}");
        }
        assert!(!claims(json!({"scope": "scimitar", "x": "scim"})).has_scope("scim"));
        assert_eq!(format!("{:?}", claims(json!({"sub": "hush"}))), r#"["sub"]"#);
    }
}
