//! `pods-stay-pending`: pods that fit on no node even while nothing has failed.

use quorate_sim::prove::no_placement;
use serde_json::json;

use super::context::{AtRest, finding_at, pending_pods};
use super::rollout_deadlock::cause;
use super::words;
use crate::finding::{Finding, Severity};

/// The rule's id.
pub(super) const RULE: &str = "pods-stay-pending";

/// Reports workloads of which pods are pending when everything is at rest.
pub(super) fn evaluate(at_rest: &AtRest<'_>) -> Vec<Finding> {
    let state = at_rest.state();
    let mut findings = Vec::new();
    for workload in at_rest.context.model.workloads.keys() {
        let pending = pending_pods(state, *workload);
        let Some(pod) = pending.first().copied() else { continue };
        let name = words::workload(state, *workload);
        let desired = at_rest.summary.workloads.get(&name).map_or(0, |own| own.desired);
        let number = words::count(i64::try_from(pending.len()).unwrap_or(i64::MAX), "pod", "pods");
        let message = format!("{number} of {desired} of {name} cannot be placed on these nodes");
        let object = at_rest.context.workload_object(*workload);
        let path = "spec.template.spec";
        let mut finding = finding_at(RULE, Severity::Error, message, object, path);
        finding.label = "fits on no node".to_owned();
        if let Some(object) = object {
            let causes = words::deciding_plugins(state, pod).into_iter().filter_map(|plugin| cause(plugin, object));
            finding.related.extend(causes);
        }
        finding.why = Some(words::why_nowhere(state, pod));
        finding.then = vec!["they stay Pending until a node is added or something else is removed".to_owned()];
        let proof = no_placement(state, pod).ok();
        finding.evidence = json!({"pending": pending.len(), "noPlacement": proof});
        findings.push(finding);
    }
    findings
}
