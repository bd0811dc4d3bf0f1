//! Pods of the input that have no controller yet: a controller whose selector matches takes them over. Source:
//! `pkg/controller/controller_ref_manager.go`.

use crate::cluster::{ClusterState, Owner, Pod, PodName};
use crate::transition::{Change, PodChange};

use super::workload::is_active;

/// The adoptions that controllers would make now.
#[must_use]
pub fn adoptions(state: &ClusterState) -> Vec<Change> {
    let orphans = state.pods.of_owner(Owner::None).filter(|(_, pod)| is_active(pod));
    let adopted = orphans.filter_map(|(id, pod)| Some(Change::Pod(id, PodChange::Adopt(controller_of(state, pod)?))));
    adopted.collect()
}

fn controller_of(state: &ClusterState, pod: &Pod) -> Option<Owner> {
    let replica_set = state.replica_sets.iter().find(|(_, set)| {
        set.namespace == pod.namespace && !set.selector.is_empty() && set.selector.matches(&pod.labels)
    });
    if let Some((id, _)) = replica_set {
        return Some(Owner::ReplicaSet(*id));
    }
    let daemon_set = state.daemon_sets.iter().find(|(_, set)| {
        set.namespace == pod.namespace && !set.selector.is_empty() && set.selector.matches(&pod.labels)
    });
    if let Some((id, _)) = daemon_set {
        return Some(Owner::DaemonSet(*id));
    }
    stateful_set_of(state, pod)
}

/// A StatefulSet adopts only pods whose names are its own.
fn stateful_set_of(state: &ClusterState, pod: &Pod) -> Option<Owner> {
    let PodName::Given(name) = &pod.name else { return None };
    let (prefix, ordinal) = state.names.text(*name).rsplit_once('-')?;
    let ordinal: u32 = ordinal.parse().ok()?;
    let set = state.stateful_sets.iter().find(|(_, set)| {
        set.namespace == pod.namespace
            && state.names.text(set.name) == prefix
            && !set.selector.is_empty()
            && set.selector.matches(&pod.labels)
    });
    set.map(|(id, _)| Owner::StatefulSet { set: *id, ordinal })
}
