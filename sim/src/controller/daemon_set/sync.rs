//! Creates and deletes pods. Source: `pkg/controller/daemon/daemon_controller.go` (`manage`, `podsShouldBeOnNode`).

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{
    ClusterState, DaemonSet, DaemonSetId, DaemonSetStrategy, DeletionCause, IntOrPercent, NodeId, Owner, Phase, Pod,
    PodId, Symbol,
};
use crate::controller::workload::{WorkloadId, is_available, is_terminal};
use crate::simulation::Ties;
use crate::transition::{Change, PodChange, WorkloadChange};

use super::placement::{Eligibility, eligibility, eligible_nodes, pod_template, target_node};
use super::update;

/// The pods of a set by the node that they are made for.
pub type PodsByNode<'a> = BTreeMap<NodeId, Vec<(PodId, &'a Pod)>>;

/// The next step of a DaemonSet: first every node gets the pods that it should have, then the update goes on. Which of several
/// pods an update takes first is left open: upstream goes through a map.
#[must_use]
pub fn sync(state: &ClusterState, id: DaemonSetId, ties: &mut Ties) -> Vec<Change> {
    let Some(set) = state.daemon_sets.get(&id) else { return Vec::new() };
    let by_node = pods_by_node(state, id);
    let mut changes = Vec::new();
    for (node_id, node) in state.nodes.iter() {
        let pods = by_node.get(node_id).map_or(&[][..], Vec::as_slice);
        let target = (*node_id, node.name);
        match eligibility(state, set, *node_id, node) {
            Eligibility::Run => changes.extend(manage(state, (id, set), target, pods, Eligibility::Run)),
            Eligibility::KeepOnly => changes.extend(manage(state, (id, set), target, pods, Eligibility::KeepOnly)),
            Eligibility::Never => {
                let present = pods.iter().filter(|(_, pod)| pod.deletion.is_none());
                changes.extend(present.map(|(pod, _)| delete(*pod)));
            }
        }
    }
    changes.extend(without_node(state, id).map(delete));
    if changes.is_empty() {
        changes = update::sync(state, (id, set), by_node, ties);
    }
    let nodes: BTreeSet<NodeId> = eligible_nodes(state, set).into_iter().collect();
    if changes.is_empty() && set.observed_nodes.as_ref() != Some(&nodes) {
        changes.push(Change::Workload(WorkloadId::DaemonSet(id), WorkloadChange::Observe(nodes)));
    }
    changes
}

/// Whether a set has to look when this node changes: it should run there and does not, or runs there and should not, or its
/// status counts a pod somewhere as misplaced. Source: `syncNodeUpdate` in `pkg/controller/daemon/daemon_controller.go`.
#[must_use]
pub fn is_concerned(state: &ClusterState, id: DaemonSetId, node: NodeId) -> bool {
    let (Some(set), Some(own)) = (state.daemon_sets.get(&id), state.nodes.get(&node)) else { return true };
    let by_node = pods_by_node(state, id);
    let is_scheduled = by_node.contains_key(&node);
    match eligibility(state, set, node, own) {
        Eligibility::Run if !is_scheduled => true,
        Eligibility::Never if is_scheduled => true,
        Eligibility::Run | Eligibility::KeepOnly | Eligibility::Never => {
            let observed = set.observed_nodes.as_ref();
            is_scheduled && observed.is_none_or(|observed| by_node.keys().any(|node| !observed.contains(node)))
        }
    }
}

/// The pods of a set by node, those that terminate included.
#[must_use]
pub fn pods_by_node(state: &ClusterState, id: DaemonSetId) -> PodsByNode<'_> {
    let mut by_node = PodsByNode::new();
    for (pod_id, pod) in state.pods.of_owner(Owner::DaemonSet(id)) {
        if let Some(node) = target_node(state, pod) {
            by_node.entry(node).or_default().push((pod_id, pod));
        }
    }
    by_node
}

/// The pods that a set's status counts: of every node on which it last should have run one, the oldest, one that terminates too, a bound
/// one first. Source: `updateDaemonSetStatus` in `pkg/controller/daemon/daemon_controller.go`.
pub fn counted_pods(state: &ClusterState, id: DaemonSetId) -> Vec<&Pod> {
    let Some(set) = state.daemon_sets.get(&id) else { return Vec::new() };
    let mut by_node = pods_by_node(state, id);
    let observed = set.observed_nodes.as_ref().map(|nodes| nodes.iter().copied().collect());
    let eligible: Vec<NodeId> = observed.unwrap_or_else(|| eligible_nodes(state, set));
    let oldest = |node: &NodeId| {
        let pods = by_node.remove(node)?;
        let counted = pods.into_iter().filter(|(_, pod)| pod.deletion.is_none() || !is_terminal(pod));
        counted.min_by_key(|(id, pod)| (pod.node.is_none(), *id)).map(|(_, pod)| pod)
    };
    eligible.iter().filter_map(oldest).collect()
}

/// Pods that wait for a node that does not exist any more.
fn without_node(state: &ClusterState, id: DaemonSetId) -> impl Iterator<Item = PodId> {
    let own = state.pods.of_owner(Owner::DaemonSet(id)).filter(|(_, pod)| pod.node.is_none());
    own.filter(|(_, pod)| target_node(state, pod).is_none()).map(|(pod_id, _)| pod_id)
}

pub(super) const fn delete(pod: PodId) -> Change {
    Change::Pod(pod, PodChange::Delete(DeletionCause::Controller))
}

pub(super) fn create(id: DaemonSetId, set: &DaemonSet, node: Symbol) -> Change {
    Change::CreatePod { owner: Owner::DaemonSet(id), template: pod_template(set, node) }
}

/// Whether `pod` is of the set's present template.
#[must_use]
pub fn is_updated(state: &ClusterState, set: &DaemonSet, pod: &Pod) -> bool {
    let node = target_node(state, pod).and_then(|node| state.nodes.get(&node));
    node.is_some_and(|node| *pod_template(set, node.name) == *pod.template)
}

/// `maxSurge` and `maxUnavailable` for `desired` nodes, rounded up; 0 and 1 where both come to 0.
pub(super) const fn bounds(set: &DaemonSet, desired: i64) -> (i64, i64) {
    let (max_surge, max_unavailable): (IntOrPercent, IntOrPercent) = match set.strategy {
        DaemonSetStrategy::OnDelete => return (0, 0),
        DaemonSetStrategy::RollingUpdate { max_surge, max_unavailable } => (max_surge, max_unavailable),
    };
    match (max_surge.of_rounded_up(desired), max_unavailable.of_rounded_up(desired)) {
        (0, 0) => (0, 1),
        bounds => bounds,
    }
}

/// Whether the strategy lets two pods run side by side.
#[must_use]
pub const fn allows_surge(set: &DaemonSet) -> bool {
    bounds(set, 100).0 > 0
}

/// Brings one node to the pods that it should have.
fn manage(
    state: &ClusterState,
    (id, set): (DaemonSetId, &DaemonSet),
    (node_id, node): (NodeId, Symbol),
    pods: &[(PodId, &Pod)],
    eligibility: Eligibility,
) -> Vec<Change> {
    let may_create = eligibility == Eligibility::Run && state.nodes.contains_key(&node_id);
    if pods.is_empty() {
        return if may_create { vec![create(id, set, node)] } else { Vec::new() };
    }
    let present = pods.iter().filter(|(_, pod)| pod.deletion.is_none());
    let (ended, running): (Vec<_>, Vec<_>) = present.copied().partition(|(_, pod)| is_terminal(pod));
    let mut changes: Vec<Change> = ended.into_iter().map(|(pod, _)| delete(pod)).collect();
    if !allows_surge(set) {
        let mut oldest_first = running;
        oldest_first.sort_by_key(|(pod_id, pod)| (pod.phase == Phase::Pending, pod.created_at, *pod_id));
        changes.extend(oldest_first.into_iter().skip(1).map(|(pod, _)| delete(pod)));
        return changes;
    }
    match running.as_slice() {
        [] if may_create => changes.push(create(id, set, node)),
        [] | [_] => {}
        [_, _, ..] => changes.extend(prune_surge(state, set, running)),
    }
    changes
}

/// With surge two pods stay only while the old one is ready and the new one is not available yet.
fn prune_surge(state: &ClusterState, set: &DaemonSet, mut running: Vec<(PodId, &Pod)>) -> Vec<Change> {
    running.sort_by_key(|(pod_id, pod)| (pod.created_at, *pod_id));
    let (mut new, mut old) = (None, None);
    let mut changes = Vec::new();
    for (pod_id, pod) in running {
        let slot = if is_updated(state, set, pod) { &mut new } else { &mut old };
        if slot.is_some() {
            changes.push(delete(pod_id));
        } else {
            *slot = Some((pod_id, pod));
        }
    }
    if let (Some((_, new)), Some((old_id, old))) = (new, old)
        && (!old.ready || is_available(new, set.min_ready_seconds, state.now))
    {
        changes.push(delete(old_id));
    }
    changes
}
