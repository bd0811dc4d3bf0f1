//! Which nodes are not needed: less than half used, and every pod could move.

use std::collections::BTreeMap;

use crate::cluster::{BudgetId, ClusterState, Node, NodeId, NodeReady, Owner, Phase, Pod, PodId};
use crate::controller::is_terminal;
use crate::eviction::budgets_of;

use super::trial::place;

/// Pods of this namespace do not move unless a budget says that they may.
const SYSTEM_NAMESPACE: &str = "kube-system";

/// The nodes of pools larger than their least that are not needed.
#[must_use]
pub fn unneeded(state: &ClusterState, utilization_percent: i64) -> Vec<NodeId> {
    let pools = state.node_pools.iter().filter(|pool| pool.members.len() > pool.least);
    let members = pools.flat_map(|pool| pool.members.iter().copied());
    members.filter(|node| can_be_removed(state, *node, utilization_percent)).collect()
}

/// Whether a node is used by less than so many percent, and all that is on it could be elsewhere.
#[must_use]
pub fn can_be_removed(state: &ClusterState, id: NodeId, utilization_percent: i64) -> bool {
    let Some(node) = state.nodes.get(&id) else { return false };
    if node.ready != NodeReady::True
        || node.crashed_at.is_some()
        || !is_hardly_used(state, id, node, utilization_percent)
    {
        return false;
    }
    let Some(moving) = pods_to_move(state, id) else { return false };
    is_within_budgets(state, &moving) && fit_elsewhere(state, id, &moving)
}

/// The pods that have to move for a node to go; `None`: one of them must not.
#[must_use]
pub fn pods_to_move(state: &ClusterState, id: NodeId) -> Option<Vec<PodId>> {
    let mut moving = Vec::new();
    for (id, pod) in state.pods.on_node(Some(id)) {
        if is_terminal(pod) || matches!(pod.owner, Owner::DaemonSet(_) | Owner::Node) {
            continue;
        }
        if !may_move(state, pod) {
            return None;
        }
        moving.push(id);
    }
    Some(moving)
}

fn may_move(state: &ClusterState, pod: &Pod) -> bool {
    match pod.template.spec.safe_to_evict {
        Some(is_safe) => is_safe,
        None => {
            let is_unprotected_system_pod =
                state.names.text(pod.namespace) == SYSTEM_NAMESPACE && budgets_of(state, pod).next().is_none();
            pod.owner != Owner::None && !pod.template.spec.has_empty_dir && !is_unprotected_system_pod
        }
    }
}

fn is_within_budgets(state: &ClusterState, moving: &[PodId]) -> bool {
    let mut needed: BTreeMap<BudgetId, i64> = BTreeMap::new();
    for pod in moving.iter().filter_map(|id| state.pods.get(id)) {
        for (budget, _) in budgets_of(state, pod) {
            let count = needed.entry(budget).or_default();
            *count = count.saturating_add(1);
        }
    }
    needed.iter().all(|(id, count)| state.budgets.get(id).is_some_and(|own| own.status.disruptions_allowed >= *count))
}

fn is_hardly_used(state: &ClusterState, id: NodeId, node: &Node, percent: i64) -> bool {
    let (mut cpu, mut memory) = (0_i64, 0_i64);
    for (_, pod) in state.pods.on_node(Some(id)).filter(|(_, pod)| !is_terminal(pod)) {
        cpu = cpu.saturating_add(pod.template.spec.requests.cpu_milli);
        memory = memory.saturating_add(pod.template.spec.requests.memory_bytes);
    }
    let is_below = |used: i64, all: i64| used.saturating_mul(100) < all.saturating_mul(percent);
    is_below(cpu, node.allocatable.cpu_milli) && is_below(memory, node.allocatable.memory_bytes)
}

fn fit_elsewhere(state: &ClusterState, id: NodeId, moving: &[PodId]) -> bool {
    if moving.is_empty() {
        return true;
    }
    let mut trial = state.clone();
    trial.nodes.remove(&id);
    let all: Vec<PodId> = state.pods.on_node(Some(id)).map(|(pod, _)| pod).collect();
    for pod in all {
        if !moving.contains(&pod) {
            trial.pods.remove(&pod);
        } else if let Some(mut pod) = trial.pods.get_mut(&pod) {
            (pod.node, pod.phase, pod.ready) = (None, Phase::Pending, false);
        }
    }
    moving.iter().all(|pod| place(&mut trial, *pod, |_| true))
}
