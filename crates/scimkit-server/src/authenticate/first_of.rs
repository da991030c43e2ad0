//! Several ways to authenticate at once.

use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;

use super::{Actor, AuthenticationError, AuthenticationScheme, Authenticator};

/// Lets in whoever one of several authenticators lets in; they are asked in order.
///
/// Whoever none of them lets in is told of the fault that got furthest: credentials that could not be checked, too many of them,
/// credentials that are not valid, credentials that cannot be read, no credentials.
#[derive(Clone, Debug, Default)]
pub struct FirstOf {
    authenticators: Vec<Arc<dyn Authenticator>>,
}

impl FirstOf {
    /// No authenticators: nobody is let in.
    pub fn new() -> Self {
        Self::default()
    }

    /// These authenticators and one more, which is asked last.
    #[must_use]
    pub fn with(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.authenticators.push(authenticator);
        self
    }
}

const fn rank(error: &AuthenticationError) -> u8 {
    match error {
        AuthenticationError::Missing => 0,
        AuthenticationError::Malformed => 1,
        AuthenticationError::Invalid => 2,
        AuthenticationError::TooMany { .. } => 3,
        AuthenticationError::Unavailable(_) => 4,
    }
}

#[async_trait]
impl Authenticator for FirstOf {
    async fn authenticate(&self, parts: &Parts) -> Result<Actor, AuthenticationError> {
        let mut worst = AuthenticationError::Missing;
        for authenticator in &self.authenticators {
            match authenticator.authenticate(parts).await {
                Ok(actor) => return Ok(actor),
                Err(error) if rank(&error) > rank(&worst) => worst = error,
                Err(_) => {}
            }
        }
        Err(worst)
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        let mut schemes: Vec<AuthenticationScheme> = Vec::new();
        for scheme in self.authenticators.iter().flat_map(|authenticator| authenticator.schemes()) {
            if !schemes.contains(&scheme) {
                schemes.push(scheme);
            }
        }
        schemes
    }

    /// Each challenge once; that of bearer tokens stands last, since it is the one that error codes are added to.
    fn challenge(&self) -> String {
        let mut challenges: Vec<String> = Vec::new();
        for challenge in self.authenticators.iter().map(|authenticator| authenticator.challenge()) {
            if !challenges.contains(&challenge) {
                challenges.push(challenge);
            }
        }
        challenges.sort_by_key(|challenge| challenge.starts_with("Bearer"));
        challenges.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;
    use scimkit_store::Tenant;

    use super::super::BearerTokens;
    use super::*;

    #[tokio::test]
    async fn whoever_one_of_them_knows_is_let_in() {
        let tokens = |token: &str, id: &str| BearerTokens::new().with_token(&token.into(), Actor::new(id, Tenant::default()));
        let both = FirstOf::new().with(Arc::new(tokens("one", "first"))).with(Arc::new(tokens("two", "second")));
        let ask = async |header: &str| {
            let parts = http::Request::builder().header(AUTHORIZATION, header).body(()).unwrap().into_parts().0;
            both.authenticate(&parts).await.map(|actor| actor.id)
        };
        assert_eq!((ask("Bearer one").await.unwrap(), ask("Bearer two").await.unwrap()), ("first".to_owned(), "second".to_owned()));
        assert!(matches!(ask("Bearer three").await, Err(AuthenticationError::Invalid)));
        assert!(matches!(ask("Bearer").await, Err(AuthenticationError::Malformed)));
        assert!(matches!(ask("Basic eDp5").await, Err(AuthenticationError::Missing)));
        assert_eq!((both.schemes(), both.challenge()), (vec![AuthenticationScheme::bearer()], "Bearer realm=\"scim\"".to_owned()));
        assert!(matches!(FirstOf::new().authenticate(&http::Request::new(()).into_parts().0).await, Err(AuthenticationError::Missing)));
    }
}
