//! Figures for operators, by the facade of the `metrics` crate. Without the feature `metrics` nothing is counted.
//!
//! Labels are words of this crate, names of resource types and statuses, never values or ids, so that there are few of them.

use std::time::Duration;

use http::StatusCode;
use scimkit_types::Tolerance;

use crate::exchange::Subject;

/// A request was answered.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, clippy::missing_const_for_fn, reason = "nothing is counted"))]
pub(crate) fn answered(subject: &Subject, status: StatusCode, elapsed: Duration) {
    #[cfg(feature = "metrics")]
    {
        let labels = [
            ("operation", subject.operation.to_owned()),
            ("resource_type", subject.resource_type.clone()),
            ("status", status.as_str().to_owned()),
        ];
        metrics::counter!("scim_requests_total", &labels).increment(1);
        metrics::histogram!("scim_request_seconds", "operation" => subject.operation).record(elapsed.as_secs_f64());
    }
}

/// The handler was called.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is counted"))]
pub(crate) fn stored(operation: &'static str, elapsed: Duration) {
    #[cfg(feature = "metrics")]
    metrics::histogram!("scim_store_seconds", "operation" => operation).record(elapsed.as_secs_f64());
}

/// A tolerance fired.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is counted"))]
pub(crate) fn tolerated(tolerance: Tolerance) {
    #[cfg(feature = "metrics")]
    metrics::counter!("scim_tolerances_total", "tolerance" => tolerance.name()).increment(1);
}

/// A request was over a rate limit.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is counted"))]
pub(crate) fn limited(class: &'static str) {
    #[cfg(feature = "metrics")]
    metrics::counter!("scim_rate_limited_total", "class" => class).increment(1);
}

/// A password was left out, as the configuration says.
pub(crate) fn dropped_password() {
    #[cfg(feature = "metrics")]
    metrics::counter!("scim_passwords_dropped_total").increment(1);
}
