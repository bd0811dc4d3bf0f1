//! `rollout-deadlock`: a rollout that can never complete.

use quorate_sim::cluster::{ClusterState, DeploymentStrategy, WorkloadKind, WorkloadName};
use quorate_sim::prove::no_placement;
use quorate_sim::scheduler::Plugin;
use quorate_sim::simulation::{RolloutFate, Simulation, StepAction, StepOutcome, StepReport};
use serde_json::json;

use super::context::{AtRest, finding_at, pending_pods, related};
use super::mend;
use super::words;
use crate::finding::{Finding, NotEvaluated, Severity};
use crate::manifest::Object;
use crate::model;
use crate::policy::Evaluation;

/// The rule's id.
pub(super) const RULE: &str = "rollout-deadlock";

/// Restarts each workload that is whole, alone, and reports those whose rollout comes to rest before it is done, or goes
/// round in a circle without ever being done. What another workload keeps from coming to rest is no fault of this one.
pub(super) fn evaluate(at_rest: &AtRest<'_>) -> Evaluation {
    let workloads = at_rest.context.model.workloads.keys().filter(|workload| at_rest.is_whole(**workload));
    let mut evaluation = Evaluation::default();
    for workload in workloads {
        match evaluate_one(at_rest, *workload) {
            Verdict::Completes => {}
            Verdict::Never(finding) => evaluation.findings.push(*finding),
            Verdict::Undecided(others) => {
                let name = words::workload(at_rest.state(), *workload);
                let needs = format!("a cluster that comes to rest after a restart of {name}: {others}");
                evaluation.not_evaluated.push(NotEvaluated { rule: RULE.into(), needs });
            }
        }
    }
    evaluation
}

/// What is said of a workload's rollout.
enum Verdict {
    Completes,
    Never(Box<Finding>),
    /// Others go on without end, as this sentence says.
    Undecided(String),
}

/// Whether an outcome of a rollout means that it never completes.
pub(super) const fn never_completes(outcome: StepOutcome) -> bool {
    match outcome {
        StepOutcome::Stuck | StepOutcome::Livelock | StepOutcome::Failed => true,
        StepOutcome::Completed
        | StepOutcome::Allowed
        | StepOutcome::Denied429
        | StepOutcome::Denied500
        | StepOutcome::Refused
        | StepOutcome::Blocked => false,
    }
}

fn evaluate_one(at_rest: &AtRest<'_>, workload: WorkloadName) -> Verdict {
    match fate(at_rest, workload) {
        Fate::Completes => Verdict::Completes,
        Fate::Undecided(others) => Verdict::Undecided(others),
        Fate::Never(report, after) => Verdict::Never(Box::new(finding(at_rest, workload, &report, &after))),
    }
}

/// What becomes of a rollout.
pub(super) enum Fate {
    Completes,
    /// It never does: the report, and the cluster in which it stands still.
    Never(Box<StepReport>, Box<Simulation>),
    /// Others go on without end, as this sentence says.
    Undecided(String),
}

/// Restarts `workload`, alone.
pub(super) fn fate(at_rest: &AtRest<'_>, workload: WorkloadName) -> Fate {
    let (report, after) = at_rest.what_if(StepAction::Restart { workload });
    if !never_completes(report.outcome) {
        return Fate::Completes;
    }
    if report.outcome == StepOutcome::Livelock {
        match at_rest.simulation.branch().rollout_fate(workload) {
            RolloutFate::Completes => return Fate::Completes,
            RolloutFate::Undecided => {
                return Fate::Undecided(words::restless(&after.state, &after.restless_workloads()));
            }
            RolloutFate::Never => {}
        }
    }
    Fate::Never(Box::new(report), Box::new(after))
}

/// That no node takes the pod that a rollout waits for, as evidence; `None` where it waits for none.
pub(super) fn no_node_evidence(state: &ClusterState, workload: WorkloadName) -> Option<serde_json::Value> {
    let pod = pending_pods(state, workload).first().copied()?;
    Some(match no_placement(state, pod) {
        Ok(proof) => json!({"claim": "the new pod fits on no node", "checked": true, "proof": proof}),
        Err(unproved) => {
            json!({"claim": "the new pod fits on no node", "checked": false, "reason": unproved.to_string()})
        }
    })
}

fn finding(at_rest: &AtRest<'_>, workload: WorkloadName, report: &StepReport, after: &Simulation) -> Finding {
    let state = &after.state;
    let name = words::workload(state, workload);
    let object = at_rest.context.workload_object(workload);
    let (severity, message) = match completes_with(at_rest, workload) {
        None => (Severity::Error, format!("no rollout of {name} can ever complete")),
        Some(other) => {
            let replicas = at_rest.summary.workloads.get(&name).map_or(0, |own| own.desired);
            let pods = words::count(replicas, "pod", "pods");
            let message =
                format!("no rollout of {name} completes while autoscaling keeps it at {pods}; with {other} one does");
            (Severity::Warning, message)
        }
    };
    let mut finding = finding_at(RULE, severity, message, object, field_of(workload.kind));
    finding.label = label(state, workload);
    let pending = pending_pods(state, workload).first().copied();
    if let (Some(pod), Some(object)) = (pending, object) {
        for plugin in words::deciding_plugins(state, pod) {
            finding.related.extend(cause(plugin, object));
        }
    }
    finding.why = Some(why(at_rest, report, after, workload));
    finding.then = then(report, state, workload);
    finding.mends = mend::of_rollout(at_rest, workload);
    let proof = no_node_evidence(state, workload);
    finding.evidence = json!({"trace": words::trace(&report.events), "after": report.after, "noPlacement": proof});
    finding
}

/// Numbers of pods that are tried, at most, between an autoscaler's limits.
const MOST_TRIED: usize = 12;

/// A number of pods within an autoscaler's limits with which a rollout completes, the least one that was tried.
fn completes_with(at_rest: &AtRest<'_>, workload: WorkloadName) -> Option<i64> {
    let range = at_rest.context.model.autoscaled.get(&workload)?;
    let span = usize::try_from(range.most - range.least).unwrap_or(usize::MAX);
    let step = span.div_ceil(MOST_TRIED).max(1);
    (range.least..=range.most).step_by(step).find(|number| {
        let state = model::with_replicas(&at_rest.context.model.state, workload, *number);
        let changed = AtRest::of_state(at_rest.context, state);
        changed.is_whole(workload)
            && changed.what_if(StepAction::Restart { workload }).0.outcome == StepOutcome::Completed
    })
}

/// The field that lets nothing old go first.
const fn field_of(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Deployment => "spec.strategy.rollingUpdate.maxUnavailable",
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => "spec.updateStrategy",
        WorkloadKind::ReplicaSet | WorkloadKind::Job => "spec.template",
    }
}

fn label(state: &ClusterState, workload: WorkloadName) -> String {
    let deployment =
        state.deployments.values().find(|own| own.namespace == workload.namespace && own.name == workload.name);
    let strategy =
        deployment.filter(|_| workload.kind == WorkloadKind::Deployment).map(|own| (own.strategy, own.replicas));
    match strategy {
        Some((DeploymentStrategy::RollingUpdate { max_unavailable, .. }, replicas)) => {
            if max_unavailable.of_rounded_down(replicas) <= 0 {
                "no old pod may stop before a new one is ready,".to_owned()
            } else {
                "the old pods that may stop first make no room,".to_owned()
            }
        }
        Some((DeploymentStrategy::Recreate, _)) => "all old pods stop first, and then".to_owned(),
        None => "the update waits for a pod".to_owned(),
    }
}

/// The field behind a plugin's rejection.
pub(super) fn cause(plugin: Plugin, object: &Object) -> Option<crate::finding::Related> {
    let pod = "spec.template.spec";
    let (path, message) = match plugin {
        Plugin::InterPodAffinity => (
            format!("{pod}.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution"),
            format!("and no node takes a second {} pod", object.reference.name),
        ),
        Plugin::NodeResourcesFit => {
            (format!("{pod}.containers[0].resources.requests"), "and no node has this much free".to_owned())
        }
        Plugin::NodePorts => {
            (format!("{pod}.containers[0].ports"), "and on each node the host port is taken".to_owned())
        }
        Plugin::PodTopologySpread => {
            (format!("{pod}.topologySpreadConstraints"), "and no node keeps this spread".to_owned())
        }
        Plugin::VolumeRestrictions => (format!("{pod}.volumes"), "and only one pod may use this claim".to_owned()),
        Plugin::NodeUnschedulable
        | Plugin::NodeName
        | Plugin::TaintToleration
        | Plugin::NodeAffinity
        | Plugin::NodeVolumeLimits
        | Plugin::VolumeBinding
        | Plugin::VolumeZone
        | Plugin::NodeResourcesBalancedAllocation
        | Plugin::DynamicResources
        | Plugin::ImageLocality
        | Plugin::NodeDeclaredFeatures
        | Plugin::PreFilterResult => return None,
    };
    let exists = object.root.at(&crate::manifest::FieldPath::parse(&path)).is_some();
    exists.then(|| related(object, &path, message))
}

pub(super) fn why(at_rest: &AtRest<'_>, report: &StepReport, after: &Simulation, workload: WorkloadName) -> String {
    let state = &after.state;
    let Some(pod) = pending_pods(state, workload).first().copied() else { return report.detail.clone() };
    let name = words::workload(state, workload);
    let before = at_rest.summary.pods.iter().filter(|pod| pod.owner == name && pod.node.is_some());
    let mut nodes: Vec<&str> = before.filter_map(|pod| pod.node.as_deref()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let replicas = at_rest.summary.workloads.get(&name).map_or(0, |own| own.replicas);
    let hold = words::count(replicas, "replica already holds", "replicas already hold");
    let held = words::count(i64::try_from(nodes.len()).unwrap_or(i64::MAX), "node", "nodes");
    format!("{hold} {held}; the new pod fits none: {}", words::why_nowhere(state, pod))
}

fn then(report: &StepReport, state: &ClusterState, workload: WorkloadName) -> Vec<String> {
    let name = words::workload(state, workload);
    let pending = i64::try_from(pending_pods(state, workload).len()).unwrap_or(i64::MAX);
    let ready = report.after.workloads.get(&name).map_or(0, |own| own.ready);
    let mut steps = Vec::new();
    if pending > 0 {
        let stay = words::count(pending, "pod stays", "pods stay");
        let serve = words::count(ready, "old pod keeps", "old pods keep");
        steps.push(format!("{stay} Pending, {serve} serving"));
    }
    if workload.kind == WorkloadKind::Deployment {
        let deadline = state
            .deployments
            .values()
            .find(|own| own.namespace == workload.namespace && own.name == workload.name)
            .map_or(600, |own| own.progress_deadline_seconds);
        steps.push(format!(
            "after {deadline} s the Deployment only reports ProgressDeadlineExceeded; nothing rolls back"
        ));
    }
    steps
}
