//! PodDisruptionBudgets.

use std::collections::BTreeMap;

use super::labels::LabelSelector;
use super::name::Symbol;
use super::pod::PodId;
use super::table::{Placed, SelectorPlace};
use super::time::Time;
use super::workload::IntOrPercent;

/// Names a PodDisruptionBudget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetId(pub u32);

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodDisruptionBudget {
    /// Its namespace.
    pub namespace: Symbol,
    /// Its name.
    pub name: Symbol,
    /// `spec.selector`; `None` selects nothing, an empty one every pod of the namespace.
    pub selector: Option<LabelSelector>,
    /// `spec.minAvailable` or `spec.maxUnavailable`.
    pub target: BudgetTarget,
    /// `spec.unhealthyPodEvictionPolicy`.
    pub unhealthy_pod_eviction_policy: UnhealthyPodEvictionPolicy,
    /// `status`, as the disruption controller last wrote it.
    pub status: BudgetStatus,
}

impl Placed for PodDisruptionBudget {
    type Place = SelectorPlace;

    fn places(&self) -> Vec<SelectorPlace> {
        self.selector.iter().map(|selector| SelectorPlace::of(self.namespace, selector)).collect()
    }
}

/// What a budget asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetTarget {
    /// At least so many healthy.
    MinAvailable(IntOrPercent),
    /// At most so many not.
    MaxUnavailable(IntOrPercent),
    /// Neither is given: as the disruption controller reads it, nothing is asked for.
    None,
}

/// Whether a running pod that is not ready may be evicted when the budget is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnhealthyPodEvictionPolicy {
    /// Only while the budget's pods are healthy enough.
    #[default]
    IfHealthyBudget,
    /// Always.
    AlwaysAllow,
}

/// A budget's status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetStatus {
    /// `expectedPods`.
    pub expected_pods: i64,
    /// `currentHealthy`.
    pub current_healthy: i64,
    /// `desiredHealthy`.
    pub desired_healthy: i64,
    /// `disruptionsAllowed`.
    pub disruptions_allowed: i64,
    /// `disruptedPods`: evictions granted whose deletion has not been seen.
    pub disrupted_pods: BTreeMap<PodId, Time>,
    /// Whether the last sync failed (`DisruptionAllowed=False`, reason `SyncFailed`).
    pub sync_failed: bool,
}
