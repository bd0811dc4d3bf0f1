//! `replicas-share-a-node`: replicas that could run apart run together.

use std::collections::BTreeMap;

use quorate_sim::cluster::{ClusterState, NodeId, WorkloadKind, WorkloadName};
use quorate_sim::scheduler::{node_matches_affinity, untolerated_taint};
use quorate_sim::simulation::{StepAction, StepOutcome};
use serde_json::json;

use super::context::{AtRest, finding_at, workload_of};
use super::words;
use crate::finding::{Finding, Mend, Severity};

/// The rule's id.
pub(super) const RULE: &str = "replicas-share-a-node";

/// Reports workloads of which one node holds more replicas than an even spread over the eligible nodes would give it: as
/// they stand at rest, or after a rollout of the workload.
pub(super) fn evaluate(at_rest: &AtRest<'_>) -> Vec<Finding> {
    let workloads = at_rest.context.model.workloads.keys().filter(|workload| at_rest.is_whole(**workload));
    workloads.filter_map(|workload| evaluate_one(at_rest, *workload)).collect()
}

/// When the replicas share a node.
#[derive(Clone, Copy)]
enum When {
    AtRest,
    AfterRollout,
}

fn evaluate_one(at_rest: &AtRest<'_>, workload: WorkloadName) -> Option<Finding> {
    match workload.kind {
        WorkloadKind::Deployment | WorkloadKind::ReplicaSet | WorkloadKind::StatefulSet => {}
        WorkloadKind::DaemonSet | WorkloadKind::Job => return None,
    }
    if let Some(shared) = crowded(at_rest.state(), workload) {
        return Some(finding(at_rest, workload, shared, When::AtRest));
    }
    if workload.kind == WorkloadKind::ReplicaSet {
        return None;
    }
    let (report, after) = at_rest.what_if(StepAction::Restart { workload });
    if report.outcome != StepOutcome::Completed {
        return None;
    }
    crowded(&after.state, workload).map(|shared| finding(at_rest, workload, shared, When::AfterRollout))
}

/// A node with more than its share: the node, how many it holds, of how many, over how many eligible nodes.
#[derive(Clone, Copy)]
struct Shared {
    node: NodeId,
    here: usize,
    replicas: usize,
    eligible: usize,
}

fn crowded(state: &ClusterState, workload: WorkloadName) -> Option<Shared> {
    let mut by_node: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut spec = None;
    for pod in state.pods.values().filter(|pod| pod.deletion.is_none() && workload_of(state, pod) == Some(workload)) {
        if let Some(node) = pod.node {
            *by_node.entry(node).or_default() += 1;
            spec = Some(&pod.template.spec);
        }
    }
    let spec = spec?;
    let is_eligible = |node: &&quorate_sim::cluster::Node| {
        node_matches_affinity(&state.names, spec, node) && untolerated_taint(spec, node).is_none()
    };
    let eligible = state.nodes.values().filter(is_eligible).count();
    let replicas: usize = by_node.values().sum();
    let (node, here) = by_node.iter().max_by_key(|(node, here)| (**here, std::cmp::Reverse(**node)))?;
    let share = replicas.div_ceil(eligible.max(1));
    (eligible > 1 && *here > share && *here > 1).then_some(Shared { node: *node, here: *here, replicas, eligible })
}

fn finding(at_rest: &AtRest<'_>, workload: WorkloadName, shared: Shared, when: When) -> Finding {
    let state = at_rest.state();
    let name = words::workload(state, workload);
    let node = words::node(state, shared.node);
    let Shared { here, replicas, eligible, .. } = shared;
    let after = match when {
        When::AtRest => "",
        When::AfterRollout => " after a rollout",
    };
    let message = format!(
        "{here} of {replicas} replicas of {name} run on {node}{after}, though {eligible} nodes would take them"
    );
    let object = at_rest.context.workload_object(workload);
    let mut finding = finding_at(RULE, Severity::Warning, message, object, "spec.template.spec");
    finding.label = "nothing keeps its replicas apart".to_owned();
    finding.why = Some("no required anti-affinity and no DoNotSchedule spread over kubernetes.io/hostname".to_owned());
    finding.then = vec![format!("the loss of {node} takes {here} of {replicas} at once")];
    finding.mends = vec![Mend {
        change: "topologySpreadConstraints: maxSkew 1 over kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, \
                 matchLabelKeys: [pod-template-hash]"
            .to_owned(),
        price: None,
    }];
    finding.evidence = json!({"node": node, "here": here, "replicas": replicas, "eligibleNodes": eligible});
    finding
}
