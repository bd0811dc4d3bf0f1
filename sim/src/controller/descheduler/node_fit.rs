//! Whether there seems to be another node for a pod: fewer rules than the scheduler has. Source: `NodeFit` of
//! `pkg/descheduler/node/node.go` of the descheduler.

use crate::cluster::{ClusterState, Node, NodeId, Pod, PodAffinityTerm, PodId, Resources};
use crate::scheduler::{node_matches_affinity, untolerated_taint};

use super::pass::pods_on;

/// Whether one of `nodes`, other than its own, seems to take `pod`.
pub(super) fn fits_any_other_node(state: &ClusterState, id: PodId, pod: &Pod, nodes: &[NodeId]) -> bool {
    nodes.iter().any(|node| pod.node != Some(*node) && fits(state, id, pod, *node))
}

fn fits(state: &ClusterState, id: PodId, pod: &Pod, node_id: NodeId) -> bool {
    let Some(node) = state.nodes.get(&node_id) else { return false };
    !node.unschedulable
        && node_matches_affinity(&state.names, &pod.template.spec, node)
        && untolerated_taint(&pod.template.spec, node).is_none()
        && !is_kept_away(state, id, pod, node_id, node)
        && has_room(state, pod, node_id, node)
}

/// Whether a pod on the node itself matches its required anti-affinity, whatever the domain.
fn is_kept_away(state: &ClusterState, id: PodId, pod: &Pod, node_id: NodeId, node: &Node) -> bool {
    let matches = |term: &PodAffinityTerm, other: &Pod| {
        let is_named = term.namespaces.contains(&other.namespace)
            || (term.namespaces.is_empty() && other.namespace == pod.namespace);
        is_named && term.selector.as_ref().is_some_and(|selector| selector.matches(&other.labels))
    };
    pod.template.spec.required_anti_affinity.iter().any(|term| {
        node.labels.get(term.topology_key).is_some()
            && pods_on(state, node_id).any(|(other, on_node)| other != id && matches(term, on_node))
    })
}

fn has_room(state: &ClusterState, pod: &Pod, node_id: NodeId, node: &Node) -> bool {
    let (mut used, mut count) = (Resources::default(), 0_i64);
    for (_, held) in pods_on(state, node_id) {
        used.add(&held.template.spec.requests);
        count = count.saturating_add(1);
    }
    let (room, request) = (&node.allocatable, &pod.template.spec.requests);
    let fits = |request: i64, room: i64, used: i64| request <= 0 || request <= room.saturating_sub(used);
    count < node.allocatable_pods
        && fits(request.cpu_milli, room.cpu_milli, used.cpu_milli)
        && fits(request.memory_bytes, room.memory_bytes, used.memory_bytes)
        && fits(request.ephemeral_storage_bytes, room.ephemeral_storage_bytes, used.ephemeral_storage_bytes)
        && request.scalar.iter().all(|(name, amount)| {
            let of = |resources: &Resources| resources.scalar.get(name).copied().unwrap_or(0);
            fits(*amount, of(room), of(&used))
        })
}
