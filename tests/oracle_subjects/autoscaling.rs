//! HorizontalPodAutoscalers: every look of kube-controller-manager's own controller, in virtual time.

use quorate::model;
use quorate_sim::cluster::{
    AutoscalerId, ClusterState, Deletion, DeletionCause, DeploymentId, Duration, MetricLoad, NodeReady, Phase, Pod,
    PodId, Pods, Time,
};
use quorate_sim::controller::horizontal_pod_autoscaler::{PERIOD, sync};
use rayon::prelude::*;
use serde_json::{Value, json};

use super::fresh_cases::{Counts, Subject, compare};
use super::{cases, inventory, report};

const AUTOSCALER: AutoscalerId = AutoscalerId(0);
const TARGET: DeploymentId = DeploymentId(0);
/// Long enough after the beginning that everything a case speaks of lies behind it.
const BEGINS: i64 = 10_000;

fn metadata(name: &str, owner: Option<(&str, &str)>) -> Value {
    let owners = owner.map(
        |(kind, name)| json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name, "controller": true}]),
    );
    json!({"name": name, "namespace": "default", "labels": {"app": "web"}, "ownerReferences": owners.unwrap_or(json!([]))})
}

/// The cluster of a case without its pods, and what a pod is like.
fn world(case: &Value) -> (ClusterState, Pod) {
    let allocatable = json!({"cpu": "64", "memory": "64Gi", "pods": "110"});
    let node = |name: &str| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": {"allocatable": allocatable}});
    let selector = json!({"matchLabels": {"app": "web"}});
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": case["template"]});
    let spec = json!({"replicas": case["replicas"], "selector": selector, "template": template});
    let workload = |kind: &str, metadata: Value| json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec});
    let deployment = workload("Deployment", metadata("web", None));
    let set = workload("ReplicaSet", metadata("web-1", Some(("Deployment", "web"))));
    let mut pod =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata("web-1-a", Some(("ReplicaSet", "web-1")))});
    pod["spec"] = case["template"].clone();
    pod["spec"]["nodeName"] = json!("up");
    let read = inventory(&[&node("up"), &node("down"), &deployment, &set, &pod, &case["hpa"]]);
    let mut state = model::build(&read, &[]).state;
    let down = state.names.find("down").and_then(|name| state.node_named(name)).unwrap();
    state.nodes.get_mut(&down).unwrap().ready = NodeReady::Unknown;
    // The model has brought them within the limits.
    state.deployments.get_mut(&TARGET).unwrap().replicas = case["replicas"].as_i64().unwrap();
    let pod = state.pods[&PodId(0)].clone();
    (state, pod)
}

fn at(seconds: &Value) -> Time {
    Time::from_milliseconds(u64::try_from((BEGINS + seconds.as_i64().unwrap()) * 1000).unwrap())
}

fn pod_of(state: &ClusterState, prototype: &Pod, given: &Value) -> Pod {
    let phase = match given["phase"].as_str().unwrap() {
        "Pending" => Phase::Pending,
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        other => panic!("{other}"),
    };
    let mut pod = prototype.clone();
    pod.phase = phase;
    pod.ready = given["ready"] == true;
    pod.started_at = (phase != Phase::Pending).then(|| at(&given["startedAt"]));
    pod.ready_changed_at = pod.started_at.map(|_| at(&given["readySince"]));
    pod.deletion =
        (given["deleting"] == true).then_some(Deletion { requested_at: Time::ZERO, cause: DeletionCause::Controller });
    if given["unmeasured"] == true {
        pod.node = state.names.find("down").and_then(|name| state.node_named(name));
    }
    pod
}

fn load_of(given: &Value) -> Option<MetricLoad> {
    let number = |name: &str| given[name].as_i64();
    let load = number("utilization").map(MetricLoad::Utilization).or(number("usage").map(MetricLoad::Usage));
    load.or(number("total").map(MetricLoad::Total))
}

/// What there is when the controller looks, as far as the step says it anew.
fn arrange(state: &mut ClusterState, prototype: &Pod, step: &Value, all: &mut Vec<Pod>) {
    if let Some(replicas) = step["scaleTo"].as_i64() {
        state.deployments.get_mut(&TARGET).unwrap().replicas = replicas;
    }
    if let Some(pods) = step["pods"].as_array() {
        *all = pods.iter().map(|given| pod_of(state, prototype, given)).collect();
    }
    if step["loads"].is_object() {
        let names = std::sync::Arc::clone(&state.names);
        for metric in &mut state.autoscalers.get_mut(&AUTOSCALER).unwrap().metrics {
            metric.load = load_of(&step["loads"][names.text(metric.name)]);
        }
    }
    let count = state.deployments[&TARGET].replicas + step["surplus"].as_i64().unwrap_or(0);
    state.pods = Pods::default();
    for pod in all.iter().take(usize::try_from(count).unwrap_or(0)) {
        state.add_pod(pod.clone());
    }
}

/// The looks at which something else is done, or for another reason.
fn differences(case: &Value) -> Vec<String> {
    let (mut state, prototype) = world(case);
    let mut all = Vec::new();
    state.now = at(&json!(0));
    for (number, (step, recorded)) in
        case["steps"].as_array().unwrap().iter().zip(case["outcomes"].as_array().unwrap()).enumerate()
    {
        state.now = state.now.after(Duration::from_milliseconds(PERIOD.milliseconds()));
        arrange(&mut state, &prototype, step, &mut all);
        let (memory, rescale) = sync(&state, AUTOSCALER).unwrap();
        state.autoscalers.get_mut(&AUTOSCALER).unwrap().memory = memory;
        let mut why = String::new();
        if let Some(rescale) = rescale {
            state.deployments.get_mut(&TARGET).unwrap().replicas = rescale.to;
            why = rescale.why;
        }
        let answered = json!({"replicas": state.deployments[&TARGET].replicas, "why": why});
        if answered != *recorded {
            // What comes later follows from it.
            return vec![format!(
                "step {number}: another outcome\n  case {}\n  recorded {recorded}\n  answered {answered}",
                case["id"]
            )];
        }
    }
    Vec::new()
}

#[test]
fn targets_are_scaled_as_by_kube_controller_manager() {
    let cases = cases("autoscale.jsonl.gz");
    let failures: Vec<String> = cases.par_iter().flat_map_iter(differences).collect();
    report(cases.len(), 800, &failures);
}

fn count(case: &Value, counts: &mut Counts) {
    for outcome in case["outcomes"].as_array().unwrap() {
        let why = outcome["why"].as_str().unwrap();
        *counts.entry(format!("looks: {}", if why.is_empty() { "nothing is said" } else { why })).or_insert(0) += 1;
    }
}

#[test]
fn fresh_targets_are_scaled_as_by_kube_controller_manager() {
    compare(&Subject {
        name: "autoscalers",
        generate: &["generate-autoscale", "--answer"],
        answer: &["autoscale", "--keep-going"],
        question: &["hpa", "template", "replicas", "steps"],
        cases: 200,
        differences,
        count,
    });
}
