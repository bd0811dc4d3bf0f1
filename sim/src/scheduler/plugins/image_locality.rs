//! Images that are present. Source: `plugins/imagelocality/image_locality.go`.

use crate::cluster::{Node, PodSpec};
use crate::scheduler::framework::MAX_NODE_SCORE;
use crate::scheduler::scheduling_cycle::ScoreInput;
use crate::scheduler::snapshot::Images;

const MEBIBYTE: i64 = 1024 * 1024;
/// Less than this in all counts nothing.
const MIN_THRESHOLD: i64 = 23 * MEBIBYTE;
/// More than this for each container counts no more.
const MAX_CONTAINER_THRESHOLD: i64 = 1000 * MEBIBYTE;

/// The size of the pod's images that the node holds, each weighted by the share of nodes that hold it.
pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let images = input.snapshot.images();
    Some(input.nodes.iter().map(|node| presence(input.pod.spec, node.node, images)).collect())
}

/// The score of `node` for a pod of `spec`.
pub(crate) fn presence(spec: &PodSpec, node: &Node, images: &Images) -> i64 {
    let max_threshold = MAX_CONTAINER_THRESHOLD.saturating_mul(i64::from(spec.container_count));
    let range = max_threshold.saturating_sub(MIN_THRESHOLD);
    let sum = size_of_images(spec, node, images);
    // As upstream: the lower bound is looked at first, so a pod without containers does not panic.
    let sum = if sum < MIN_THRESHOLD { MIN_THRESHOLD } else { sum.min(max_threshold) };
    MAX_NODE_SCORE.saturating_mul(sum.saturating_sub(MIN_THRESHOLD)).checked_div(range).unwrap_or(0)
}

fn size_of_images(spec: &PodSpec, node: &Node, images: &Images) -> i64 {
    let present = spec.images.iter().filter(|image| node.images.contains_key(*image));
    present.filter_map(|image| images.of_image.get(image)).fold(0, |sum: i64, image| {
        let spread = image.node_count as f64 / images.node_count as f64;
        sum.saturating_add((image.size_bytes as f64 * spread) as i64)
    })
}
