//! The filter: every reason that a node's plan fails for.

use super::plan::examine;
use crate::scheduler::framework::{Code, Rejection};
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::NodeInfo;

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    let state = cycle.volume_binding.as_ref()?;
    let reasons = examine(cycle.snapshot.state, state, node.node).err()?;
    let reasons = reasons.into_iter().map(Reason::Volume).collect();
    Some(Rejection { code: Code::UnschedulableAndUnresolvable, reasons })
}
