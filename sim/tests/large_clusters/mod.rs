//! Large clusters of many workloads that are much alike: what bounds and adversaries have to decide without a search.

use std::collections::BTreeMap;

use quorate_proof::cluster::{Asks, Budget, Cluster, ExistingPod, Kind, Workload};
use quorate_proof::input::{Labels, Node, Operator, Pod, PodTerm, Requirement, Spread};

/// How many pods each workload has.
pub(crate) const REPLICAS: i64 = 50;
pub(crate) const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";
const ZONES: [&str; 3] = ["a", "b", "c"];

/// How much room there is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Three times what pods ask for.
    Generous,
    /// A tenth more than that.
    Tight,
    /// As generous, and every third workload lives in one zone.
    Zonal,
}

/// Whether workloads ask for the same as others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Likeness {
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
pub(crate) fn cluster(room: Room, likeness: Likeness, (nodes, workloads): (usize, usize)) -> Cluster {
    let mut cluster = Cluster::default();
    let cpu = if room == Room::Tight { 16_500 } else { 45_000 };
    for number in 0..nodes {
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
    let mut shapes: Vec<Pod> = (0..workloads).map(|number| shape(number, room, likeness)).collect();
    shapes.sort();
    for number in 0..workloads {
        let name = format!("deployment/default/app-{number:04}");
        let own = shape(number, room, likeness);
        let index = shapes.binary_search(&own).unwrap();
        for replica in 0..REPLICAS as usize {
            // Where a zone is asked for, its nodes; they are every third.
            let place = (number * REPLICAS as usize + replica) % nodes;
            let node = match own.node_selector.get(ZONE) {
                Some(zone) => place / 3 * 3 % (nodes - 3) + ZONES.iter().position(|own| own == zone).unwrap(),
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
