//! What a run of the scheduler has placed, in the words of witnesses.

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::evidence::Placing;

use super::groups::group_of;
use crate::cluster::{ClusterState, NodeId, Owner, Phase, Pod, PodId};

/// Pods that were placed one after the other.
pub type Placed = Vec<Placing>;

/// Where the pods of a cluster at rest are, as if they had been placed one after the other: those that controllers make first come first.
/// `None`: a pod of a DaemonSet has no node, or a Job is done, and what would be placed is something else.
#[must_use]
pub fn placed(state: &ClusterState) -> Option<Placed> {
    let is_whole = |pod: &Pod| match pod.owner {
        Owner::DaemonSet(_) => pod.node.is_some(),
        Owner::Job(_) => matches!(pod.phase, Phase::Pending | Phase::Running),
        Owner::None | Owner::Node | Owner::Other { .. } | Owner::ReplicaSet(_) | Owner::StatefulSet { .. } => true,
    };
    if !state.pods.values().all(is_whole) {
        return None;
    }
    let mut pods: Vec<(PodId, &Pod, NodeId)> = bound(state).collect();
    pods.sort_by_key(|(id, pod, _)| (group_of(state, pod), ordinal(pod), *id));
    Some(pods.into_iter().filter_map(|(_, pod, node)| placing(state, pod, node)).collect())
}

/// What was placed from `before` to `after`, both at rest. `None`: pods made room, and it is not known for which.
pub(super) fn placed_since(before: &ClusterState, after: &ClusterState) -> Option<Placed> {
    let known: BTreeSet<PodId> = bound(before).map(|(id, ..)| id).collect();
    let mut pods: Vec<(PodId, &Pod, NodeId)> = bound(after).filter(|(id, ..)| !known.contains(id)).collect();
    // Whoever takes another's place comes before that one is placed anew.
    pods.sort_by_key(|(id, pod, _)| {
        (std::cmp::Reverse(pod.template.spec.priority), group_of(after, pod), ordinal(pod), *id)
    });
    let mut placed = Vec::new();
    let mut victims = victims(before, after);
    for (_, pod, node) in pods {
        let mut one = placing(after, pod, node)?;
        one.evicted = victims.remove(&node).unwrap_or_default();
        placed.push(one);
    }
    victims.is_empty().then_some(placed)
}

/// The pods that are gone from nodes that live, by node and workload.
fn victims(before: &ClusterState, after: &ClusterState) -> BTreeMap<NodeId, BTreeMap<String, i64>> {
    let mut victims: BTreeMap<NodeId, BTreeMap<String, i64>> = BTreeMap::new();
    for (id, pod, node) in bound(before) {
        let lives = after.nodes.get(&node).is_some_and(|node| node.crashed_at.is_none());
        let stays = after.pods.get(&id).is_some_and(|pod| pod.deletion.is_none());
        if lives && !stays {
            let count = victims.entry(node).or_default().entry(group_of(before, pod)).or_default();
            *count = count.saturating_add(1);
        }
    }
    victims
}

/// The pods that a scheduler has placed.
fn bound(state: &ClusterState) -> impl Iterator<Item = (PodId, &Pod, NodeId)> {
    let is_placed = |pod: &Pod| {
        let is_own = matches!(pod.owner, Owner::DaemonSet(_) | Owner::Node);
        !is_own && pod.template.spec.node_name.is_none() && pod.deletion.is_none()
    };
    state.pods.iter().filter(move |(_, pod)| is_placed(pod)).filter_map(|(id, pod)| Some((*id, pod, pod.node?)))
}

const fn ordinal(pod: &Pod) -> u32 {
    match pod.owner {
        Owner::StatefulSet { ordinal, .. } => ordinal,
        Owner::None
        | Owner::Node
        | Owner::Other { .. }
        | Owner::ReplicaSet(_)
        | Owner::DaemonSet(_)
        | Owner::Job(_) => 0,
    }
}

fn placing(state: &ClusterState, pod: &Pod, node: NodeId) -> Option<Placing> {
    let node = state.names.text(state.nodes.get(&node)?.name).to_owned();
    Some(Placing { workload: group_of(state, pod), node, evicted: BTreeMap::new() })
}
