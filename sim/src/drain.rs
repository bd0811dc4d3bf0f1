//! kubectl drain with `--ignore-daemonsets --delete-emptydir-data`. Source: `staging:kubectl/pkg/drain/{drain,filters}.go`.

use std::collections::BTreeMap;

use crate::cluster::{BudgetId, ClusterState, Duration, NodeId, Owner, Phase, Pod, PodId, Time};

/// After an answer of 429 kubectl waits so long before it asks again.
pub const RETRY_INTERVAL: Duration = Duration::from_seconds(5);

/// Which pods a drain evicts, or why it refuses to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DrainPlan {
    /// These, oldest first.
    Evict(Vec<PodId>),
    /// Nothing: these pods have no controller, and without `--force` drain gives up before it evicts anything.
    Refuse {
        /// The pods.
        unmanaged: Vec<PodId>,
    },
}

/// What a drain does with one pod.
enum Filtered {
    Evict,
    Skip,
    Refuse,
}

/// Which pods a drain of `node` would evict.
#[must_use]
pub fn plan(state: &ClusterState, node: NodeId) -> DrainPlan {
    let (mut evict, mut unmanaged) = (Vec::new(), Vec::new());
    for (id, pod) in state.pods.on_node(Some(node)) {
        match filter(state, pod) {
            Filtered::Evict => evict.push(id),
            Filtered::Skip => {}
            Filtered::Refuse => unmanaged.push(id),
        }
    }
    if unmanaged.is_empty() { DrainPlan::Evict(evict) } else { DrainPlan::Refuse { unmanaged } }
}

fn filter(state: &ClusterState, pod: &Pod) -> Filtered {
    let ended = matches!(pod.phase, Phase::Succeeded | Phase::Failed);
    if ended && pod.owner != Owner::Node {
        return Filtered::Evict;
    }
    match pod.owner {
        Owner::DaemonSet(id) if state.daemon_sets.contains_key(&id) => Filtered::Skip,
        // The DaemonSet is gone: without --force that is an error, as for a pod without controller.
        Owner::DaemonSet(_) | Owner::None => Filtered::Refuse,
        Owner::Node => Filtered::Skip,
        Owner::ReplicaSet(_) | Owner::StatefulSet { .. } | Owner::Job(_) | Owner::Other { .. } => Filtered::Evict,
    }
}

/// A drain of one node that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeDrain {
    /// The node.
    pub node: NodeId,
    /// Pods that are not gone yet.
    pub waiting: BTreeMap<PodId, PodDrain>,
    /// How many evictions were granted.
    pub evicted: usize,
    /// Pods whose eviction met an error.
    pub failed: Vec<FailedEviction>,
    /// Pods without controller, for which it refused to begin.
    pub unmanaged: Vec<PodId>,
}

/// Where a pod is in its drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodDrain {
    /// The last answer was 429; kubectl asks again.
    Denied {
        /// When it last asked.
        asked_at: Time,
        /// The budget that denies it.
        budget: BudgetId,
        /// The budget's `desiredHealthy` now.
        desired_healthy: i64,
        /// The budget's `currentHealthy` now.
        current_healthy: i64,
    },
    /// Its eviction was granted; kubectl waits until it is gone.
    Terminating,
}

/// An eviction that met an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedEviction {
    /// The pod.
    pub pod: PodId,
    /// The budgets that cover it.
    pub budgets: Vec<BudgetId>,
    /// What the API said.
    pub message: String,
}

impl NodeDrain {
    /// A drain that has not asked for anything yet.
    #[must_use]
    pub const fn new(node: NodeId) -> Self {
        Self { node, waiting: BTreeMap::new(), evicted: 0, failed: Vec::new(), unmanaged: Vec::new() }
    }
}

/// When kubectl next asks for a pod that was denied at `asked_at`: after 5, 10, 15 … seconds, not before `now`.
#[must_use]
pub fn next_retry(asked_at: Time, now: Time) -> Time {
    let interval = RETRY_INTERVAL.milliseconds().max(1);
    let waits = now.since(asked_at).milliseconds().div_ceil(interval).max(1);
    asked_at.after(Duration::from_milliseconds(waits.saturating_mul(interval)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_come_every_five_seconds_from_the_last_attempt() {
        let at = Time::from_milliseconds;
        assert_eq!(next_retry(at(1000), at(1000)), at(6000));
        assert_eq!(next_retry(at(1000), at(5999)), at(6000));
        assert_eq!(next_retry(at(1000), at(6000)), at(6000));
        assert_eq!(next_retry(at(1000), at(6001)), at(11000));
    }
}
