//! Whether drains end that have pods of one workload to evict, for proofs.

use std::collections::BTreeSet;

use quorate_sim::cluster::{ClusterState, NodeId, Owner, Pod, WorkloadName};
use quorate_sim::failure::{BlockReason, BlockedPod, DrainImpact, drain};
use quorate_sim::simulation::{Simulation, StepAction, StepOutcome};

use super::context::{AtRest, pending_pods, workload_of};
use super::words;

/// The most drains, alone and second ones, that are played for one workload; fewer in a cluster of many pods, where each takes its time.
const MOST_DRAINS: usize = 200;
const MOST_DRAINS_OF_MANY: usize = 20;
const MANY_PODS: usize = 2_000;
/// With more nodes than this not all are drained in turn.
const MOST_IN_TURN: usize = 20;

/// A drain that waits for pods of a workload without end.
pub(super) struct Waiting {
    /// The node.
    pub(super) node: NodeId,
    /// Nodes that were drained, and uncordoned again, before.
    pub(super) earlier: Vec<NodeId>,
    /// How it ends: it goes on for ever, or it fails.
    pub(super) outcome: StepOutcome,
    /// Why, in a sentence.
    pub(super) why: String,
    /// The cluster while it waits.
    pub(super) after: Simulation,
}

/// The first drain that waits for `workload` without end: of one node alone, else of one after another was drained and uncordoned, else
/// of all nodes in turn, in either order. Where only the order makes it wait, one in which all drains end is named, if it is one of these.
pub(super) fn waiting(at_rest: &AtRest<'_>, workload: WorkloadName) -> Option<Waiting> {
    let most = if at_rest.state().pods.len() > MANY_PODS { MOST_DRAINS_OF_MANY } else { MOST_DRAINS };
    let all = nodes_of(at_rest.state(), is_evicted);
    let mut drained = Vec::new();
    for node in all.iter().take(most) {
        let mut branch = at_rest.simulation.branch();
        match play(&mut branch, workload, &[*node]) {
            Played::Waits(waiting) => return Some(*waiting),
            Played::Ends => drained.push((*node, branch)),
            Played::Other => {}
        }
    }
    let turns: [Vec<NodeId>; 2] = [all.iter().copied().collect(), all.iter().rev().copied().collect()];
    let in_turn = |nodes: &Vec<NodeId>| play(&mut at_rest.simulation.branch(), workload, nodes);
    let pairs = drained.iter().flat_map(|(first, branch)| {
        let own = nodes_of(&branch.state, |pod| workload_of(&branch.state, pod) == Some(workload));
        own.into_iter().filter(move |node| node != first).map(move |node| (*first, branch, node))
    });
    let second = pairs.take(most.saturating_sub(all.len())).find_map(|(first, branch, node)| {
        let mut waiting = play(&mut branch.branch(), workload, &[node]).waiting()?;
        waiting.earlier.push(first);
        Some(waiting)
    });
    let mut waiting = match second {
        Some(waiting) => waiting,
        None if all.len() > MOST_IN_TURN => return None,
        None => turns.iter().find_map(|nodes| in_turn(nodes).waiting())?,
    };
    if all.len() <= MOST_IN_TURN
        && let Some(order) = turns.iter().find(|nodes| matches!(in_turn(nodes), Played::Ends))
    {
        let names: Vec<String> = order.iter().map(|node| words::node(at_rest.state(), *node)).collect();
        waiting.why.push_str("; drained in turn in the order ");
        waiting.why.push_str(&words::list(&names));
        waiting.why.push_str(" all end");
    }
    Some(waiting)
}

/// What becomes of drains in turn.
enum Played {
    /// Each completes.
    Ends,
    /// One waits for the workload without end.
    Waits(Box<Waiting>),
    /// One does not complete, for another reason.
    Other,
}

impl Played {
    fn waiting(self) -> Option<Waiting> {
        match self {
            Self::Waits(waiting) => Some(*waiting),
            Self::Ends | Self::Other => None,
        }
    }
}

/// Nodes with such pods.
fn nodes_of(state: &ClusterState, is_meant: impl Fn(&Pod) -> bool) -> BTreeSet<NodeId> {
    state.pods.values().filter(|pod| is_meant(pod)).filter_map(|pod| pod.node).collect()
}

/// Whether a drain evicts it.
const fn is_evicted(pod: &Pod) -> bool {
    !matches!(pod.owner, Owner::DaemonSet(_) | Owner::Node)
}

/// Drains `nodes` in turn, each uncordoned before the next.
fn play(branch: &mut Simulation, workload: WorkloadName, nodes: &[NodeId]) -> Played {
    let name = words::workload(&branch.state, workload);
    for (number, node) in nodes.iter().enumerate() {
        let impact = drain(branch, *node);
        if let Some(pod) = held_up_by(&impact, &name) {
            let earlier = nodes.get(..number).unwrap_or_default().to_vec();
            let why = why(branch, pod, workload);
            let waiting = Waiting { node: *node, earlier, outcome: impact.outcome, why, after: branch.branch() };
            return Played::Waits(Box::new(waiting));
        }
        if impact.outcome != StepOutcome::Completed {
            return Played::Other;
        }
        branch.perform(&StepAction::Uncordon { node: *node });
    }
    Played::Ends
}

/// The pod of the workload of this name for which a drain waits, or of which it fails.
fn held_up_by<'d>(impact: &'d DrainImpact, workload: &str) -> Option<&'d BlockedPod> {
    let never_ends = matches!(impact.outcome, StepOutcome::Blocked | StepOutcome::Failed);
    let mut own = impact.blocked.iter().filter(|pod| never_ends && pod.owner == workload);
    own.find(|pod| !matches!(pod.reason, BlockReason::Unmanaged))
}

fn why(after: &Simulation, pod: &BlockedPod, workload: WorkloadName) -> String {
    let mut sentence = match &pod.reason {
        BlockReason::Budget(numbers) => format!(
            "poddisruptionbudget {} allows no eviction, for {} of {} pods are healthy and {} must stay so",
            numbers.name, numbers.current_healthy, numbers.expected_pods, numbers.desired_healthy
        ),
        BlockReason::Error { message, .. } => format!("evictions fail: {message}"),
        BlockReason::NeverEnds => format!("{} terminates without end", pod.name),
        BlockReason::Unmanaged => format!("{} has no controller", pod.name),
    };
    if let Some(pending) = pending_pods(&after.state, workload).first() {
        sentence.push_str("; the replacement fits none: ");
        sentence.push_str(&words::why_nowhere(&after.state, *pending));
    }
    sentence
}
