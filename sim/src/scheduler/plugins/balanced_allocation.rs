//! How evenly CPU and memory would be used, before and after. Source: `plugins/noderesources/balanced_allocation.go`.

use crate::scheduler::framework::MAX_NODE_SCORE;
use crate::scheduler::scheduling_cycle::ScoreInput;
use crate::scheduler::snapshot::NodeInfo;

/// About 75 when the pod changes nothing, up to 100 when the node becomes more even, down to 50 when less. A pod without
/// requests is not scored.
pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let wanted = &input.pod.spec.requests;
    if wanted.cpu_milli == 0 && wanted.memory_bytes == 0 {
        return None;
    }
    let half = MAX_NODE_SCORE.div_euclid(2);
    let improvement = |node: &NodeInfo<'_>| {
        let (used, whole) = (&node.requested, &node.node.allocatable);
        let with_pod = evenness([
            (used.cpu_milli.saturating_add(wanted.cpu_milli), whole.cpu_milli),
            (used.memory_bytes.saturating_add(wanted.memory_bytes), whole.memory_bytes),
        ]);
        let without_pod = evenness([(used.cpu_milli, whole.cpu_milli), (used.memory_bytes, whole.memory_bytes)]);
        // Go's integer division truncates towards zero; the sum is never negative.
        let change = half.saturating_add(with_pod).saturating_sub(without_pod).checked_div(2).unwrap_or(0);
        half.saturating_add(change)
    };
    Some(input.nodes.iter().map(|node| improvement(node)).collect())
}

/// 100 when both resources are used to the same share, 50 when one is full and the other is free.
fn evenness(resources: [(i64, i64); 2]) -> i64 {
    let shares: Vec<f64> = resources
        .iter()
        .filter(|(_, whole)| *whole != 0)
        .map(|(used, whole)| (*used as f64 / *whole as f64).min(1.0))
        .collect();
    let deviation = match shares.as_slice() {
        [first, second] => ((first - second) / 2.0).abs(),
        _ => 0.0,
    };
    ((1.0 - deviation) * MAX_NODE_SCORE as f64) as i64
}
