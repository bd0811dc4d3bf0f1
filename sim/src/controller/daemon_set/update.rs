//! RollingUpdate. Source: `pkg/controller/daemon/update.go`.

use crate::cluster::{ClusterState, DaemonSet, DaemonSetId, DaemonSetStrategy, NodeId, Pod, PodId};
use crate::controller::workload::is_available;
use crate::transition::Change;

use super::placement::eligible_nodes;
use super::sync::{PodsByNode, bounds, create, delete, is_updated};

/// The pods of one node while an update is under way.
#[derive(Clone, Copy)]
enum OnNode<'a> {
    /// None, both, or more of one kind than one: creating and deleting comes first.
    Unsettled,
    /// None at all, or only terminating ones.
    Nothing,
    /// The new one.
    New(&'a Pod),
    /// The old one.
    Old(PodId, &'a Pod),
    /// Both.
    Both { new: &'a Pod, old: PodId },
}

/// The next step of an update.
pub(super) fn sync(state: &ClusterState, id: DaemonSetId, set: &DaemonSet, by_node: PodsByNode<'_>) -> Vec<Change> {
    match set.strategy {
        DaemonSetStrategy::OnDelete => return Vec::new(),
        DaemonSetStrategy::RollingUpdate { .. } => {}
    }
    let eligible = eligible_nodes(state, set);
    let desired = i64::try_from(eligible.len()).unwrap_or(i64::MAX);
    let mut by_node = by_node;
    for node in eligible {
        by_node.entry(node).or_default();
    }
    let nodes: Vec<(NodeId, OnNode<'_>)> =
        by_node.iter().map(|(node, pods)| (*node, on_node(state, set, pods))).collect();
    match bounds(set, desired) {
        (0, max_unavailable) => replace(state, set, &nodes, max_unavailable),
        (max_surge, _) => surge(state, (id, set), &nodes, max_surge),
    }
}

fn on_node<'a>(state: &ClusterState, set: &DaemonSet, pods: &[(PodId, &'a Pod)]) -> OnNode<'a> {
    let present = pods.iter().filter(|(_, pod)| pod.deletion.is_none()).copied();
    let (new, old): (Vec<_>, Vec<_>) = present.partition(|(_, pod)| is_updated(state, set, pod));
    match (new.as_slice(), old.as_slice()) {
        ([], []) => OnNode::Nothing,
        ([(_, new)], []) => OnNode::New(new),
        ([], [(id, old)]) => OnNode::Old(*id, old),
        ([(_, new)], [(old, _)]) => OnNode::Both { new, old: *old },
        ([_, _, ..], _) | (_, [_, _, ..]) => OnNode::Unsettled,
    }
}

/// Without surge: old pods that are not available go at once, others as `max_unavailable` allows.
fn replace(state: &ClusterState, set: &DaemonSet, nodes: &[(NodeId, OnNode<'_>)], max_unavailable: i64) -> Vec<Change> {
    let available = |pod: &Pod| is_available(pod, set.min_ready_seconds, state.now);
    let mut unavailable: i64 = 0;
    let mut deleted = Vec::new();
    let mut candidates = Vec::new();
    for (_, pods) in nodes {
        match pods {
            OnNode::Unsettled | OnNode::Nothing | OnNode::Both { .. } => unavailable = unavailable.saturating_add(1),
            OnNode::New(pod) if !available(pod) => unavailable = unavailable.saturating_add(1),
            OnNode::New(_) => {}
            OnNode::Old(id, pod) if available(pod) => candidates.push(*id),
            OnNode::Old(id, _) => deleted.push(*id),
        }
    }
    let remaining = usize::try_from(max_unavailable.saturating_sub(unavailable).max(0)).unwrap_or(usize::MAX);
    deleted.extend(candidates.into_iter().take(remaining));
    deleted.into_iter().map(delete).collect()
}

/// With surge: a new pod beside the old one; the old one goes when the new one is available.
fn surge(
    state: &ClusterState,
    (id, set): (DaemonSetId, &DaemonSet),
    nodes: &[(NodeId, OnNode<'_>)],
    max_surge: i64,
) -> Vec<Change> {
    let available = |pod: &Pod| is_available(pod, set.min_ready_seconds, state.now);
    let mut surging: i64 = 0;
    let mut changes = Vec::new();
    let (mut allowed, mut candidates) = (Vec::new(), Vec::new());
    for (node, pods) in nodes {
        match pods {
            OnNode::Unsettled => surging = surging.saturating_add(1),
            OnNode::Nothing | OnNode::New(_) => {}
            OnNode::Old(_, pod) if available(pod) => candidates.push(*node),
            OnNode::Old(..) => allowed.push(*node),
            OnNode::Both { new, old } if available(new) => changes.push(delete(*old)),
            OnNode::Both { .. } => surging = surging.saturating_add(1),
        }
    }
    let remaining = usize::try_from(max_surge.saturating_sub(surging).max(0)).unwrap_or(usize::MAX);
    allowed.extend(candidates.into_iter().take(remaining));
    let names = allowed.iter().filter_map(|node| state.nodes.get(node)).map(|node| node.name);
    changes.extend(names.map(|name| create(id, set, name)));
    changes
}
