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

use std::collections::BTreeMap;
use std::time::Instant;

use quorate_proof::Checker;
use quorate_proof::claim::{Domain, Failures, Phase, Placement};
use quorate_proof::cluster::{Asks, Budget, Cluster, ExistingPod, Kind, Workload};
use quorate_proof::evidence::Proof;
use quorate_proof::input::{Labels, Node, Operator, Pod, PodTerm, Requirement, Spread};
use quorate_sim::prove::{Guarantee, Problem, Verdict, decide, derived};

const NODES: usize = 5_000;
const WORKLOADS: usize = 3_000;
const REPLICAS: i64 = 50;
const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";
const ZONES: [&str; 3] = ["a", "b", "c"];
const THREADS: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Room {
    Generous,
    Tight,
    Zonal,
}

/// Whether workloads ask for the same as others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Likeness {
    Alike,
    Unlike,
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn app(number: usize) -> Vec<Requirement> {
    vec![Requirement { key: "app".to_owned(), operator: Operator::In(vec![format!("app-{number:04}")]) }]
}

/// One third keep apart on hosts, one third are spread over zones, one third take what comes; sizes vary by a factor of four.
fn shape(number: usize, room: Room, likeness: Likeness) -> Pod {
    let third = number % 3;
    let term = PodTerm {
        topology_key: HOST.to_owned(),
        selector: Some(app(number)),
        namespaces: vec!["default".to_owned()],
        namespace_selector: None,
    };
    let spread = Spread {
        topology_key: ZONE.to_owned(),
        max_skew: 1,
        selector: Some(app(number)),
        min_domains: 1,
        honors_affinity: true,
        honors_taints: false,
    };
    let size = 1 + (number / 3) as i64 % 4;
    let more = if likeness == Likeness::Unlike { number as i64 / 12 % 250 } else { 0 };
    let zone = [(ZONE, ZONES[number / 3 % 3])];
    Pod {
        namespace: "default".to_owned(),
        labels: labels(&[("app", &format!("app-{number:04}"))]),
        preempts: true,
        requests: BTreeMap::from([
            ("cpu".to_owned(), 200 * size - more % 100),
            ("memory".to_owned(), (512 << 20) * size - (more << 20)),
        ]),
        node_selector: if room == Room::Zonal && third == 2 { labels(&zone) } else { Labels::new() },
        anti_affinity: if third == 0 { vec![term] } else { Vec::new() },
        spread: if third == 1 { vec![spread] } else { Vec::new() },
        ..Pod::default()
    }
}

/// What all pods ask for is 30 × 500m = 15 CPU a node on average.
fn cluster(room: Room, likeness: Likeness) -> Cluster {
    let mut cluster = Cluster::default();
    let cpu = if room == Room::Tight { 16_500 } else { 45_000 };
    for number in 0..NODES {
        let name = format!("node-{number:04}");
        let node = Node {
            labels: labels(&[(HOST, &name), (ZONE, ZONES[number % 3])]),
            allocatable: BTreeMap::from([("cpu".to_owned(), cpu), ("memory".to_owned(), (cpu << 30) / 390)]),
            allocatable_pods: 110,
            ready: true,
            ..Node::default()
        };
        cluster.nodes.insert(name, node);
    }
    let mut shapes: Vec<Pod> = (0..WORKLOADS).map(|number| shape(number, room, likeness)).collect();
    shapes.sort();
    for number in 0..WORKLOADS {
        let name = format!("deployment/default/app-{number:04}");
        let own = shape(number, room, likeness);
        let index = shapes.binary_search(&own).unwrap();
        for replica in 0..REPLICAS as usize {
            // Where a zone is asked for, its nodes; they are every third.
            let place = (number * REPLICAS as usize + replica) % NODES;
            let node = match own.node_selector.get(ZONE) {
                Some(zone) => place / 3 * 3 % (NODES - 3) + ZONES.iter().position(|own| own == zone).unwrap(),
                None => place,
            };
            let node = Some(format!("node-{node:04}"));
            let pod = ExistingPod { workload: name.clone(), shape: index, node, ready: true, terminating: false };
            cluster.pods.insert(format!("default/app-{number:04}-{replica:02}"), pod);
        }
        cluster.workloads.insert(
            name,
            Workload {
                kind: Kind::Deployment,
                shape: index,
                replicas: REPLICAS,
                min_replicas: REPLICAS,
                max_replicas: REPLICAS,
                max_surge: 13,
                max_unavailable: 12,
                ordered: false,
            },
        );
        let budget = Budget {
            namespace: "default".to_owned(),
            selector: Some(app(number)),
            asks: Asks::MaxUnavailablePercent(20),
        };
        cluster.budgets.insert(format!("default/app-{number:04}"), budget);
    }
    cluster.shapes = shapes;
    cluster
}

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
    let cluster = cluster(room, likeness);
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
