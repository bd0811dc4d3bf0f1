//! Pod garbage collection. Source: `pkg/controller/podgc/gc_controller.go`.

use crate::cluster::{ClusterState, Duration, NodeId, NodeReady, Owner, Pod, PodId, Symbol, Time};
use crate::transition::RemovalReason;

use super::workload::is_terminal;

/// How often it looks.
pub const PERIOD: Duration = Duration::from_seconds(20);
/// How long a node must be gone before its pods are removed.
pub const QUARANTINE: Duration = Duration::from_seconds(40);

/// The pods that it would remove, and why. `gone_since` tells since when it has known that a node is gone.
pub fn removable(state: &ClusterState, gone_since: impl Fn(NodeId) -> Option<Time>) -> Vec<(PodId, RemovalReason)> {
    let judged = state.pods.iter().filter_map(|(id, pod)| Some((*id, reason(state, pod, &gone_since)?)));
    judged.collect()
}

/// Whether a pod is waiting for it: now, or once the quarantine is over.
#[must_use]
pub fn is_waiting(state: &ClusterState) -> bool {
    state.pods.values().any(|pod| concerns(state, pod))
}

/// Whether it will remove `pod`: now, or once the quarantine is over.
#[must_use]
pub fn concerns(state: &ClusterState, pod: &Pod) -> bool {
    // One that its Job has still to count is as good as removed.
    let is_left_to_its_job = matches!(pod.owner, Owner::Job(_)) && pod.deletion.is_some() && is_terminal(pod);
    !is_left_to_its_job && (is_orphan(state, pod) || reason(state, pod, &|_| None).is_some())
}

/// The first look at or after `time`.
#[must_use]
pub fn next_look(time: Time) -> Time {
    let period = PERIOD.milliseconds().max(1);
    Time::from_milliseconds(time.milliseconds().div_ceil(period).saturating_mul(period))
}

fn is_orphan(state: &ClusterState, pod: &Pod) -> bool {
    pod.node.is_some_and(|node| !state.nodes.contains_key(&node))
}

fn reason(state: &ClusterState, pod: &Pod, gone_since: &impl Fn(NodeId) -> Option<Time>) -> Option<RemovalReason> {
    let node_id = pod.node?;
    let Some(node) = state.nodes.get(&node_id) else {
        let quarantined = gone_since(node_id).is_some_and(|since| state.now.since(since) >= QUARANTINE);
        return quarantined.then_some(RemovalReason::NodeGone);
    };
    let out_of_service = node.taints.iter().any(|taint| taint.key == Symbol::OUT_OF_SERVICE_TAINT);
    let removable = pod.deletion.is_some() && node.ready != NodeReady::True && out_of_service;
    removable.then_some(RemovalReason::OutOfService)
}
