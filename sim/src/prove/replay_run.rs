//! A run of the scheduler as steps: pods are bound as it has placed them, so that no choice of its is left.

use std::collections::BTreeMap;

use quorate_proof::claim::{Claim, Phase};
use quorate_proof::cluster::Cluster;
use quorate_proof::evidence::Placing;

use super::placed_by_scheduler::Placed;
use super::replay::{Replay, Start, Writer, bind, lost, node, step};
use super::scheduled::Observed;
use crate::cluster::{ClusterState, NodeId, WorkloadName};
use crate::simulation::{SchedulerRuns, Step, StepAction, StepOutcome, TaintEviction};

/// The steps of a run of the scheduler that breaks `claim`.
///
/// Where it is not known which pods have made room for which, the scheduler makes the same choices again, by its seed; `None`: it has not
/// made them, for the pods were bound.
#[must_use]
pub fn replay_run(state: &ClusterState, cluster: &Cluster, claim: &Claim, observed: &Observed) -> Option<Replay> {
    let writer = Writer::new(state, cluster, claim);
    let failed = lost(cluster, claim, &observed.failed);
    let drawn = || (!observed.is_bound).then(|| drawn(state, claim, observed, &failed));
    let mut replay = bound(&writer, state, claim, observed, &failed).or_else(drawn)?;
    replay.steps.last_mut()?.expected_available = observed.of_workloads.clone();
    Some(replay)
}

/// Everything is bound by steps.
fn bound(
    writer: &Writer<'_>,
    state: &ClusterState,
    claim: &Claim,
    observed: &Observed,
    failed: &[&str],
) -> Option<Replay> {
    let mut steps = vec![bind(placed(writer, observed.before.as_ref()?)?)];
    if !failed.is_empty() {
        steps.push(failing(state, failed));
        match claim.phase {
            Phase::Instant | Phase::Progress => {}
            Phase::Recovered => steps.push(bind(writer.bindings(observed.recovered.as_ref()?)?)),
            Phase::Removed => {
                steps.push(bind(writer.bindings(observed.recovered.as_ref()?)?));
                steps.push(deleting(state, failed));
                steps.push(bind(writer.bindings(observed.removed.as_ref()?)?));
            }
        }
    }
    Some(replay(Start::Unplaced, SchedulerRuns::AfterBind, None, steps))
}

/// The scheduler places everything, with the same seed.
fn drawn(state: &ClusterState, claim: &Claim, observed: &Observed, failed: &[&str]) -> Replay {
    let mut steps = Vec::new();
    // Right after the loss nothing is replaced: the scheduler is stopped once it has placed everything.
    let scheduler_runs = if claim.phase == Phase::Instant { SchedulerRuns::AfterBind } else { SchedulerRuns::Always };
    if claim.phase == Phase::Instant {
        steps.push(bind(Vec::new()));
    }
    if !failed.is_empty() {
        steps.push(failing(state, failed));
        if claim.phase == Phase::Removed {
            steps.push(deleting(state, failed));
        }
    }
    if steps.is_empty() {
        steps.push(step("wait 0 s", &[], StepAction::Wait { seconds: 0 }));
    }
    replay(Start::Unplaced, scheduler_runs, Some(observed.seed), steps)
}

/// What is known of a rollout or a drain that never ends.
#[derive(Clone, Copy, Debug)]
pub struct Standstill<'a> {
    /// What it is.
    pub hanging: Hanging<'a>,
    /// Where the pods of the cluster are before it; `None`: where the input has them.
    pub before: Option<&'a Placed>,
    /// How it ends.
    pub outcome: StepOutcome,
    /// How many pods of the workload are available while it stands still, by its name.
    pub available: (&'a str, i64),
    /// The seed of the scheduler's choices.
    pub seed: u64,
}

/// What never ends.
#[derive(Clone, Copy, Debug)]
pub enum Hanging<'a> {
    /// The rollout of a workload.
    Rollout(WorkloadName),
    /// A drain.
    Drain {
        /// The node.
        node: NodeId,
        /// Nodes that are drained, and uncordoned again, before.
        earlier: &'a [NodeId],
    },
}

/// The steps of what never ends: the pods are where they were, and it is begun.
#[must_use]
pub fn replay_standstill(
    state: &ClusterState,
    cluster: &Cluster,
    claim: &Claim,
    standstill: &Standstill<'_>,
) -> Option<Replay> {
    let writer = Writer::new(state, cluster, claim);
    let mut begun = match standstill.hanging {
        Hanging::Rollout(workload) => vec![step("restart", &[], StepAction::Restart { workload })],
        Hanging::Drain { node, earlier } => {
            let text = |node: &NodeId| state.nodes.get(node).map_or("", |own| state.names.text(own.name));
            let drain = |node: &NodeId| step("drain", &[text(node)], StepAction::Drain { nodes: vec![*node] });
            let uncordon = |node: &NodeId| step("uncordon", &[text(node)], StepAction::Uncordon { node: *node });
            let before = earlier.iter().flat_map(|node| [drain(node), uncordon(node)]);
            before.chain([drain(&node)]).collect()
        }
    };
    let last = begun.last_mut()?;
    last.expected_outcome = Some(standstill.outcome);
    let (name, available) = standstill.available;
    last.expected_available = BTreeMap::from([(name.to_owned(), available)]);
    let Some(before) = standstill.before else {
        return Some(replay(Start::Current, SchedulerRuns::Always, Some(standstill.seed), begun));
    };
    let mut steps = vec![bind(placed(&writer, before)?)];
    steps.append(&mut begun);
    Some(replay(Start::Unplaced, SchedulerRuns::FromBind, Some(standstill.seed), steps))
}

/// Bindings of pods of DaemonSets, and of all others.
pub(super) fn placed(writer: &Writer<'_>, placed: &[Placing]) -> Option<Vec<crate::simulation::Binding>> {
    let mut bindings = writer.daemon_sets();
    bindings.extend(writer.bindings(placed.iter())?);
    Some(bindings)
}

fn failing(state: &ClusterState, failed: &[&str]) -> Step {
    step("fail", failed, StepAction::FailNode { nodes: ids(state, failed) })
}

fn deleting(state: &ClusterState, failed: &[&str]) -> Step {
    step("delete node", failed, StepAction::DeleteNode { nodes: ids(state, failed) })
}

fn ids(state: &ClusterState, names: &[&str]) -> Vec<NodeId> {
    names.iter().filter_map(|name| node(state, name)).collect()
}

const fn replay(start: Start, scheduler_runs: SchedulerRuns, seed: Option<u64>, steps: Vec<Step>) -> Replay {
    Replay { start, scheduler_runs, taint_eviction: TaintEviction::Always, seed, steps }
}
