//! The kubelet: a bound pod starts, becomes ready, and goes once it was deleted. Source: `pkg/kubelet/status`.

use crate::cluster::{ClusterState, Duration, Node, NodeReady, Owner, Phase, Pod, PodEnd, PodId, RestartPolicy, Time};
use crate::simulation::PodTimes;
use crate::transition::{Change, PodChange, RemovalReason};

use super::workload::is_terminal;
use super::{attach_detach, job};

/// Of a process that SIGTERM ends.
const KILLED_EXIT_CODE: i32 = 143;
/// Of a container of which nobody has seen how it ended.
const UNSEEN_EXIT_CODE: i32 = 137;
/// How long a container that has failed twice waits before it runs again.
const FIRST_RESTART: Duration = Duration::from_seconds(10);
/// However often it has failed.
const LONGEST_RESTART: Duration = Duration::from_seconds(300);

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
    if !runs(node) || is_terminal(pod) && (pod.deletion.is_none() || job::holds(state, id, pod)) {
        return PodStep::Nothing;
    }
    if let Some(deletion) = pod.deletion {
        let stopped = match pod.started_at {
            Some(_) => deletion.requested_at.after(shutdown(pod, times)),
            None => state.now,
        };
        return at_or_now(state, stopped, || Change::Pod(id, stop(state, id, pod)));
    }
    if let Some(step) = run_out(state, (id, pod), node, times) {
        return step;
    }
    match (pod.phase, pod.started_at) {
        (Phase::Pending, _) => match attach_detach::wait(state, pod) {
            Some(wait) => PodStep::Attaching(wait),
            None => now(PodChange::Start),
        },
        (Phase::Running, None) if !pod.ready => now(after_crash(pod)),
        (Phase::Running, Some(started)) if !pod.ready && !pod.held_unready && node.ready == NodeReady::True => {
            let ready_at = started.after(startup(pod, times));
            at_or_now(state, ready_at, || Change::Pod(id, PodChange::BecomeReady))
        }
        (Phase::Running | Phase::Succeeded | Phase::Failed, _) => PodStep::Nothing,
    }
}

/// The containers of a deleted pod have stopped: they are killed, unless they handle SIGTERM. The object of a pod whose Job has
/// not counted it stays. Source: `podIsTerminal` of `pkg/kubelet/kubelet_pods.go`.
fn stop(state: &ClusterState, id: PodId, pod: &Pod) -> PodChange {
    if job::holds(state, id, pod) {
        PodChange::Finish(PodEnd { phase: Phase::Failed, exit_code: Some(KILLED_EXIT_CODE) })
    } else {
        PodChange::Remove(RemovalReason::Stopped)
    }
}

/// The containers of a pod of a crashed node run again when it is back, where they may.
fn after_crash(pod: &Pod) -> PodChange {
    match pod.template.spec.restart_policy {
        RestartPolicy::Always => PodChange::Start,
        RestartPolicy::OnFailure => PodChange::Restart,
        // Nobody has seen how they ended. Source: `ContainerStatusUnknown` of `pkg/kubelet/kubelet_pods.go`.
        RestartPolicy::Never => PodChange::Finish(PodEnd { phase: Phase::Failed, exit_code: Some(UNSEEN_EXIT_CODE) }),
    }
}

/// What happens when a pod has run as long as is declared; `None` before its containers run, and where nothing is declared.
fn run_out(state: &ClusterState, (id, pod): (PodId, &Pod), node: &Node, times: &PodTimes) -> Option<PodStep> {
    let spec = &pod.template.spec;
    let started = pod.started_at.filter(|_| pod.phase == Phase::Running)?;
    if spec.restart_policy == RestartPolicy::Always {
        return None;
    }
    let end = started.after(times.run.or(spec.run)?);
    if end <= state.now {
        return Some(match (spec.exit_code, spec.restart_policy) {
            (0, _) => {
                let end = PodEnd { phase: Phase::Succeeded, exit_code: None };
                PodStep::Now(Change::Pod(id, PodChange::Finish(end)))
            }
            (_, RestartPolicy::OnFailure) if pod.ready => PodStep::Now(Change::Pod(id, PodChange::BecomeUnready)),
            (_, RestartPolicy::OnFailure) => {
                let again = end.after(restart_backoff(state, id, pod));
                at_or_now(state, again, || Change::Pod(id, PodChange::Restart))
            }
            (code, RestartPolicy::Always | RestartPolicy::Never) => {
                let end = PodEnd { phase: Phase::Failed, exit_code: Some(code) };
                PodStep::Now(Change::Pod(id, PodChange::Finish(end)))
            }
        });
    }
    let ready_at = started.after(startup(pod, times));
    let is_readying = !pod.ready && !pod.held_unready && node.ready == NodeReady::True && ready_at <= end;
    (!is_readying).then_some(PodStep::At(end))
}

/// How long a container waits before it runs again: at once the first time, then 10 s, doubled each time, at most 5 minutes.
/// Source: `doBackOff` of `pkg/kubelet/kuberuntime/kuberuntime_manager.go`.
fn restart_backoff(state: &ClusterState, id: PodId, pod: &Pod) -> Duration {
    let Owner::Job(job) = pod.owner else { return FIRST_RESTART };
    let known = state.jobs.get(&job).and_then(|job| job.status.pods.get(&id));
    match known.map_or(0, |known| known.restarts) {
        0 => Duration::ZERO,
        restarts => {
            let factor = 1_u64.checked_shl(restarts.saturating_sub(1)).unwrap_or(u64::MAX);
            let wait = FIRST_RESTART.milliseconds().saturating_mul(factor);
            Duration::from_milliseconds(wait.min(LONGEST_RESTART.milliseconds()))
        }
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
