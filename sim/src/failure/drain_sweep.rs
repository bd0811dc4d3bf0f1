//! Every node drained alone.

use std::collections::BTreeMap;

use crate::cluster::{NodeId, PodId, Time};
use crate::drain::{NodeDrain, PodDrain};
use crate::simulation::{Simulation, StepAction, StepOutcome, owner_text, pod_text};

use super::moment::{BudgetNumbers, Moment, budget_numbers};

/// What draining one node does.
#[derive(Clone, Debug)]
pub struct DrainImpact {
    /// The node.
    pub node: NodeId,
    /// How the drain ended.
    pub outcome: StepOutcome,
    /// Why, in one sentence.
    pub detail: String,
    /// How many evictions were granted.
    pub evicted: usize,
    /// Pods that hold the drain up, and why.
    pub blocked: Vec<BlockedPod>,
    /// The state at rest afterwards.
    pub after: Moment,
    /// The lowest readiness of each workload.
    pub min_ready: BTreeMap<String, i64>,
    /// What happened, oldest first.
    pub events: Vec<(Time, String)>,
}

/// A pod that holds a drain up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedPod {
    /// The pod.
    pub pod: PodId,
    /// `NS/NAME` of the pod.
    pub name: String,
    /// `deployment/NS/NAME`, or `pod/NS/NAME` of a bare pod.
    pub owner: String,
    /// Why.
    pub reason: BlockReason,
}

/// Why a pod holds a drain up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockReason {
    /// 429 without end: this budget allows no disruption.
    Budget(BudgetNumbers),
    /// 500: more than one budget covers the pod; or a budget whose status cannot be used.
    Error {
        /// The budgets.
        budgets: Vec<BudgetNumbers>,
        /// What the API says.
        message: String,
    },
    /// It has no controller: without `--force` the drain does not begin.
    Unmanaged,
    /// Its eviction was granted, but it never ends: its node is down.
    NeverEnds,
}

/// Drains every node alone, each from the present state, which should be at rest. Nodes that are cordoned already too.
#[must_use]
pub fn sweep_drains(simulation: &Simulation) -> Vec<DrainImpact> {
    let nodes = simulation.state.nodes.keys();
    nodes.map(|node| drain(&mut simulation.branch(), *node)).collect()
}

/// Drains `node` on `branch`, which is left at rest afterwards.
#[must_use]
pub fn drain(branch: &mut Simulation, node: NodeId) -> DrainImpact {
    let end = branch.perform(&StepAction::Drain { nodes: vec![node] });
    let drains = branch.last_drains();
    DrainImpact {
        node,
        outcome: end.outcome,
        detail: end.detail,
        evicted: drains.iter().fold(0, |sum: usize, drain| sum.saturating_add(drain.evicted)),
        blocked: drains.iter().flat_map(|drain| blocked(branch, drain)).collect(),
        after: Moment::of(branch),
        min_ready: branch.lowest_ready(),
        events: branch.events().to_vec(),
    }
}

fn blocked(simulation: &Simulation, drain: &NodeDrain) -> Vec<BlockedPod> {
    let state = &simulation.state;
    let pod = |pod: PodId, reason: BlockReason| BlockedPod {
        pod,
        name: pod_text(state, pod),
        owner: state.pods.get(&pod).map_or_else(String::new, |pod| owner_text(state, pod)),
        reason,
    };
    let unmanaged = drain.unmanaged.iter().map(|id| pod(*id, BlockReason::Unmanaged));
    let waiting = drain.waiting.iter().map(|(id, waiting)| match waiting {
        PodDrain::Denied { budget, .. } => pod(*id, BlockReason::Budget(budget_numbers(state, *budget))),
        PodDrain::Terminating => pod(*id, BlockReason::NeverEnds),
    });
    let failed = drain.failed.iter().map(|failed| {
        let budgets = failed.budgets.iter().map(|budget| budget_numbers(state, *budget)).collect();
        pod(failed.pod, BlockReason::Error { budgets, message: failed.message.clone() })
    });
    unmanaged.chain(waiting).chain(failed).collect()
}
