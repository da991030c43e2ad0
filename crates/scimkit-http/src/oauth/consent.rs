//! A consent that people are asked for.

use std::fmt;

use oauth2::{AuthorizationCode, CsrfToken, PkceCodeVerifier, RedirectUrl, TokenUrl};
use scimkit_client::TokenError;
use subtle::ConstantTimeEq;

/// A consent that was asked for and not given yet: the address to open, and what the answer must fit (RFC 6749 section 4.1, RFC 7636).
pub struct Consent {
    pub(super) address: String,
    pub(super) state: CsrfToken,
    pub(super) verifier: PkceCodeVerifier,
    pub(super) redirect: RedirectUrl,
    /// Where the code may be shown: only there, whatever the answer says.
    pub(super) token_url: TokenUrl,
    /// Whose answer is awaited, if the authorization server says who it is.
    pub(super) issuer: Option<String>,
}

impl Consent {
    /// The address that a person opens to consent.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Takes the address that the person was sent back to, or its query, and finds the code in it.
    pub(super) fn code(&self, returned: &str) -> Result<AuthorizationCode, TokenError> {
        let query = returned.split_once('?').map_or(returned, |(_, query)| query);
        let query = query.split('#').next().unwrap_or_default();
        let one = |name: &str| {
            let mut values =
                oauth2::url::form_urlencoded::parse(query.as_bytes()).filter(|(found, _)| found == name).map(|(_, value)| value);
            // A name twice is nothing that an authorization server sends.
            values.next().filter(|_| values.next().is_none())
        };
        let is_own = one("state").is_some_and(|state| state.as_bytes().ct_eq(self.state.secret().as_bytes()).into());
        if !is_own {
            return Err(TokenError::new("expected the `state` of the request in the answer, found another one or none"));
        }
        if self.issuer.is_some() && one("iss").as_deref() != self.issuer.as_deref() {
            return Err(TokenError::new("expected an answer of the issuer that was asked, found another one or none"));
        }
        if let Some(error) = one("error") {
            return Err(TokenError::new(format!("the authorization was refused: {}", plain(&error))));
        }
        let code = one("code").filter(|code| !code.is_empty());
        code.map(|code| AuthorizationCode::new(code.into_owned())).ok_or_else(|| TokenError::new("expected a `code`, found none"))
    }
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consent").field("redirect", &self.redirect.as_str()).finish_non_exhaustive()
    }
}

/// A keyword such as `access_denied`; anything else is not repeated.
pub(super) fn plain(keyword: &str) -> &str {
    let is_keyword = !keyword.is_empty() && keyword.len() <= 64 && keyword.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_keyword { keyword } else { "unknown reason" }
}
