//! Counts which tolerances fired, for each tenant.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use scimkit_store::Tenant;
use scimkit_types::Tolerance;

use crate::meter;

/// How often each tolerance fired, by tenant.
pub type ToleranceCounts = BTreeMap<Tenant, BTreeMap<Tolerance, u64>>;

/// The counters of all tenants.
#[derive(Debug, Default)]
pub(crate) struct Tolerances {
    counts: Mutex<HashMap<(Tenant, Tolerance), u64>>,
}

impl Tolerances {
    pub(crate) fn count(&self, tenant: &Tenant, tolerances: impl IntoIterator<Item = Tolerance>) {
        let mut fired = tolerances.into_iter().peekable();
        if fired.peek().is_none() {
            return;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for tolerance in fired {
            meter::tolerated(tolerance);
            let count = counts.entry((tenant.clone(), tolerance)).or_default();
            *count = count.saturating_add(1);
        }
    }

    pub(crate) fn snapshot(&self) -> ToleranceCounts {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = ToleranceCounts::new();
        for ((tenant, tolerance), count) in counts.iter() {
            snapshot.entry(tenant.clone()).or_default().insert(*tolerance, *count);
        }
        snapshot
    }
}
