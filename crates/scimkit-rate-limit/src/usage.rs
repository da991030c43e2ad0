//! What was used, to be kept over a restart.

use serde::{Deserialize, Serialize};

/// What a rule has admitted and still counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Used {
    /// Nanoseconds since 1970 and the cost charged then, in order of time: of a sliding window.
    Charged(Vec<(i64, u32)>),
    /// Nanoseconds since 1970 from which everything is free: of GCRA.
    Arrival(i64),
    /// Of several rules, in their order.
    All(Vec<Self>),
}

/// What a [`Limiter`](crate::Limiter) has admitted and still counts, to be kept over a restart.
///
/// What is under way when the usage is taken counts as under way until its deadline when a limiter is built from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    pub(crate) used: Used,
    /// Cost that had started and not finished.
    #[serde(default)]
    pub(crate) under_way: u32,
    /// Nanoseconds since 1970 before which nothing is admitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) paused_until: Option<i64>,
}
