//! The filter: every reason that a node's plan fails for. The score is that of a scheduler without StorageCapacityScoring.

use super::plan::examine;
use crate::scheduler::framework::{Code, Plugin, Rejection};
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::{CycleState, ScoreInput};
use crate::scheduler::snapshot::NodeInfo;

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    let state = cycle.volume_binding.as_ref()?;
    let reasons = examine(cycle.snapshot.state, state, node.node).err()?;
    let reasons = reasons.into_iter().map(Reason::Volume).collect();
    Some(Rejection { code: Code::UnschedulableAndUnresolvable, reasons })
}

/// 0 everywhere, and nothing at all where PreScore says that there is nothing to score.
pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let skipped = input.profile.pre_score.has(Plugin::VolumeBinding);
    (!skipped).then(|| vec![0; input.nodes.len()])
}
