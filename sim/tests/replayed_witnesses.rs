//! Witnesses of random small clusters, played by the simulator: each ends with exactly as many available pods as it says.
//!
//! `QUORATE_CASES` and `QUORATE_SEED` as in `proved_placements.rs`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod cluster_builder;
#[path = "placements/mod.rs"]
mod placements;

use std::collections::{BTreeMap, BTreeSet};

use placements::enumerate::FailureDomain;
use placements::generate::{Case, case, with_current_pods};
use quorate_proof::Checker;
use quorate_proof::claim::{self, Claim, Domain, Phase, Placement, Subject};
use quorate_proof::cluster::Cluster;
use quorate_proof::evidence::{Event, Evidence, Placing, Proof, Witness};
use quorate_sim::cluster::ClusterState;
use quorate_sim::prove::{Problem, Replay, Start, Verdict, cluster, decide, moved, replay, smallest};
use quorate_sim::simulation::{Settings, Simulation, StepOutcome, unplaced};

/// As many clusters as the test tries unless it is told otherwise.
const CASES: u64 = 1_500;
/// So many events of a step are shown where one differs.
const EVENTS: usize = 30;
/// States of a search.
const STATES: usize = 4_000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn a_witness_ends_as_it_says() {
    let (first, cases) = (number("QUORATE_SEED", 1), number("QUORATE_CASES", CASES));
    let mut played: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for seed in first..first + cases {
        let case = case(seed);
        for placement in [Placement::Fresh, Placement::Reachable] {
            play(&case, &case.state, placement, &mut played, &mut wrong);
        }
        if let Some(state) = with_current_pods(&case) {
            play(&case, &state, Placement::Current, &mut played, &mut wrong);
        }
    }
    println!("{cases} clusters from seed {first}: {played:#?}");
    let shown = wrong.iter().take(3).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} differ\n{shown}", wrong.len());
    let count = |word: &str| played.get(word).copied().unwrap_or_default() as u64;
    assert_eq!(count("not played"), 0, "not played");
    // What happens after a failure comes in every order: pods are placed before others are evicted, or before nodes go.
    for kind in ["Evicted after Placed", "Removed after Placed", "preempted after"] {
        assert!(cases < CASES || count(kind) > 0, "{kind}: no witness of this kind");
    }
    assert!(count("without rest") * 1_000 <= cases, "{} of {cases} do not come to rest", count("without rest"));
    for phase in
        ["Current Instant", "Current Recovered", "Current Removed", "Fresh Instant", "Fresh Recovered", "Fresh Removed"]
    {
        assert!(count(phase) > cases / 10, "{phase}: only {} witnesses", count(phase));
    }
}

fn play(
    case: &Case,
    state: &ClusterState,
    placement: Placement,
    played: &mut BTreeMap<String, usize>,
    wrong: &mut Vec<String>,
) {
    let label = match case.failures.domain {
        FailureDomain::Nodes => String::new(),
        FailureDomain::Label(key) => state.names.text(key).to_owned(),
    };
    let canonical = cluster(state);
    let problem = Problem::new(&canonical, &[&label]);
    let digest = canonical.digest().unwrap();
    for phase in [Phase::Instant, Phase::Recovered, Phase::Removed] {
        let claim = claim_of(case, &label, placement, phase);
        let Verdict::Violated(proof) = decide(&problem, &digest, &claim, STATES) else { continue };
        let checker = Checker::new(&canonical).unwrap();
        // What the checker does not accept is nobody's witness.
        if checker.check(&proof).is_err() {
            continue;
        }
        let proof = if case.seed.is_multiple_of(2) { smaller(&canonical, &checker, proof) } else { proof };
        let Evidence::Witness(witness) = &proof.evidence else { panic!("a violation without a witness") };
        let Some(replay) = replay(state, &canonical, &claim, witness) else {
            *played.entry("not played".to_owned()).or_default() += 1;
            continue;
        };
        let at_first = match replay.start {
            Start::Current => state.clone(),
            Start::Unplaced => unplaced(state),
        };
        for kind in kinds(witness) {
            if std::env::var_os("QUORATE_SHOW").is_some_and(|shown| shown == kind) {
                println!("{kind}: seed {} {claim:?}\n{witness:?}\n{canonical:#?}", case.seed);
            }
            *played.entry(kind.to_owned()).or_default() += 1;
        }
        let Replay { scheduler_runs, taint_eviction, .. } = replay;
        let settings = Settings { scheduler_runs, taint_eviction, ..Settings::default() };
        let mut simulation = Simulation::new(at_first, &settings);
        simulation.settle();
        let reports: Vec<_> = replay.steps.iter().map(|step| (simulation.play(step), step)).collect();
        let as_said = reports.iter().all(|(report, _)| match report.outcome {
            StepOutcome::Completed => report.unexpected.is_empty(),
            // Workloads that cannot matter to the subject evict each other without end, as on the real thing.
            StepOutcome::Livelock => report.unexpected.is_empty() && reports.len() > 1,
            _ => false,
        });
        let is_restless = reports.iter().any(|(report, _)| report.outcome == StepOutcome::Livelock);
        if is_restless {
            *played.entry("without rest".to_owned()).or_default() += 1;
        }
        if !as_said {
            let told = reports.iter().map(|(report, step)| {
                let events: Vec<String> = report
                    .events
                    .iter()
                    .take(EVENTS)
                    .map(|(at, text)| format!("  {} ms {text}", at.milliseconds()))
                    .collect();
                let (outcome, detail) = (report.outcome.as_str(), &report.detail);
                format!("{:?}\n{outcome}: {detail}; {:?}\n{}", step.action, report.unexpected, events.join("\n"))
            });
            let told: Vec<String> = told.collect();
            wrong.push(format!("seed {}, {placement:?} {phase:?}: {witness:?}\n{}", case.seed, told.join("\n")));
        }
        *played.entry(format!("{placement:?} {phase:?}")).or_default() += 1;
    }
}

/// What is special about a witness.
fn kinds(witness: &Witness) -> BTreeSet<&'static str> {
    let mut kinds = BTreeSet::new();
    let preempts = |placing: &Placing| !placing.evicted.is_empty();
    if witness.before.iter().any(preempts) {
        kinds.insert("preempted before");
    }
    let mut is_placed = false;
    for event in &witness.after {
        match event {
            Event::Placed(placing) => {
                is_placed = true;
                if preempts(placing) {
                    kinds.insert("preempted after");
                }
            }
            Event::Evicted { .. } if is_placed => drop(kinds.insert("Evicted after Placed")),
            Event::Removed { .. } if is_placed => drop(kinds.insert("Removed after Placed")),
            Event::Evicted { .. } | Event::Removed { .. } => {}
        }
    }
    kinds
}

/// The smallest witness: never larger, and accepted.
fn smaller(canonical: &Cluster, checker: &Checker<'_>, proof: Box<Proof>) -> Box<Proof> {
    let size = |proof: &Proof| match &proof.evidence {
        Evidence::Witness(own) => {
            let is_current = proof.claim.placement == Placement::Current;
            let moved = moved(canonical, own).filter(|_| !is_current).unwrap_or(0);
            (own.failed.len(), moved, own.before.len() + own.after.len())
        }
        _ => panic!("a violation without a witness"),
    };
    let before = size(&proof);
    let after = smallest(canonical, checker, proof);
    assert_eq!(checker.check(&after), Ok(()));
    assert!(size(&after) <= before, "{before:?} became {:?}", size(&after));
    after
}

fn claim_of(case: &Case, label: &str, placement: Placement, phase: Phase) -> Claim {
    let names = &case.state.names;
    let name = format!("{}/default/{}", case.subject.kind.as_str(), names.text(case.subject.name));
    let domain = match case.failures.domain {
        FailureDomain::Nodes => Domain::Node,
        FailureDomain::Label(_) => Domain::Label(label.to_owned()),
    };
    let failures = claim::Failures { domain, count: case.failures.count };
    Claim { subject: Subject::Workload(name), at_least: case.at_least, failures, placement, phase }
}
