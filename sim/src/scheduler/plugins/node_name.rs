//! `spec.nodeName`. Source: `plugins/nodename/node_name.go`.

use crate::cluster::{NodeId, PodSpec};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::NodeInfo;

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    rejects(cycle.pod.spec, node.id).then(|| Rejection::unresolvable(Reason::NodeName))
}

/// Whether `spec` names another node than `node`.
pub(crate) fn rejects(spec: &PodSpec, node: NodeId) -> bool {
    spec.node_name.is_some_and(|name| name != node)
}
