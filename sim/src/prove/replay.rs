//! A witness as steps that the simulator plays, and that somebody can force a real control plane through: kube-scheduler is stopped, and
//! pods are bound as the witness says; once they are, the scheduler runs, and finds nothing to do that would help.

use std::collections::BTreeMap;

use quorate_proof::claim::{Claim, Domain, Phase, Placement};
use quorate_proof::cluster::{Cluster, Kind};
use quorate_proof::evidence::{Event, Placing, Witness};

use super::guarantee::workloads_of;
use crate::cluster::{ClusterState, NodeId, WorkloadName};
use crate::controller::{all_workloads, workload_name, workload_text};
use crate::simulation::{Binding, Bound, SchedulerRuns, Step, StepAction, TaintEviction};

/// Steps that lead to what a witness says.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Where the pods are at first.
    pub start: Start,
    /// When the scheduler runs.
    pub scheduler_runs: SchedulerRuns,
    /// When pods of nodes that fail are evicted.
    pub taint_eviction: TaintEviction,
    /// The seed of its choices, where they matter.
    pub seed: Option<u64>,
    /// The steps; the last one expects what the witness says to be available.
    pub steps: Vec<Step>,
}

/// Where the pods are at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Where the input has them.
    Current,
    /// Nowhere ([`crate::simulation::unplaced`]).
    Unplaced,
}

/// The steps of `witness`, which breaks `claim` about `cluster`; `None`: what it counts is not what the steps of a scenario show (pods
/// that are not ready now, nodes that are not, DaemonSets several of which belong to one budget).
#[must_use]
pub fn replay(state: &ClusterState, cluster: &Cluster, claim: &Claim, witness: &Witness) -> Option<Replay> {
    let writer = Writer::new(state, cluster, claim);
    let is_current = claim.placement == Placement::Current;
    if is_current && !writer.is_settled() {
        return None;
    }
    let failed = lost(cluster, claim, &witness.failed);
    let taint_eviction = writer.taint_eviction(witness, &failed);
    let mut steps = Vec::new();
    if !is_current {
        let mut bindings = writer.daemon_sets();
        bindings.extend(writer.bindings(witness.before.iter())?);
        steps.push(bind(bindings));
    } else if claim.phase != Phase::Instant {
        // What is pending and cannot matter comes.
        steps.push(bind(Vec::new()));
    }
    if !failed.is_empty() {
        let nodes: Vec<NodeId> = failed.iter().filter_map(|name| node(state, name)).collect();
        steps.push(match (claim.phase, taint_eviction) {
            (Phase::Removed, TaintEviction::Always) => step("delete node", &failed, StepAction::DeleteNode { nodes }),
            (Phase::Instant | Phase::Recovered | Phase::Removed | Phase::Progress, _) => {
                step("fail", &failed, StepAction::FailNode { nodes })
            }
        });
        if claim.phase != Phase::Instant {
            steps.push(bind(writer.events(witness, taint_eviction)?));
        }
    }
    if steps.is_empty() {
        steps.push(step("wait 0 s", &[], StepAction::Wait { seconds: 0 }));
    }
    steps.last_mut()?.expected_available = writer.available(witness, &failed)?;
    let start = if is_current { Start::Current } else { Start::Unplaced };
    Some(Replay { start, scheduler_runs: SchedulerRuns::AfterBind, taint_eviction, seed: None, steps })
}

pub(super) fn step(what: &str, nodes: &[&str], action: StepAction) -> Step {
    let description = if nodes.is_empty() { what.to_owned() } else { format!("{what} {}", nodes.join(", ")) };
    Step {
        name: None,
        description,
        action,
        expected_outcome: None,
        expected_min_ready: BTreeMap::new(),
        expected_available: BTreeMap::new(),
    }
}

/// Whether a pod is placed before another is evicted or a node goes.
fn is_placed_before_loss(witness: &Witness) -> bool {
    let is_placed = |event: &Event| matches!(event, Event::Placed(_));
    let first = witness.after.iter().position(is_placed).unwrap_or(witness.after.len());
    witness.after.iter().skip(first).any(|event| !is_placed(event))
}

pub(super) fn bind(bindings: Vec<Binding>) -> Step {
    let description = format!("bind {}", bindings.len());
    step(&description, &[], StepAction::Bind { bindings })
}

pub(super) fn node(state: &ClusterState, name: &str) -> Option<NodeId> {
    state.names.find(name).and_then(|symbol| state.node_named(symbol))
}

/// The nodes of the failed domains.
pub(super) fn lost<'a>(cluster: &'a Cluster, claim: &Claim, failed: &[String]) -> Vec<&'a str> {
    let is_lost = |name: &String, labels: &quorate_proof::input::Labels| match &claim.failures.domain {
        Domain::Node => failed.contains(name),
        Domain::Label(key) => labels.get(key).is_some_and(|value| failed.contains(value)),
    };
    let nodes = cluster.nodes.iter().filter(|(name, node)| is_lost(name, &node.labels));
    nodes.map(|(name, _)| name.as_str()).collect()
}

/// Writes in terms of what the simulator plays.
pub(super) struct Writer<'a> {
    state: &'a ClusterState,
    cluster: &'a Cluster,
    claim: &'a Claim,
    workloads: BTreeMap<String, WorkloadName>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(state: &'a ClusterState, cluster: &'a Cluster, claim: &'a Claim) -> Self {
        let named = all_workloads(state)
            .into_iter()
            .filter_map(|id| Some((workload_text(state, id), workload_name(state, id)?)));
        Self { state, cluster, claim, workloads: named.collect() }
    }
}

impl Writer<'_> {
    /// Whether pods and nodes are as they stay while nothing is done.
    fn is_settled(&self) -> bool {
        let is_fixed =
            |name: &String| self.cluster.workloads.get(name).is_some_and(|own| matches!(own.kind, Kind::Static(_)));
        let mut bound = self.cluster.pods.values().filter(|pod| pod.node.is_some() && !pod.terminating);
        bound.all(|pod| pod.ready || is_fixed(&pod.workload)) && self.cluster.nodes.values().all(|node| node.ready)
    }

    pub(super) fn daemon_sets(&self) -> Vec<Binding> {
        let daemon_sets = self.cluster.workloads.iter().filter(|(_, own)| own.kind == Kind::DaemonSet);
        daemon_sets.filter_map(|(name, _)| self.workload(name)).map(Binding::DaemonSet).collect()
    }

    pub(super) fn bindings<'p>(&self, placings: impl IntoIterator<Item = &'p Placing>) -> Option<Vec<Binding>> {
        placings.into_iter().map(|placing| self.binding(placing)).collect()
    }

    /// Evictions, and nodes that go, come when steps say so if a pod is placed before one of them, for a step goes on until everything is lost that
    /// will be; and if a pod stays on a failed node: one that bears both taints for some seconds is as good as bound there again.
    fn taint_eviction(&self, witness: &Witness, failed: &[&str]) -> TaintEviction {
        if is_placed_before_loss(witness) {
            return TaintEviction::InBind;
        }
        let is_lost = |workload: &str, node: &str| {
            let kind = self.cluster.workloads.get(workload).map(|own| &own.kind);
            failed.contains(&node) && !matches!(kind, Some(Kind::DaemonSet | Kind::Static(_)))
        };
        let placed = self.placed(witness);
        let lost = placed.iter().filter(|((workload, node), _)| is_lost(workload, node)).map(|(_, count)| *count);
        let evicted = witness.after.iter().map(|event| match event {
            Event::Evicted { pods, .. } => *pods,
            Event::Placed(_) | Event::Removed { .. } => 0,
        });
        // Kubernetes evicts nothing while all nodes are lost: there is nothing to hold back.
        let are_all_lost = failed.len() == self.cluster.nodes.len();
        let stays = !are_all_lost && lost.sum::<i64>() > evicted.sum();
        if self.claim.phase == Phase::Recovered && stays { TaintEviction::InBind } else { TaintEviction::Always }
    }

    /// What happens after the failure. Where Kubernetes evicts pods as soon as it does, and all nodes are gone at once, only what is placed.
    fn events(&self, witness: &Witness, taint_eviction: TaintEviction) -> Option<Vec<Binding>> {
        let one = |event: &Event| match (event, taint_eviction) {
            (Event::Placed(placing), _) => Some(self.binding(placing)),
            (Event::Evicted { .. } | Event::Removed { .. }, TaintEviction::Always) => None,
            (Event::Evicted { workload, node, pods }, TaintEviction::InBind) => {
                Some(self.eviction(workload, node, *pods))
            }
            (Event::Removed { node: name }, TaintEviction::InBind) => {
                Some(node(self.state, name).map(Binding::DeleteNode))
            }
        };
        witness.after.iter().filter_map(one).collect()
    }

    fn eviction(&self, workload: &str, from: &str, pods: i64) -> Option<Binding> {
        let (of, node) = (self.bound(workload)?, node(self.state, from)?);
        Some(Binding::Evict { of, node, pods: usize::try_from(pods).ok()? })
    }

    fn binding(&self, placing: &Placing) -> Option<Binding> {
        let evicted =
            placing.evicted.iter().map(|(name, count)| Some((self.bound(name)?, usize::try_from(*count).ok()?)));
        Some(Binding::Pod {
            of: self.bound(&placing.workload)?,
            node: node(self.state, &placing.node)?,
            evicted: evicted.collect::<Option<_>>()?,
        })
    }

    fn bound(&self, name: &str) -> Option<Bound> {
        let Some(pod) = name.strip_prefix("pod/") else { return self.workload(name).map(Bound::Workload) };
        let (namespace, name) = pod.split_once('/')?;
        Some(Bound::Pod { namespace: self.state.names.find(namespace)?, name: name.to_owned() })
    }

    pub(super) fn workload(&self, text: &str) -> Option<WorkloadName> {
        self.workloads.get(text).copied()
    }

    /// How many pods of each workload of the subject are available at the end.
    fn available(&self, witness: &Witness, failed: &[&str]) -> Option<BTreeMap<String, i64>> {
        let placed = self.placed(witness);
        let mut available: BTreeMap<String, i64> = BTreeMap::new();
        let mut of_nodes = None;
        for name in workloads_of(self.cluster, &self.claim.subject) {
            match &self.cluster.workloads.get(name)?.kind {
                Kind::DaemonSet if of_nodes.is_none() => of_nodes = Some(name),
                Kind::DaemonSet => return None,
                Kind::Static(node) => {
                    available.insert(name.to_owned(), i64::from(!failed.contains(&node.as_str())));
                }
                Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::Job | Kind::Pod => {
                    let own = placed.iter().filter(|((workload, node), _)| *workload == name && !failed.contains(node));
                    available.insert(name.to_owned(), own.map(|(_, count)| *count).sum());
                }
            }
        }
        let counted: i64 = available.values().sum();
        let rest = witness.available.saturating_sub(counted);
        match of_nodes {
            Some(name) => drop(available.insert(name.to_owned(), rest)),
            None if rest != 0 => return None,
            None => {}
        }
        Some(available)
    }

    /// How many pods of a workload are on a node in the end, as if none had failed.
    fn placed<'w>(&'w self, witness: &'w Witness) -> BTreeMap<(&'w str, &'w str), i64> {
        let mut placed: BTreeMap<(&str, &str), i64> = BTreeMap::new();
        let mut add = |workload, node, count: i64| {
            let own = placed.entry((workload, node)).or_insert(0);
            *own = own.saturating_add(count);
        };
        if self.claim.placement == Placement::Current {
            for pod in self.cluster.pods.values().filter(|pod| !pod.terminating) {
                if let Some(node) = &pod.node {
                    add(pod.workload.as_str(), node.as_str(), 1);
                }
            }
        }
        let after = witness.after.iter().filter_map(|event| match event {
            Event::Placed(placing) => Some(placing),
            Event::Evicted { .. } | Event::Removed { .. } => None,
        });
        for placing in witness.before.iter().chain(after) {
            for (victim, count) in &placing.evicted {
                add(victim.as_str(), placing.node.as_str(), count.saturating_neg());
            }
            add(placing.workload.as_str(), placing.node.as_str(), 1);
        }
        placed
    }
}
