//! How long checks take in a large cluster: 5,000 nodes, 3,000 workloads of 50 pods.
//!
//! ```sh
//! cargo run --release -p quorate-proof --example checking_speed
//! ```

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints what it measured")]

use std::collections::BTreeMap;
use std::time::Instant;

use quorate_proof::Checker;
use quorate_proof::claim::{Claim, Domain, Failures, Phase, Placement, Subject};
use quorate_proof::cluster::{Cluster, ExistingPod, Kind, Workload};
use quorate_proof::evidence::{Evidence, FORMAT, Placing, Proof, Share, Witness};
use quorate_proof::input::{Labels, Node, Operator, Pod, PodTerm, Requirement, Spread};

const NODES: usize = 5_000;
const WORKLOADS: usize = 3_000;
const REPLICAS: i64 = 50;
const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn shape(number: usize) -> Pod {
    let app = format!("app-{number:04}");
    let selector = Some(vec![Requirement { key: "app".to_owned(), operator: Operator::In(vec![app.clone()]) }]);
    let term = PodTerm {
        topology_key: HOST.to_owned(),
        selector: selector.clone(),
        namespaces: vec!["default".to_owned()],
        namespace_selector: None,
    };
    let spread = Spread {
        topology_key: ZONE.to_owned(),
        max_skew: 1,
        selector,
        min_domains: 1,
        honors_affinity: true,
        honors_taints: false,
    };
    let third = number % 3;
    Pod {
        namespace: "default".to_owned(),
        labels: labels(&[("app", &app)]),
        preempts: true,
        requests: BTreeMap::from([("cpu".to_owned(), 100), ("memory".to_owned(), 100 << 20)]),
        anti_affinity: if third == 0 { vec![term] } else { Vec::new() },
        spread: if third == 1 { vec![spread] } else { Vec::new() },
        ..Pod::default()
    }
}

fn cluster() -> Cluster {
    let mut cluster = Cluster::default();
    for number in 0..NODES {
        let name = format!("node-{number:04}");
        let node = Node {
            labels: labels(&[(HOST, &name), (ZONE, ["a", "b", "c"][number % 3])]),
            allocatable: BTreeMap::from([("cpu".to_owned(), 64_000), ("memory".to_owned(), 256 << 30)]),
            allocatable_pods: 500,
            ready: true,
            ..Node::default()
        };
        cluster.nodes.insert(name, node);
    }
    let mut shapes: Vec<Pod> = (0..WORKLOADS).map(shape).collect();
    shapes.sort();
    for number in 0..WORKLOADS {
        let name = format!("deployment/default/app-{number:04}");
        let shape = shapes.binary_search(&shape(number)).unwrap();
        for replica in 0..usize::try_from(REPLICAS).unwrap() {
            let node = format!("node-{:04}", (number * 50 + replica) % NODES);
            let pod = ExistingPod { workload: name.clone(), shape, node: Some(node), ready: true, terminating: false };
            cluster.pods.insert(format!("default/app-{number:04}-{replica:02}"), pod);
        }
        let workload = Workload {
            kind: Kind::Deployment,
            shape,
            replicas: REPLICAS,
            min_replicas: REPLICAS,
            max_replicas: REPLICAS,
            max_surge: 13,
            max_unavailable: 12,
            ordered: false,
        };
        cluster.workloads.insert(name, workload);
    }
    cluster.shapes = shapes;
    cluster
}

/// Checks a proof of each workload; how many were accepted.
fn all(checker: &Checker<'_>, digest: &str, what: &str, proof: impl Fn(usize) -> (Claim, Evidence)) {
    let start = Instant::now();
    let mut reasons = BTreeMap::new();
    for number in 0..WORKLOADS {
        let (claim, evidence) = proof(number);
        let proof = Proof { format: FORMAT, cluster: digest.to_owned(), claim, evidence };
        if let Err(reason) = checker.check(&proof) {
            *reasons.entry(reason.to_string().chars().take(90).collect::<String>()).or_insert(0) += 1;
        }
    }
    let accepted = WORKLOADS - reasons.values().sum::<usize>();
    println!("{what}: {accepted} of {WORKLOADS} accepted in {:.2} s", start.elapsed().as_secs_f64());
    if let Some((reason, count)) = reasons.first_key_value() {
        println!("  {count} times: {reason}");
    }
}

fn main() {
    let cluster = cluster();
    let start = Instant::now();
    let checker = Checker::new(&cluster).unwrap();
    println!("made ready in {:.2} s", start.elapsed().as_secs_f64());
    let digest = cluster.digest().unwrap();
    let name = |number: usize| format!("deployment/default/app-{number:04}");
    let claim = |number: usize, at_least, domain: &Domain, placement, phase| Claim {
        subject: Subject::Workload(name(number)),
        at_least,
        failures: Failures { domain: domain.clone(), count: 1 },
        placement,
        phase,
    };
    let zone = Domain::Label(ZONE.to_owned());
    let weigh = [("cpu", 1 << 20), ("memory", 1), ("pods", 150 << 20)];
    let weights = || weigh.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect::<BTreeMap<_, _>>();
    all(&checker, &digest, "counting", |number| {
        (claim(number, 49, &Domain::Node, Placement::Current, Phase::Instant), Evidence::Counting { remain: 49 })
    });
    for (domain, what) in [(&Domain::Node, "node"), (&zone, "zone")] {
        all(&checker, &digest, &format!("survives, {what}"), |number| {
            let lost = match (number % 3, what) {
                (0, "node") => 1,
                (1, "zone") => 17,
                _ => 50,
            };
            let spread = (number % 3 == 1 && what == "zone").then_some(0);
            let share = Share::Survives { bound: 50, placed: weights(), lost, spread, remain: 50 - lost };
            let workloads = BTreeMap::from([(name(number), share)]);
            (claim(number, 0, domain, Placement::Fresh, Phase::Instant), Evidence::Bound { workloads })
        });
        all(&checker, &digest, &format!("replaced, {what}"), |number| {
            let share = Share::Replaced { placed: weights(), remain: 50 };
            let workloads = BTreeMap::from([(name(number), share)]);
            (claim(number, 50, domain, Placement::Reachable, Phase::Removed), Evidence::Bound { workloads })
        });
    }
    all(&checker, &digest, "witness", |number| {
        let before = (0..50).map(|replica| {
            let node = if number % 3 == 2 { 0 } else { replica };
            Placing { workload: name(number), node: format!("node-{node:04}"), evicted: BTreeMap::new() }
        });
        let failed = vec!["node-0000".to_owned()];
        let available = if number % 3 == 2 { 0 } else { 49 };
        let witness = Witness { before: before.collect(), failed, after: Vec::new(), available };
        (claim(number, 50, &Domain::Node, Placement::Fresh, Phase::Instant), Evidence::Witness(witness))
    });
    all(&checker, &digest, "witness from now", |number| {
        let witness = Witness { before: Vec::new(), failed: Vec::new(), after: Vec::new(), available: 50 };
        (claim(number, 51, &Domain::Node, Placement::Current, Phase::Recovered), Evidence::Witness(witness))
    });
}
