//! `spec.nodeName`. Source: `plugins/nodename/node_name.go`.

use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::NodeInfo;

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    let rejected = cycle.pod.spec.node_name.is_some_and(|name| name != node.id);
    rejected.then(|| Rejection::unresolvable(Reason::NodeName))
}
