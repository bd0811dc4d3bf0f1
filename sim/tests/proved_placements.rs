//! What is proved and what is violated in random small clusters, beside an enumeration of every placement.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod claims;
mod cluster_builder;
#[path = "placements/mod.rs"]
mod placements;

use std::collections::BTreeMap;

use claims::{claim_of, label_of};
use placements::enumerate::{Enumeration, Phase, Placement, Reading, Worst};
use placements::generate::{Case, case, crowded, with_quota};
use placements::ground::Ground;
use quorate_proof::Checker;
use quorate_proof::claim::{self, Claim};
use quorate_proof::evidence::Evidence;
use quorate_sim::prove::{Problem, Verdict, cluster, decide};

/// How many cases; more with `QUORATE_CASES`, from another one with `QUORATE_SEED`.
const CASES: u64 = 5_000;
/// How many of them in which others spread themselves.
const CROWDED: u64 = 1_500;
/// At most so many of a hundred claims of a phase are undecided.
const UNDECIDED_PERCENT: [(&str, usize); 3] = [("instant", 3), ("recovered", 3), ("removed", 3)];
/// How many states a search looks at.
const STATES: usize = 20_000;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

/// How the verdicts are spread.
#[derive(Default)]
struct Tally {
    claims: usize,
    by_word: BTreeMap<(&'static str, &'static str), usize>,
    /// By phase.
    by_phase: BTreeMap<&'static str, usize>,
    undecided: BTreeMap<&'static str, usize>,
    reasons: BTreeMap<String, usize>,
    too_many: usize,
    with_quota: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.claims += other.claims;
        self.too_many += other.too_many;
        other.by_word.into_iter().for_each(|(word, count)| *self.by_word.entry(word).or_default() += count);
        other.by_phase.into_iter().for_each(|(phase, count)| *self.by_phase.entry(phase).or_default() += count);
        other.undecided.into_iter().for_each(|(phase, count)| *self.undecided.entry(phase).or_default() += count);
        other.with_quota.into_iter().for_each(|(what, count)| *self.with_quota.entry(what).or_default() += count);
        other.reasons.into_iter().for_each(|(reason, count)| *self.reasons.entry(reason).or_default() += count);
    }
}

#[test]
fn verdicts_agree_with_every_placement() {
    agree(case, number("QUORATE_CASES", CASES), true);
}

/// What others hold of one domain is bounded by how they spread themselves over all of them.
#[test]
fn verdicts_agree_where_others_spread_themselves() {
    agree(crowded, number("QUORATE_CASES", CROWDED), false);
}

/// Every fourth cluster once more with a quota, where these are looked at.
fn agree(drawn: fn(u64) -> Case, cases: u64, with_quotas: bool) {
    let first = number("QUORATE_SEED", 1);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
    let parts = std::thread::scope(|scope| {
        let part = |part| {
            scope.spawn(move || {
                let mut tally = Tally::default();
                for seed in (first + part..first + cases).step_by(threads as usize) {
                    compare(&drawn(seed), &mut tally);
                    if with_quotas && seed % 4 == 0 {
                        compare_with_quota(seed, &mut tally);
                    }
                }
                tally
            })
        };
        let threads: Vec<_> = (0..threads).map(part).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let mut tally = Tally::default();
    parts.into_iter().for_each(|part| tally.add(part));
    println!("{} claims of {cases} clusters from seed {first}: {:#?}", tally.claims, tally.by_word);
    println!("not enumerated: {}; undecided because {:#?}", tally.too_many, tally.reasons);
    println!("with quotas: {:?}", tally.with_quota);
    for what in ["proved", "violated", "refused", "refused and worse for it"] {
        let count = tally.with_quota.get(what).copied().unwrap_or_default();
        assert!(!with_quotas || cases < CASES || count > 40, "{what}: {:?}", tally.with_quota);
    }
    for (phase, percent) in UNDECIDED_PERCENT {
        let (claims, undecided) = (tally.by_phase[phase], tally.undecided.get(phase).copied().unwrap_or_default());
        assert!(undecided * 100 <= claims * percent, "{phase}: {undecided} of {claims} claims are undecided");
    }
}

fn compare(case: &Case, tally: &mut Tally) {
    let label = label_of(&claim_of(case, claim::Phase::Instant)).to_owned();
    let canonical = cluster(&case.state);
    let problem = Problem::new(&canonical, &[&label]);
    let ground = Ground::new(&case.state);
    let mut enumeration = Enumeration::new(&ground, Reading::DOCUMENTED);
    let in_order = Ground::in_order(&case.state);
    let mut kubernetes = Enumeration::new(&in_order, Reading::KUBERNETES);
    let checker = Checker::new(&canonical).unwrap();
    let digest = canonical.digest().unwrap();
    let phases = [
        ("instant", Phase::Instant, claim::Phase::Instant),
        ("recovered", Phase::Recovered, claim::Phase::Recovered),
        ("removed", Phase::Removed, claim::Phase::Removed),
    ];
    for (named, phase, own) in phases {
        let claim = claim_of(case, own);
        let Ok(worst) = enumeration.worst(case.subject, case.failures, Placement::Fresh, phase) else {
            tally.too_many += 1;
            continue;
        };
        let holds = worst.available >= case.at_least;
        let verdict = decide(&problem, &digest, &claim, STATES);
        tally.claims += 1;
        *tally.by_phase.entry(named).or_default() += 1;
        let word = match &verdict {
            Verdict::Proved(proof) => match proof.evidence {
                Evidence::Bound { .. } => "proved by a bound",
                _ => "proved by search",
            },
            Verdict::Violated(_) => "violated",
            Verdict::Undecided { .. } => "undecided",
        };
        *tally.by_word.entry((named, word)).or_default() += 1;
        match verdict {
            Verdict::Proved(proof) | Verdict::Violated(proof) => {
                let checked = checker.check(&proof);
                assert!(checked.is_ok(), "seed {}: {}\n{proof:#?}", case.seed, checked.unwrap_err());
                let told = format!("seed {}: {claim:?}\n{word}: {proof:#?}", case.seed);
                assert_eq!(holds, word != "violated", "{told}\nbut {worst}\n{:?}", case.features);
                // By a reading that is closer to Kubernetes too, where that has not too many placements.
                if let Ok(closer) = kubernetes.worst(case.subject, case.failures, Placement::Fresh, phase) {
                    assert_eq!(closer.available >= case.at_least, holds, "{told}\nbut {closer}\n{:?}", case.features);
                }
            }
            Verdict::Undecided { reason, .. } => {
                *tally.undecided.entry(named).or_default() += 1;
                *tally.reasons.entry(without_names(&reason)).or_default() += 1;
            }
        }
        without_search(case, (&problem, &checker), &claim, &worst);
    }
}

/// The same cluster with a quota: nothing is decided where pods may be refused, for others are then in their place.
fn compare_with_quota(seed: u64, tally: &mut Tally) {
    let (case, without) = (with_quota(case(seed)), case(seed));
    let mut own = Tally::default();
    compare(&case, &mut own);
    let words = own.by_word.iter().map(|((_, word), count)| (word.split(' ').next().unwrap(), *count));
    words.for_each(|(word, count)| *tally.with_quota.entry(word).or_default() += count);
    let grounds = [&case, &without].map(|case| Ground::new(&case.state));
    let worst = grounds.each_ref().map(|ground| {
        let mut enumeration = Enumeration::new(ground, Reading::DOCUMENTED);
        enumeration.worst(case.subject, case.failures, Placement::Fresh, Phase::Recovered)
    });
    let canonical = cluster(&case.state);
    let is_tight = canonical.shapes.iter().flat_map(|own| &own.not_carried).any(|own| own.contains("ResourceQuota"));
    *tally.with_quota.entry("refused").or_default() += usize::from(is_tight);
    if let [Ok(with), Ok(without)] = &worst {
        let is_worse = with.available < without.available;
        *tally.with_quota.entry("refused and worse for it").or_default() += usize::from(is_worse);
        // Whatever a quota keeps out is known to be kept out.
        assert!(is_tight || !is_worse, "seed {seed}: {with}\n{without}");
    }
}

/// What bounds and the adversary alone say, of every number of pods and for every history.
fn without_search(case: &Case, (problem, checker): (&Problem<'_>, &Checker<'_>), claim: &Claim, worst: &Worst) {
    let seed = case.seed;
    for at_least in 1..=claim.at_least.max(worst.available + 1) {
        for placement in [claim::Placement::Fresh, claim::Placement::Reachable] {
            let claim = Claim { at_least, placement, ..claim.clone() };
            match decide(problem, checker.digest(), &claim, 0) {
                Verdict::Proved(proof) => {
                    assert_eq!(checker.check(&proof), Ok(()), "seed {seed}: {proof:#?}");
                    assert!(worst.available >= at_least, "seed {seed}: {claim:?}\nproved: {proof:#?}\nbut {worst}");
                }
                Verdict::Violated(proof) => {
                    assert_eq!(checker.check(&proof), Ok(()), "seed {seed}: {proof:#?}");
                    assert!(worst.available < at_least, "seed {seed}: {claim:?}\nviolated: {proof:#?}\nbut {worst}");
                }
                Verdict::Undecided { bound, .. } => assert!(bound <= worst.available, "seed {seed}"),
            }
        }
    }
}

/// The last part of a reason, with `W` for every workload.
fn without_names(reason: &str) -> String {
    let last = reason.rsplit("; ").next().unwrap_or(reason);
    let words = last.split(' ').map(|word| if word.contains("/default/") { "W" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
