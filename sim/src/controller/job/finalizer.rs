//! The finalizer `batch.kubernetes.io/job-tracking`: a pod's object stays until its Job has counted it.

use crate::cluster::{ClusterState, Owner, Pod, PodId};
use crate::controller::workload::is_terminal;

/// Whether a pod's object cannot go away yet, because its Job has not counted it.
#[must_use]
pub fn holds(state: &ClusterState, id: PodId, pod: &Pod) -> bool {
    let Owner::Job(job) = pod.owner else { return false };
    let known = state.jobs.get(&job).and_then(|job| job.status.pods.get(&id));
    known.is_some_and(|known| !known.counted)
}

/// Whether nothing but its Job has kept a deleted pod's object, and does not any more: no kubelet has to stop anything.
#[must_use]
pub fn is_released(state: &ClusterState, id: PodId, pod: &Pod) -> bool {
    let has_stopped = pod.node.is_none() || is_terminal(pod);
    matches!(pod.owner, Owner::Job(_)) && pod.deletion.is_some() && has_stopped && !holds(state, id, pod)
}
