//! Images that are present. Source: `plugins/imagelocality/image_locality.go`.

use crate::scheduler::framework::MAX_NODE_SCORE;
use crate::scheduler::scheduling_cycle::ScoreInput;
use crate::scheduler::snapshot::NodeInfo;

const MEBIBYTE: i64 = 1024 * 1024;
/// Less than this in all counts nothing.
const MIN_THRESHOLD: i64 = 23 * MEBIBYTE;
/// More than this for each container counts no more.
const MAX_CONTAINER_THRESHOLD: i64 = 1000 * MEBIBYTE;

/// The size of the pod's images that the node holds, each weighted by the share of nodes that hold it.
pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let max_threshold = MAX_CONTAINER_THRESHOLD.saturating_mul(i64::from(input.pod.spec.container_count));
    let range = max_threshold.saturating_sub(MIN_THRESHOLD);
    let present = |node: &NodeInfo<'_>| {
        let sum = size_of_images(input, node);
        // As upstream: the lower bound is looked at first, so a pod without containers does not panic.
        let sum = if sum < MIN_THRESHOLD { MIN_THRESHOLD } else { sum.min(max_threshold) };
        MAX_NODE_SCORE.saturating_mul(sum.saturating_sub(MIN_THRESHOLD)).checked_div(range).unwrap_or(0)
    };
    Some(input.nodes.iter().map(|node| present(node)).collect())
}

fn size_of_images(input: &ScoreInput<'_, '_>, node: &NodeInfo<'_>) -> i64 {
    let present = input.pod.spec.images.iter().filter(|image| node.node.images.contains_key(*image));
    present.filter_map(|image| input.snapshot.image(*image)).fold(0, |sum: i64, image| {
        let spread = image.node_count as f64 / input.snapshot.node_count() as f64;
        sum.saturating_add((image.size_bytes as f64 * spread) as i64)
    })
}
