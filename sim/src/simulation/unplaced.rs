//! A cluster of which no pod has a node yet.

use crate::cluster::{ClusterState, Owner, Phase, PodId};

/// The cluster with nothing in it but what no scheduler places: pods of workloads are still to be made, pods on their own have no node
/// yet. Pods of DaemonSets, static pods and those whose manifest names their node stay.
#[must_use]
pub fn unplaced(state: &ClusterState) -> ClusterState {
    let mut empty = state.clone();
    empty.pods.retain(|_, pod| !matches!(pod.owner, Owner::ReplicaSet(_) | Owner::StatefulSet { .. } | Owner::Job(_)));
    let bare: Vec<PodId> = empty
        .pods
        .iter()
        .filter(|(_, pod)| {
            matches!(pod.owner, Owner::None | Owner::Other { .. }) && pod.template.spec.node_name.is_none()
        })
        .map(|(id, _)| *id)
        .collect();
    for id in bare {
        if let Some(mut pod) = empty.pods.get_mut(&id) {
            pod.node = None;
            pod.ready = false;
            pod.started_at = None;
            if pod.phase == Phase::Running {
                pod.phase = Phase::Pending;
            }
        }
    }
    empty
}
