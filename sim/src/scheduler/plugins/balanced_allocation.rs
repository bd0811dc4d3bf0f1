//! How evenly CPU and memory would be used, before and after. Source: `plugins/noderesources/balanced_allocation.go`.

use crate::cluster::{Node, Resources};
use crate::scheduler::framework::MAX_NODE_SCORE;
use crate::scheduler::scheduling_cycle::ScoreInput;

/// About 75 when the pod changes nothing, up to 100 when the node becomes more even, down to 50 when less. A pod without
/// requests is not scored.
pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let wanted = &input.pod.spec.requests;
    scores(wanted).then(|| input.nodes.iter().map(|node| improvement(wanted, node.node, &node.requested)).collect())
}

/// Whether pods that request `wanted` are scored.
pub(crate) const fn scores(wanted: &Resources) -> bool {
    wanted.cpu_milli != 0 || wanted.memory_bytes != 0
}

/// The score of `node`, whose pods request `used`, for a pod that requests `wanted`.
pub(crate) fn improvement(wanted: &Resources, node: &Node, used: &Resources) -> i64 {
    let half = MAX_NODE_SCORE.div_euclid(2);
    let whole = &node.allocatable;
    let with_pod = evenness([
        (used.cpu_milli.saturating_add(wanted.cpu_milli), whole.cpu_milli),
        (used.memory_bytes.saturating_add(wanted.memory_bytes), whole.memory_bytes),
    ]);
    let without_pod = evenness([(used.cpu_milli, whole.cpu_milli), (used.memory_bytes, whole.memory_bytes)]);
    // Go's integer division truncates towards zero; the sum is never negative.
    let change = half.saturating_add(with_pod).saturating_sub(without_pod).checked_div(2).unwrap_or(0);
    half.saturating_add(change)
}

/// 100 when both resources are used to the same share, 50 when one is full and the other is free.
fn evenness(resources: [(i64, i64); 2]) -> i64 {
    let share = |(used, whole): (i64, i64)| (whole != 0).then(|| (used as f64 / whole as f64).min(1.0));
    let deviation = match resources.map(share) {
        [Some(first), Some(second)] => ((first - second) / 2.0).abs(),
        [Some(_), None] | [None, Some(_) | None] => 0.0,
    };
    ((1.0 - deviation) * MAX_NODE_SCORE as f64) as i64
}
