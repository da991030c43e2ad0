//! What is known of a request while it is answered, for the headers, records and figures that its answer leads to.

use std::sync::OnceLock;

use http::Response;
use scimkit_types::Timestamp;

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
#[derive(Debug)]
struct Subject {
    operation: &'static str,
    /// The name of the resource type; empty without one.
    resource_type: String,
}

/// The id of the resource that an answer is about where the request did not name it, kept with the answer until it leaves the server.
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

    /// The operation that the request asked for and the name of the resource type; `none` for a request that got nowhere.
    pub(crate) fn subject(&self) -> (&'static str, &str) {
        self.subject.get().map_or(("none", ""), |subject| (subject.operation, &subject.resource_type))
    }
}

/// The id that an answer is about, if the request did not name it.
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
