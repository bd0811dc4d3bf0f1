//! How a step ended.

use std::collections::BTreeSet;

use crate::cluster::DaemonSetStrategy;
use crate::cluster::{ClusterState, NodeId, NodeReady, Pod, PodId, StatefulSetStrategy, Time};
use crate::controller::{WorkloadId, is_active, workload_of, workload_text};
use crate::drain::{NodeDrain, PodDrain};
use crate::eviction::EvictionDecision;

use super::engine::Simulation;
use super::jobs;
use super::refusals::{refusal_of, tell};
use super::summary::{attaching_text, workload_numbers};
use super::{StepOutcome, TargetReport, WorkloadSummary};

/// What a step was aimed at.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// Nothing that could fail.
    Nothing,
    /// Some time.
    Waited,
    /// Something that does not exist.
    Missing(String),
    /// Something that the API server refuses.
    Refused(String),
    /// Workloads that should come to their desired state.
    Workloads(Vec<WorkloadId>),
    /// The drains under way.
    Drains,
    /// Calls of the Eviction API and their answers.
    Evictions,
    /// Pods that are bound without the scheduler.
    Bindings,
    /// Nodes that crashed.
    FailedNodes {
        /// The nodes.
        nodes: Vec<NodeId>,
        /// When.
        since: Time,
    },
}

/// How a step ended.
pub(crate) struct Result {
    pub(crate) outcome: StepOutcome,
    pub(crate) detail: String,
    pub(crate) targets: Vec<TargetReport>,
}

impl Result {
    const fn completed(detail: String) -> Self {
        Self { outcome: StepOutcome::Completed, detail, targets: Vec::new() }
    }

    /// Of several targets the worst.
    fn of_targets(targets: Vec<TargetReport>, when_none: StepOutcome) -> Self {
        let outcome = targets.iter().map(|target| target.outcome).max().unwrap_or(when_none);
        let details: Vec<String> =
            targets.iter().map(|target| format!("{}: {}", target.target, target.detail)).collect();
        Self { outcome, detail: details.join("; "), targets }
    }
}

/// Judges a step at rest.
pub(crate) fn judge(simulation: &Simulation, target: &Target) -> Result {
    let mut result = judge_target(simulation, target);
    tell(simulation, target, &mut result);
    result
}

fn judge_target(simulation: &Simulation, target: &Target) -> Result {
    match target {
        Target::Nothing | Target::Waited => Result::completed(String::new()),
        Target::Missing(what) | Target::Refused(what) => {
            Result { outcome: StepOutcome::Failed, detail: what.clone(), targets: Vec::new() }
        }
        Target::Workloads(workloads) => judge_workloads(&simulation.state, workloads),
        Target::Drains => {
            let targets = simulation.drains.iter().map(|drain| judge_drain(&simulation.state, drain)).collect();
            Result::of_targets(targets, StepOutcome::Completed)
        }
        Target::Evictions => {
            let answers = &simulation.calls.answers;
            let targets = answers.iter().map(|(pod, decision)| judge_eviction(&simulation.state, pod, decision));
            Result::of_targets(targets.collect(), StepOutcome::Completed)
        }
        Target::Bindings => match simulation.unbound() {
            Some(detail) => Result { outcome: StepOutcome::Failed, detail, targets: Vec::new() },
            None => Result::completed(format!("bound {} pods", simulation.bindings.bound)),
        },
        Target::FailedNodes { nodes, since } => Result::completed(failure_detail(simulation, nodes, *since)),
    }
}

/// The step never came to rest.
pub(crate) fn livelock(simulation: &Simulation) -> Result {
    let changes = simulation.recorder.changes;
    let mut detail = format!("after {changes} changes the system still goes round in a circle");
    for fight in simulation.fights().into_iter().chain(simulation.descheduled()) {
        detail.push_str("; ");
        detail.push_str(&fight);
    }
    Result { outcome: StepOutcome::Livelock, detail, targets: Vec::new() }
}

fn judge_workloads(state: &ClusterState, workloads: &[WorkloadId]) -> Result {
    let judged: Vec<(String, bool, String)> = workloads
        .iter()
        .map(|workload| {
            let numbers = workload_numbers(state, *workload);
            let complete = is_complete(state, *workload, numbers);
            (workload_text(state, *workload), complete, workload_detail(state, *workload, numbers, complete))
        })
        .collect();
    let outcome =
        if judged.iter().all(|(_, complete, _)| *complete) { StepOutcome::Completed } else { StepOutcome::Stuck };
    let detail = match judged.as_slice() {
        [(_, _, only)] => only.clone(),
        several => {
            let texts: Vec<String> = several.iter().map(|(name, _, detail)| format!("{name}: {detail}")).collect();
            texts.join("; ")
        }
    };
    Result { outcome, detail, targets: Vec::new() }
}

/// Whether a workload has come to its desired state, as `kubectl rollout status` sees it.
#[must_use]
pub fn is_complete(state: &ClusterState, workload: WorkloadId, numbers: WorkloadSummary) -> bool {
    let WorkloadSummary { desired, replicas, updated, ready, available } = numbers;
    match workload {
        WorkloadId::Deployment(id) => {
            // A paused Deployment only scales.
            let paused = state.deployments.get(&id).is_some_and(|item| item.paused);
            replicas == desired && available == desired && (paused || updated == desired)
        }
        WorkloadId::ReplicaSet(_) => replicas == desired && available == desired,
        WorkloadId::StatefulSet(id) => {
            let kept = state.stateful_sets.get(&id).map_or(0, |set| match set.strategy {
                StatefulSetStrategy::OnDelete => desired,
                StatefulSetStrategy::RollingUpdate { partition } => i64::from(partition).min(desired),
            });
            replicas == desired && available == desired && updated >= desired.saturating_sub(kept)
        }
        WorkloadId::DaemonSet(id) => {
            let waits = state.daemon_sets.get(&id).is_some_and(|set| match set.strategy {
                DaemonSetStrategy::OnDelete => false,
                DaemonSetStrategy::RollingUpdate { .. } => true,
            });
            available >= desired && (!waits || updated >= desired)
        }
        WorkloadId::Job(id) => jobs::is_complete(state, id, desired, ready),
    }
}

fn workload_detail(state: &ClusterState, workload: WorkloadId, numbers: WorkloadSummary, complete: bool) -> String {
    let WorkloadSummary { desired, replicas, updated, ready, available } = numbers;
    let mut detail = match workload {
        WorkloadId::Job(id) => jobs::detail(state, id),
        WorkloadId::ReplicaSet(_)
        | WorkloadId::Deployment(_)
        | WorkloadId::StatefulSet(_)
        | WorkloadId::DaemonSet(_) => {
            format!("desired={desired}, replicas={replicas}, updated={updated}, ready={ready}, available={available}")
        }
    };
    if !complete {
        let own = state.pods.values().filter(|pod| is_active(pod) && workload_of(state, pod.owner) == Some(workload));
        let own: Vec<&Pod> = own.collect();
        let waiting: Vec<String> = own.iter().filter_map(|pod| attaching_text(state, pod)).collect();
        let unscheduled = own.iter().filter_map(|pod| pod.unschedulable.as_ref());
        let mut reasons: Vec<&str> = unscheduled.map(|reason| reason.message.as_str()).collect();
        reasons.extend(waiting.iter().map(String::as_str));
        reasons.extend(refusal_of(state, workload).map(|refusal| refusal.reason.as_str()));
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            detail.push_str("; ");
            detail.push_str(reason);
        }
    }
    detail
}

fn judge_drain(state: &ClusterState, drain: &NodeDrain) -> TargetReport {
    let target = state.nodes.get(&drain.node).map_or_else(String::new, |node| state.names.text(node.name).to_owned());
    let evicted = drain.evicted;
    let (outcome, why) = if !drain.unmanaged.is_empty() {
        let pods: Vec<String> = drain.unmanaged.iter().map(|pod| pod_text(state, *pod)).collect();
        (StepOutcome::Refused, format!("cannot delete pods that declare no controller: {}", pods.join(", ")))
    } else if !drain.waiting.is_empty() {
        let reasons: Vec<String> =
            drain.waiting.iter().map(|(pod, waiting)| waiting_text(state, drain, *pod, *waiting)).collect();
        (StepOutcome::Blocked, reasons.join(", "))
    } else if !drain.failed.is_empty() {
        let failed = drain.failed.iter();
        let texts: Vec<String> =
            failed.map(|failed| format!("pod {}: {}", pod_text(state, failed.pod), failed.message)).collect();
        (StepOutcome::Failed, texts.join(", "))
    } else {
        (StepOutcome::Completed, String::new())
    };
    let mut detail = format!("{}, evicted {evicted}", outcome.as_str());
    if !why.is_empty() {
        detail.push_str("; ");
        detail.push_str(&why);
    }
    TargetReport { target, outcome, detail }
}

fn waiting_text(state: &ClusterState, drain: &NodeDrain, pod: PodId, waiting: PodDrain) -> String {
    let pod = pod_text(state, pod);
    match waiting {
        PodDrain::Terminating => {
            let runs = state.nodes.get(&drain.node).is_some_and(crate::controller::kubelet::runs);
            let why = if runs { "does not end" } else { "cannot end on a node that is down" };
            format!("pod {pod} {why}")
        }
        PodDrain::Denied { budget, desired_healthy, current_healthy, .. } => {
            let budget = budget_text(state, budget);
            format!(
                "pod {pod} cannot be evicted: budget {budget} needs {desired_healthy} healthy pods and has \
                 {current_healthy} currently"
            )
        }
    }
}

fn judge_eviction(state: &ClusterState, pod: &str, decision: &EvictionDecision) -> TargetReport {
    let (outcome, detail) = match decision {
        EvictionDecision::Granted(_) => (StepOutcome::Allowed, "allowed".to_owned()),
        EvictionDecision::TooManyRequests { budget, desired_healthy, current_healthy } => {
            let budget = budget_text(state, *budget);
            let detail =
                format!("budget {budget} needs {desired_healthy} healthy pods and has {current_healthy} currently");
            (StepOutcome::Denied429, detail)
        }
        EvictionDecision::SeveralBudgets(budgets) => {
            let names: Vec<String> = budgets.iter().map(|budget| budget_text(state, *budget)).collect();
            (StepOutcome::Denied500, format!("more than one budget covers it: {}", names.join(", ")))
        }
        EvictionDecision::Forbidden { budget, .. } => {
            let budget = budget_text(state, *budget);
            (StepOutcome::Failed, format!("the status of budget {budget} forbids evictions"))
        }
        EvictionDecision::Webhook(reason) => (StepOutcome::Failed, reason.clone()),
        EvictionDecision::NotFound => (StepOutcome::Failed, "it does not exist".to_owned()),
    };
    TargetReport { target: pod.to_owned(), outcome, detail }
}

fn failure_detail(simulation: &Simulation, nodes: &[NodeId], since: Time) -> String {
    let state = &simulation.state;
    let mut parts = Vec::new();
    let noticed = nodes.iter().filter_map(|id| state.nodes.get(id)).all(|node| node.ready == NodeReady::Unknown);
    if let (true, Some(at)) = (noticed, simulation.noticed_at) {
        parts.push(format!("NotReady after {} s", at.since(since).milliseconds().div_euclid(1000)));
    }
    let failed: BTreeSet<NodeId> = nodes.iter().copied().collect();
    let bound = || failed.iter().flat_map(|node| state.pods.on_node(Some(*node)));
    let (count, terminating) = (bound().count(), bound().filter(|(_, pod)| pod.deletion.is_some()).count());
    parts.push(format!("pods still bound to failed nodes: {count} ({terminating} terminating)"));
    parts.join("; ")
}

/// `NS/NAME` of a pod.
pub(crate) fn pod_text(state: &ClusterState, id: PodId) -> String {
    state.pods.get(&id).map_or_else(
        || "(gone)".to_owned(),
        |pod| format!("{}/{}", state.names.text(pod.namespace), state.pod_name(pod)),
    )
}

/// `NS/NAME` of a budget.
pub(crate) fn budget_text(state: &ClusterState, id: crate::cluster::BudgetId) -> String {
    state.budgets.get(&id).map_or_else(String::new, |budget| {
        format!("{}/{}", state.names.text(budget.namespace), state.names.text(budget.name))
    })
}
