//! Phase `progress`: rollouts and drains are played. What cannot end is a violation; that one ends in the simulation is no proof.

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::claim::Claim;
use quorate_proof::cluster::Cluster;
use quorate_sim::cluster::{ClusterState, Deployment, NodeId};
use quorate_sim::prove::{Hanging, Standstill, replay_standstill};

use super::guarantees::Asked;
use super::hostile::hostile;
use super::verdicts::{Broken, Decided, Prover};
use crate::environment::{Phase, Placement};
use crate::policy::simulation::{self, Before, Context, Progress, Start, Stuck, StuckStep};
use crate::report::{AtPlacement, PhaseWord, VerdictWord, WitnessReport};

/// What was played.
#[derive(Default)]
pub(super) struct Played {
    /// From where the pods are now, for placement `current`.
    pub(super) now: Progress,
    /// From where the scheduler puts them.
    pub(super) anew: Progress,
    /// From where somebody who means ill puts them, for placements `fresh` and `reachable`.
    pub(super) hostile: Progress,
}

impl Played {
    /// Whether all pods of all workloads are ready, wherever it was played.
    pub(super) fn are_whole(&self) -> bool {
        self.now.not_whole.is_empty() && self.anew.not_whole.is_empty()
    }
}

/// Plays the rollouts of the workloads of those guarantees that are about progress, and the drains of their pods.
pub(super) fn play(context: &Context<'_>, cluster: &Cluster, all: &[Asked]) -> Played {
    let of = |placement| asked_for(all, |own| own == placement);
    let mut played = Played::default();
    for placement in [Placement::Current, Placement::Scheduled, Placement::Fresh, Placement::Reachable] {
        played.add(context, cluster, &of(placement), placement);
    }
    played
}

impl Played {
    /// Plays those of these workloads that are not played yet from where the scheduler puts all pods.
    pub(super) fn add_anew(&mut self, context: &Context<'_>, workloads: &BTreeSet<String>) {
        let missing: BTreeSet<String> = workloads.difference(&self.anew.workloads).cloned().collect();
        if !missing.is_empty() {
            self.anew.extend(simulation::progress(context, &missing, Start::Anew));
        }
    }

    /// Plays these workloads for a placement as well.
    pub(super) fn add(
        &mut self,
        context: &Context<'_>,
        cluster: &Cluster,
        workloads: &BTreeSet<String>,
        placement: Placement,
    ) {
        if workloads.is_empty() {
            return;
        }
        if placement == Placement::Current {
            self.now.extend(simulation::progress(context, workloads, Start::AsGiven));
            return;
        }
        self.add_anew(context, workloads);
        if placement != Placement::Scheduled {
            let is_stuck = |name: &String| self.anew.stuck.contains_key(name) || self.anew.not_whole.contains(name);
            let others: BTreeSet<String> = workloads.iter().filter(|name| !is_stuck(name)).cloned().collect();
            self.hostile.extend(hostile(context, cluster, &others));
        }
    }
}

/// The workloads whose rollouts and drains someone declares to end, for such placements.
pub(super) fn asked_for(all: &[Asked], is_meant: impl Fn(Placement) -> bool) -> BTreeSet<String> {
    let declares = |asked: &&Asked| {
        let declared = asked.declared.as_ref();
        declared.is_some_and(|(placement, phases)| is_meant(*placement) && phases.contains(&Phase::Progress))
    };
    all.iter().filter(declares).flat_map(Asked::workloads).map(str::to_owned).collect()
}

/// The verdict on `asked` as far as simulated rollouts and drains say it; `None`: nothing keeps them from their end there.
pub(super) fn decide(
    prover: &Prover<'_>,
    asked: &Asked,
    (placement, claim): (Placement, &Claim),
    verdict: &AtPlacement,
) -> Option<Decided> {
    let state = prover.state;
    let workloads = asked.workloads();
    let played = prover.played;
    let is_stuck = |progress: &Progress| workloads.iter().any(|name| progress.stuck.contains_key(*name));
    let is_open = matches!(placement, Placement::Fresh | Placement::Reachable);
    let (progress, from) = match placement {
        Placement::Current => (&played.now, ""),
        _ if is_open && !is_stuck(&played.anew) && is_stuck(&played.hostile) => (&played.hostile, HOSTILE),
        Placement::Scheduled | Placement::Fresh | Placement::Reachable => (&played.anew, ""),
    };
    let (mut verdict, mut broken) = (verdict.clone(), None);
    let stuck = |name| progress.stuck.get(name).map(|all| (name, all.as_slice()));
    if let Some((name, all @ [first, ..])) = workloads.iter().copied().find_map(stuck) {
        verdict.verdict = VerdictWord::Violated;
        verdict.method = Some("run");
        verdict.bound = Some(first.ready);
        let all: Vec<String> = all.iter().map(|own| in_words(state, name, own)).collect();
        verdict.reason = format!("{from}{}", all.join("; and "));
        verdict.evidence.clone_from(&first.evidence);
        verdict.witness = Some(WitnessReport {
            placement: first.placement.clone(),
            subject: BTreeMap::from([(name.to_owned(), first.nodes.clone())]),
            failed: Vec::new(),
            steps: steps(state, first),
            available: first.ready,
            moved: None,
            scenario: None,
        });
        broken = replay(prover, claim, (name, first), progress.seed);
    } else if let Some(name) = workloads.iter().find(|name| progress.not_whole.contains(**name)) {
        verdict.reason = format!("not all pods of {name} become ready, so that its rollout says nothing");
    } else if let Some(name) = workloads.iter().find(|name| is_paused(state, name)) {
        verdict.reason = format!("{name} is paused: nothing is rolled out");
    } else {
        return None;
    }
    Some(Decided { verdict, proof: None, replay: broken })
}

/// How the reason begins where not the scheduler places pods so.
const HOSTILE: &str = "where pods are placed so, as hard constraints allow, ";

/// What the reason says where a rollout does not end.
const NO_ROLLOUT: &str = "no rollout";

/// Whether what breaks progress is a rollout, be it among others.
pub(super) fn is_rollout(verdict: &AtPlacement) -> bool {
    verdict.phase == PhaseWord::Progress && verdict.reason.contains(NO_ROLLOUT)
}

/// What the reason says where a drain does not end.
const WAITS: &str = "waits for a pod of";

/// Whether drains are among what breaks progress.
pub(super) fn is_drain(verdict: &AtPlacement) -> bool {
    verdict.phase == PhaseWord::Progress && verdict.reason.contains(WAITS)
}

/// What stands still, and why.
fn in_words(state: &ClusterState, name: &str, stuck: &Stuck) -> String {
    match &stuck.what {
        StuckStep::Rollout => format!("{NO_ROLLOUT} of {name} can ever complete: {}", stuck.why),
        StuckStep::Drain { node, earlier } => {
            let drain = format!("a drain of {} {WAITS} {name} for ever", node_text(state, *node));
            match earlier.as_slice() {
                [] => format!("{drain}: {}", stuck.why),
                earlier => format!("once {} {drain}: {}", were_drained(state, earlier), stuck.why),
            }
        }
    }
}

fn steps(state: &ClusterState, stuck: &Stuck) -> Vec<String> {
    match &stuck.what {
        StuckStep::Rollout => vec![format!("its rollout never ends: {}", stuck.why)],
        StuckStep::Drain { node, earlier } => {
            let before = earlier.iter().map(|node| format!("{} is drained and uncordoned", node_text(state, *node)));
            let never = format!("the drain of {} never ends: {}", node_text(state, *node), stuck.why);
            before.chain([never]).collect()
        }
    }
}

/// `worker-1 was drained and uncordoned,`.
fn were_drained(state: &ClusterState, nodes: &[NodeId]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node_text(state, *node)).collect();
    let were = if names.len() == 1 { "was" } else { "were, in turn," };
    format!("{} {were} drained and uncordoned,", names.join(", "))
}

fn node_text(state: &ClusterState, node: NodeId) -> &str {
    state.nodes.get(&node).map_or("", |node| state.names.text(node.name))
}

/// What stands still, from where its pods were.
fn replay(prover: &Prover<'_>, claim: &Claim, (name, stuck): (&str, &Stuck), seed: u64) -> Option<Broken> {
    let before = match &stuck.before {
        Before::AsGiven => None,
        Before::Placed(placed) => Some(placed),
        Before::Unknown => return None,
    };
    let hanging = match &stuck.what {
        StuckStep::Rollout => Hanging::Rollout(stuck.workload),
        StuckStep::Drain { node, earlier } => Hanging::Drain { node: *node, earlier },
    };
    let standstill = Standstill { hanging, before, outcome: stuck.outcome, available: (name, stuck.available), seed };
    let replay = replay_standstill(prover.state, prover.cluster, claim, &standstill)?;
    Some(Broken { claim: claim.clone(), replay })
}

fn is_paused(state: &ClusterState, name: &str) -> bool {
    let text = |symbol| state.names.text(symbol);
    let is_named = |own: &Deployment| format!("deployment/{}/{}", text(own.namespace), text(own.name)) == name;
    state.deployments.values().any(|own| own.paused && is_named(own))
}
