//! Placement `scheduled`: runs of the scheduler break a claim, or every placement that its scores lead to is looked at.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use quorate_proof::Rejection;
use quorate_proof::claim::{Claim, Phase};
use quorate_proof::evidence::{Evidence, Proof};
use quorate_sim::cluster::ClusterState;
use quorate_sim::prove::{NotPlayed, Observed, Run, SchedulerScores, Verdict, decide_by_score, replay_run, run_from};
use quorate_sim::simulation::Settings;

use super::guarantees::Asked;
use super::verdicts::{Broken, Decided, Prover, accepted, domain_text, rejected};
use crate::report::{AtPlacement, VerdictWord, WitnessReport};

/// A search by score looks at so many states at most: in each the scheduler is asked.
const MOST_STATES: usize = 5_000;

/// So many runs, each with another seed, show whether a failure does what a search says it may.
const MOST_RUNS: u64 = 8;

/// The scheduler's scores, for searches that follow them.
pub(super) struct ByScore<'a> {
    state: &'a ClusterState,
    /// How many states such a search looks at.
    states: usize,
    known: OnceLock<Result<SchedulerScores, String>>,
}

impl<'a> ByScore<'a> {
    /// Of a cluster, for searches of at most so many states; 0: for none.
    pub(super) fn new(state: &'a ClusterState, states: usize) -> Self {
        Self { state, states: states.min(MOST_STATES), known: OnceLock::new() }
    }

    /// The scores; or why no search can follow them in this cluster, for it would look at the same placements for every claim.
    fn scores(&self, prover: &Prover<'_>, claim: &Claim) -> Result<&SchedulerScores, String> {
        let known = self.known.get_or_init(|| {
            if self.states == 0 {
                return Err("its scores are not followed".to_owned());
            }
            let scores = SchedulerScores::new(self.state)?;
            let nothing = Claim { at_least: 0, phase: Phase::Instant, ..claim.clone() };
            match decide_by_score(prover.problem, prover.digest, &nothing, self.states, &scores) {
                Verdict::Undecided { reason, .. } => Err(reason),
                Verdict::Proved(_) | Verdict::Violated(_) => Ok(scores),
            }
        });
        known.as_ref().map_err(Clone::clone)
    }
}

/// No bound decides it, for `reason`.
pub(super) fn decide(
    prover: &Prover<'_>,
    asked: &Asked,
    claim: &Claim,
    mut verdict: AtPlacement,
    reason: &str,
) -> Decided {
    let runs = prover.runs.iter().find(|runs| runs.failures == asked.failures).map_or(&[][..], |runs| &runs.runs);
    let mut not_played = None;
    for run in runs {
        match run.breaks(prover.cluster, claim, &asked.workloads()) {
            Ok(Some(broken)) => {
                let reason = format!("with --seed {} kube-scheduler places the pods so", broken.seed);
                return violated(prover, asked, claim, (verdict, reason), (run, &broken));
            }
            Ok(None) => {}
            Err(missing @ NotPlayed) => not_played = Some(missing),
        }
    }
    let searched = match by_score(prover, asked, claim, &verdict) {
        Ok(decided) => return decided,
        Err(why) => why,
    };
    verdict.reason = match not_played {
        Some(missing) => format!("{reason}; {missing}; {searched}"),
        None => {
            let held = format!("it held in {} runs of the scheduler from an empty cluster", runs.len());
            format!("{reason}; {held}; {searched}")
        }
    };
    Decided { verdict, proof: None, replay: None }
}

/// Every placement that scores lead to.
///
/// # Errors
/// Why they do not decide the claim.
fn by_score(prover: &Prover<'_>, asked: &Asked, claim: &Claim, verdict: &AtPlacement) -> Result<Decided, String> {
    let stopped = |why: String| format!("following its scores stopped: {why}");
    let scores = prover.by_score.scores(prover, claim).map_err(stopped)?;
    match decide_by_score(prover.problem, prover.digest, claim, prover.by_score.states, scores) {
        Verdict::Undecided { reason, .. } => Err(stopped(reason)),
        Verdict::Proved(proof) => match prover.checker.check_by_score(&proof, scores) {
            Ok(()) => Ok(accepted(verdict.clone(), proof)),
            Err(rejection) => Ok(rejected(verdict.clone(), &rejection.to_string())),
        },
        Verdict::Violated(proof) => broken(prover, asked, &proof, verdict),
    }
}

/// Whether what a search says may happen does happen: when pods are evicted, and in which order, it does not know.
fn broken(prover: &Prover<'_>, asked: &Asked, proof: &Proof, verdict: &AtPlacement) -> Result<Decided, String> {
    let (Evidence::Witness(witness), claim) = (&proof.evidence, &proof.claim) else {
        return Ok(rejected(verdict.clone(), "a violation without a witness"));
    };
    // Every step of it is legal: this is as much as the checker can say.
    if let Err(rejection) = prover.checker.check(proof).or_else(but_for_scores) {
        return Ok(rejected(verdict.clone(), &rejection.to_string()));
    }
    for seed in 0..MOST_RUNS {
        let settings = Settings { seed, ..Settings::default() };
        let run = run_from(prover.state, &settings, prover.cluster, claim, witness);
        let run = run.ok_or("following its scores it may be broken, by placements that could not be played")?;
        if let Ok(Some(broken)) = run.breaks(prover.cluster, claim, &asked.workloads()) {
            let reason = "kube-scheduler may place the pods so".to_owned();
            return Ok(violated(prover, asked, claim, (verdict.clone(), reason), (&run, &broken)));
        }
    }
    Err(format!("following its scores one order of evictions breaks it, which did not come in {MOST_RUNS} runs"))
}

fn but_for_scores(rejection: Rejection) -> Result<(), Rejection> {
    if rejection == Rejection::NeedsScores { Ok(()) } else { Err(rejection) }
}

/// A run shows it.
fn violated(
    prover: &Prover<'_>,
    asked: &Asked,
    claim: &Claim,
    (mut verdict, reason): (AtPlacement, String),
    (run, broken): (&Run, &Observed),
) -> Decided {
    verdict.verdict = VerdictWord::Violated;
    verdict.method = Some("run");
    verdict.bound = Some(broken.available);
    verdict.reason = reason;
    verdict.witness = Some(witness(asked, claim, run, broken));
    let replay = replay_run(prover.state, prover.cluster, claim, broken);
    let replay = replay.map(|replay| Broken { claim: claim.clone(), replay });
    Decided { verdict, proof: None, replay }
}

fn witness(asked: &Asked, claim: &Claim, run: &Run, broken: &Observed) -> WitnessReport {
    let mut subject: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for workload in asked.workloads() {
        let nodes = subject.entry(workload.to_owned()).or_default();
        for node in run.nodes_of(workload) {
            *nodes.entry(node.clone()).or_default() += 1;
        }
    }
    let steps = match claim.phase {
        Phase::Instant | Phase::Progress => Vec::new(),
        Phase::Recovered | Phase::Removed => vec!["what can be replaced is replaced".to_owned()],
    };
    WitnessReport {
        placement: run.placement.clone(),
        subject,
        failed: broken.failed.iter().map(|name| domain_text(claim, name)).collect(),
        steps,
        available: broken.available,
        moved: None,
        scenario: None,
    }
}
