//! Runs of the scheduler from an empty cluster: what one of them shows is possible; what none shows is not thereby impossible.

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::claim::{Claim, Domain, Failures, Phase};
use quorate_proof::cluster::Cluster;
use quorate_proof::evidence::Witness;

use super::groups::group_of;
use super::placed_by_scheduler::{Placed, placed, placed_since};
use super::replay::Writer;
use super::replay_run::placed as bindings;
use crate::cluster::{ClusterState, NodeId, Owner, Symbol};
use crate::failure::{Failure, FailureScope, failures_of, sets_of};
use crate::simulation::{SchedulerRuns, Settings, Simulation, StepAction, StepOutcome, unplaced};

/// One run, to rest, and what failures do then.
#[derive(Clone, Debug)]
pub struct Run {
    /// The seed of its choices.
    pub seed: u64,
    /// Whether the pods were bound before the failure as a witness says, and not placed by the scheduler.
    is_bound: bool,
    /// The node of each bound pod that is not fixed, by `NAMESPACE/NAME`.
    pub placement: BTreeMap<String, String>,
    /// What was placed before failures.
    before: Option<Placed>,
    /// For each group the node of each of its available pods.
    available: BTreeMap<String, Vec<String>>,
    /// What came after failures; empty where there were too many of them to play.
    losses: Vec<Aftermath>,
}

/// What came after a failure.
#[derive(Clone, Debug)]
struct Aftermath {
    failed: Vec<String>,
    recovered: BTreeMap<String, i64>,
    removed: BTreeMap<String, i64>,
    placed_recovered: Option<Placed>,
    placed_removed: Option<Placed>,
}

/// How a run breaks a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The seed of the run.
    pub seed: u64,
    /// Whether the pods were bound before the failure, and not placed by the scheduler.
    pub is_bound: bool,
    /// The failed domains.
    pub failed: Vec<String>,
    /// So many pods of the subject are available then.
    pub available: i64,
    /// The same by workload.
    pub of_workloads: BTreeMap<String, i64>,
    /// What was placed before the failure; `None`: it cannot be told so that somebody can do the same.
    pub before: Option<Placed>,
    /// What was placed after the failure, while the nodes' objects were there; `None` likewise.
    pub recovered: Option<Placed>,
    /// What was placed once they were deleted; `None` likewise.
    pub removed: Option<Placed>,
}

/// How many sets of failures are played after a run at most.
const MOST_SETS: usize = 64;

/// Places all pods anew with `seed`, then plays every set of `failures`, each from there, if they are few.
#[must_use]
pub fn run(state: &ClusterState, settings: &Settings, failures: &Failures) -> Run {
    let mut simulation = Simulation::new(unplaced(state), settings);
    simulation.settle();
    observed(&simulation, settings, failures)
}

/// The same from where `witness`, which breaks `claim` about `cluster`, has the pods before its failure. `None`: they cannot be bound so.
#[must_use]
pub fn run_from(
    state: &ClusterState,
    settings: &Settings,
    cluster: &Cluster,
    claim: &Claim,
    witness: &Witness,
) -> Option<Run> {
    let simulation = bound_as(state, settings, cluster, claim, witness)?;
    let settings = Settings { scheduler_runs: SchedulerRuns::FromBind, ..*settings };
    Some(observed(&simulation, &settings, &claim.failures))
}

/// The cluster at rest once its pods are bound as `witness`, which breaks `claim` about `cluster`, has them before its failure. `None`: they
/// cannot be bound so.
#[must_use]
pub fn bound_as(
    state: &ClusterState,
    settings: &Settings,
    cluster: &Cluster,
    claim: &Claim,
    witness: &Witness,
) -> Option<Simulation> {
    let settings = Settings { scheduler_runs: SchedulerRuns::FromBind, ..*settings };
    let bindings = bindings(&Writer::new(state, cluster, claim), &witness.before)?;
    let mut simulation = Simulation::new(unplaced(state), &settings);
    let end = simulation.perform(&StepAction::Bind { bindings });
    (end.outcome == StepOutcome::Completed).then_some(simulation)
}

/// What a simulation at rest shows, and what failures do then.
fn observed(simulation: &Simulation, settings: &Settings, failures: &Failures) -> Run {
    let state = &simulation.state;
    let mut run = Run {
        seed: settings.seed,
        is_bound: settings.scheduler_runs == SchedulerRuns::FromBind,
        placement: BTreeMap::new(),
        before: placed(state),
        available: BTreeMap::new(),
        losses: Vec::new(),
    };
    for (_, pod) in state.pods.iter() {
        let Some(node) = pod.node.and_then(|id| state.nodes.get(&id)) else { continue };
        let node = state.names.text(node.name).to_owned();
        if is_available(state, pod) {
            run.available.entry(group_of(state, pod)).or_default().push(node.clone());
        }
        if !matches!(pod.owner, Owner::DaemonSet(_) | Owner::Node) {
            let name = format!("{}/{}", state.names.text(pod.namespace), state.pod_name(pod));
            run.placement.insert(name, node);
        }
    }
    let sets = failure_sets(state, failures);
    if sets.len() <= MOST_SETS {
        run.losses = sets.iter().map(|set| aftermath(simulation, set)).collect();
    }
    run
}

fn failure_sets(state: &ClusterState, failures: &Failures) -> Vec<Vec<Failure>> {
    let scope = match &failures.domain {
        Domain::Node => FailureScope::Nodes,
        Domain::Label(key) => match state.names.find(key) {
            Some(key) => FailureScope::Domains(key),
            None => return Vec::new(),
        },
    };
    let all = failures_of(state, scope);
    (1..=failures.count.min(all.len())).flat_map(|size| sets_of(&all, size)).take(MOST_SETS.saturating_add(1)).collect()
}

fn aftermath(simulation: &Simulation, set: &[Failure]) -> Aftermath {
    let nodes: BTreeSet<NodeId> = set.iter().flat_map(|failure| failure.nodes(&simulation.state)).collect();
    let nodes: Vec<NodeId> = nodes.into_iter().collect();
    let mut branch = simulation.branch();
    branch.perform(&StepAction::FailNode { nodes: nodes.clone() });
    let recovered = available(&branch.state);
    let at_rest = branch.state.clone();
    branch.perform(&StepAction::DeleteNode { nodes });
    let mut failed: Vec<String> = set.iter().map(|failure| domain_name(&simulation.state, *failure)).collect();
    failed.sort_unstable();
    Aftermath {
        failed,
        recovered,
        removed: available(&branch.state),
        placed_recovered: placed_since(&simulation.state, &at_rest),
        placed_removed: placed_since(&at_rest, &branch.state),
    }
}

fn domain_name(state: &ClusterState, failure: Failure) -> String {
    let symbol = match failure {
        Failure::Node(node) => state.nodes.get(&node).map(|node| node.name),
        Failure::Domain { value, .. } => Some(value),
    };
    state.names.text(symbol.unwrap_or(Symbol::EMPTY)).to_owned()
}

fn is_available(state: &ClusterState, pod: &crate::cluster::Pod) -> bool {
    let node = pod.node.and_then(|id| state.nodes.get(&id));
    pod.ready && pod.deletion.is_none() && node.is_some_and(|node| node.crashed_at.is_none())
}

fn available(state: &ClusterState) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    for (_, pod) in state.pods.iter().filter(|(_, pod)| is_available(state, pod)) {
        let count: &mut i64 = found.entry(group_of(state, pod)).or_insert(0);
        *count = count.saturating_add(1);
    }
    found
}

impl Run {
    /// The nodes of the available pods of a workload, one for each pod.
    #[must_use]
    pub fn nodes_of(&self, workload: &str) -> &[String] {
        self.available.get(workload).map_or(&[], Vec::as_slice)
    }

    /// How this run breaks `claim` for the workloads `subject`; `None`: it does not.
    ///
    /// # Errors
    /// When failures were not played after this run: nothing is known.
    pub fn breaks(&self, cluster: &Cluster, claim: &Claim, subject: &[&str]) -> Result<Option<Observed>, NotPlayed> {
        let broken = |failed: &[String], all: &BTreeMap<String, i64>| {
            let of_workloads: BTreeMap<String, i64> =
                subject.iter().map(|name| ((*name).to_owned(), all.get(*name).copied().unwrap_or(0))).collect();
            let available: i64 = of_workloads.values().sum();
            let mut observed = self.observed(failed.to_vec(), available, of_workloads);
            if let Some(loss) = self.losses.iter().find(|loss| loss.failed == failed) {
                observed.recovered.clone_from(&loss.placed_recovered);
                observed.removed.clone_from(&loss.placed_removed);
            }
            (available < claim.at_least).then_some(observed)
        };
        let before: BTreeMap<String, i64> =
            self.available.iter().map(|(name, nodes)| (name.clone(), count(nodes.len()))).collect();
        if let Some(broken) = broken(&[], &before) {
            return Ok(Some(broken));
        }
        let after = |loss: &Aftermath| match claim.phase {
            Phase::Instant | Phase::Progress => None,
            Phase::Recovered => broken(&loss.failed, &loss.recovered),
            Phase::Removed => broken(&loss.failed, &loss.removed),
        };
        match claim.phase {
            Phase::Progress => Err(NotPlayed),
            Phase::Instant => Ok(self.instant(cluster, claim, subject)),
            Phase::Recovered | Phase::Removed if self.losses.is_empty() => Err(NotPlayed),
            Phase::Recovered | Phase::Removed => Ok(self.losses.iter().find_map(after)),
        }
    }

    fn observed(&self, failed: Vec<String>, available: i64, of_workloads: BTreeMap<String, i64>) -> Observed {
        let before = self.before.clone();
        Observed {
            seed: self.seed,
            is_bound: self.is_bound,
            failed,
            available,
            of_workloads,
            before,
            recovered: None,
            removed: None,
        }
    }

    fn instant(&self, cluster: &Cluster, claim: &Claim, subject: &[&str]) -> Option<Observed> {
        let domain_of = |node: &str| match &claim.failures.domain {
            Domain::Node => Some(node.to_owned()),
            Domain::Label(key) => cluster.nodes.get(node)?.labels.get(key).cloned(),
        };
        let mut pods: BTreeMap<String, i64> = BTreeMap::new();
        for node in subject.iter().filter_map(|name| self.available.get(*name)).flatten() {
            if let Some(domain) = domain_of(node) {
                let own = pods.entry(domain).or_insert(0);
                *own = own.saturating_add(1);
            }
        }
        let mut fullest: Vec<(std::cmp::Reverse<i64>, String)> =
            pods.into_iter().map(|(domain, pods)| (std::cmp::Reverse(pods), domain)).collect();
        fullest.sort_unstable();
        let mut left: i64 = subject.iter().map(|name| count(self.nodes_of(name).len())).sum();
        let mut failed = Vec::new();
        for (std::cmp::Reverse(pods), domain) in fullest.into_iter().take(claim.failures.count) {
            left = left.saturating_sub(pods);
            failed.push(domain);
            if left < claim.at_least {
                failed.sort_unstable();
                let is_left = |node: &&String| domain_of(node).is_none_or(|domain| !failed.contains(&domain));
                let of_workload =
                    |name: &&str| ((*name).to_owned(), count(self.nodes_of(name).iter().filter(is_left).count()));
                let of_workloads = subject.iter().map(of_workload).collect();
                return Some(self.observed(failed, left, of_workloads));
            }
        }
        None
    }
}

/// Failures were not played after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are too many sets of failures to play each of them after a run")]
pub struct NotPlayed;

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
