//! Phase `progress`: rollouts are played. What cannot end is a violation; that one ends in the simulation is no proof.

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::claim::Claim;
use quorate_sim::cluster::{ClusterState, Deployment};
use quorate_sim::prove::{Rollout, replay_rollout};

use super::guarantees::Asked;
use super::verdicts::{Broken, Decided, Prover};
use crate::environment::Phase;
use crate::policy::simulation::{self, Before, Context, Progress, StuckRollout};
use crate::report::{AtPlacement, VerdictWord, WitnessReport};

/// Plays the rollouts of the workloads of those guarantees that are about progress.
pub(super) fn play(context: &Context<'_>, all: &[Asked]) -> Progress {
    let workloads = asked_for(all);
    if workloads.is_empty() { Progress::default() } else { simulation::progress(context, &workloads) }
}

/// The workloads whose rollouts someone declares to end.
pub(super) fn asked_for(all: &[Asked]) -> BTreeSet<String> {
    let declares =
        |asked: &&Asked| asked.declared.as_ref().is_some_and(|(_, phases)| phases.contains(&Phase::Progress));
    all.iter().filter(declares).flat_map(Asked::workloads).map(str::to_owned).collect()
}

/// The verdict on `asked` as far as a simulated rollout says it; `None`: nothing keeps the rollout from its end there.
pub(super) fn decide(prover: &Prover<'_>, asked: &Asked, claim: &Claim, verdict: &AtPlacement) -> Option<Decided> {
    let Prover { state, progress, .. } = *prover;
    let (mut verdict, mut broken) = (verdict.clone(), None);
    let workloads = asked.workloads();
    let stuck = workloads.iter().find_map(|name| progress.stuck.get(*name).map(|stuck| (*name, stuck)));
    if let Some((name, stuck)) = stuck {
        verdict.verdict = VerdictWord::Violated;
        verdict.method = Some("run");
        verdict.bound = Some(stuck.ready);
        verdict.reason = format!("no rollout of {name} can ever complete: {}", stuck.why);
        verdict.evidence.clone_from(&stuck.evidence);
        verdict.witness = Some(WitnessReport {
            placement: stuck.placement.clone(),
            subject: BTreeMap::from([(name.to_owned(), stuck.nodes.clone())]),
            failed: Vec::new(),
            steps: vec![format!("its rollout never ends: {}", stuck.why)],
            available: stuck.ready,
            moved: None,
            scenario: None,
        });
        broken = replay(prover, claim, name, stuck);
    } else if let Some(name) = workloads.iter().find(|name| progress.not_whole.contains(**name)) {
        verdict.reason = format!("not all pods of {name} become ready, so that its rollout says nothing");
    } else if let Some(name) = workloads.iter().find(|name| is_paused(state, name)) {
        verdict.reason = format!("{name} is paused: nothing is rolled out");
    } else {
        return None;
    }
    Some(Decided { verdict, proof: None, replay: broken })
}

/// The rollout, from where its pods were.
fn replay(prover: &Prover<'_>, claim: &Claim, name: &str, stuck: &StuckRollout) -> Option<Broken> {
    let before = match &stuck.before {
        Before::AsGiven => None,
        Before::Placed(placed) => Some(placed),
        Before::Unknown => return None,
    };
    let rollout = Rollout {
        workload: stuck.workload,
        before,
        outcome: stuck.outcome,
        available: (name, stuck.available),
        seed: prover.progress.seed,
    };
    let replay = replay_rollout(prover.state, prover.cluster, claim, &rollout)?;
    Some(Broken { claim: claim.clone(), replay })
}

fn is_paused(state: &ClusterState, name: &str) -> bool {
    let text = |symbol| state.names.text(symbol);
    let is_named = |own: &Deployment| format!("deployment/{}/{}", text(own.namespace), text(own.name)) == name;
    state.deployments.values().any(|own| own.paused && is_named(own))
}
