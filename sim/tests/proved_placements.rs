//! What is proved and what is violated in random small clusters, beside an enumeration of every placement.
#![allow(clippy::unwrap_used)]

mod cluster_builder;
#[allow(dead_code)]
#[path = "placements/mod.rs"]
mod placements;

use std::collections::BTreeMap;

use placements::enumerate::{Enumeration, FailureDomain, Phase, Placement, Reading};
use placements::generate::{Case, case};
use placements::ground::Ground;
use quorate_proof::Checker;
use quorate_proof::claim::{self, Claim, Domain, Subject};
use quorate_proof::evidence::{Evidence, Proof};
use quorate_sim::prove::{Problem, Verdict, cluster, decide};

/// How many cases; more with `QUORATE_CASES`, from another one with `QUORATE_SEED`.
const CASES: u64 = 1_000;
/// At most so many of a thousand claims are undecided.
const UNDECIDED_PER_MILLE: usize = 50;
/// How many states a search looks at.
const STATES: usize = 20_000;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

fn claim_of(case: &Case, label: &str, phase: claim::Phase) -> Claim {
    let names = &case.state.names;
    let subject = case.subject;
    let name = format!("{}/{}/{}", subject.kind.as_str(), names.text(subject.namespace), names.text(subject.name));
    let domain = match case.failures.domain {
        FailureDomain::Nodes => Domain::Node,
        FailureDomain::Label(_) => Domain::Label(label.to_owned()),
    };
    Claim {
        subject: Subject::Workload(name),
        at_least: case.at_least,
        failures: claim::Failures { domain, count: case.failures.count },
        placement: claim::Placement::Fresh,
        phase,
    }
}

/// How the verdicts are spread.
#[derive(Default)]
struct Tally {
    claims: usize,
    by_word: BTreeMap<&'static str, usize>,
    undecided: BTreeMap<String, usize>,
    too_many: usize,
}

#[test]
fn verdicts_agree_with_every_placement() {
    let (first, cases) = (number("QUORATE_SEED", 1), number("QUORATE_CASES", CASES));
    let mut tally = Tally::default();
    for seed in first..first + cases {
        compare(&case(seed), &mut tally);
    }
    println!("{} claims of {cases} clusters from seed {first}: {:?}", tally.claims, tally.by_word);
    println!("not enumerated: {}; undecided because {:#?}", tally.too_many, tally.undecided);
    let undecided: usize = tally.undecided.values().sum();
    assert!(undecided * 1_000 <= tally.claims * UNDECIDED_PER_MILLE, "{undecided} of {} claims", tally.claims);
}

fn compare(case: &Case, tally: &mut Tally) {
    let label = match case.failures.domain {
        FailureDomain::Nodes => String::new(),
        FailureDomain::Label(key) => case.state.names.text(key).to_owned(),
    };
    let canonical = cluster(&case.state);
    let problem = Problem::new(&canonical, &[&label]);
    let ground = Ground::new(&case.state);
    let mut enumeration = Enumeration::new(&ground, Reading::DOCUMENTED);
    let checker = Checker::new(&canonical).unwrap();
    let digest = canonical.digest().unwrap();
    let accepted = |proof: &Proof| {
        let checked = checker.check(proof);
        assert!(checked.is_ok(), "seed {}: {}\n{proof:#?}", case.seed, checked.unwrap_err());
    };
    let Subject::Workload(name) = claim_of(case, &label, claim::Phase::Instant).subject else { return };
    let most = canonical.workloads.get(&name).unwrap().replicas;
    let phases = [
        (Phase::Instant, claim::Phase::Instant),
        (Phase::Recovered, claim::Phase::Recovered),
        (Phase::Removed, claim::Phase::Removed),
    ];
    for (phase, own) in phases {
        let claim = claim_of(case, &label, own);
        let Ok(worst) = enumeration.worst(case.subject, case.failures, Placement::Fresh, phase) else {
            tally.too_many += 1;
            continue;
        };
        let holds = worst.available >= case.at_least;
        let verdict = decide(&problem, &digest, &claim, STATES);
        tally.claims += 1;
        let word = match &verdict {
            Verdict::Proved(proof) => match proof.evidence {
                Evidence::Bound { .. } => "proved by a bound",
                _ => "proved by search",
            },
            Verdict::Violated(_) => "violated",
            Verdict::Undecided { .. } => "undecided",
        };
        *tally.by_word.entry(word).or_default() += 1;
        match verdict {
            Verdict::Proved(proof) => {
                accepted(&proof);
                assert!(holds, "seed {}: {claim:?}\nproved: {proof:#?}\nbut {worst}\n{:?}", case.seed, case.features);
            }
            Verdict::Violated(proof) => {
                accepted(&proof);
                assert!(!holds, "seed {}: {claim:?}\nviolated: {proof:#?}\nbut at worst {worst}", case.seed);
            }
            Verdict::Undecided { reason, .. } => *tally.undecided.entry(reason).or_default() += 1,
        }
        // What bounds and the adversary alone say, of every number of pods and for every history.
        for at_least in 1..=most {
            for placement in [claim::Placement::Fresh, claim::Placement::Reachable] {
                let claim = Claim { at_least, placement, ..claim.clone() };
                match decide(&problem, &digest, &claim, 0) {
                    Verdict::Proved(proof) => {
                        accepted(&proof);
                        let seed = case.seed;
                        assert!(worst.available >= at_least, "seed {seed}: {claim:?}\nproved: {proof:#?}\nbut {worst}");
                    }
                    Verdict::Violated(proof) => {
                        accepted(&proof);
                        let seed = case.seed;
                        assert!(
                            worst.available < at_least,
                            "seed {seed}: {claim:?}\nviolated: {proof:#?}\nbut {worst}"
                        );
                    }
                    Verdict::Undecided { bound, .. } => assert!(bound <= worst.available, "seed {}", case.seed),
                }
            }
        }
    }
}
