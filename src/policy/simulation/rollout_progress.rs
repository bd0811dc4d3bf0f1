//! Whether the rollout of one workload ends, for proofs.

use std::collections::{BTreeMap, BTreeSet};

use quorate_sim::cluster::{Owner, Pod, WorkloadName};
use quorate_sim::prove::{Placed, placed_by_scheduler};
use quorate_sim::simulation::StepOutcome;
use serde_json::Value;

use super::context::{AtRest, Context, workload_of};
use super::rollout_deadlock::{self, Fate};
use super::words;

/// What a simulation of each rollout shows.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The rollouts that cannot end, by workload, `deployment/default/backend`.
    pub stuck: BTreeMap<String, StuckRollout>,
    /// Of all workloads those that do not have all their pods ready once the cluster is at rest.
    pub not_whole: BTreeSet<String>,
    /// The seed of the scheduler's choices.
    pub seed: u64,
}

/// A rollout that cannot end.
#[derive(Clone, Debug, PartialEq)]
pub struct StuckRollout {
    /// Why the new pod fits nowhere, in a sentence.
    pub why: String,
    /// The node of each pod of the workload before the rollout, by `NAMESPACE/NAME`.
    pub placement: BTreeMap<String, String>,
    /// How many pods are on each node before the rollout.
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
    /// Where all pods of the cluster are before the rollout.
    pub before: Before,
}

/// Where the pods of a cluster are before a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// Where the input has them.
    AsGiven,
    /// Where the scheduler has placed them.
    Placed(Placed),
    /// It cannot be told so that somebody can do the same.
    Unknown,
}

/// Plays a rollout of each of `workloads` alone, from the cluster at rest. One that does not have all its pods ready there is
/// left out: what its rollout would do is not its own doing.
#[must_use]
pub fn progress(context: &Context<'_>, workloads: &BTreeSet<String>) -> Progress {
    let at_rest = AtRest::new(*context);
    let state = at_rest.state();
    let mut progress = Progress { seed: context.seed, ..Progress::default() };
    for workload in context.model.workloads.keys() {
        let name = words::workload(state, *workload);
        if !at_rest.is_whole(*workload) {
            progress.not_whole.insert(name);
        } else if workloads.contains(&name)
            && let Some(stuck) = stuck(&at_rest, *workload)
        {
            progress.stuck.insert(name, stuck);
        }
    }
    progress
}

fn stuck(at_rest: &AtRest<'_>, workload: WorkloadName) -> Option<StuckRollout> {
    let Fate::Never(report, after) = rollout_deadlock::fate(at_rest, workload) else { return None };
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
    let name = words::workload(state, workload);
    let numbers = report.after.workloads.get(&name);
    Some(StuckRollout {
        why: rollout_deadlock::why(at_rest, &report, &after, workload),
        placement,
        nodes,
        ready: numbers.map_or(0, |own| own.ready),
        evidence: rollout_deadlock::no_node_evidence(&after.state, workload),
        workload,
        outcome: report.outcome,
        available: numbers.map_or(0, |own| own.available),
        before: before(at_rest),
    })
}

fn before(at_rest: &AtRest<'_>) -> Before {
    if !at_rest.restless.is_empty() {
        return Before::Unknown;
    }
    let is_placed = |pod: &Pod| {
        let is_own = matches!(pod.owner, Owner::DaemonSet(_) | Owner::Node);
        pod.node.is_some() && !is_own && pod.template.spec.node_name.is_none()
    };
    if at_rest.context.model.state.pods.values().any(is_placed) {
        return Before::AsGiven;
    }
    placed_by_scheduler(at_rest.state()).map_or(Before::Unknown, Before::Placed)
}
