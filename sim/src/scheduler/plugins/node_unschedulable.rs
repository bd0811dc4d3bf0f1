//! Cordoned nodes. Source: `plugins/nodeunschedulable/node_unschedulable.go`.

use super::taint_toleration::any_tolerates;
use crate::cluster::{Effect, Node, PodSpec, Symbol, Taint};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::NodeInfo;

/// The taint that a cordoned node stands for, whether or not it carries it.
const TAINT: Taint =
    Taint { key: Symbol::UNSCHEDULABLE_TAINT, value: Symbol::EMPTY, effect: Effect::NoSchedule, added_at: None };

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    rejects(cycle.pod.spec, node.node).then(|| Rejection::unresolvable(Reason::NodeUnschedulable))
}

/// Whether `node` is cordoned and a pod of `spec` does not tolerate that.
pub(crate) fn rejects(spec: &PodSpec, node: &Node) -> bool {
    node.unschedulable && !any_tolerates(&spec.tolerations, &TAINT)
}
