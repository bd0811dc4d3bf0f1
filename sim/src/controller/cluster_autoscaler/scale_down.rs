//! Which nodes are not needed: hardly used, and every pod could move. Source: kubernetes/autoscaler 1.36.1,
//! `core/scaledown/planner`, `core/scaledown/eligibility`, `simulator/cluster.go` and `simulator/drainability/rules`.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{BudgetId, ClusterState, Duration, Node, NodeId, Owner, Phase, Pod, PodId, Time};
use crate::controller::is_terminal;
use crate::eviction::budgets_of;

use super::trial::{is_expendable, place, remove_expendable};

/// Pods of this namespace without a budget stay for a while.
const SYSTEM_NAMESPACE: &str = "kube-system";
/// `--blocking-system-pod-distruption-timeout`, the flag's own spelling: after that they may go.
const SYSTEM_TIMEOUT: Duration = Duration::from_seconds(3600);
/// `PodLongTerminatingExtraThreshold` in `utils/drain/drain.go`.
const LONG_TERMINATING: Duration = Duration::from_seconds(30);
/// `--scale-down-utilization-threshold`, in percent.
const UTILIZATION_PERCENT: i64 = 50;

/// A node that is not needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unneeded {
    /// The node.
    pub node: NodeId,
    /// Whether nothing on it has to move.
    pub is_empty: bool,
    /// Whether budgets do not let all its pods go at once: it goes after others.
    pub is_risky: bool,
}

/// How many more pods each budget lets go.
type Allowed = BTreeMap<BudgetId, i64>;

/// The nodes that are not needed at a time, in the order in which they go: empty ones, then those of `before`. Each is judged as if
/// those before it had gone. `upcoming` are the pools of nodes on their way; nodes of `going` are neither judged nor a place to move to.
/// Source: `categorizeNodes` in `core/scaledown/planner/planner.go`.
#[must_use]
pub fn unneeded(
    state: &ClusterState,
    at: Time,
    upcoming: &[usize],
    going: &BTreeSet<NodeId>,
    before: &BTreeSet<NodeId>,
) -> Vec<Unneeded> {
    let mut candidates: Vec<NodeId> = Vec::new();
    for (index, pool) in state.node_pools.iter().enumerate() {
        let coming = upcoming.iter().filter(|own| **own == index).count();
        if pool.members.len().saturating_add(coming) > pool.least {
            candidates.extend(pool.members.difference(going));
        }
    }
    candidates.retain(|id| state.nodes.get(id).is_some_and(|node| is_hardly_used(state, *id, node, at)));
    if candidates.is_empty() {
        return Vec::new();
    }
    let mut allowed: Allowed = state.budgets.iter().map(|(id, own)| (*id, own.status.disruptions_allowed)).collect();
    candidates.sort_by_cached_key(|id| {
        let is_empty = pods_to_move(state, *id, at).is_some_and(|pods| pods.is_empty());
        (!is_empty, !before.contains(id), *id)
    });
    let mut trial = state.clone();
    remove_expendable(&mut trial);
    let mut found = Vec::new();
    for node in candidates {
        let Some(moving) = movable(&trial, node, at, &allowed) else { continue };
        let Some(without) = without(&trial, node, &moving, going) else { continue };
        let mut is_risky = false;
        for (budget, count) in counts(&trial, &moving) {
            let left = allowed.entry(budget).or_default();
            is_risky |= *left < count;
            *left = left.saturating_sub(count);
        }
        found.push(Unneeded { node, is_empty: moving.is_empty(), is_risky });
        trial = without;
    }
    found
}

/// The pods that have to move for a node to go; `None`: one of them must not, now.
#[must_use]
pub fn pods_to_move(state: &ClusterState, node: NodeId, at: Time) -> Option<Vec<PodId>> {
    let budgets = state.budgets.iter().map(|(id, own)| (*id, own.status.disruptions_allowed)).collect();
    movable(state, node, at, &budgets)
}

/// The pods of a node that are evicted when it is emptied, and for whose end it waits. DaemonSets' pods go with the node.
#[must_use]
pub fn pods_to_evict(state: &ClusterState, node: NodeId) -> Vec<PodId> {
    let pods = state.pods.on_node(Some(node)).filter(|(_, pod)| {
        let stays = matches!(pod.owner, Owner::DaemonSet(_) | Owner::Node);
        !stays && !is_terminal(pod) && !is_expendable(pod)
    });
    pods.map(|(id, _)| id).collect()
}

/// The first and the last time from `after` on at which time alone lets more pods go.
#[must_use]
pub fn next_changes(state: &ClusterState, after: Time) -> Option<(Time, Time)> {
    let members = state.node_pools.iter().flat_map(|pool| pool.members.iter());
    let pods = members.flat_map(|node| state.pods.on_node(Some(*node)).map(|(_, pod)| (*node, pod)));
    let is_dead = |node: NodeId| state.nodes.get(&node).is_some_and(|node| node.crashed_at.is_some());
    let times = pods.filter_map(|(node, pod)| match pod.deletion {
        Some(_) => long_terminating_after(pod).filter(|_| is_dead(node)),
        None => is_blocking_system_pod(state, pod).then(|| pod.created_at.after(SYSTEM_TIMEOUT)),
    });
    let times: BTreeSet<Time> =
        times.map(|at| at.after(Duration::from_milliseconds(1))).filter(|at| *at > after).collect();
    Some((*times.first()?, *times.last()?))
}

/// What one pod means for its node.
enum Verdict {
    Ignored,
    Moves,
    Stays,
}

fn movable(state: &ClusterState, node: NodeId, at: Time, allowed: &Allowed) -> Option<Vec<PodId>> {
    let mut moving = Vec::new();
    for (id, pod) in state.pods.on_node(Some(node)) {
        match verdict(state, pod, at, allowed) {
            Verdict::Ignored => {}
            Verdict::Moves => moving.push(id),
            Verdict::Stays => return None,
        }
    }
    Some(moving)
}

/// The rules in their order: `Default` in `simulator/drainability/rules/rules.go`. A pod that is safe to evict is not asked for
/// budgets, nor is one of kube-system whose time is over asked for anything more.
fn verdict(state: &ClusterState, pod: &Pod, at: Time, allowed: &Allowed) -> Verdict {
    let is_gone = is_terminal(pod) || is_expendable(pod) || long_terminating_after(pod).is_some_and(|end| end < at);
    if is_gone || matches!(pod.owner, Owner::DaemonSet(_) | Owner::Node) {
        return Verdict::Ignored;
    }
    if pod.template.spec.safe_to_evict == Some(true) {
        return Verdict::Moves;
    }
    if !matches!(pod.owner, Owner::ReplicaSet(_) | Owner::StatefulSet { .. } | Owner::Job(_)) {
        return Verdict::Stays;
    }
    if is_blocking_system_pod(state, pod) {
        return if at > pod.created_at.after(SYSTEM_TIMEOUT) { Verdict::Moves } else { Verdict::Stays };
    }
    let is_refused = budgets_of(state, pod).any(|(budget, _)| allowed.get(&budget).is_none_or(|left| *left < 1));
    let stays = pod.template.spec.safe_to_evict == Some(false) || pod.template.spec.has_local_storage || is_refused;
    if stays { Verdict::Stays } else { Verdict::Moves }
}

fn is_blocking_system_pod(state: &ClusterState, pod: &Pod) -> bool {
    state.names.text(pod.namespace) == SYSTEM_NAMESPACE && budgets_of(state, pod).next().is_none()
}

/// `IsPodLongTerminating` in `utils/drain/drain.go`: `deletionTimestamp` already has the grace period in it.
fn long_terminating_after(pod: &Pod) -> Option<Time> {
    let grace = Duration::from_seconds(pod.template.spec.grace_period_seconds);
    pod.deletion.as_ref().map(|own| own.requested_at.after(grace).after(grace).after(LONG_TERMINATING))
}

fn counts(state: &ClusterState, moving: &[PodId]) -> BTreeMap<BudgetId, i64> {
    let mut counts: BTreeMap<BudgetId, i64> = BTreeMap::new();
    for pod in moving.iter().filter_map(|id| state.pods.get(id)) {
        for (budget, _) in budgets_of(state, pod) {
            let count = counts.entry(budget).or_default();
            *count = count.saturating_add(1);
        }
    }
    counts
}

/// At or below the threshold, of CPU and of memory. Source: `isNodeAtOrBelowUtilizationThreshold` in
/// `core/scaledown/eligibility/eligibility.go` and `simulator/utilization/info.go`.
fn is_hardly_used(state: &ClusterState, id: NodeId, node: &Node, at: Time) -> bool {
    let (mut cpu, mut memory) = (0_i64, 0_i64);
    for (_, pod) in state.pods.on_node(Some(id)) {
        if is_terminal(pod) || is_expendable(pod) || long_terminating_after(pod).is_some_and(|end| end < at) {
            continue;
        }
        cpu = cpu.saturating_add(pod.template.spec.requests.cpu_milli);
        memory = memory.saturating_add(pod.template.spec.requests.memory_bytes);
    }
    let is_low = |used: i64, all: i64| used.saturating_mul(100) <= all.saturating_mul(UTILIZATION_PERCENT);
    is_low(cpu, node.allocatable.cpu_milli) && is_low(memory, node.allocatable.memory_bytes)
}

/// The cluster without a node, its pods elsewhere; `None`: one of them has no place. The node is there until all have moved, so that
/// it counts as a topology domain. Source: `findPlaceFor` in `simulator/cluster.go`.
fn without(state: &ClusterState, node: NodeId, moving: &[PodId], going: &BTreeSet<NodeId>) -> Option<ClusterState> {
    let mut trial = state.clone();
    let all: Vec<PodId> = state.pods.on_node(Some(node)).map(|(pod, _)| pod).collect();
    for pod in all {
        if !moving.contains(&pod) {
            trial.pods.remove(&pod);
        } else if let Some(mut pod) = trial.pods.get_mut(&pod) {
            (pod.node, pod.phase, pod.ready) = (None, Phase::Pending, false);
        }
    }
    for pod in moving {
        place(&mut trial, *pod, |to| to != node && !going.contains(&to))?;
    }
    trial.nodes.remove(&node);
    Some(trial)
}
