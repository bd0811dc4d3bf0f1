//! `pods-refused-by-admission`: a workload whose pods the API server does not let its controller create.

use quorate_sim::cluster::{ClusterState, PodTemplate, RefusalCause, WorkloadName};
use quorate_sim::controller::{WorkloadId, find_workload, workload_of};
use quorate_sim::simulation::refusal_of;
use serde_json::json;

use super::context::{AtRest, Context, finding_at, related};
use super::words;
use crate::finding::{Finding, Severity};
use crate::manifest::Typed;

/// The rule's id.
pub(super) const RULE: &str = "pods-refused-by-admission";

/// Reports workloads of which no pod is ever admitted. Needs no nodes.
pub(super) fn evaluate(context: &Context<'_>) -> Vec<Finding> {
    let state = &context.model.state;
    let mut findings = Vec::new();
    for workload in context.model.workloads.keys() {
        let template = find_workload(state, *workload).and_then(|id| template(state, id));
        let Some(reason) = template.and_then(|own| own.spec.admission.refusal.as_deref()) else { continue };
        let message = format!("the API server refuses every pod of {}", words::workload(state, *workload));
        let object = context.workload_object(*workload);
        let mut finding = finding_at(RULE, Severity::Error, message, object, "spec.template.spec");
        finding.label = "is not admitted".to_owned();
        finding.why = Some(reason.to_owned());
        finding.then = vec!["no pod is ever created; only the event FailedCreate says so".to_owned()];
        finding.evidence = json!({"reason": reason});
        findings.push(finding);
    }
    findings
}

/// Reports workloads for all of whose pods there is no room in a quota, once everything that can run runs.
pub(super) fn evaluate_at_rest(at_rest: &AtRest<'_>) -> Vec<Finding> {
    let state = at_rest.state();
    let mut findings = Vec::new();
    for workload in at_rest.context.model.workloads.keys() {
        let Some(id) = find_workload(state, *workload) else { continue };
        let Some(refusal) = refusal_of(state, id).filter(|own| own.cause == RefusalCause::Quota) else { continue };
        let name = words::workload(state, *workload);
        let numbers = at_rest.summary.workloads.get(&name).copied().unwrap_or_default();
        let missing = words::count(numbers.desired.saturating_sub(numbers.replicas), "pod", "pods");
        let message = format!("{missing} of {} of {name} cannot be created: the quota has no room", numbers.desired);
        let object = at_rest.context.workload_object(*workload);
        let mut finding = finding_at(RULE, Severity::Error, message, object, "spec.replicas");
        finding.label = "more than the quota allows".to_owned();
        finding.related.extend(quota_of(at_rest, *workload, &refusal.reason));
        finding.why = Some(refusal.reason.clone());
        finding.then = vec![
            "they are created only once something else in the namespace goes, at the controller's next retry (up to 1000 s)"
                .to_owned(),
        ];
        let pods = state.pods.values().filter(|pod| workload_of(state, pod.owner) == Some(id)).count();
        finding.evidence = json!({"reason": refusal.reason, "created": pods, "desired": numbers.desired});
        findings.push(finding);
    }
    findings
}

/// The quota that the refusal names.
fn quota_of(at_rest: &AtRest<'_>, workload: WorkloadName, reason: &str) -> Option<crate::finding::Related> {
    let namespace = at_rest.state().names.text(workload.namespace);
    let objects = at_rest.context.inventory.applied().map(|(_, object)| object);
    let mut quotas = objects.filter(|object| {
        let is_quota = matches!(object.typed, Typed::ResourceQuota(_));
        let is_here = object.reference.namespace.as_deref().unwrap_or("default") == namespace;
        is_quota && is_here && reason.contains(&format!("quota: {}", object.reference.name))
    });
    quotas.next().map(|object| related(object, "spec.hard", "and this is all there is"))
}

fn template(state: &ClusterState, workload: WorkloadId) -> Option<&PodTemplate> {
    match workload {
        WorkloadId::Deployment(id) => state.deployments.get(&id).map(|own| &*own.template),
        WorkloadId::ReplicaSet(id) => state.replica_sets.get(&id).map(|own| &*own.template),
        WorkloadId::StatefulSet(id) => state.stateful_sets.get(&id).map(|own| &*own.template),
        WorkloadId::DaemonSet(id) => state.daemon_sets.get(&id).map(|own| &*own.template),
        WorkloadId::Job(id) => state.jobs.get(&id).map(|own| &*own.spec.template),
    }
}
