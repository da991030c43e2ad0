//! What is known of a request while it is answered, for the headers, records and figures that its answer leads to.

use std::sync::OnceLock;
use std::time::Duration;

use http::Response;
use scimkit_types::{Clock, Timestamp};

use crate::deadline::Deadline;
use crate::limit::Charge;
use crate::policy::Action;

/// One request on its way.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) started_at: Timestamp,
    /// Until when the request may be worked on.
    pub(crate) deadline: Option<Deadline>,
    charge: OnceLock<Charge>,
    subject: OnceLock<Subject>,
}

/// What a request asks for, in words that count few.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) operation: &'static str,
    /// The name of the resource type; empty without one.
    pub(crate) resource_type: String,
}

/// The id of the resource that an answer is about, kept with the answer until it leaves the server.
#[derive(Clone, Debug)]
pub(crate) struct About(pub(crate) String);

impl Exchange {
    pub(crate) const fn new(started_at: Timestamp, deadline: Option<Deadline>) -> Self {
        Self { started_at, deadline, charge: OnceLock::new(), subject: OnceLock::new() }
    }

    /// Notes what was charged; a request is charged once.
    pub(crate) fn charged(&self, charge: Charge) {
        self.charge.get_or_init(|| charge);
    }

    pub(crate) fn charge(&self) -> Option<&Charge> {
        self.charge.get()
    }

    pub(crate) fn concerns(&self, operation: &'static str, resource_type: &str) {
        self.subject.get_or_init(|| Subject { operation, resource_type: resource_type.to_owned() });
    }

    pub(crate) fn subject(&self) -> Subject {
        self.subject.get().cloned().unwrap_or(Subject { operation: "none", resource_type: String::new() })
    }

    /// The time since the request arrived; none if the clock was set back.
    pub(crate) fn elapsed(&self, clock: &dyn Clock) -> Duration {
        clock.now().duration_since(self.started_at).try_into().unwrap_or_default()
    }
}

/// The id that an answer is about.
pub(crate) fn about<B>(response: &Response<B>) -> Option<&str> {
    response.extensions().get::<About>().map(|about| about.0.as_str())
}

impl Action {
    /// A word for records and figures.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
            Self::Query => "query",
            Self::Replace => "replace",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}
