//! What Kubernetes 1.36.3 itself answered (`fixtures/oracle/1.36.3`), against the whole way that a manifest takes: decoding,
//! defaults, admission, model, scheduler.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

#[path = "oracle_subjects/autoscaling.rs"]
mod autoscaling;
#[path = "oracle_subjects/cron.rs"]
mod cron;
#[path = "../sim/tests/fresh_cases/mod.rs"]
mod fresh_cases;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use quorate::manifest::assemble::{Assembled, DecodeOptions, assemble};
use quorate::manifest::scheduler_configuration::{self, SchedulerFile};
use quorate::manifest::yaml::{self, Limits, parse_decoded};
use quorate::manifest::{Inventory, Object, Origin, SourceMap};
use quorate::model::{self, AskedWorkload, ask};
use quorate_sim::cluster::{ClusterState, NodeId, NonZeroRequests, PodId, Resources};
use quorate_sim::scheduler::{
    Candidate, Preemption, Snapshot, Verdict, preempt_candidate, schedule_candidate, scores, unschedulable_message,
};
use rayon::prelude::*;
use serde_json::{Value, json};

use fresh_cases::{Counts, Subject, compare, differing};

fn cases(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle/1.36.3").join(name);
    let bytes = std::fs::read(&path).unwrap();
    let mut text = String::new();
    if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Objects as they are read from a file.
fn inventory(objects: &[&Value]) -> Inventory {
    assembled(objects).inventory
}

fn assembled(objects: &[&Value]) -> Assembled {
    let text: Vec<String> = objects.iter().map(ToString::to_string).collect();
    let decoded = yaml::decode(text.join("\n").as_bytes()).text.into_owned();
    let bytes = decoded.as_bytes();
    let mut sources = SourceMap::default();
    let source = sources.add("case.json".to_owned(), decoded.as_str(), Origin::Written);
    let parsed = parse_decoded(source, &yaml::decode(bytes), &Limits::default());
    assert!(parsed.problems.is_empty(), "{:?}", parsed.problems);
    let documents = parsed.documents.into_iter().map(|document| (source, document.root));
    assemble(documents, &DecodeOptions::default())
}

fn only(inventory: &Inventory) -> &Object {
    assert_eq!(inventory.len(), 1);
    inventory.iter().next().unwrap().1
}

/// The scheduler itself is compared in every case by `sim/tests/oracle_schedule`; here every so many of the random ones show
/// that manifests reach it unchanged.
const EVERY: usize = 4;

/// Demands that no case differs.
fn report(count: usize, least: usize, failures: &[String]) {
    assert!(count >= least, "only {count} cases were compared");
    let shown = failures.iter().take(8).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} of {count} cases differ\n{shown}", failures.len());
}

fn amounts(state: &ClusterState, resources: &Resources) -> Value {
    let scalar: BTreeMap<&str, i64> =
        resources.scalar.iter().map(|(name, amount)| (state.names.text(*name), *amount)).collect();
    json!({
        "cpu": resources.cpu_milli,
        "memory": resources.memory_bytes,
        "ephemeralStorage": resources.ephemeral_storage_bytes,
        "scalar": scalar,
    })
}

fn scored(amounts: NonZeroRequests) -> Value {
    json!({"cpu": amounts.cpu_milli, "memory": amounts.memory_bytes})
}

/// In which sums of a pod's requests the model differs from kube-scheduler.
fn requests_differ(case: &Value) -> Vec<String> {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}});
    let cluster = inventory(&[&node]);
    let mut placed = case["pod"].clone();
    placed["spec"]["nodeName"] = json!("n1");
    let model = model::build(&inventory(&[&node, &placed]), &[]);
    let on_node = &model.state.pods[&PodId(0)].template.spec;
    let mut state = model::build(&cluster, &[]).state;
    let asked = ask(&mut state, &cluster, only(&inventory(&[&case["pod"]])), AskedWorkload::Brought).unwrap();
    let incoming = &state.pods[&asked.id].template.spec;
    let answer = json!({
        "requests": amounts(&model.state, &on_node.requests),
        "nonZero": scored(on_node.non_zero_requests),
        "requestsIncoming": amounts(&state, &incoming.requests),
        "nonZeroIncoming": scored(incoming.non_zero_requests_while_placed.unwrap_or(incoming.non_zero_requests)),
    });
    differing(case, &answer, &["requests", "nonZero", "requestsIncoming", "nonZeroIncoming"])
}

#[test]
fn requests_are_summed_as_kube_scheduler_sums_them() {
    let cases = cases("requests.jsonl.gz");
    let failures: Vec<String> = cases.par_iter().flat_map_iter(requests_differ).collect();
    report(cases.len(), 2000, &failures);
}

/// What the sums of a pod depend on.
fn count_requests(case: &Value, counts: &mut Counts) {
    let mut count = |name: &str| *counts.entry(name.to_owned()).or_insert(0) += 1;
    let spec = &case["pod"]["spec"];
    for (name, is_given) in [
        ("pods with init containers", !spec["initContainers"].is_null()),
        ("pods with overhead", !spec["overhead"].is_null()),
        ("pods with resources of their own", !spec["resources"].is_null()),
        ("pods with a status", !case["pod"]["status"].is_null()),
    ] {
        if is_given {
            count(name);
        }
    }
}

#[test]
fn fresh_requests_are_summed_as_kube_scheduler_sums_them() {
    compare(&Subject {
        name: "sums of requests",
        generate: &["generate-requests", "--answer"],
        answer: &["requests", "--keep-going"],
        question: &["pod"],
        cases: 1000,
        differences: requests_differ,
        count: count_requests,
    });
}

/// The configuration of a case, as it is read from a file.
fn scheduler(configuration: &Value) -> Option<Arc<SchedulerFile>> {
    if configuration.is_null() {
        return None;
    }
    let text = configuration.to_string();
    let mut sources = SourceMap::default();
    let source = sources.add("scheduler.json".to_owned(), text.as_str(), Origin::Written);
    let parsed = parse_decoded(source, &yaml::decode(text.as_bytes()), &Limits::default());
    let reading = scheduler_configuration::read(source, &parsed.documents[0].root);
    assert!(reading.file.is_some(), "{text}\n{:?}", reading.findings);
    reading.file.map(Arc::new)
}

/// The state of a case, and the pod that is to be placed.
fn asked(case: &Value) -> (ClusterState, PodId) {
    let objects: Vec<&Value> = case["objects"].as_array().unwrap().iter().collect();
    let mut cluster = inventory(&objects);
    cluster.set_scheduler(scheduler(&case["configuration"]));
    let pod = inventory(&[&case["pod"]]);
    let mut state = model::build(&cluster, &[]).state;
    let asked = ask(&mut state, &cluster, only(&pod), AskedWorkload::Brought).unwrap();
    (state, asked.id)
}

fn schedule(state: &ClusterState, pod: PodId) -> Value {
    let name = |id: &NodeId| state.names.text(state.nodes[id].name).to_owned();
    let snapshot = Snapshot::new(state);
    let candidate = Candidate::of_pod(pod, &state.pods[&pod]);
    let result = schedule_candidate(&snapshot, &candidate);
    let feasible: Vec<NodeId> = result.feasible().collect();
    let scores: BTreeMap<String, BTreeMap<&str, i64>> = scores(&snapshot, &candidate, &feasible)
        .iter()
        .map(|(id, of_node)| (name(id), of_node.iter().map(|(plugin, score)| (plugin.as_str(), *score)).collect()))
        .collect();
    let nodes: BTreeMap<String, Value> = result
        .verdicts
        .iter()
        .map(|(id, verdict)| {
            let verdict = match verdict {
                Verdict::Fits => json!({"code": "Success"}),
                Verdict::Rejected { code, plugin, reasons } => {
                    let reasons: BTreeSet<String> = reasons.iter().map(ToString::to_string).collect();
                    json!({"code": code.as_str(), "plugin": plugin.as_str(), "reasons": reasons})
                }
            };
            (name(id), verdict)
        })
        .collect();
    json!({"nodes": nodes, "scores": scores, "best": result.best.iter().map(name).collect::<BTreeSet<_>>()})
}

/// Volumes are another matter: `sim/tests/oracle_schedule`.
fn is_about_volumes(case: &Value) -> bool {
    let of_volumes = ["PersistentVolume", "PersistentVolumeClaim", "StorageClass", "CSINode", "CSIDriver"];
    let mut kinds = case["objects"].as_array().unwrap().iter().filter_map(|object| object["kind"].as_str());
    kinds.any(|kind| of_volumes.contains(&kind)) || case["pod"]["spec"]["volumes"].is_array()
}

/// Cases that are answered otherwise on purpose.
fn divergences(file: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/divergences.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let of_file = text.lines().filter_map(|line| line.strip_prefix(file)?.trim_start().split_once(':'));
    of_file.map(|(case, _)| case.to_owned()).collect()
}

/// The parts of a case that are answered otherwise than they were recorded.
fn differences(case: &Value, answer: &Value) -> Vec<String> {
    let answered = answer.as_object().unwrap().iter().filter(|(field, answered)| **answered != case[field.as_str()]);
    let text = |(field, answered): (&String, &Value)| {
        format!("{} {field}\n  recorded {}\n  answered {answered}", case["id"], case[field.as_str()])
    };
    answered.map(text).collect()
}

#[test]
fn manifests_are_placed_as_kube_scheduler_places_them() {
    let mut count = 0;
    let mut failures = Vec::new();
    for (file, every) in
        [("schedule-edges.jsonl", 1), ("schedule.jsonl.gz", EVERY), ("schedule-configurations.jsonl.gz", 1)]
    {
        let known = divergences(file);
        let compared: Vec<Value> =
            cases(file).into_iter().step_by(every).filter(|case| !is_about_volumes(case)).collect();
        count += compared.len();
        let of_file: Vec<String> = compared
            .par_iter()
            .flat_map_iter(|case| {
                let (state, pod) = asked(case);
                let differences = differences(case, &schedule(&state, pod));
                let is_known = known.contains(case["id"].as_str().unwrap());
                assert!(!is_known || !differences.is_empty(), "{} differs no longer", case["id"]);
                differences.into_iter().filter(move |_| !is_known)
            })
            .collect();
        failures.extend(of_file);
    }
    report(count, 1600, &failures);
}

fn preemption(state: &ClusterState, pod: PodId) -> Value {
    let snapshot = Snapshot::new(state);
    let candidate = Candidate::of_pod(pod, &state.pods[&pod]);
    let result = schedule_candidate(&snapshot, &candidate);
    let preemption = preempt_candidate(&snapshot, &candidate, &result);
    let message = unschedulable_message(state, &result, &preemption);
    let node_name = |id: &NodeId| state.names.text(state.nodes[id].name).to_owned();
    let pod_name = |id: &PodId| {
        let pod = &state.pods[id];
        format!("{}/{}", state.names.text(pod.namespace), state.pod_name(pod))
    };
    let (mut chosen, mut candidates) = (BTreeSet::new(), BTreeMap::new());
    match &preemption {
        Preemption::Candidates { best, victims, .. } => {
            chosen.extend(best.iter().map(node_name));
            for (node, victims) in victims {
                let pods: Vec<String> = victims.pods.iter().map(pod_name).collect();
                let value = json!({"pods": pods, "budgetViolations": victims.budget_violations});
                candidates.insert(node_name(node), value);
            }
        }
        Preemption::NotTried
        | Preemption::NotEnabled
        | Preemption::PolicyNever
        | Preemption::VictimsTerminating
        | Preemption::NoCandidate { .. } => {}
    }
    json!({"candidates": candidates, "chosen": chosen, "message": message})
}

#[test]
fn manifests_are_preempted_as_kube_scheduler_preempts_them() {
    let cases: Vec<Value> = cases("preempt.jsonl.gz").into_iter().step_by(EVERY).collect();
    let compare = |case: &Value| {
        let (state, pod) = asked(case);
        differences(case, &preemption(&state, pod))
    };
    let failures: Vec<String> = cases.par_iter().flat_map_iter(compare).collect();
    report(cases.len(), 375, &failures);
}
