//! Rollouts and drains from placements that hard constraints allow and that leave no room for one pod more.

use std::collections::BTreeSet;

use quorate_proof::Checker;
use quorate_proof::claim::{Claim, Domain, Failures, Phase, Placement, Subject};
use quorate_proof::cluster::Cluster;
use quorate_proof::evidence::{Evidence, Witness};
use quorate_sim::cluster::ClusterState;
use quorate_sim::prove::{Problem, Verdict, bound_as, decide, selected};
use quorate_sim::simulation::Settings;

use crate::policy::simulation::{self, Context, Progress, Start};

/// A search for such a placement looks at so many states at most.
const STATES: usize = 2_000;

/// So many numbers of pods that may be left are asked about, at most.
const MOST_LEFT: i64 = 8;

/// With more pods than this nothing is played so.
const MANY_PODS: i64 = 2_000;

/// Plays the rollouts and drains of those of `workloads` with which it is not proved that they end, from placements in which a pod, once it is
/// gone, does not come back: of the workload, or of one that shares its PodDisruptionBudget.
pub(super) fn hostile(context: &Context<'_>, cluster: &Cluster, workloads: &BTreeSet<String>) -> Progress {
    let mut progress = Progress { seed: context.seed, ..Progress::default() };
    let pods: i64 = cluster.workloads.values().map(|workload| workload.replicas).sum();
    let Ok(checker) = Checker::new(cluster) else { return progress };
    if workloads.is_empty() || pods > MANY_PODS {
        return progress;
    }
    let problem = Problem::new(cluster, &[]);
    for name in workloads {
        let ends = claim(name, Phase::Progress, 1, 0);
        if matches!(decide(&problem, checker.digest(), &ends, STATES), Verdict::Proved(_)) {
            continue;
        }
        let only = BTreeSet::from([name.clone()]);
        for (claim, witness) in witnesses(&problem, &checker, cluster, name) {
            let state: &ClusterState = &context.model.state;
            let settings = Settings { seed: context.seed, ..Settings::default() };
            let Some(placed) = bound_as(state, &settings, cluster, &claim, &witness) else { continue };
            let played = simulation::progress(context, &only, Start::At(&placed));
            if let Some(stuck) = played.stuck.get(name) {
                progress.stuck.insert(name.clone(), stuck.clone());
                break;
            }
        }
    }
    progress
}

fn claim(workload: &str, phase: Phase, nodes: usize, at_least: i64) -> Claim {
    Claim {
        subject: Subject::Workload(workload.to_owned()),
        at_least,
        failures: Failures { domain: Domain::Node, count: nodes },
        placement: if phase == Phase::Progress { Placement::Reachable } else { Placement::Fresh },
        phase,
    }
}

/// Placements in which a pod stays pending, at first or once a node is lost.
fn witnesses(problem: &Problem<'_>, checker: &Checker<'_>, cluster: &Cluster, workload: &str) -> Vec<(Claim, Witness)> {
    let budgets = cluster.budgets.values().map(|budget| selected(cluster, budget));
    let mut concerned = BTreeSet::from([workload]);
    concerned.extend(budgets.filter(|names| names.contains(&workload)).flatten());
    let mut found = Vec::new();
    for (phase, nodes) in [(Phase::Removed, 1), (Phase::Recovered, 1), (Phase::Instant, 0)] {
        for name in &concerned {
            let replicas = cluster.workloads.get(*name).map_or(0, |own| own.replicas);
            // The fewest that may be left, and a single one that is missing: these are different placements.
            let mut numbers = (1..=replicas.min(MOST_LEFT)).chain([replicas]);
            found.extend(numbers.find_map(|left| broken((problem, checker), claim(name, phase, nodes, left))));
            found.extend(broken((problem, checker), claim(name, phase, nodes, replicas)));
        }
    }
    found
}

/// The witness that a claim does not hold.
fn broken((problem, checker): (&Problem<'_>, &Checker<'_>), claim: Claim) -> Option<(Claim, Witness)> {
    let Verdict::Violated(proof) = decide(problem, checker.digest(), &claim, STATES) else { return None };
    let is_legal = checker.check(&proof).is_ok();
    match proof.evidence {
        Evidence::Witness(witness) if is_legal => Some((claim, witness)),
        _ => None,
    }
}
