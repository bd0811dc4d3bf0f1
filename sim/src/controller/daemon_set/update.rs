//! RollingUpdate. Source: `pkg/controller/daemon/update.go`.

use crate::cluster::{ClusterState, DaemonSet, DaemonSetId, DaemonSetStrategy, NodeId, Pod, PodId};
use crate::controller::workload::is_available;
use crate::simulation::Ties;
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
    Both { new: &'a Pod, old: PodId, old_pod: &'a Pod },
}

/// The next step of an update.
pub(super) fn sync(
    state: &ClusterState,
    (id, set): (DaemonSetId, &DaemonSet),
    by_node: PodsByNode<'_>,
    ties: &mut Ties,
) -> Vec<Change> {
    match set.strategy {
        DaemonSetStrategy::OnDelete => return Vec::new(),
        DaemonSetStrategy::RollingUpdate { .. } => {}
    }
    let eligible = eligible_nodes(state, set);
    let desired = i64::try_from(eligible.len()).unwrap_or(i64::MAX);
    let mut by_node = by_node;
    for node in &eligible {
        by_node.entry(*node).or_default();
    }
    let nodes: Vec<(NodeId, OnNode<'_>)> =
        by_node.iter().map(|(node, pods)| (*node, on_node(state, set, pods))).collect();
    match bounds(set, desired) {
        (0, max_unavailable) => replace(state, set, &nodes, max_unavailable, ties),
        (max_surge, _) => {
            let surging = surging(state, set, &nodes, &eligible);
            surge(state, (id, set), surging, max_surge, ties)
        }
    }
}

fn on_node<'a>(state: &ClusterState, set: &DaemonSet, pods: &[(PodId, &'a Pod)]) -> OnNode<'a> {
    let present = pods.iter().filter(|(_, pod)| pod.deletion.is_none()).copied();
    let (new, old): (Vec<_>, Vec<_>) = present.partition(|(_, pod)| is_updated(state, set, pod));
    match (new.as_slice(), old.as_slice()) {
        ([], []) => OnNode::Nothing,
        ([(_, new)], []) => OnNode::New(new),
        ([], [(id, old)]) => OnNode::Old(*id, old),
        ([(_, new)], [(old, old_pod)]) => OnNode::Both { new, old: *old, old_pod },
        ([_, _, ..], _) | (_, [_, _, ..]) => OnNode::Unsettled,
    }
}

/// Without surge: old pods that are not available go at once and use up `max_unavailable`; others as it allows.
fn replace(
    state: &ClusterState,
    set: &DaemonSet,
    nodes: &[(NodeId, OnNode<'_>)],
    max_unavailable: i64,
    ties: &mut Ties,
) -> Vec<Change> {
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
            OnNode::Old(id, _) => {
                unavailable = unavailable.saturating_add(1);
                deleted.push(*id);
            }
        }
    }
    let remaining = usize::try_from(max_unavailable.saturating_sub(unavailable).max(0)).unwrap_or(usize::MAX);
    deleted.extend(some_of(&candidates, remaining, ties));
    deleted.into_iter().map(delete).collect()
}

/// `count` of the pods, or all.
fn some_of(pods: &[PodId], count: usize, ties: &mut Ties) -> Vec<PodId> {
    if count >= pods.len() { pods.to_vec() } else { ties.pods(pods, count) }
}

/// What an update with surge finds.
#[derive(Default)]
struct Surging {
    /// How many nodes wait for a new pod.
    surging: i64,
    /// How many available pods there are more than nodes that should have one.
    spare: usize,
    /// Old pods that go.
    deleted: Vec<PodId>,
    /// Nodes whose old pod is not available: they get a new one at once.
    allowed: Vec<NodeId>,
    /// Available old pods beside which a new one may come, with their nodes.
    candidates: Vec<(PodId, NodeId)>,
    /// Available old pods on nodes where the set should not run any more.
    misplaced: Vec<PodId>,
}

fn surging(state: &ClusterState, set: &DaemonSet, nodes: &[(NodeId, OnNode<'_>)], eligible: &[NodeId]) -> Surging {
    let available = |pod: &Pod| is_available(pod, set.min_ready_seconds, state.now);
    let runs = |node: &NodeId| eligible.contains(node);
    let mut found = Surging::default();
    let mut number_available: usize = 0;
    for (node, pods) in nodes {
        let counted = match pods {
            OnNode::Old(_, pod) | OnNode::New(pod) | OnNode::Both { old_pod: pod, .. } => Some(*pod),
            OnNode::Unsettled | OnNode::Nothing => None,
        };
        number_available = number_available.saturating_add(usize::from(counted.is_some_and(available)));
        match pods {
            OnNode::Unsettled => found.surging = found.surging.saturating_add(1),
            OnNode::Nothing | OnNode::New(_) => {}
            OnNode::Old(old, pod) if available(pod) && runs(node) => found.candidates.push((*old, *node)),
            OnNode::Old(old, pod) if available(pod) => found.misplaced.push(*old),
            OnNode::Old(..) if runs(node) => found.allowed.push(*node),
            OnNode::Old(old, _) => found.deleted.push(*old),
            OnNode::Both { new, old, .. } if available(new) => found.deleted.push(*old),
            OnNode::Both { .. } => found.surging = found.surging.saturating_add(1),
        }
    }
    found.spare = number_available.saturating_sub(eligible.len());
    found
}

/// With surge: a new pod beside the old one; the old one goes when the new one is available. On a node where the set should
/// not run any more the old pod goes when it is not available, or when there are enough elsewhere.
fn surge(
    state: &ClusterState,
    (id, set): (DaemonSetId, &DaemonSet),
    found: Surging,
    max_surge: i64,
    ties: &mut Ties,
) -> Vec<Change> {
    let Surging { surging, spare, mut deleted, mut allowed, candidates, misplaced } = found;
    deleted.extend(some_of(&misplaced, spare, ties));
    let remaining = usize::try_from(max_surge.saturating_sub(surging).max(0)).unwrap_or(usize::MAX);
    let chosen = some_of(&candidates.iter().map(|(pod, _)| *pod).collect::<Vec<_>>(), remaining, ties);
    allowed.extend(candidates.iter().filter(|(pod, _)| chosen.contains(pod)).map(|(_, node)| *node));
    let names = allowed.iter().filter_map(|node| state.nodes.get(node)).map(|node| node.name);
    deleted.into_iter().map(delete).chain(names.map(|name| create(id, set, name))).collect()
}
