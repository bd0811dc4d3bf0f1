//! Conformance: what a real 1.36.3 control plane did, and what the simulation says of it.
#![allow(clippy::unwrap_used)]

mod cluster_builder;

use std::collections::BTreeMap;
use std::path::Path;

use cluster_builder::{Builder, ints, qawave_backend, step};
use quorate_sim::cluster::{Duration, NodeId, WorkloadKind};
use quorate_sim::simulation::{Settings, Simulation, StateSummary, Step, StepAction};
use serde_json::{Value, json};

/// Real recordings of one scenario.
fn recordings(name: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/recordings/1.36.3").join(name);
    (1..=3)
        .map(|run| {
            let text = std::fs::read_to_string(folder.join(format!("real-{run}.json"))).unwrap();
            serde_json::from_str(&text).unwrap()
        })
        .collect()
}

/// A node's taints, cordon and readiness as recorded.
fn nodes(simulation: &Simulation) -> Value {
    let state = &simulation.state;
    let nodes = state.nodes.values().map(|node| {
        let mut taints: Vec<String> =
            node.taints.iter().map(|taint| format!("{}:{:?}", state.names.text(taint.key), taint.effect)).collect();
        taints.sort();
        let value = json!({
            "ready": format!("{:?}", node.ready), "unschedulable": node.unschedulable, "taints": taints
        });
        (state.names.text(node.name).to_owned(), value)
    });
    Value::Object(nodes.collect())
}

fn with_nodes(summary: &StateSummary, simulation: &Simulation) -> Value {
    let mut value = serde_json::to_value(summary).unwrap();
    value["nodes"] = nodes(simulation);
    value
}

/// A state with every node renamed by `names`, its pods sorted.
fn renamed(state: &Value, names: &BTreeMap<String, String>) -> Value {
    let mut state = state.clone();
    let rename = |name: &str| names.get(name).cloned().unwrap_or_else(|| name.to_owned());
    let pods = state["pods"].as_array_mut().unwrap();
    for pod in pods.iter_mut() {
        if let Some(node) = pod["node"].as_str() {
            pod["node"] = json!(rename(node));
        }
    }
    pods.sort_by_key(ToString::to_string);
    let nodes = state["nodes"].as_object().unwrap().clone();
    state["nodes"] = Value::Object(nodes.into_iter().map(|(name, node)| (rename(&name), node)).collect());
    state
}

/// Every renaming of the workers, which are alike.
fn renamings(workers: usize) -> Vec<BTreeMap<String, String>> {
    fn permutations(items: Vec<usize>) -> Vec<Vec<usize>> {
        if items.is_empty() {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let mut rest = items.clone();
            rest.remove(index);
            all.extend(permutations(rest).into_iter().map(|mut tail| {
                tail.insert(0, *item);
                tail
            }));
        }
        all
    }
    let name = |number: usize| format!("worker-{number}");
    let all = permutations((1..=workers).collect());
    all.into_iter().map(|order| order.iter().enumerate().map(|(i, to)| (name(i + 1), name(*to))).collect()).collect()
}

/// Plays `actions` and demands the recorded outcome, lowest readiness and state after each, and the recorded detail
/// where it says why. Which of the workers that are alike holds a pod is left open only if `alike` says so.
fn conforms(name: &str, builder: Builder, actions: Vec<StepAction>, settings: &Settings, alike: usize) {
    for recording in recordings(name) {
        let mut simulation = Simulation::new(builder.state.clone(), settings);
        simulation.settle();
        let initial = with_nodes(&simulation.summary(), &simulation);
        assert_eq!(renamed(&initial, &BTreeMap::new()), renamed(&recording["initial"], &BTreeMap::new()), "{name}");
        let recorded = recording["steps"].as_array().unwrap();
        assert_eq!(recorded.len(), actions.len());
        for (action, recorded) in actions.iter().zip(recorded) {
            let step: Step = step(action.clone());
            let report = simulation.play(&step);
            let context = format!("{name}: {}\n{:#?}", step.description, report.events);
            assert_eq!(json!(report.outcome), recorded["outcome"], "{context}");
            assert_eq!(json!(report.min_ready), recorded["minReady"], "{context}");
            let after = with_nodes(&report.after, &simulation);
            let wanted = renamed(&recorded["after"], &BTreeMap::new());
            let same = renamings(alike).iter().any(|names| renamed(&after, names) == wanted);
            assert!(same, "{context}\nsimulated {after:#}\nrecorded {wanted:#}");
            if let StepAction::SetImage { .. } = action {
                assert_eq!(json!(report.detail), recorded["detail"], "{context}");
            }
        }
    }
}

fn set_image(builder: &mut Builder) -> StepAction {
    let workload = builder.name(WorkloadKind::Deployment, "backend");
    let (container, image) = (builder.state.intern("a"), builder.state.intern("x:2"));
    StepAction::SetImage { workload, container, image }
}

/// As recorded with `nodeFailureTimeCompressed`.
fn compressed() -> Settings {
    Settings {
        node_monitor_period: Duration::from_seconds(1),
        node_monitor_grace_period: Duration::from_seconds(6),
        ..Settings::default()
    }
}

#[test]
fn rollout_deadlock() {
    let mut builder = qawave_backend(3, ints(1, 0), 300);
    let actions = vec![set_image(&mut builder)];
    conforms("01-qawave-rollout-deadlock", builder, actions, &Settings::default(), 0);
}

#[test]
fn no_surge_and_one_unavailable() {
    let mut builder = qawave_backend(3, ints(0, 1), 300);
    let actions = vec![set_image(&mut builder)];
    conforms("02-qawave-surge0-unavail1", builder, actions, &Settings::default(), 0);
}

#[test]
fn four_workers() {
    let mut builder = qawave_backend(4, ints(1, 0), 300);
    let actions = vec![set_image(&mut builder)];
    conforms("03-qawave-4-workers", builder, actions, &Settings::default(), 4);
}

#[test]
fn two_drains() {
    let builder = qawave_backend(3, ints(1, 0), 300);
    let drain = |node| StepAction::Drain { nodes: vec![NodeId(node)] };
    let actions = vec![drain(0), drain(1), StepAction::Uncordon { node: NodeId(0) }, drain(1)];
    conforms("04-qawave-drain-two", builder, actions, &Settings::default(), 0);
}

#[test]
fn a_node_crashes_and_recovers() {
    let builder = qawave_backend(3, ints(1, 0), 5);
    let actions =
        vec![StepAction::FailNode { nodes: vec![NodeId(1)] }, StepAction::RecoverNode { nodes: vec![NodeId(1)] }];
    conforms("05-qawave-crash-recover", builder, actions, &compressed(), 0);
}

#[test]
fn two_of_three_workers_crash() {
    let builder = qawave_backend(3, ints(1, 0), 5);
    let actions = vec![StepAction::FailNode { nodes: vec![NodeId(1), NodeId(2)] }];
    conforms("06-qawave-two-of-three-crash", builder, actions, &compressed(), 0);
}

/// The comparison's twin: it must be able to fail.
#[test]
#[should_panic(expected = "01-qawave-rollout-deadlock")]
fn a_difference_is_seen() {
    let mut builder = qawave_backend(4, ints(1, 0), 300);
    let actions = vec![set_image(&mut builder)];
    conforms("01-qawave-rollout-deadlock", builder, actions, &Settings::default(), 4);
}
