//! What the API server refuses to create.

use super::time::Time;

/// A controller may not create what it wants to (`FailedCreate`, condition `ReplicaFailure`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// When that began; the controller asks again after ever longer times.
    pub since: Time,
    /// What refuses it.
    pub cause: RefusalCause,
    /// What the API server says: `exceeded quota: …`.
    pub reason: String,
}

/// What refuses a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalCause {
    /// The pod itself: only another template helps.
    Template,
    /// A ResourceQuota.
    Quota,
    /// A webhook that nobody answers.
    Webhook,
}
