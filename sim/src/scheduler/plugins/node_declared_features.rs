//! Features of the kubelet that a pod needs. Source: `plugins/nodedeclaredfeatures/nodedeclaredfeatures.go`.

use crate::cluster::{Node, PodSpec};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::NodeInfo;

pub(crate) fn rejects(spec: &PodSpec, node: &Node) -> bool {
    !spec.required_features.is_subset(&node.declared_features)
}

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    rejects(cycle.pod.spec, node.node).then(|| Rejection::unresolvable(Reason::RequiredFeatures))
}
