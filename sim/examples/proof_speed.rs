//! How long it takes to decide every guarantee of a large cluster, and to check every proof: 5,000 nodes, 150,000 pods, 3,000
//! Deployments of 50 pods with a PodDisruptionBudget each, for every node, every pair of nodes and every zone.
//!
//! ```sh
//! cargo run --release -p quorate-sim --example proof_speed -- generous
//! ```
//!
//! A number after that asks about so many of the 3,000 only; `unlike` after that makes no two of them ask for the same.
//!
//! `generous` has three times the room that pods ask for, `tight` a tenth more than that, in `zonal` every third workload lives in one zone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a program that prints what it measured"
)]

#[path = "../tests/large_clusters/mod.rs"]
mod large_clusters;

use std::collections::BTreeMap;
use std::time::Instant;

use large_clusters::{Likeness, Room, ZONE, cluster};
use quorate_proof::Checker;
use quorate_proof::claim::{Domain, Failures, Phase, Placement};
use quorate_proof::evidence::Proof;
use quorate_sim::prove::{Guarantee, Problem, Verdict, decide, derived};

const NODES: usize = 5_000;
const WORKLOADS: usize = 3_000;
const THREADS: usize = 2;

type Tally = BTreeMap<(String, &'static str, &'static str), [usize; 3]>;

fn word(value: &dyn std::fmt::Debug) -> &'static str {
    match format!("{value:?}").as_str() {
        "Current" => "current",
        "Fresh" => "fresh",
        "Reachable" => "reachable",
        "Instant" => "instant",
        "Recovered" => "recovered",
        _ => "removed",
    }
}

/// Decides everything about some guarantees.
fn prove<'g>(
    problem: &Problem<'_>,
    digest: &str,
    guarantees: impl Iterator<Item = &'g Guarantee>,
) -> (Tally, Vec<Proof>, BTreeMap<String, usize>) {
    let (mut tally, mut proofs, mut reasons) = (Tally::new(), Vec::new(), BTreeMap::new());
    for guarantee in guarantees {
        for placement in [Placement::Current, Placement::Fresh, Placement::Reachable] {
            for phase in [Phase::Instant, Phase::Recovered, Phase::Removed] {
                let claim = guarantee.claim(placement, phase);
                let what = match &claim.failures.domain {
                    Domain::Node => format!("nodes={}", claim.failures.count),
                    Domain::Label(_) => format!("zones={}", claim.failures.count),
                };
                let row = tally.entry((what, word(&placement), word(&phase))).or_default();
                match decide(problem, digest, &claim, 0) {
                    Verdict::Proved(proof) => {
                        row[0] += 1;
                        proofs.push(*proof);
                    }
                    Verdict::Violated(proof) => {
                        row[1] += 1;
                        proofs.push(*proof);
                    }
                    Verdict::Undecided { reason, .. } => {
                        row[2] += 1;
                        let short: Vec<&str> =
                            reason.split(' ').map(|word| if word.contains("/default/") { "W" } else { word }).collect();
                        *reasons.entry(short.join(" ")).or_default() += 1;
                    }
                }
            }
        }
    }
    (tally, proofs, reasons)
}

/// The most memory that this process has had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() {
    let room = match std::env::args().nth(1).as_deref() {
        Some("tight") => Room::Tight,
        Some("zonal") => Room::Zonal,
        _ => Room::Generous,
    };
    let likeness = match std::env::args().nth(3).as_deref() {
        Some("unlike") => Likeness::Unlike,
        _ => Likeness::Alike,
    };
    let cluster = cluster(room, likeness, (NODES, WORKLOADS));
    let start = Instant::now();
    let problem = Problem::new(&cluster, &[ZONE]);
    let checker = Checker::new(&cluster).unwrap();
    println!("made ready in {:.1} s", start.elapsed().as_secs_f64());
    let zone = Domain::Label(ZONE.to_owned());
    let kinds = [(Domain::Node, 1), (Domain::Node, 2), (zone, 1)];
    let failures = kinds.map(|(domain, count)| Failures { domain, count });
    let asked = std::env::args().nth(2).map_or(WORKLOADS, |number| number.parse().unwrap());
    let guarantees: Vec<Guarantee> =
        failures.iter().flat_map(|failures| derived(&cluster, failures).0.into_iter().take(asked)).collect();
    let start = Instant::now();
    let parts: Vec<_> = std::thread::scope(|scope| {
        let (problem, digest) = (&problem, checker.digest());
        // One after the other in turn: what costs much lies together.
        let own = |thread: usize| guarantees.iter().skip(thread).step_by(THREADS);
        let running: Vec<_> =
            (0..THREADS).map(|thread| scope.spawn(move || prove(problem, digest, own(thread)))).collect();
        running.into_iter().map(|own| own.join().unwrap()).collect()
    });
    println!("{} guarantees decided in {:.1} s on {THREADS} threads", guarantees.len(), start.elapsed().as_secs_f64());
    let start = Instant::now();
    let rejected: usize = std::thread::scope(|scope| {
        let check = |proofs: &[Proof]| -> usize { proofs.iter().filter(|proof| checker.check(proof).is_err()).count() };
        let running: Vec<_> = parts.iter().map(|(_, proofs, _)| scope.spawn(move || check(proofs))).collect();
        running.into_iter().map(|own| own.join().unwrap()).sum()
    });
    let proofs: usize = parts.iter().map(|(_, proofs, _)| proofs.len()).sum();
    println!(
        "{proofs} proofs checked in {:.1} s, {rejected} rejected; peak {} MiB",
        start.elapsed().as_secs_f64(),
        peak()
    );
    let (mut tally, mut reasons) = (Tally::new(), BTreeMap::<String, usize>::new());
    for (own, _, why) in parts {
        for (key, row) in own {
            let sum = tally.entry(key).or_default();
            sum.iter_mut().zip(row).for_each(|(sum, own)| *sum += own);
        }
        why.into_iter().for_each(|(reason, count)| *reasons.entry(reason).or_default() += count);
    }
    println!(
        "{:<10}{:<11}{:<11}{:>8}{:>10}{:>11}",
        "failures", "placement", "phase", "proved", "violated", "undecided"
    );
    for ((what, placement, phase), [proved, violated, undecided]) in tally {
        println!("{what:<10}{placement:<11}{phase:<11}{proved:>8}{violated:>10}{undecided:>11}");
    }
    for (reason, count) in reasons {
        println!("{count:>6} undecided: {reason}");
    }
}
