//! Claims of devices. Source: `plugins/dynamicresources/dynamicresources.go`. The state has none; such a pod is scored 0 everywhere.

use crate::scheduler::scheduling_cycle::ScoreInput;

pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    Some(vec![0; input.nodes.len()])
}
