//! Every constraint of the model matters: with one of them left out, or wrong, verdicts about random small clusters are rejected by the
//! checker, which knows all of them, or contradict the enumeration of every placement.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot set up its input should stop; seeds are told"
)]

mod claims;
mod cluster_builder;
#[path = "placements/mod.rs"]
mod placements;

use claims::{claim_of, label_of};
use placements::enumerate::{Enumeration, Phase, Placement, Reading};
use placements::generate::{Case, case};
use placements::ground::Ground;
use quorate_proof::Checker;
use quorate_proof::claim;
use quorate_proof::cluster::{Cluster, Kind};
use quorate_proof::evidence::Proof;
use quorate_proof::input::Pod;
use quorate_sim::prove::{Problem, Verdict, cluster, decide};

/// So many clusters are looked at before a weakened model counts as not noticed.
const CASES: u64 = 3_000;
/// How many states a search looks at.
const STATES: usize = 4_000;

/// A constraint that is left out, or read in another way.
struct Weakening {
    name: &'static str,
    change: fn(&mut Cluster),
}

/// The same change of every shape.
macro_rules! shapes {
    ($name:literal, $change:expr) => {
        Weakening {
            name: $name,
            change: |cluster: &mut Cluster| {
                let change: fn(&mut Pod) = $change;
                cluster.shapes.iter_mut().for_each(change);
            },
        }
    };
}

/// Of what pods say.
fn of_shapes() -> Vec<Weakening> {
    vec![
        shapes!("no requests for cpu", |pod| {
            pod.requests.remove("cpu");
        }),
        shapes!("no requests for memory", |pod| {
            pod.requests.remove("memory");
        }),
        shapes!("no host ports", |pod| pod.host_ports.clear()),
        shapes!("no anti-affinity", |pod| pod.anti_affinity.clear()),
        shapes!("no affinity", |pod| pod.affinity.clear()),
        shapes!("no spread constraints", |pod| pod.spread.clear()),
        shapes!("a larger maxSkew", |pod| pod.spread.iter_mut().for_each(|spread| spread.max_skew += 1)),
        shapes!("a smaller maxSkew", |pod| pod.spread.iter_mut().for_each(|spread| spread.max_skew = 1)),
        shapes!("no minDomains", |pod| pod.spread.iter_mut().for_each(|spread| spread.min_domains = 1)),
        shapes!("nodeTaintsPolicy Ignore", |pod| pod.spread.iter_mut().for_each(|spread| spread.honors_taints = false)),
        shapes!("nodeTaintsPolicy Honor", |pod| pod.spread.iter_mut().for_each(|spread| spread.honors_taints = true)),
        shapes!("nodeAffinityPolicy turned round", |pod| {
            pod.spread.iter_mut().for_each(|spread| spread.honors_affinity = !spread.honors_affinity);
        }),
        shapes!("equal priorities", |pod| pod.priority = 0),
        shapes!("nobody preempts", |pod| pod.preempts = false),
        shapes!("everybody preempts", |pod| pod.preempts = true),
        shapes!("no tolerations", |pod| pod.tolerations.clear()),
        shapes!("tolerations without an end", |pod| pod.tolerations.iter_mut().for_each(|own| own.seconds = None)),
        shapes!("no node selectors", |pod| pod.node_selector.clear()),
        shapes!("no node affinity", |pod| pod.node_terms = None),
    ]
}

/// Of nodes and workloads.
fn of_clusters() -> Vec<Weakening> {
    vec![
        Weakening {
            name: "no taints",
            change: |cluster| cluster.nodes.values_mut().for_each(|node| node.taints.clear()),
        },
        Weakening {
            name: "no cordons",
            change: |cluster| {
                for node in cluster.nodes.values_mut() {
                    node.unschedulable = false;
                    node.taints.retain(|taint| taint.key != "node.kubernetes.io/unschedulable");
                }
            },
        },
        Weakening {
            name: "more pod slots",
            change: |cluster| cluster.nodes.values_mut().for_each(|node| node.allocatable_pods += 10),
        },
        Weakening {
            name: "labels that are missing",
            change: |cluster| {
                let keys: Vec<String> = cluster.nodes.values().flat_map(|node| node.labels.keys().cloned()).collect();
                for (name, node) in &mut cluster.nodes {
                    for key in &keys {
                        node.labels.entry(key.clone()).or_insert_with(|| name.clone());
                    }
                }
            },
        },
        Weakening {
            name: "StatefulSets are replaced at once",
            change: |cluster| {
                let sets = cluster.workloads.values_mut().filter(|own| own.kind == Kind::StatefulSet);
                sets.for_each(|own| own.kind = Kind::Deployment);
            },
        },
        Weakening {
            name: "no DaemonSets",
            change: |cluster| cluster.workloads.retain(|_, own| own.kind != Kind::DaemonSet),
        },
        Weakening {
            name: "one pod fewer",
            change: |cluster| {
                let many = cluster.workloads.values_mut().filter(|own| own.replicas > 1);
                many.for_each(|own| {
                    own.replicas -= 1;
                    own.min_replicas -= 1;
                    own.max_replicas -= 1;
                });
            },
        },
    ]
}

/// Shapes stay sorted, and each is there once.
fn sorted(mut cluster: Cluster) -> Cluster {
    let old = std::mem::take(&mut cluster.shapes);
    let mut shapes: Vec<Pod> = cluster.workloads.values().map(|own| old[own.shape].clone()).collect();
    shapes.sort();
    shapes.dedup();
    for own in cluster.workloads.values_mut() {
        own.shape = shapes.binary_search(&old[own.shape]).unwrap();
    }
    cluster.shapes = shapes;
    cluster
}

/// What a weakened model comes to in one case: whether the checker that knows everything rejects what it says, and whether it
/// contradicts the enumeration.
fn noticed(case: &Case, weakening: &Weakening) -> [bool; 2] {
    let truth = cluster(&case.state);
    let mut weak = truth.clone();
    (weakening.change)(&mut weak);
    let weak = sorted(weak);
    if weak == truth {
        return [false, false];
    }
    let Ok(weak_checker) = Checker::new(&weak) else { return [false, false] };
    let checker = Checker::new(&truth).unwrap();
    let ground = Ground::new(&case.state);
    let mut enumeration = Enumeration::new(&ground, Reading::DOCUMENTED);
    let phases = [
        (Phase::Instant, claim::Phase::Instant),
        (Phase::Recovered, claim::Phase::Recovered),
        (Phase::Removed, claim::Phase::Removed),
    ];
    let mut found = [false, false];
    for (phase, own) in phases {
        let claim = claim_of(case, own);
        let verdict = decide(&Problem::new(&weak, &[label_of(&claim)]), weak_checker.digest(), &claim, STATES);
        let (proof, says) = match verdict {
            Verdict::Proved(proof) => (proof, true),
            Verdict::Violated(proof) => (proof, false),
            Verdict::Undecided { .. } => continue,
        };
        if weak_checker.check(&proof).is_err() {
            continue;
        }
        let proof = Proof { cluster: checker.digest().to_owned(), ..*proof };
        let is_rejected = checker.check(&proof).is_err();
        found[0] |= is_rejected;
        // What the whole checker accepts is true, whatever the prover knows.
        if let Ok(worst) = enumeration.worst(case.subject, case.failures, Placement::Fresh, phase) {
            let holds = worst.available >= case.at_least;
            found[1] |= holds != says;
            assert!(is_rejected || holds == says, "{}: seed {}: {claim:?}\n{proof:#?}", weakening.name, case.seed);
        }
    }
    found
}

#[test]
fn every_constraint_is_missed() {
    let all: Vec<Weakening> = of_shapes().into_iter().chain(of_clusters()).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let missed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(weakening) = all.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let mut first: [Option<u64>; 2] = [None, None];
                    for seed in 1..=CASES {
                        if first.iter().all(Option::is_some) {
                            break;
                        }
                        let now = noticed(&case(seed), weakening);
                        first.iter_mut().zip(now).for_each(|(first, now)| *first = first.or(now.then_some(seed)));
                    }
                    println!("{}: rejected from seed {:?}, untrue from seed {:?}", weakening.name, first[0], first[1]);
                    if first.contains(&None) {
                        missed.lock().unwrap().push(weakening.name);
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "nobody notices: {missed:?}");
}
