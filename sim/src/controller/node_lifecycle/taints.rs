//! Taints that follow from conditions.

use crate::cluster::{ClusterState, Effect, Node, NodeId, NodeReady, Symbol, Taint, Time};
use crate::transition::{Change, NodeChange};

/// The NoSchedule taints that a node should gain or lose: not ready, unreachable, cordoned. Not rate-limited.
#[must_use]
pub fn no_schedule_changes(state: &ClusterState, id: NodeId) -> Vec<Change> {
    let Some(node) = state.nodes.get(&id) else { return Vec::new() };
    let wanted = [
        (Symbol::NOT_READY_TAINT, node.ready == NodeReady::False),
        (Symbol::UNREACHABLE_TAINT, node.ready == NodeReady::Unknown),
        (Symbol::UNSCHEDULABLE_TAINT, node.unschedulable),
    ];
    let differing = wanted.into_iter().filter(|(key, wanted)| has_taint(node, *key, Effect::NoSchedule) != *wanted);
    differing
        .map(
            |(key, wanted)| {
                if wanted { add(id, key, Effect::NoSchedule, state.now) } else { remove(id, key, Effect::NoSchedule) }
            },
        )
        .collect()
}

/// Whether a node has a taint of this key and effect.
pub(super) fn has_taint(node: &Node, key: Symbol, effect: Effect) -> bool {
    node.taints.iter().any(|taint| taint.key == key && taint.effect == effect)
}

/// The NoExecute taint that belongs to a Ready condition, and the one that excludes it.
pub(super) const fn no_execute_keys(ready: NodeReady) -> Option<(Symbol, Symbol)> {
    match ready {
        NodeReady::True => None,
        NodeReady::False => Some((Symbol::NOT_READY_TAINT, Symbol::UNREACHABLE_TAINT)),
        NodeReady::Unknown => Some((Symbol::UNREACHABLE_TAINT, Symbol::NOT_READY_TAINT)),
    }
}

pub(super) const fn add(node: NodeId, key: Symbol, effect: Effect, now: Time) -> Change {
    let taint = Taint { key, value: Symbol::EMPTY, effect, added_at: Some(now) };
    Change::Node(node, NodeChange::AddTaint(taint))
}

pub(super) const fn remove(node: NodeId, key: Symbol, effect: Effect) -> Change {
    Change::Node(node, NodeChange::RemoveTaint { key, effect })
}

/// The removal of both NoExecute taints, as far as the node has them.
pub(super) fn remove_no_execute(id: NodeId, node: &Node) -> Vec<Change> {
    let keys = [Symbol::NOT_READY_TAINT, Symbol::UNREACHABLE_TAINT];
    let present = keys.into_iter().filter(|key| has_taint(node, *key, Effect::NoExecute));
    present.map(|key| remove(id, key, Effect::NoExecute)).collect()
}
