//! The scheduler's answer, in names.

use std::collections::BTreeMap;

use quorate_sim::cluster::{ClusterState, NodeId, PodId};
use quorate_sim::scheduler::{
    Candidate, Preemption, Reason, SchedulingResult, Snapshot, Verdict, Victims, preempt_candidate, schedule_candidate,
    scores, unschedulable_message,
};

use super::blame;
use super::cluster::Cluster;
use super::question::{Asked, at};
use crate::command::error::CommandError;
use crate::command::input::Input;
use crate::manifest::{Place, Typed};
use crate::model::{AskError, AskedPod, Cause, ask, causes};
use crate::report::{
    Decision, ExcludedNodes, NodeVerdict, PreFilterVerdict, PreemptionSummary, ScheduleAnswer, VictimsSummary,
};

/// The answer about one pod.
pub(super) struct Answered {
    pub(super) pod: String,
    pub(super) answer: ScheduleAnswer,
    pub(super) assumptions: Vec<String>,
}

/// Asks the scheduler where the pod would go.
///
/// # Errors
/// When there is no pod to ask about.
pub(super) fn answer(cluster: &Cluster, asked: &Asked, input: &Input) -> Result<Answered, CommandError> {
    let mut state = cluster.state.clone();
    let pod = match ask(&mut state, &cluster.inventory, &asked.object, asked.workload) {
        Ok(pod) => pod,
        Err(AskError::Refused(refusal)) => {
            return Ok(Answered {
                pod: asked.object.reference.to_string(),
                answer: ScheduleAnswer::Refused(Box::new(blame::refused(cluster, asked, &refusal))),
                assumptions: Vec::new(),
            });
        }
        Err(error @ (AskError::NoPods(_) | AskError::Unreadable)) => {
            return Err(CommandError::Usage(format!("{}: {error}", at(&asked.object, input))));
        }
    };
    let decision = decide(cluster, &state, asked, &pod);
    let mut assumptions: Vec<String> = pod.assumptions.iter().map(ToString::to_string).collect();
    assumptions.extend(nominal(&state, pod.id));
    assumptions.extend(cluster.about_scheduler.iter().cloned());
    if matches!(asked.object.typed, Typed::DaemonSet(_)) {
        let note = "a DaemonSet makes a pod for each node and for that node alone; shown is one that is not pinned";
        assumptions.push(note.to_owned());
    }
    Ok(Answered { pod: pod.name, answer: ScheduleAnswer::Decided(Box::new(decision)), assumptions })
}

/// What the scheduler would not be asked about.
fn nominal(state: &ClusterState, pod: PodId) -> Option<String> {
    let names_node = state.pods.get(&pod).is_some_and(|pod| pod.template.spec.node_name.is_some());
    names_node
        .then(|| "spec.nodeName binds the pod without the scheduler; shown is what the scheduler would say".into())
}

fn decide(cluster: &Cluster, state: &ClusterState, asked: &Asked, pod: &AskedPod) -> Decision {
    let snapshot = Snapshot::new(state);
    let Some(of_state) = state.pods.get(&pod.id) else { return Decision::default() };
    let candidate = Candidate::of_pod(pod.id, of_state);
    let result = schedule_candidate(&snapshot, &candidate);
    let feasible: Vec<NodeId> = result.feasible().collect();
    // Kubernetes scores nothing where there is no choice; people ask all the same.
    let of_nodes = scores(&snapshot, &candidate, &feasible);
    let name = |id: NodeId| node_name(state, id);
    let causes = causes(&snapshot, &cluster.model, pod, &asked.object.root, &result);
    let profile = state.scheduler.profile(result.profile);
    let mut decision = Decision {
        profile: (!profile.has_default_name()).then(|| profile.scheduler_name.clone()),
        pre_filter: result.pre_filter.as_ref().map(|rejection| PreFilterVerdict {
            plugin: rejection.plugin.as_str(),
            code: rejection.code.as_str(),
            reasons: vec![rejection.reason.to_string()],
        }),
        nodes: result.verdicts.iter().map(|(id, verdict)| (name(*id), node_verdict(verdict))).collect(),
        scores: BTreeMap::new(),
        total: of_nodes.iter().map(|(id, of_node)| (name(*id), of_node.values().sum())).collect(),
        best: best(state, &result),
        excluded: causes.iter().map(|cause| excluded(state, cluster, asked, cause)).collect(),
        ..Decision::default()
    };
    for (id, of_node) in &of_nodes {
        let of_node = of_node.iter().map(|(plugin, score)| (plugin.as_str(), *score)).collect();
        decision.scores.insert(name(*id), of_node);
    }
    if feasible.is_empty() {
        let preemption = preempt_candidate(&snapshot, &candidate, &result);
        decision.message = Some(unschedulable_message(state, &result, &preemption));
        let summary = preemption_summary(state, &preemption);
        decision.finding = Some(blame::fits_nowhere(cluster, asked, pod, &causes, &decision, &summary));
        decision.preemption = Some(summary);
    }
    decision
}

fn best(state: &ClusterState, result: &SchedulingResult) -> Vec<String> {
    // With a nomination the scheduler looks no further.
    let nodes: Vec<NodeId> = if result.best.is_empty() { result.feasible().collect() } else { result.best.clone() };
    let mut names: Vec<String> = nodes.into_iter().map(|id| node_name(state, id)).collect();
    names.sort();
    names
}

fn node_name(state: &ClusterState, id: NodeId) -> String {
    state.nodes.get(&id).map(|node| state.names.text(node.name).to_owned()).unwrap_or_default()
}

fn texts(reasons: &[Reason]) -> Vec<String> {
    let mut texts: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}

fn node_verdict(verdict: &Verdict) -> NodeVerdict {
    match verdict {
        Verdict::Fits => NodeVerdict { code: "Success", plugin: None, reasons: Vec::new() },
        Verdict::Rejected { code, plugin, reasons } => {
            NodeVerdict { code: code.as_str(), plugin: Some(plugin.as_str()), reasons: texts(reasons) }
        }
    }
}

fn excluded(state: &ClusterState, cluster: &Cluster, asked: &Asked, cause: &Cause) -> ExcludedNodes {
    let place: Option<Place> = cause.places.first().map(|place| blame::place_of(cluster, asked, place));
    ExcludedNodes {
        plugin: cause.plugin.as_str(),
        reasons: texts(&cause.reasons),
        nodes: cause.nodes.iter().map(|id| node_name(state, *id)).collect(),
        detail: cause.detail.clone(),
        place,
    }
}

fn preemption_summary(state: &ClusterState, preemption: &Preemption) -> PreemptionSummary {
    let outcome = match preemption {
        Preemption::NotTried => "not-tried",
        Preemption::NotEnabled => "not-enabled",
        Preemption::PolicyNever => "policy-never",
        Preemption::VictimsTerminating => "victims-terminating",
        Preemption::NoCandidate { .. } => "no-candidate",
        Preemption::Candidates { .. } => "possible",
    };
    let mut summary = PreemptionSummary { outcome, victims: BTreeMap::new(), best: Vec::new() };
    match preemption {
        Preemption::NotTried
        | Preemption::NotEnabled
        | Preemption::PolicyNever
        | Preemption::VictimsTerminating
        | Preemption::NoCandidate { .. } => {}
        Preemption::Candidates { victims, best, .. } => {
            let of_node = |(id, victims): (&NodeId, &Victims)| (node_name(state, *id), victims_summary(state, victims));
            summary.victims = victims.iter().map(of_node).collect();
            summary.best = best.iter().map(|id| node_name(state, *id)).collect();
            summary.best.sort();
        }
    }
    summary
}

fn victims_summary(state: &ClusterState, victims: &Victims) -> VictimsSummary {
    let name = |id: &PodId| {
        let pod = state.pods.get(id)?;
        Some(format!("{}/{}", state.names.text(pod.namespace), state.pod_name(pod)))
    };
    let pods = victims.pods.iter().filter_map(name).collect();
    VictimsSummary { pods, budget_violations: victims.budget_violations }
}
