//! Every set of failures: right after the loss, and at rest again.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{BudgetId, NodeId, NodeReady, PodId, Time};
use crate::controller::disruption;
use crate::eviction::budgets_of;
use crate::simulation::{Simulation, StepAction, StepOutcome};

use super::failure_set::{Failure, FailureScope, failures_of, sets_of};
use super::moment::Moment;

/// All failure sets of one size, and the state that they are compared with.
#[derive(Clone, Debug)]
pub struct FailureSweep {
    /// The state at rest before any failure.
    pub before: Moment,
    /// What each set does.
    pub impacts: Vec<FailureImpact>,
}

/// What one set of failures at the same time does.
#[derive(Clone, Debug)]
pub struct FailureImpact {
    /// The set.
    pub failures: Vec<Failure>,
    /// The nodes that it takes.
    pub nodes: Vec<NodeId>,
    /// Right after the loss: the pods of the lost nodes are not ready, nothing is replaced yet.
    pub instant: Moment,
    /// At rest again, while the lost nodes' objects remain.
    pub recovered: Moment,
    /// `Completed`, or `Livelock` where it never comes to rest.
    pub outcome: StepOutcome,
    /// The lowest readiness of each workload from the loss until rest.
    pub min_ready: BTreeMap<String, i64>,
    /// What happened, oldest first.
    pub events: Vec<(Time, String)>,
}

/// Fails every set of exactly `size` domains of `scope` in turn, each from the present state, which should be at rest.
#[must_use]
pub fn sweep(simulation: &Simulation, scope: FailureScope, size: usize) -> FailureSweep {
    let sets = sets_of(&failures_of(&simulation.state, scope), size);
    let impacts = sets.iter().map(|failures| fail(simulation, failures)).collect();
    FailureSweep { before: Moment::of(simulation), impacts }
}

/// Fails `failures` at the same time.
#[must_use]
pub fn fail(simulation: &Simulation, failures: &[Failure]) -> FailureImpact {
    let nodes: BTreeSet<NodeId> = failures.iter().flat_map(|failure| failure.nodes(&simulation.state)).collect();
    let nodes: Vec<NodeId> = nodes.into_iter().collect();
    let instant = instant(simulation, &nodes);
    let mut branch = simulation.branch();
    let end = branch.perform(&StepAction::FailNode { nodes: nodes.clone() });
    FailureImpact {
        failures: failures.to_vec(),
        nodes,
        instant,
        recovered: Moment::of(&branch),
        outcome: end.outcome,
        min_ready: branch.lowest_ready(),
        events: branch.events().to_vec(),
    }
}

/// The state once the loss is noticed and before anybody reacts: the nodes are unreachable, their pods not ready.
fn instant(simulation: &Simulation, nodes: &[NodeId]) -> Moment {
    let mut branch = simulation.branch();
    let state = &mut branch.state;
    for node in nodes {
        if let Some(mut node) = state.nodes.get_mut(node) {
            node.ready = NodeReady::Unknown;
        }
    }
    let held = nodes.iter().flat_map(|node| state.pods.on_node(Some(*node)).map(|(id, _)| id));
    let held: Vec<PodId> = held.collect();
    for id in &held {
        if let Some(mut pod) = state.pods.get_mut(id) {
            pod.ready = false;
        }
    }
    let held = held.iter().filter_map(|id| state.pods.get(id));
    let concerned: BTreeSet<BudgetId> = held.flat_map(|pod| budgets_of(state, pod).map(|(id, _)| id)).collect();
    let concerned = concerned.iter().filter_map(|id| Some((*id, state.budgets.get(id)?)));
    let statuses: Vec<_> = concerned.map(|(id, budget)| (id, disruption::status(state, budget))).collect();
    for (id, status) in statuses {
        state.budgets.change(&id, |budget| budget.status = status);
    }
    Moment::of(&branch)
}
