//! Preemption: victims on every node, the nodes that are chosen, why the others do not help, and the whole message.

use std::collections::{BTreeMap, BTreeSet};

use quorate_sim::cluster::{ClusterState, NodeId, Pod, PodId};
use quorate_sim::scheduler::{
    Candidate, Preemption, Snapshot, preempt_candidate, schedule_candidate, unschedulable_message,
};
use serde_json::{Value, json};

use crate::fresh_cases::{Counts, Subject, compare, differing};

/// What this crate answers, in the shape of the recording.
fn answer(state: &ClusterState, pod: &Pod) -> Value {
    let snapshot = Snapshot::new(state);
    let candidate = Candidate::of_pod(PodId(u32::MAX), pod);
    let result = schedule_candidate(&snapshot, &candidate);
    let preemption = preempt_candidate(&snapshot, &candidate, &result);
    let node_name = |id: &NodeId| state.names.text(state.nodes[id].name).to_owned();
    let pod_name = |id: &PodId| {
        let pod = &state.pods[id];
        format!("{}/{}", state.names.text(pod.namespace), state.pod_name(pod))
    };
    let (mut candidates, mut chosen, mut statuses) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    match &preemption {
        Preemption::NotTried | Preemption::NotEnabled | Preemption::PolicyNever | Preemption::VictimsTerminating => {}
        Preemption::NoCandidate { statuses: of_nodes } => add_statuses(&mut statuses, of_nodes, node_name),
        Preemption::Candidates { victims, best, statuses: of_nodes } => {
            add_statuses(&mut statuses, of_nodes, node_name);
            chosen.extend(best.iter().map(node_name));
            for (node, victims) in victims {
                let pods: Vec<String> = victims.pods.iter().map(pod_name).collect();
                let value = json!({"pods": pods, "budgetViolations": victims.budget_violations});
                candidates.insert(node_name(node), value);
            }
        }
    }
    let message = unschedulable_message(state, &result, &preemption);
    json!({"candidates": candidates, "chosen": chosen, "statuses": statuses, "message": message})
}

fn add_statuses(
    to: &mut BTreeMap<String, Value>,
    statuses: &BTreeMap<NodeId, quorate_sim::scheduler::NodeStatus>,
    name: impl Fn(&NodeId) -> String,
) {
    for (node, status) in statuses {
        let mut reasons: Vec<String> = status.reasons.iter().map(ToString::to_string).collect();
        reasons.sort();
        to.insert(name(node), json!({"code": status.code.as_str(), "reasons": reasons}));
    }
}

/// The plugin of a status is not part of the answer.
fn without_plugins(statuses: &Value) -> Value {
    let mut statuses = statuses.clone();
    for status in statuses.as_object_mut().unwrap().values_mut() {
        status.as_object_mut().unwrap().remove("plugin");
    }
    statuses
}

/// In which fields this crate answers something else than is recorded.
pub(crate) fn differences(recorded: &Value, state: &ClusterState, pod: &Pod) -> Vec<String> {
    let mut recorded = recorded.clone();
    recorded["statuses"] = without_plugins(&recorded["statuses"]);
    differing(&recorded, &answer(state, pod), &["candidates", "chosen", "statuses", "message"])
}

fn of_case(case: &Value) -> Vec<String> {
    let (state, pod) = crate::cluster::convert(case);
    differences(case, &state, &pod)
}

#[test]
fn preemption_is_answered_as_by_kube_scheduler() {
    let (mut failures, mut count, mut with_candidates) = (Vec::new(), 0_usize, 0_usize);
    for case in crate::recordings("preempt").iter().flat_map(|file| crate::cases(file)) {
        count += 1;
        with_candidates += usize::from(!case["candidates"].as_object().unwrap().is_empty());
        failures.extend(of_case(&case).into_iter().map(|difference| format!("{} {difference}", case["id"])));
    }
    eprintln!("{count} cases of preemption compared, {with_candidates} of them with a candidate");
    assert!(count >= 1700 && with_candidates >= 800, "only {count} cases were compared");
    let shown = failures.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} differences in {count} cases\n{shown}", failures.len());
}

/// What became of the nodes, and of the pod.
fn count_outcome(case: &Value, counts: &mut Counts) {
    let mut count = |name: String| *counts.entry(name).or_insert(0) += 1;
    for verdict in case["statuses"].as_object().unwrap().values() {
        let plugin = verdict["plugin"].as_str().unwrap_or("no victims");
        count(format!("nodes where preemption does not help: {plugin} {}", verdict["code"].as_str().unwrap()));
    }
    for of_node in case["candidates"].as_object().unwrap().values() {
        count("nodes with victims".to_owned());
        if of_node["budgetViolations"] != 0 {
            count("nodes with victims in violation of a budget".to_owned());
        }
    }
    count(match case["chosen"].as_array().unwrap().len() {
        0 => "pods without a candidate".to_owned(),
        1 => "pods with one best candidate".to_owned(),
        _ => "pods with several best candidates".to_owned(),
    });
}

#[test]
fn fresh_cases_of_preemption_are_answered_as_by_kube_scheduler() {
    compare(&Subject {
        name: "preemptions",
        generate: &["generate-preempt", "--draw", "any", "--answer"],
        answer: &["preempt", "--keep-going"],
        question: &["objects", "pod"],
        cases: 500,
        differences: |case| if case["feasible"] == true { Vec::new() } else { of_case(case) },
        count: count_outcome,
    });
}
