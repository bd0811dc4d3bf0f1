use super::*;
use crate::input::{HostPort, Labels, Operator, Requirement, Spread, Toleration};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn host(name: &str) -> Node {
    Node {
        labels: labels(&[("kubernetes.io/hostname", name)]),
        allocatable: BTreeMap::from([("cpu".to_owned(), 4000)]),
        allocatable_pods: 110,
        ..Node::default()
    }
}

fn apart() -> PodTerm {
    PodTerm {
        topology_key: "kubernetes.io/hostname".to_owned(),
        selector: Some(vec![Requirement { key: "app".to_owned(), operator: Operator::In(vec!["backend".to_owned()]) }]),
        namespaces: vec!["default".to_owned()],
        namespace_selector: None,
    }
}

fn backend() -> Pod {
    Pod {
        namespace: "default".to_owned(),
        labels: labels(&[("app", "backend")]),
        requests: BTreeMap::from([("cpu".to_owned(), 500)]),
        anti_affinity: vec![apart()],
        ..Pod::default()
    }
}

/// Three workers that each hold a backend pod, a tainted control plane, and a fourth backend pod.
fn deadlock() -> NoPlacement {
    let mut input = Input { pod: backend(), ..Input::default() };
    let mut refutations = BTreeMap::new();
    for number in 1..=3 {
        let (node, pod) = (format!("worker-{number}"), format!("default/backend-{number}"));
        input.nodes.insert(node.clone(), host(&node));
        input.placed.insert(pod.clone(), PlacedPod { node: node.clone(), pod: backend() });
        refutations.insert(node, Refutation::AntiAffinity { term: 0, pod });
    }
    let taint = Taint { key: "control-plane".to_owned(), value: String::new(), effect: "NoSchedule".to_owned() };
    input.nodes.insert("control-plane-1".to_owned(), Node { taints: vec![taint], ..host("control-plane-1") });
    refutations.insert("control-plane-1".to_owned(), Refutation::UntoleratedTaint(0));
    NoPlacement { schema_version: SCHEMA_VERSION, input, refutations }
}

#[test]
fn the_deadlock_is_accepted_and_survives_a_round_trip() {
    let proof = deadlock();
    assert_eq!(check(&proof), Ok(()));
    let text = serde_json::to_string(&proof).unwrap();
    assert_eq!(serde_json::from_str::<NoPlacement>(&text).unwrap(), proof);
}

/// Every change of the input that makes room, and every change of a refutation, is rejected for its own reason.
#[test]
fn what_alters_the_meaning_is_rejected() {
    type Change = (&'static str, fn(&mut NoPlacement), Rejection);
    let does_not_hold = |node: &str, why| Rejection::DoesNotHold { node: node.to_owned(), why };
    let changes: Vec<Change> = vec![
        ("format", |proof| proof.schema_version = 2, Rejection::Format(2)),
        (
            "another worker",
            |proof| drop(proof.input.nodes.insert("worker-4".to_owned(), host("worker-4"))),
            Rejection::NodeNotRefuted("worker-4".to_owned()),
        ),
        (
            "a worker gone",
            |proof| drop(proof.input.nodes.remove("worker-3")),
            Rejection::UnknownNode("worker-3".to_owned()),
        ),
        (
            "a pod gone",
            |proof| drop(proof.input.placed.remove("default/backend-2")),
            Rejection::Dangling { node: "worker-2".to_owned(), what: "pod default/backend-2".to_owned() },
        ),
        (
            "a pod elsewhere",
            |proof| proof.input.placed.get_mut("default/backend-2").unwrap().node = "worker-1".to_owned(),
            does_not_hold("worker-2", "the placed pod is in another domain"),
        ),
        (
            "the taint tolerated",
            |proof| {
                let key = "control-plane".to_owned();
                let toleration = Toleration { key, value: None, effect: String::new(), seconds: None };
                proof.input.pod.tolerations.push(toleration);
            },
            does_not_hold("control-plane-1", "the pod tolerates the taint"),
        ),
        (
            "another application",
            |proof| proof.input.placed.get_mut("default/backend-1").unwrap().pod.labels.clear(),
            does_not_hold("worker-1", "the term does not match the placed pod"),
        ),
        (
            "another fact",
            |proof| drop(proof.refutations.insert("worker-1".to_owned(), Refutation::Insufficient("cpu".to_owned()))),
            does_not_hold("worker-1", "enough of the resource is free"),
        ),
        (
            "a topology key that is there",
            |proof| {
                proof
                    .input
                    .pod
                    .spread
                    .push(Spread { topology_key: "kubernetes.io/hostname".to_owned(), ..Spread::default() });
                proof.refutations.insert("worker-1".to_owned(), Refutation::MissingTopologyKey(0));
            },
            does_not_hold("worker-1", "the node has the topology key"),
        ),
    ];
    for (name, change, expected) in changes {
        let mut proof = deadlock();
        change(&mut proof);
        assert_eq!(check(&proof), Err(expected), "{name}");
    }
}

#[test]
fn every_kind_of_fact_can_hold() {
    let mut input = Input { pod: backend(), ..Input::default() };
    let mut cordoned = host("cordoned");
    cordoned.unschedulable = true;
    let mut full = host("full");
    full.allocatable_pods = 1;
    let mut small = host("small");
    small.allocatable.insert("cpu".to_owned(), 600);
    let busy = Pod { requests: BTreeMap::from([("cpu".to_owned(), 200)]), ..Pod::default() };
    let mut jealous = Pod { namespace: "other".to_owned(), ..Pod::default() };
    jealous.anti_affinity.push(PodTerm { namespace_selector: Some(Vec::new()), ..apart() });
    let port = HostPort { address: String::new(), protocol: "TCP".to_owned(), port: 80 };
    input.pod.host_ports.push(HostPort { address: "10.0.0.1".to_owned(), ..port.clone() });
    input.pod.node_selector = labels(&[("kubernetes.io/hostname", "nowhere")]);
    let listening = Pod { host_ports: vec![port], ..Pod::default() };
    for (name, node) in [("cordoned", cordoned), ("full", full), ("small", small), ("jealous", host("jealous"))] {
        input.nodes.insert(name.to_owned(), node);
    }
    for name in ["listening", "elsewhere"] {
        input.nodes.insert(name.to_owned(), host(name));
    }
    let place = |node: &str, pod: &Pod| (format!("x/{node}"), PlacedPod { node: node.to_owned(), pod: pod.clone() });
    input.placed.extend([place("full", &busy), place("small", &busy), place("jealous", &jealous)]);
    input.placed.extend([place("listening", &listening)]);
    let refutations = [
        ("cordoned", Refutation::Unschedulable),
        ("full", Refutation::TooManyPods),
        ("small", Refutation::Insufficient("cpu".to_owned())),
        ("jealous", Refutation::ExistingAntiAffinity { pod: "x/jealous".to_owned(), term: 0 }),
        ("listening", Refutation::HostPort { pod: "x/listening".to_owned() }),
        ("elsewhere", Refutation::NodeAffinity),
    ];
    let refutations = refutations.into_iter().map(|(node, refutation)| (node.to_owned(), refutation)).collect();
    let proof = NoPlacement { schema_version: SCHEMA_VERSION, input, refutations };
    assert_eq!(check(&proof), Ok(()));
}
