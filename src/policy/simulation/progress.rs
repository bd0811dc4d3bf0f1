//! Whether the rollouts of a workload end, and the drains that evict its pods, for proofs.

use std::collections::{BTreeMap, BTreeSet};

use quorate_sim::cluster::{ClusterState, NodeId, Owner, Pod, WorkloadName};
use quorate_sim::prove::{Placed, placed_by_scheduler};
use quorate_sim::simulation::{Simulation, StepOutcome, unplaced};
use serde_json::Value;

use super::context::{AtRest, Context, workload_of};
use super::drain_progress::{self, Waiting};
use super::rollout_deadlock::{self, Fate};
use super::words;

/// Where the pods are before rollouts and drains are played.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// Where the input has them, and what it has not where the scheduler puts it.
    AsGiven,
    /// Where the scheduler puts all of them, from an empty cluster.
    Anew,
    /// Where they are in a simulation at rest.
    At(&'a Simulation),
}

/// What a simulation of rollouts and drains shows, each alone.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The workloads that were played.
    pub workloads: BTreeSet<String>,
    /// What cannot end, by workload, `deployment/default/backend`: its rollout first, then a drain.
    pub stuck: BTreeMap<String, Vec<Stuck>>,
    /// Of all workloads those that do not have all their pods ready once the cluster is at rest.
    pub not_whole: BTreeSet<String>,
    /// The seed of the scheduler's choices.
    pub seed: u64,
}

impl Progress {
    /// What was played of other workloads as well.
    pub fn extend(&mut self, other: Self) {
        self.workloads.extend(other.workloads);
        self.stuck.extend(other.stuck);
        self.not_whole.extend(other.not_whole);
        self.seed = other.seed;
    }

    /// Whether something stands still that does not `before`, or pods are missing that are not missing there.
    #[must_use]
    pub fn is_worse_than(&self, before: &Self) -> bool {
        let is_drain = |stuck: &Stuck| matches!(stuck.what, StuckStep::Drain { .. });
        let was = |name: &String, new: &Stuck| {
            before.stuck.get(name).is_some_and(|old| old.iter().any(|old| is_drain(old) == is_drain(new)))
        };
        let mut new = self.stuck.iter().flat_map(|(name, stuck)| stuck.iter().map(move |own| (name, own)));
        new.any(|(name, stuck)| !was(name, stuck)) || !self.not_whole.is_subset(&before.not_whole)
    }
}

/// A rollout or a drain that cannot end.
#[derive(Clone, Debug, PartialEq)]
pub struct Stuck {
    /// Which it is.
    pub what: StuckStep,
    /// Why, in a sentence: for what it waits, and why that does not come.
    pub why: String,
    /// The node of each pod of the workload before it, by `NAMESPACE/NAME`.
    pub placement: BTreeMap<String, String>,
    /// How many pods are on each node before it.
    pub nodes: BTreeMap<String, i64>,
    /// How many pods are ready while it stands still.
    pub ready: i64,
    /// That no node takes the new pod; `None` where it waits for something else.
    pub evidence: Option<Value>,
    /// Its workload.
    pub workload: WorkloadName,
    /// How the step ends that begins it.
    pub outcome: StepOutcome,
    /// How many pods are available while it stands still.
    pub available: i64,
    /// Where all pods of the cluster are before it.
    pub before: Before,
}

/// What stands still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StuckStep {
    /// The rollout of the workload.
    Rollout,
    /// A drain that evicts its pods.
    Drain {
        /// The node.
        node: NodeId,
        /// Nodes that were drained, and uncordoned again, before.
        earlier: Vec<NodeId>,
    },
}

/// Where the pods of a cluster are before a rollout or a drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// Where the input has them.
    AsGiven,
    /// Where the scheduler has placed them.
    Placed(Placed),
    /// It cannot be told so that somebody can do the same.
    Unknown,
}

/// Plays a rollout of each of `workloads` alone, and drains that evict its pods, from the cluster at rest. The rollout of one that does not
/// have all its pods ready there is left out: what it would do is not its own doing. Where others never come to rest nothing is drained.
#[must_use]
pub fn progress(context: &Context<'_>, workloads: &BTreeSet<String>, start: Start<'_>) -> Progress {
    let at_rest = match start {
        Start::AsGiven => AtRest::new(*context),
        Start::Anew => AtRest::of_state(*context, unplaced(&context.model.state)),
        Start::At(simulation) => AtRest::of_simulation(*context, simulation.branch()),
    };
    let state = at_rest.state();
    let mut progress = Progress { workloads: workloads.clone(), seed: context.seed, ..Progress::default() };
    for workload in context.model.workloads.keys() {
        let name = words::workload(state, *workload);
        let is_whole = at_rest.is_whole(*workload);
        if !is_whole {
            progress.not_whole.insert(name.clone());
        }
        if workloads.contains(&name) {
            let rollout = if is_whole { stuck_rollout(&at_rest, *workload, start) } else { None };
            let stuck: Vec<Stuck> = rollout.into_iter().chain(waiting_drain(&at_rest, *workload, start)).collect();
            if !stuck.is_empty() {
                progress.stuck.insert(name, stuck);
            }
        }
    }
    progress
}

fn stuck_rollout(at_rest: &AtRest<'_>, workload: WorkloadName, start: Start<'_>) -> Option<Stuck> {
    let Fate::Never(report, after) = rollout_deadlock::fate(at_rest, workload) else { return None };
    let why = rollout_deadlock::why(at_rest, &report, &after, workload);
    Some(stuck(at_rest, (workload, start), StuckStep::Rollout, (report.outcome, &after, why)))
}

fn waiting_drain(at_rest: &AtRest<'_>, workload: WorkloadName, start: Start<'_>) -> Option<Stuck> {
    if !at_rest.restless.is_empty() {
        return None;
    }
    let Waiting { node, earlier, outcome, why, after } = drain_progress::waiting(at_rest, workload)?;
    Some(stuck(at_rest, (workload, start), StuckStep::Drain { node, earlier }, (outcome, &after, why)))
}

fn stuck(
    at_rest: &AtRest<'_>,
    (workload, start): (WorkloadName, Start<'_>),
    what: StuckStep,
    (outcome, after, why): (StepOutcome, &Simulation, String),
) -> Stuck {
    let state = at_rest.state();
    let mut nodes: BTreeMap<String, i64> = BTreeMap::new();
    let mut placement = BTreeMap::new();
    for pod in state.pods.values().filter(|pod| workload_of(state, pod) == Some(workload)) {
        if let Some(node) = pod.node {
            let node = words::node(state, node);
            let name = format!("{}/{}", state.names.text(pod.namespace), state.pod_name(pod));
            placement.insert(name, node.clone());
            *nodes.entry(node).or_default() += 1;
        }
    }
    let summary = after.summary();
    let numbers = summary.workloads.get(&words::workload(state, workload));
    Stuck {
        what,
        why,
        placement,
        nodes,
        ready: numbers.map_or(0, |own| own.ready),
        evidence: rollout_deadlock::no_node_evidence(&after.state, workload),
        workload,
        outcome,
        available: numbers.map_or(0, |own| own.available),
        before: before(at_rest, start),
    }
}

fn before(at_rest: &AtRest<'_>, start: Start<'_>) -> Before {
    if !at_rest.restless.is_empty() {
        return Before::Unknown;
    }
    if matches!(start, Start::AsGiven) && has_placed(&at_rest.context.model.state) {
        return Before::AsGiven;
    }
    placed_by_scheduler(at_rest.state()).map_or(Before::Unknown, Before::Placed)
}

/// Whether some pod is where a scheduler has put it.
fn has_placed(state: &ClusterState) -> bool {
    let is_placed = |pod: &Pod| {
        let is_own = matches!(pod.owner, Owner::DaemonSet(_) | Owner::Node);
        pod.node.is_some() && !is_own && pod.template.spec.node_name.is_none()
    };
    state.pods.values().any(is_placed)
}
