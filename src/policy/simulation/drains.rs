//! Single-node drains, alone and one after the other, played once for all rules that ask about them.

use std::collections::BTreeSet;

use quorate_sim::cluster::{BudgetId, ClusterState, NodeId, Owner, Phase};
use quorate_sim::eviction::budgets_of;
use quorate_sim::failure::{BlockReason, DrainImpact, drain};
use quorate_sim::simulation::StepOutcome;
use rayon::prelude::*;

use super::context::AtRest;

/// The most ordered pairs of drains that are played.
pub(super) const MOST_PAIRS: usize = 600;
/// The most nodes that are drained, or lost, alone.
pub(super) const MOST_NODES: usize = 300;

/// A drain that does not end well.
pub(super) struct BlockedDrain {
    /// The drain before it, which completed; its node stayed cordoned.
    pub(super) first: Option<DrainImpact>,
    /// The drain that does not end.
    pub(super) drain: DrainImpact,
}

impl BlockedDrain {
    /// The budgets that refuse, or that fail because they are several.
    pub(super) fn budgets(&self) -> BTreeSet<BudgetId> {
        let of_pod = |reason: &BlockReason| match reason {
            BlockReason::Budget(numbers) => vec![numbers.budget],
            BlockReason::Error { budgets, .. } => budgets.iter().map(|numbers| numbers.budget).collect(),
            BlockReason::Unmanaged | BlockReason::NeverEnds => Vec::new(),
        };
        self.drain.blocked.iter().flat_map(|blocked| of_pod(&blocked.reason)).collect()
    }
}

/// What drains come to.
#[derive(Default)]
pub(super) struct Drains {
    /// Those that do not end even alone.
    pub(super) alone: Vec<BlockedDrain>,
    /// Those that do not end when another node was drained before.
    pub(super) pairs: Vec<BlockedDrain>,
    /// Ordered pairs that were played.
    pub(super) pairs_played: usize,
    /// Ordered pairs that there are.
    pub(super) pairs_possible: usize,
}

/// Plays every single-node drain, and every ordered pair of those that complete.
pub(super) fn play(at_rest: &AtRest<'_>) -> Drains {
    let nodes: Vec<NodeId> = at_rest.state().nodes.keys().copied().take(MOST_NODES).collect();
    let first: Vec<_> = nodes
        .par_iter()
        .map(|node| {
            let mut branch = at_rest.simulation.branch();
            let impact = drain(&mut branch, *node);
            (impact, branch)
        })
        .collect();
    let (completed, blocked): (Vec<_>, Vec<_>) =
        first.into_iter().partition(|(impact, _)| impact.outcome == StepOutcome::Completed);
    let alone = blocked.into_iter().map(|(drain, _)| BlockedDrain { first: None, drain }).collect();
    let second: Vec<NodeId> = nodes.iter().copied().filter(|node| holds_budgeted(at_rest.state(), *node)).collect();
    let pairs: Vec<_> = completed
        .iter()
        .flat_map(|(impact, branch)| second.iter().map(move |node| (impact, branch, *node)))
        .filter(|(impact, _, node)| impact.node != *node)
        .collect();
    let played: Vec<Option<BlockedDrain>> = pairs
        .par_iter()
        .take(MOST_PAIRS)
        .map(|(impact, branch, node)| {
            let drain = drain(&mut branch.branch(), *node);
            let blocks = drain.outcome != StepOutcome::Completed;
            blocks.then(|| BlockedDrain { first: Some((*impact).clone()), drain })
        })
        .collect();
    Drains {
        alone,
        pairs: played.into_iter().flatten().collect(),
        pairs_played: pairs.len().min(MOST_PAIRS),
        pairs_possible: pairs.len(),
    }
}

/// Whether a drain of `node` would evict pods that a budget covers.
fn holds_budgeted(state: &ClusterState, node: NodeId) -> bool {
    state.pods.values().any(|pod| {
        let drained = match pod.owner {
            Owner::DaemonSet(_) | Owner::Node => false,
            Owner::None | Owner::ReplicaSet(_) | Owner::StatefulSet { .. } | Owner::Job(_) | Owner::Other { .. } => {
                true
            }
        };
        let is_here = drained && pod.node == Some(node) && pod.phase == Phase::Running;
        is_here && budgets_of(state, pod).next().is_some()
    })
}
