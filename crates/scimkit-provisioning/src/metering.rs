//! Metrics, where the feature `metrics` is on.

use crate::event::ProvisioningEvent;
use crate::report::CycleReport;

/// Counts a record of the log: `scimkit_provisioning_objects_total` by action, status and object type.
#[cfg(feature = "metrics")]
pub(crate) fn count_event(event: &ProvisioningEvent) {
    let labels = vec![
        metrics::Label::from_static_parts("action", event.action.name()),
        metrics::Label::from_static_parts("status", event.status.name()),
        metrics::Label::new("object_type", event.object_type.clone()),
    ];
    metrics::counter!("scimkit_provisioning_objects_total", labels).increment(1);
}

/// Nothing is counted without the feature.
#[cfg(not(feature = "metrics"))]
pub(crate) const fn count_event(_event: &ProvisioningEvent) {}

/// Tells of a cycle that ended: `scimkit_provisioning_cycles_total` by whether it was completed, `scimkit_provisioning_imported_total` and
/// `scimkit_provisioning_cycle_seconds`.
#[cfg(feature = "metrics")]
pub(crate) fn count_cycle(report: Option<&CycleReport>, took: std::time::Duration) {
    let outcome = if report.is_some() { "completed" } else { "failed" };
    metrics::counter!("scimkit_provisioning_cycles_total", "outcome" => outcome).increment(1);
    metrics::histogram!("scimkit_provisioning_cycle_seconds").record(took.as_secs_f64());
    if let Some(report) = report {
        metrics::counter!("scimkit_provisioning_imported_total").increment(report.imported);
    }
}

/// Nothing is counted without the feature.
#[cfg(not(feature = "metrics"))]
pub(crate) const fn count_cycle(_report: Option<&CycleReport>, _took: std::time::Duration) {}
