//! Single-node drains, alone and one after the other, played once for all rules that ask about them.

use std::collections::BTreeSet;

use quorate_sim::cluster::{BudgetId, ClusterState, NodeId, Owner, Phase};
use quorate_sim::eviction::budgets_of;
use quorate_sim::simulation::{StepAction, StepOutcome, StepReport};
use rayon::prelude::*;

use super::context::{AtRest, step};

/// The most ordered pairs of drains that are played.
pub(super) const MOST_PAIRS: usize = 600;
/// The most nodes that are drained alone.
pub(super) const MOST_NODES: usize = 300;

/// A drain that does not end well.
pub(super) struct BlockedDrain {
    /// The drains before it, which completed, and stayed cordoned.
    pub(super) first: Option<NodeId>,
    /// The node whose drain does not end.
    pub(super) node: NodeId,
    /// The budgets that refuse.
    pub(super) budgets: BTreeSet<BudgetId>,
    /// How it ended.
    pub(super) outcome: StepOutcome,
    /// What was played, in order.
    pub(super) reports: Vec<StepReport>,
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
    /// Nodes that were not drained.
    pub(super) nodes_left_out: usize,
}

/// Plays every single-node drain, and every ordered pair of those that complete.
pub(super) fn play(at_rest: &AtRest<'_>) -> Drains {
    let all: Vec<NodeId> = at_rest.state().nodes.keys().copied().collect();
    let nodes: Vec<NodeId> = all.iter().copied().take(MOST_NODES).collect();
    let first: Vec<_> =
        nodes.par_iter().map(|node| (*node, at_rest.what_if(StepAction::Drain { nodes: vec![*node] }))).collect();
    let mut drains = Drains { nodes_left_out: all.len() - nodes.len(), ..Drains::default() };
    let mut completed = Vec::new();
    for (node, (report, after)) in first {
        match report.outcome {
            StepOutcome::Completed => completed.push((node, report, after)),
            outcome => {
                let budgets = refusing(&after.state, node);
                drains.alone.push(BlockedDrain { first: None, node, budgets, outcome, reports: vec![report] });
            }
        }
    }
    let holds_budgeted = |node: &NodeId| !budgets_on(at_rest.state(), *node).is_empty();
    let second: Vec<NodeId> = completed.iter().map(|(node, ..)| *node).filter(holds_budgeted).collect();
    let pairs: Vec<(usize, NodeId)> = (0..completed.len())
        .flat_map(|index| second.iter().map(move |node| (index, *node)))
        .filter(|(index, node)| completed.get(*index).is_some_and(|(first, ..)| first != node))
        .collect();
    drains.pairs_possible = pairs.len();
    drains.pairs_played = pairs.len().min(MOST_PAIRS);
    let played: Vec<Option<BlockedDrain>> = pairs
        .par_iter()
        .take(MOST_PAIRS)
        .map(|(index, node)| {
            let (first, first_report, after_first) = completed.get(*index)?;
            let mut simulation = after_first.clone();
            let report = simulation.play(&step(StepAction::Drain { nodes: vec![*node] }));
            (report.outcome != StepOutcome::Completed).then(|| BlockedDrain {
                first: Some(*first),
                node: *node,
                budgets: refusing(&simulation.state, *node),
                outcome: report.outcome,
                reports: vec![first_report.clone(), report],
            })
        })
        .collect();
    drains.pairs = played.into_iter().flatten().collect();
    drains
}

/// The budgets that cover pods which a drain of `node` would evict.
fn budgets_on(state: &ClusterState, node: NodeId) -> BTreeSet<BudgetId> {
    let evicted = state.pods.values().filter(|pod| {
        let drained = match pod.owner {
            Owner::DaemonSet(_) | Owner::Node => false,
            Owner::None | Owner::ReplicaSet(_) | Owner::StatefulSet { .. } | Owner::Other { .. } => true,
        };
        drained && pod.node == Some(node) && pod.phase == Phase::Running
    });
    evicted.flat_map(|pod| budgets_of(state, pod)).map(|(id, _)| id).collect()
}

/// Those of them that allow no more.
fn refusing(state: &ClusterState, node: NodeId) -> BTreeSet<BudgetId> {
    let used_up = |id: &BudgetId| state.budgets.get(id).is_some_and(|own| own.status.disruptions_allowed <= 0);
    budgets_on(state, node).into_iter().filter(used_up).collect()
}
