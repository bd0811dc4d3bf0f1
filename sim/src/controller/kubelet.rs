//! The kubelet: a bound pod starts, becomes ready, and goes once it was deleted. Source: `pkg/kubelet/status`.

use crate::cluster::{ClusterState, Duration, Node, NodeReady, Phase, Pod, PodId, Time};
use crate::simulation::PodTimes;
use crate::transition::{Change, PodChange, RemovalReason};

use super::attach_detach;

/// What comes next for a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodStep {
    /// Nothing until something else changes.
    Nothing,
    /// This, now.
    Now(Change),
    /// Something at this time.
    At(Time),
    /// It waits for a volume that is attached elsewhere.
    Attaching(attach_detach::Wait),
}

/// Whether the node's kubelet runs.
#[must_use]
pub fn runs(node: &Node) -> bool {
    node.crashed_at.is_none() && node.ready != NodeReady::Unknown
}

/// What the kubelet and the node lifecycle controller do next with a pod.
#[must_use]
pub fn next_step(state: &ClusterState, id: PodId, times: &PodTimes) -> PodStep {
    let Some(pod) = state.pods.get(&id) else { return PodStep::Nothing };
    let Some(node) = pod.node.and_then(|node| state.nodes.get(&node)) else { return PodStep::Nothing };
    let now = |change| PodStep::Now(Change::Pod(id, change));
    if pod.ready && (pod.held_unready || node.ready != NodeReady::True) {
        // On a node that is not ready no pod is; a node that has crashed unnoticed still counts as ready.
        return now(PodChange::BecomeUnready);
    }
    if !runs(node) || matches!(pod.phase, Phase::Succeeded | Phase::Failed) && pod.deletion.is_none() {
        return PodStep::Nothing;
    }
    if let Some(deletion) = pod.deletion {
        let stopped = match pod.started_at {
            Some(_) => deletion.requested_at.after(shutdown(pod, times)),
            None => state.now,
        };
        return at_or_now(state, stopped, || Change::Pod(id, PodChange::Remove(RemovalReason::Stopped)));
    }
    match (pod.phase, pod.started_at) {
        (Phase::Pending, _) => match attach_detach::wait(state, pod) {
            Some(wait) => PodStep::Attaching(wait),
            None => now(PodChange::Start),
        },
        (Phase::Running, None) if !pod.ready => now(PodChange::Start),
        (Phase::Running, Some(started)) if !pod.ready && !pod.held_unready && node.ready == NodeReady::True => {
            let ready_at = started.after(startup(pod, times));
            at_or_now(state, ready_at, || Change::Pod(id, PodChange::BecomeReady))
        }
        (Phase::Running | Phase::Succeeded | Phase::Failed, _) => PodStep::Nothing,
    }
}

fn at_or_now(state: &ClusterState, time: Time, change: impl FnOnce() -> Change) -> PodStep {
    if time <= state.now { PodStep::Now(change()) } else { PodStep::At(time) }
}

fn startup(pod: &Pod, times: &PodTimes) -> Duration {
    times.startup.unwrap_or(pod.template.spec.startup)
}

fn shutdown(pod: &Pod, times: &PodTimes) -> Duration {
    let grace = Duration::from_seconds(pod.template.spec.grace_period_seconds);
    times.shutdown.unwrap_or(pod.template.spec.shutdown.min(grace))
}
