//! All claims about one cluster, decided together.

use quorate_proof::Checker;
use quorate_proof::claim::{Domain, Placement as ProofPlacement};
use quorate_proof::cluster::Cluster;
use quorate_sim::cluster::ClusterState;
use quorate_sim::prove::{Problem, run as play};
use quorate_sim::simulation::Settings;
use rayon::prelude::*;

use super::guarantees::{Asked, proof_failures, proof_placement};
use super::progress::Played;
use super::scheduled::ByScore;
use super::verdicts::{Decided, Prover, Runs, phase_word};
use crate::command::error::CommandError;
use crate::environment::{Failures, Phase, Placement};
use crate::report::{AtPlacement, VerdictWord};

const PLACEMENTS: [Placement; 4] = [Placement::Current, Placement::Scheduled, Placement::Fresh, Placement::Reachable];
const PHASES: [Phase; 3] = [Phase::Instant, Phase::Recovered, Phase::Removed];

/// So often the scheduler is run, each time with another seed.
pub(super) const MOST_RUNS: u64 = 8;

/// With more pods than this it is run once only.
pub(super) const MANY_PODS: i64 = 2_000;

/// What claims are decided with beside the cluster itself.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// The cluster as it was read: witnesses are played on it.
    pub(super) state: &'a ClusterState,
    /// Whether witnesses are shown: only then they are made small.
    pub(super) shows: bool,
    /// Runs of the scheduler, for each kind of failures.
    pub(super) runs: &'a [Runs],
    /// Which rollouts end.
    pub(super) played: &'a Played,
    /// How many states a search looks at.
    pub(super) states: usize,
    /// How many a search looks at that follows the scheduler's scores.
    pub(super) states_by_score: usize,
}

/// A claim's placement and phase.
pub(super) type At = (Placement, Phase);

/// The claims of a guarantee that are wanted; the second argument says whether pods are on nodes now.
pub(super) type Wanted<'a> = &'a (dyn Fn(&Asked, bool) -> Vec<At> + Sync);

/// Every placement and phase, and progress where it is declared.
pub(super) fn every_claim(asked: &Asked, has_current: bool) -> Vec<At> {
    let placements = PLACEMENTS.into_iter().filter(|placement| *placement != Placement::Current || has_current);
    let mut all: Vec<At> =
        placements.flat_map(|placement| PHASES.into_iter().map(move |phase| (placement, phase))).collect();
    if let Some((placement, _)) = asked.declared.as_ref().filter(|(_, phases)| phases.contains(&Phase::Progress)) {
        all.push((*placement, Phase::Progress));
    }
    all
}

/// Decides the claims that are wanted of each guarantee.
///
/// # Errors
/// A defect, when the checker does not take the cluster.
pub(super) fn decide_all(
    cluster: &Cluster,
    all: &[Asked],
    given: &Given<'_>,
    wanted: Wanted<'_>,
) -> Result<Vec<Vec<Decided>>, CommandError> {
    let defect = |error: &dyn std::fmt::Display| CommandError::Defect(format!("the canonical cluster: {error}"));
    let digest = cluster.digest().map_err(|error| defect(&error))?;
    let checker = Checker::new(cluster).map_err(|error| defect(&error))?;
    let labels: Vec<String> = all
        .iter()
        .filter_map(|asked| match proof_failures(&asked.failures).domain {
            Domain::Node => None,
            Domain::Label(label) => Some(label),
        })
        .collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let problem = Problem::new(cluster, &labels);
    let Given { state, shows, runs, played, states, states_by_score } = *given;
    let by_score = ByScore::new(state, states_by_score);
    let prover = Prover {
        state,
        shows,
        cluster,
        problem: &problem,
        checker: &checker,
        digest: &digest,
        runs,
        played,
        states,
        by_score,
    };
    let has_current = problem.has_bound_pods();
    let decide = |asked: &Asked| -> Vec<Decided> {
        wanted(asked, has_current)
            .into_iter()
            .map(|(placement, phase)| prover.decide(asked, placement, phase))
            .collect()
    };
    Ok(all.par_iter().map(decide).collect())
}

/// Whether a pod that the scheduler places is on a node.
pub(super) fn has_current(cluster: &Cluster) -> bool {
    Problem::new(cluster, &[]).has_bound_pods()
}

/// The scheduler's own placements, with what failures do then: at most so many for each kind of failures.
pub(super) fn runs(
    state: &ClusterState,
    cluster: &Cluster,
    settings: &Settings,
    all: &[Asked],
    most: u64,
) -> Vec<Runs> {
    let pods: i64 = cluster.workloads.values().map(|workload| workload.replicas).sum();
    let number = if pods > MANY_PODS { 1 } else { most };
    let mut kinds: Vec<Failures> = Vec::new();
    for asked in all {
        if !kinds.contains(&asked.failures) {
            kinds.push(asked.failures.clone());
        }
    }
    let one = |failures: &Failures| {
        let seeds: Vec<u64> = (0..number).map(|offset| settings.seed.wrapping_add(offset)).collect();
        let runs = seeds
            .par_iter()
            .map(|seed| play(state, &Settings { seed: *seed, ..*settings }, &proof_failures(failures)))
            .collect();
        Runs { failures: failures.clone(), runs }
    };
    kinds.iter().map(one).collect()
}

/// Whether a verdict counts for the exit status: a declared guarantee's at its placement and phases; a derived one's where it
/// is violated now or as the scheduler scores.
pub(super) fn counts(asked: &Asked, verdict: &AtPlacement) -> bool {
    match &asked.declared {
        Some((placement, phases)) => {
            proof_placement(*placement) == verdict.placement
                && phases.iter().any(|phase| phase_word(*phase) == verdict.phase)
        }
        None => {
            let shown = matches!(verdict.placement, ProofPlacement::Current | ProofPlacement::Scheduled);
            shown && verdict.verdict == VerdictWord::Violated
        }
    }
}
