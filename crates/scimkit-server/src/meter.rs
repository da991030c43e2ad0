//! Figures for operators, by the facade of the `metrics` crate. Without the feature `metrics` nothing is counted.
//!
//! Labels are words of this crate, names of resource types and statuses, never values or ids, so that there are few of them.

use http::StatusCode;
use scimkit_types::{Clock, Timestamp, Tolerance};

/// A request was answered.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is counted"))]
pub(crate) fn answered((operation, resource_type): (&'static str, &str), begun_at: Timestamp, status: StatusCode, clock: &dyn Clock) {
    #[cfg(feature = "metrics")]
    {
        let labels =
            [("operation", operation.to_owned()), ("resource_type", resource_type.to_owned()), ("status", status.as_str().to_owned())];
        metrics::counter!("scim_requests_total", &labels).increment(1);
        metrics::histogram!("scim_request_seconds", "operation" => operation).record(seconds_since(begun_at, clock));
    }
}

/// Does the handler's work and counts the time that it takes.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables, reason = "nothing is counted"))]
pub(crate) async fn stored<F: Future>(operation: &'static str, clock: &dyn Clock, work: F) -> F::Output {
    #[cfg(feature = "metrics")]
    let begun_at = clock.now();
    let output = work.await;
    #[cfg(feature = "metrics")]
    metrics::histogram!("scim_store_seconds", "operation" => operation).record(seconds_since(begun_at, clock));
    output
}

/// The time since then; none if the clock was set back.
#[cfg(feature = "metrics")]
fn seconds_since(then: Timestamp, clock: &dyn Clock) -> f64 {
    std::time::Duration::try_from(clock.now().duration_since(then)).unwrap_or_default().as_secs_f64()
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
