//! Preemption: victims on every node, the nodes that are chosen, why the others do not help, and the whole message.

use std::collections::{BTreeMap, BTreeSet};

use quorate_sim::cluster::{ClusterState, NodeId, Pod, PodId};
use quorate_sim::scheduler::{
    Candidate, Preemption, Snapshot, preempt_candidate, schedule_candidate, unschedulable_message,
};
use serde_json::{Value, json};

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

#[test]
fn preemption_is_answered_as_by_kube_scheduler() {
    let (mut failures, mut count, mut with_candidates) = (Vec::new(), 0_usize, 0_usize);
    for case in crate::recordings("preempt").iter().flat_map(|file| crate::cases(file)) {
        let (state, pod) = crate::cluster::convert(&case);
        count += 1;
        with_candidates += usize::from(!case["candidates"].as_object().unwrap().is_empty());
        let actual = answer(&state, &pod);
        let recorded_statuses = without_plugins(&case["statuses"]);
        for (field, recorded) in [
            ("candidates", &case["candidates"]),
            ("chosen", &case["chosen"]),
            ("statuses", &recorded_statuses),
            ("message", &case["message"]),
        ] {
            if actual[field] != *recorded {
                failures.push(format!("{} {field}\n  recorded {recorded}\n  answered {}", case["id"], actual[field]));
            }
        }
    }
    eprintln!("{count} cases of preemption compared, {with_candidates} of them with a candidate");
    assert!(count >= 1700 && with_candidates >= 800, "only {count} cases were compared");
    let shown = failures.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} differences in {count} cases\n{shown}", failures.len());
}
