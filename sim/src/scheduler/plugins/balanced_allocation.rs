//! How evenly resources would be used, before and after. Source: `plugins/noderesources/balanced_allocation.go`.

use super::resource_score::{amount, is_skipped};
use crate::cluster::{Node, Resources};
use crate::scheduler::configuration::{Profile, ScoredName};
use crate::scheduler::framework::{MAX_NODE_SCORE, Plugin};
use crate::scheduler::scheduling_cycle::ScoreInput;

/// About 75 when the pod changes nothing, up to 100 when the node becomes more even, down to 50 when less. A pod without
/// requests is not scored.
pub(crate) fn score(input: &ScoreInput<'_, '_>) -> Option<Vec<i64>> {
    let wanted = &input.pod.spec.requests;
    let profile = input.profile;
    let balanced = &profile.arguments.balanced;
    if !scores(balanced, wanted) {
        // Without its PreScore the plugin cannot say that it has nothing to say.
        return (!profile.pre_score.has(Plugin::NodeResourcesBalancedAllocation)).then(|| vec![0; input.nodes.len()]);
    }
    Some(input.nodes.iter().map(|node| improvement(balanced, wanted, node.node, &node.requested)).collect())
}

/// Whether pods that request `wanted` are scored where `balanced` are to be used evenly.
pub(crate) fn scores(balanced: &[ScoredName], wanted: &Resources) -> bool {
    balanced.iter().any(|name| amount(wanted, *name) != 0)
}

/// Its weight where it tells nodes apart for pods that request `wanted`.
pub(crate) fn weight(profile: &Profile, wanted: &Resources) -> Option<i64> {
    profile.weight(Plugin::NodeResourcesBalancedAllocation).filter(|_| scores(&profile.arguments.balanced, wanted))
}

/// The score of `node`, whose pods request `used`, for a pod that requests `wanted`.
pub(crate) fn improvement(balanced: &[ScoredName], wanted: &Resources, node: &Node, used: &Resources) -> i64 {
    let half = MAX_NODE_SCORE.div_euclid(2);
    let mut with_pod = Shares::default();
    let mut without_pod = Shares::default();
    for name in balanced {
        let (own, used, whole) = (amount(wanted, *name), amount(used, *name), amount(&node.allocatable, *name));
        if whole != 0 && !is_skipped(*name, own) {
            with_pod.add(used.saturating_add(own), whole);
            without_pod.add(used, whole);
        }
    }
    // Go's integer division truncates towards zero; the sum is never negative.
    let change = half.saturating_add(with_pod.evenness()).saturating_sub(without_pod.evenness());
    half.saturating_add(change.checked_div(2).unwrap_or(0))
}

/// The shares of a node's resources that are used; the first two without an allocation.
#[derive(Default)]
struct Shares {
    first: [f64; 2],
    more: Vec<f64>,
    count: usize,
}

impl Shares {
    fn add(&mut self, used: i64, whole: i64) {
        let share = (used as f64 / whole as f64).min(1.0);
        match self.first.get_mut(self.count) {
            Some(place) => *place = share,
            None => self.more.push(share),
        }
        self.count = self.count.saturating_add(1);
    }

    /// 100 when all resources are used to the same share; of two, 50 when one is full and the other is free.
    fn evenness(&self) -> i64 {
        let deviation = match (self.count, self.first) {
            (0 | 1, _) => 0.0,
            (2, [first, second]) => ((first - second) / 2.0).abs(),
            (count, first) => {
                let shares = || first.iter().chain(&self.more);
                // Added one by one, as upstream adds them: the order decides the last bit.
                let mean = shares().fold(0.0, |sum, share| sum + share) / count as f64;
                let squares = shares().fold(0.0, |sum, share| sum + (share - mean) * (share - mean));
                (squares / count as f64).sqrt()
            }
        };
        ((1.0 - deviation) * MAX_NODE_SCORE as f64) as i64
    }
}
