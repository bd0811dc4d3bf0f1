//! What would be on nodes that do not exist.

use crate::cluster::{ClusterState, NodeId, Pod, PodId, Symbol};
use crate::controller::daemon_set;
use crate::scheduler::schedule;
use crate::simulation::Ties;
use crate::transition::{Change, Created, PodChange, apply};

/// `--expendable-pods-priority-cutoff`: for pods below nothing grows, and they keep no node.
const PRIORITY_CUTOFF: i32 = -10;

/// Adds the next node of a pool; `None` if there is no such pool.
pub fn add_node(state: &mut ClusterState, pool: usize) -> Option<NodeId> {
    let own = state.node_pools.get(pool)?;
    let mut node = own.template.clone();
    let text = format!("{}-{}", state.names.text(own.name), own.next_number);
    // An id is never used again: pods of a node that is gone may still name it.
    let of_pods = state.pods.values().filter_map(|pod| pod.node).max();
    let last = state
        .nodes
        .keys()
        .next_back()
        .copied()
        .max(of_pods)
        .max(state.node_pools.iter().filter_map(|pool| pool.members.last().copied()).max());
    let id = NodeId(last.map_or(0, |last| last.0.saturating_add(1)));
    node.name = state.intern(&text);
    node.labels.insert(Symbol::HOSTNAME, node.name);
    state.nodes.insert(id, node);
    let own = state.node_pools.get_mut(pool)?;
    own.members.insert(id);
    own.next_number = own.next_number.saturating_add(1);
    Some(id)
}

/// Puts the DaemonSets' pods on a new node.
pub(super) fn add_daemon_pods(state: &mut ClusterState, node: NodeId) {
    let sets: Vec<_> = state.daemon_sets.keys().copied().collect();
    for set in sets {
        for change in daemon_set::sync(state, set, &mut Ties::Drawn(0)) {
            let Change::CreatePod { .. } = &change else { continue };
            let Created::Pod(pod) = apply(state, &change) else { continue };
            let is_for_it = state.pods.get(&pod).and_then(|own| daemon_set::target_node(state, own)) == Some(node);
            if is_for_it {
                apply(state, &Change::Pod(pod, PodChange::Bind(node)));
            } else {
                state.pods.remove(&pod);
            }
        }
    }
}

/// Puts a pod on the first node that is allowed and on which it fits.
pub(super) fn place(state: &mut ClusterState, pod: PodId, is_allowed: impl Fn(NodeId) -> bool) -> Option<NodeId> {
    let result = schedule(state, pod);
    let node = result.feasible().find(|node| is_allowed(*node))?;
    apply(state, &Change::Pod(pod, PodChange::Bind(node)));
    Some(node)
}

/// Whether a pod counts for nothing. Source: `core/utils/expendable.go` of kubernetes/autoscaler 1.36.1.
pub(super) fn is_expendable(pod: &Pod) -> bool {
    pod.template.spec.priority < PRIORITY_CUTOFF
}

/// Takes away what counts for nothing.
pub(super) fn remove_expendable(state: &mut ClusterState) {
    let expendable: Vec<PodId> = state.pods.iter().filter(|(_, pod)| is_expendable(pod)).map(|(id, _)| *id).collect();
    for pod in expendable {
        state.pods.remove(&pod);
    }
}
