//! Small clusters, and proofs about them.

#![allow(clippy::unwrap_used, reason = "a test whose input is wrong should stop")]
#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod brute;
pub(crate) mod outage;
pub(crate) mod plain;
pub(crate) mod proofs;
pub(crate) mod random;

use std::collections::BTreeMap;

use quorate_proof::cluster::{Asks, Budget, Cluster, ExistingPod, Kind, Workload};
use quorate_proof::input::{Labels, Node, Operator, Pod, PodTerm, Requirement, Spread};

pub(crate) const ZONE: &str = "topology.kubernetes.io/zone";
pub(crate) const HOST: &str = "kubernetes.io/hostname";

pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn is(key: &str, value: &str) -> Requirement {
    Requirement { key: key.to_owned(), operator: Operator::In(vec![value.to_owned()]) }
}

/// A node in a zone with so much CPU.
pub(crate) fn node(name: &str, zone: &str, cpu: i64) -> Node {
    Node {
        labels: labels(&[(HOST, name), (ZONE, zone)]),
        allocatable: BTreeMap::from([("cpu".to_owned(), cpu)]),
        allocatable_pods: 10,
        ready: true,
        ..Node::default()
    }
}

pub(crate) fn pod(app: &str, cpu: i64) -> Pod {
    Pod {
        namespace: "default".to_owned(),
        labels: labels(&[("app", app)]),
        preempts: true,
        requests: BTreeMap::from([("cpu".to_owned(), cpu)]),
        ..Pod::default()
    }
}

pub(crate) fn apart(app: &str, key: &str) -> PodTerm {
    PodTerm {
        topology_key: key.to_owned(),
        selector: Some(vec![is("app", app)]),
        namespaces: vec!["default".to_owned()],
        namespace_selector: None,
    }
}

pub(crate) fn spread(app: &str, key: &str, max_skew: i64) -> Spread {
    Spread {
        topology_key: key.to_owned(),
        max_skew,
        selector: Some(vec![is("app", app)]),
        min_domains: 1,
        honors_affinity: true,
        honors_taints: false,
    }
}

/// A cluster that is written down piece by piece.
#[derive(Clone, Default)]
pub(crate) struct Scene {
    cluster: Cluster,
    workloads: Vec<(String, Kind, Pod, i64)>,
    pods: Vec<(String, String, Option<String>, bool)>,
}

impl Scene {
    /// Nodes `a`, `b`, … with so much CPU, in the zones that are named.
    pub(crate) fn nodes(zones: &[&str], cpu: i64) -> Scene {
        let mut scene = Scene::default();
        for (number, zone) in zones.iter().enumerate() {
            let name = char::from(b'a' + u8::try_from(number).unwrap()).to_string();
            scene.cluster.nodes.insert(name.clone(), node(&name, zone, cpu));
        }
        scene
    }

    pub(crate) fn workload(mut self, name: &str, kind: Kind, pod: Pod, replicas: i64) -> Scene {
        self.workloads.push((name.to_owned(), kind, pod, replicas));
        self
    }

    pub(crate) fn deployment(self, name: &str, pod: Pod, replicas: i64) -> Scene {
        self.workload(name, Kind::Deployment, pod, replicas)
    }

    /// A pod of a workload that is there now.
    pub(crate) fn existing(mut self, name: &str, workload: &str, node: Option<&str>, ready: bool) -> Scene {
        self.pods.push((format!("default/{name}"), workload.to_owned(), node.map(str::to_owned), ready));
        self
    }

    pub(crate) fn budget(mut self, name: &str, app: &str, asks: Asks) -> Scene {
        let selector = Some(vec![is("app", app)]);
        let budget = Budget { namespace: "default".to_owned(), selector, asks };
        self.cluster.budgets.insert(format!("default/{name}"), budget);
        self
    }

    pub(crate) fn change(mut self, change: impl FnOnce(&mut Cluster)) -> Scene {
        change(&mut self.cluster);
        self
    }

    pub(crate) fn cluster(self) -> Cluster {
        let mut cluster = self.cluster;
        let mut shapes: Vec<Pod> = self.workloads.iter().map(|(_, _, pod, _)| pod.clone()).collect();
        shapes.sort();
        shapes.dedup();
        for (name, kind, pod, replicas) in self.workloads {
            let workload = Workload {
                kind,
                shape: shapes.binary_search(&pod).unwrap(),
                replicas,
                min_replicas: replicas,
                max_replicas: replicas,
                max_surge: 0,
                max_unavailable: 1,
                ordered: false,
            };
            cluster.workloads.insert(name, workload);
        }
        for (name, workload, node, ready) in self.pods {
            let shape = cluster.workloads.get(&workload).unwrap().shape;
            let pod = ExistingPod { workload, shape, node, ready, terminating: false };
            cluster.pods.insert(name, pod);
        }
        cluster.shapes = shapes;
        cluster
    }
}
