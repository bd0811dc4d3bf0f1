//! `node-loss-leaves-pods-pending`: without one of the nodes the others have no room for its pods.

use std::collections::BTreeMap;

use quorate_sim::cluster::{NodeId, WorkloadName};
use quorate_sim::failure::FailureImpact;
use quorate_sim::simulation::StepAction;
use serde_json::json;

use super::context::{AtRest, finding_at, pending_pods};
use super::mend::another_node;
use super::rollout_deadlock::cause;
use super::words;
use crate::finding::{Finding, Mend, Severity};

/// The rule's id.
pub(super) const RULE: &str = "node-loss-leaves-pods-pending";

/// One finding for each workload, with the nodes whose loss leaves pods of it pending once everything is at rest again.
pub(super) fn evaluate(at_rest: &AtRest<'_>, losses: &[FailureImpact]) -> Vec<Finding> {
    let mut by_workload: BTreeMap<WorkloadName, Vec<NodeId>> = BTreeMap::new();
    for loss in losses {
        for workload in at_rest.context.model.workloads.keys() {
            let before = pending_pods(at_rest.state(), *workload).len();
            let after = loss.recovered.pending.iter().filter(|pending| pending.workload == Some(*workload)).count();
            if after > before {
                by_workload.entry(*workload).or_default().extend(&loss.nodes);
            }
        }
    }
    by_workload.iter().filter_map(|(workload, nodes)| finding(at_rest, *workload, nodes)).collect()
}

fn finding(at_rest: &AtRest<'_>, workload: WorkloadName, lost: &[NodeId]) -> Option<Finding> {
    let example = *lost.first()?;
    let (report, after) = at_rest.what_if(StepAction::FailNode { nodes: vec![example] });
    let state = &after.state;
    let name = words::workload(state, workload);
    let nodes: Vec<String> = lost.iter().map(|node| words::node(state, *node)).collect();
    let pod = pending_pods(state, workload).first().copied()?;
    let message = format!("{name} has no room for its pods once {} is lost", or_list(&nodes));
    let object = at_rest.context.workload_object(workload);
    let mut finding = finding_at(RULE, Severity::Warning, message, object, "spec.replicas");
    finding.label = "one of these stays Pending".to_owned();
    let deciding = words::deciding_plugins(state, pod);
    finding.related.extend(object.and_then(|object| deciding.into_iter().find_map(|plugin| cause(plugin, object))));
    finding.why = Some(format!("without {}: {}", words::node(state, example), words::why_nowhere(state, pod)));
    let summary = report.after.workloads.get(&name);
    let ready = summary.map(|own| format!("{} of {} ready until a node comes back", own.ready, own.desired));
    finding.then = ready.into_iter().collect();
    finding.mends = mend(at_rest, workload, example).into_iter().collect();
    finding.evidence = json!({"nodes": nodes, "trace": words::trace(&report.events)});
    Some(finding)
}

/// `worker-1 or worker-2`; of many the number.
fn or_list(nodes: &[String]) -> String {
    match nodes {
        [first, second] => format!("{first} or {second}"),
        [_, _, _, ..] => format!("any of {} nodes ({})", nodes.len(), words::list(nodes)),
        nodes => words::list(nodes),
    }
}

fn mend(at_rest: &AtRest<'_>, workload: WorkloadName, lost: NodeId) -> Option<Mend> {
    another_node(at_rest, workload, |changed| {
        let mut simulation = changed.simulation.branch();
        simulation.perform(&(StepAction::FailNode { nodes: vec![lost] }));
        pending_pods(&simulation.state, workload).is_empty().then(|| "every pod is placed again".to_owned())
    })
}
