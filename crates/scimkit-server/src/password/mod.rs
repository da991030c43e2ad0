//! Passwords on their way past the resources: they go to a sink and nowhere else (RFC 7643 section 9.2).

#[cfg(feature = "argon2")]
mod argon2;
mod take;

use std::fmt;

use async_trait::async_trait;
use secrecy::SecretString;

#[cfg(feature = "argon2")]
pub(crate) use self::argon2::is_password;
#[cfg(feature = "argon2")]
pub use self::argon2::{Argon2Passwords, MemoryPasswordHashes, PasswordHashes};
pub(crate) use self::take::{take, take_operations};
use crate::handler::{Context, Result};

/// What a sink has made of a password that it accepts, such as a PHC string. `Debug` does not show it.
pub struct AcceptedPassword(SecretString);

impl AcceptedPassword {
    /// What is to be kept.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// What is to be kept.
    pub const fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl fmt::Debug for AcceptedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AcceptedPassword(..)")
    }
}

/// Takes the passwords that clients set.
///
/// A server with a sink says in `/ServiceProviderConfig` that passwords can be changed. The sink is the only place where a password
/// goes: handlers, hooks, records and logs never see one. A password is never read back or compared; a replace without one keeps what
/// there is (R7644-3.5.1-06).
///
/// # Contract
/// [`accept`](Self::accept) is called before the resource is written, and does everything that can fail for a reason of the password;
/// it keeps nothing. [`keep`](Self::keep) and [`forget`](Self::forget) are called once the resource is written, so that a request which
/// is refused for any other reason leaves the password as it was. If they fail, the request is answered with 500 and the password is as it
/// was: a new resource is taken back; of a changed one everything else is done, hooks are told so, and the answer says so. The same
/// request sent again then does the rest, since a replace or PATCH that has been done already changes nothing but the password. All see
/// the tenant in the context.
///
/// # Errors
/// `Refused` with `invalidValue` for a password that the rules of the service do not allow; `Internal`. Neither text holds the password.
///
/// # Wrappers
/// A wrapper forwards every method.
///
/// # Conformance
/// None.
#[async_trait]
pub trait PasswordSink: fmt::Debug + Send + Sync {
    /// Checks a password and makes of it what will be kept.
    ///
    /// # Errors
    /// Why the password is not accepted.
    async fn accept(&self, context: &Context<'_>, password: &SecretString) -> Result<AcceptedPassword>;

    /// Keeps what was made of the password of a resource in the place of what there was.
    ///
    /// # Errors
    /// `Internal`.
    async fn keep(&self, context: &Context<'_>, id: &str, accepted: AcceptedPassword) -> Result<()>;

    /// Forgets the password of a resource that has none any more, or is gone.
    ///
    /// # Errors
    /// `Internal`.
    async fn forget(&self, context: &Context<'_>, id: &str) -> Result<()>;
}

/// What a request does to a password.
#[derive(Debug)]
pub(crate) enum PasswordChange {
    Set(SecretString),
    Remove,
}

/// A change of a password that the sink has accepted.
#[derive(Debug)]
pub(crate) enum AcceptedChange {
    Keep(AcceptedPassword),
    Forget,
}
