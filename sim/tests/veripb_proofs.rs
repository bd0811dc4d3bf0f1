//! Counting arguments about random small clusters, as VeriPB reads them.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod claims;
mod cluster_builder;
#[path = "placements/mod.rs"]
mod placements;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use claims::{claim_of, label_of};
use placements::generate::{case, crowded};
use quorate_proof::Checker;
use quorate_proof::checker::Export;
use quorate_proof::claim::{Claim, Phase, Placement};
use quorate_proof::evidence::{Evidence, Proof, Share};
use quorate_sim::prove::{Problem, Verdict, cluster, decide};

/// How many cases; more with `QUORATE_CASES`, from another one with `QUORATE_SEED`.
const CASES: u64 = 300;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

/// What VeriPB says of a formula and its refutation.
fn veripb(directory: &Path, export: &Export) -> Result<(), String> {
    let (formula, derivation) = (directory.join("claim.opb"), directory.join("claim.pbp"));
    fs::write(&formula, &export.formula).unwrap();
    fs::write(&derivation, &export.refutation).unwrap();
    let arguments =
        veripb::args::Args { formula, derivation, print_verification_result: false, ..veripb::args::Args::default() };
    veripb::run_checker(arguments).map_err(|error| format!("{error:#}"))
}

/// What kind of argument a proof makes.
fn kinds(proof: &Proof) -> Vec<&'static str> {
    match &proof.evidence {
        Evidence::Counting { .. } => vec!["counting"],
        Evidence::Bound { workloads } => workloads
            .values()
            .map(|share| match share {
                Share::Survives { spread: None, .. } => "survives",
                Share::Survives { spread: Some(_), .. } => "survives by spread",
                Share::Replaced { .. } => "replaced",
            })
            .collect(),
        Evidence::Search(_) | Evidence::Progress { .. } | Evidence::Witness(_) => vec!["none"],
    }
}

/// Whether the numbers of failed domains, or of those where others are in the way, are told apart: contradictions in a contradiction.
fn is_by_cases(export: &Export) -> bool {
    let lines = export.refutation.lines().filter(|line| line.contains(" pbc ") || line.starts_with("qed"));
    let depth = lines.scan(0_i32, |depth, line| {
        *depth += if line.starts_with("qed") { -1 } else { 1 };
        Some(*depth)
    });
    depth.max().unwrap_or(0) > 2
}

#[test]
fn veripb_accepts_every_counting_argument() {
    let (first, cases) = (number("QUORATE_SEED", 1), number("QUORATE_CASES", CASES));
    let directory = tempfile::tempdir().unwrap();
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    let drawn = (first..first + cases).flat_map(|seed| [case(seed), crowded(seed)]);
    for case in drawn {
        let seed = case.seed;
        let label = label_of(&claim_of(&case, Phase::Instant)).to_owned();
        let canonical = cluster(&case.state);
        let problem = Problem::new(&canonical, &[&label]);
        let checker = Checker::new(&canonical).unwrap();
        for phase in [Phase::Instant, Phase::Recovered, Phase::Removed] {
            let of_case = claim_of(&case, phase);
            for at_least in 1..=of_case.at_least + 1 {
                for placement in [Placement::Current, Placement::Fresh, Placement::Reachable] {
                    let claim = Claim { at_least, placement, ..of_case.clone() };
                    let Verdict::Proved(proof) = decide(&problem, checker.digest(), &claim, 0) else { continue };
                    if kinds(&proof) == ["none"] {
                        continue;
                    }
                    // The prover may hope for more than the checker accepts of pods where they are now; such a proof is not kept.
                    if checker.check(&proof).is_err() {
                        *tally.entry("not accepted by the checker").or_default() += 1;
                        continue;
                    }
                    let export = checker.export(&proof).unwrap();
                    if is_by_cases(&export) {
                        *tally.entry("by cases").or_default() += 1;
                    }
                    kinds(&proof).into_iter().for_each(|kind| *tally.entry(kind).or_default() += 1);
                    let said = veripb(directory.path(), &export);
                    assert_eq!(said, Ok(()), "seed {seed}: {proof:#?}");
                }
            }
        }
    }
    println!("accepted of {cases} clusters from seed {first}: {tally:#?}");
    for kind in ["survives", "survives by spread", "replaced", "by cases"] {
        assert!(tally.get(kind).is_some_and(|count| *count > 0), "{kind}: {tally:?}");
    }
}

/// Files with one number or one step changed, none of which shows anything, and what was changed.
fn changed(export: &Export, slack: i64) -> Vec<(&'static str, Export)> {
    let mut found = Vec::new();
    // More pods are claimed than are shown to remain.
    let (rest, last) = export.formula.trim_end().rsplit_once('\n').unwrap();
    let (terms, bound) = last.trim_end_matches(" ;").rsplit_once(' ').unwrap();
    let bound: i64 = bound.parse().unwrap();
    let formula = format!("{rest}\n{terms} {} ;\n", bound - slack - 1);
    found.push(("the last bound of the formula", Export { formula, ..export.clone() }));
    let lines: Vec<&str> = export.refutation.lines().collect();
    let with = |place: usize, line: String| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines[place] = line;
        Export { refutation: lines.join("\n") + "\n", ..export.clone() }
    };
    // The last step without its last part.
    let place = lines.iter().rposition(|line| line.contains(" pol ")).unwrap();
    if let Some((kept, _)) = lines[place].rsplit_once(" +") {
        let kept = kept.rsplit_once(" @").map_or(kept, |(kept, _)| kept);
        found.push(("a part of the last step", with(place, format!("{kept};"))));
    }
    // More is shown to be bound than there is.
    if let Some(place) = lines.iter().position(|line| line.contains(" pbc ")) {
        let (start, end) = lines[place].split_once(">= ").unwrap();
        let (number, end) = end.split_once(' ').unwrap();
        let number: i64 = number.parse().unwrap();
        found.push(("what is shown first", with(place, format!("{start}>= {} {end}", number + 1_000))));
    }
    found
}

#[test]
fn veripb_rejects_changed_files() {
    let directory = tempfile::tempdir().unwrap();
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 1..=300 {
        let case = case(seed);
        let claim = Claim { at_least: 1, ..claim_of(&case, Phase::Instant) };
        let canonical = cluster(&case.state);
        let problem = Problem::new(&canonical, &[label_of(&claim)]);
        let checker = Checker::new(&canonical).unwrap();
        let Verdict::Proved(proof) = decide(&problem, checker.digest(), &claim, 0) else { continue };
        let Evidence::Bound { workloads } = &proof.evidence else { continue };
        let remain: i64 = workloads
            .values()
            .map(|share| match share {
                Share::Survives { remain, .. } | Share::Replaced { remain, .. } => *remain,
            })
            .sum();
        let export = checker.export(&proof).unwrap();
        assert_eq!(veripb(directory.path(), &export), Ok(()), "seed {seed}");
        for (what, export) in changed(&export, remain - claim.at_least) {
            assert!(veripb(directory.path(), &export).is_err(), "seed {seed}: {what} does not matter");
            *tally.entry(what).or_default() += 1;
        }
    }
    println!("rejected: {tally:#?}");
    assert!(tally.len() == 3 && tally.values().all(|count| *count > 5), "{tally:?}");
}
