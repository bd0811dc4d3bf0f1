//! More failures, more pods asked for, more ways to be placed: none of it turns what is violated into something proved.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its input should stop")]

mod claims;
mod cluster_builder;
#[path = "placements/mod.rs"]
mod placements;

use claims::{claim_of, label_of};
use cluster_builder::{Builder, PodWishes};
use placements::generate::{Case, case};
use quorate_proof::Checker;
use quorate_proof::claim::{Claim, Domain, Failures, Phase, Placement, Subject};
use quorate_sim::cluster::IntOrPercent;
use quorate_sim::prove::{Problem, Verdict, cluster, decide};

/// So many clusters.
const CASES: u64 = 400;
/// How many states a search looks at.
const STATES: usize = 2_000;

/// Of one claim: proved, violated, or neither.
fn verdict(problem: &Problem<'_>, checker: &Checker<'_>, claim: &Claim) -> Option<bool> {
    match decide(problem, checker.digest(), claim, STATES) {
        Verdict::Proved(proof) => checker.check(&proof).is_ok().then_some(true),
        Verdict::Violated(proof) => checker.check(&proof).is_ok().then_some(false),
        Verdict::Undecided { .. } => None,
    }
}

/// Asserts that nothing is proved once a weaker claim is violated.
fn falls(case: &Case, claims: &[(Claim, Option<bool>)]) {
    let first_broken = claims.iter().position(|(_, verdict)| *verdict == Some(false)).unwrap_or(claims.len());
    let late = claims.iter().skip(first_broken).find(|(_, verdict)| *verdict == Some(true));
    assert!(late.is_none(), "seed {}: {:?} is violated, and {late:?}", case.seed, claims.get(first_broken));
}

#[test]
fn what_is_violated_stays_so() {
    let (mut proved, mut violated) = (0, 0);
    for seed in 1..=CASES {
        let case = case(seed);
        let own = claim_of(&case, Phase::Instant);
        let canonical = cluster(&case.state);
        let (problem, checker) = (Problem::new(&canonical, &[label_of(&own)]), Checker::new(&canonical).unwrap());
        for phase in [Phase::Instant, Phase::Recovered, Phase::Removed] {
            let claim = |count: usize, at_least: i64, placement: Placement| {
                let failures = Failures { count, ..own.failures.clone() };
                let claim = Claim { at_least, failures, placement, phase, ..own.clone() };
                let verdict = verdict(&problem, &checker, &claim);
                (claim, verdict)
            };
            let failures: Vec<_> = (0..=3).map(|count| claim(count, case.at_least, Placement::Fresh)).collect();
            falls(&case, &failures);
            let pods: Vec<_> = (1..=4).map(|at_least| claim(1, at_least, Placement::Fresh)).collect();
            falls(&case, &pods);
            let placements = [Placement::Fresh, Placement::Reachable].map(|own| claim(1, case.at_least, own));
            falls(&case, &placements);
            for (_, verdict) in failures.iter().chain(&pods).chain(&placements) {
                proved += i32::from(*verdict == Some(true));
                violated += i32::from(*verdict == Some(false));
            }
        }
    }
    assert!(proved > 500 && violated > 500, "{proved} proved, {violated} violated");
}

/// A rollout adds the most pods while the autoscaler has set the most replicas.
#[test]
fn rollouts_add_to_the_most_replicas_of_an_autoscaler() {
    // Eight pods of the other Deployment, four of which a rollout adds, leave no room for the ninth on 4 CPU.
    for (cpu, most, is_proved) in [(4, 4, false), (5, 4, true), (4, 3, true), (3, 2, true), (3, 3, false)] {
        let mut builder = Builder::new();
        builder.node("worker-1", cpu, 64, None);
        let wishes = PodWishes { cpu_milli: 500, ..PodWishes::default() };
        let all_at_once = (IntOrPercent::Percent(100), IntOrPercent::Int(0));
        builder.deployment("other", 2, all_at_once, &wishes);
        builder.autoscaler("other", (2, most), 80);
        builder.deployment("web", 1, (IntOrPercent::Int(0), IntOrPercent::Int(1)), &wishes);
        let canonical = cluster(&builder.state);
        let (problem, checker) = (Problem::new(&canonical, &[]), Checker::new(&canonical).unwrap());
        let claim = Claim {
            subject: Subject::Workload("deployment/default/web".to_owned()),
            at_least: 1,
            failures: Failures { domain: Domain::Node, count: 0 },
            placement: Placement::Reachable,
            phase: Phase::Instant,
        };
        assert_eq!(verdict(&problem, &checker, &claim) == Some(true), is_proved, "{cpu} CPU, up to {most} replicas");
    }
}
