//! Which workload a pod belongs to, and a workload's name.

use std::sync::Arc;

use crate::cluster::{
    ClusterState, DaemonSetId, DeploymentId, JobId, Owner, Phase, Pod, PodId, PodTemplate, ReplicaSetId, StatefulSetId,
    Symbol, Time, WorkloadKind, WorkloadName,
};

/// Names a workload by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadId {
    /// A ReplicaSet, a Deployment's or one of its own.
    ReplicaSet(ReplicaSetId),
    /// A Deployment.
    Deployment(DeploymentId),
    /// A StatefulSet.
    StatefulSet(StatefulSetId),
    /// A DaemonSet.
    DaemonSet(DaemonSetId),
    /// A Job.
    Job(JobId),
}

/// All workloads that users name: Deployments, ReplicaSets of their own, StatefulSets, DaemonSets, Jobs.
#[must_use]
pub fn all_workloads(state: &ClusterState) -> Vec<WorkloadId> {
    let own = state.replica_sets.iter().filter(|(_, set)| set.owner.is_none());
    let mut workloads: Vec<WorkloadId> = state.deployments.keys().map(|id| WorkloadId::Deployment(*id)).collect();
    workloads.extend(own.map(|(id, _)| WorkloadId::ReplicaSet(*id)));
    workloads.extend(state.stateful_sets.keys().map(|id| WorkloadId::StatefulSet(*id)));
    workloads.extend(state.daemon_sets.keys().map(|id| WorkloadId::DaemonSet(*id)));
    workloads.extend(state.jobs.keys().map(|id| WorkloadId::Job(*id)));
    workloads
}

/// The template of a workload's newest revision.
#[must_use]
pub fn template_of(state: &ClusterState, workload: WorkloadId) -> Option<&Arc<PodTemplate>> {
    match workload {
        WorkloadId::Deployment(id) => state.deployments.get(&id).map(|item| &item.template),
        WorkloadId::ReplicaSet(id) => state.replica_sets.get(&id).map(|item| &item.template),
        WorkloadId::StatefulSet(id) => state.stateful_sets.get(&id).map(|item| &item.template),
        WorkloadId::DaemonSet(id) => state.daemon_sets.get(&id).map(|item| &item.template),
        WorkloadId::Job(id) => state.jobs.get(&id).map(|item| &item.spec.template),
    }
}

/// The workload named `name`.
#[must_use]
pub fn find_workload(state: &ClusterState, name: WorkloadName) -> Option<WorkloadId> {
    let same = |namespace: Symbol, own: Symbol| namespace == name.namespace && own == name.name;
    match name.kind {
        WorkloadKind::Deployment => {
            state.deployments.at((name.namespace, name.name)).map(|(id, _)| WorkloadId::Deployment(id)).next()
        }
        WorkloadKind::ReplicaSet => {
            let found = state.replica_sets.iter().find(|(_, item)| same(item.namespace, item.name));
            found.map(|(id, _)| WorkloadId::ReplicaSet(*id))
        }
        WorkloadKind::StatefulSet => {
            state.stateful_sets.at((name.namespace, name.name)).map(|(id, _)| WorkloadId::StatefulSet(id)).next()
        }
        WorkloadKind::DaemonSet => {
            let found = state.daemon_sets.iter().find(|(_, item)| same(item.namespace, item.name));
            found.map(|(id, _)| WorkloadId::DaemonSet(*id))
        }
        WorkloadKind::Job => {
            let found = state.jobs.iter().find(|(_, item)| same(item.namespace, item.name));
            found.map(|(id, _)| WorkloadId::Job(*id))
        }
    }
}

/// The name of a workload; `None` if it does not exist.
#[must_use]
pub fn workload_name(state: &ClusterState, workload: WorkloadId) -> Option<WorkloadName> {
    let (kind, namespace, name) = match workload {
        WorkloadId::Deployment(id) => {
            state.deployments.get(&id).map(|item| (WorkloadKind::Deployment, item.namespace, item.name))
        }
        WorkloadId::ReplicaSet(id) => {
            state.replica_sets.get(&id).map(|item| (WorkloadKind::ReplicaSet, item.namespace, item.name))
        }
        WorkloadId::StatefulSet(id) => {
            state.stateful_sets.get(&id).map(|item| (WorkloadKind::StatefulSet, item.namespace, item.name))
        }
        WorkloadId::DaemonSet(id) => {
            state.daemon_sets.get(&id).map(|item| (WorkloadKind::DaemonSet, item.namespace, item.name))
        }
        WorkloadId::Job(id) => state.jobs.get(&id).map(|item| (WorkloadKind::Job, item.namespace, item.name)),
    }?;
    Some(WorkloadName { kind, namespace, name })
}

/// `deployment/default/backend`.
#[must_use]
pub fn workload_text(state: &ClusterState, workload: WorkloadId) -> String {
    workload_name(state, workload).map_or_else(String::new, |name| {
        format!("{}/{}/{}", name.kind.as_str(), state.names.text(name.namespace), state.names.text(name.name))
    })
}

/// The workload that users see as a pod's owner: the Deployment rather than its ReplicaSet.
#[must_use]
pub fn workload_of(state: &ClusterState, owner: Owner) -> Option<WorkloadId> {
    match owner {
        Owner::ReplicaSet(id) => {
            let deployment = state.replica_sets.get(&id).and_then(|set| set.owner);
            Some(deployment.map_or(WorkloadId::ReplicaSet(id), WorkloadId::Deployment))
        }
        Owner::StatefulSet { set, .. } => Some(WorkloadId::StatefulSet(set)),
        Owner::DaemonSet(id) => Some(WorkloadId::DaemonSet(id)),
        Owner::Job(id) => Some(WorkloadId::Job(id)),
        Owner::None | Owner::Node | Owner::Other { .. } => None,
    }
}

/// Whether a pod neither terminates nor has ended.
#[must_use]
pub const fn is_active(pod: &Pod) -> bool {
    pod.deletion.is_none() && !is_terminal(pod)
}

/// Whether a pod's phase is Succeeded or Failed.
#[must_use]
pub const fn is_terminal(pod: &Pod) -> bool {
    matches!(pod.phase, Phase::Succeeded | Phase::Failed)
}

/// Whether a pod has been ready for `min_ready_seconds`.
#[must_use]
pub fn is_available(pod: &Pod, min_ready_seconds: u64, now: Time) -> bool {
    pod.ready && available_at(pod, min_ready_seconds).is_none_or(|time| time <= now)
}

/// When a ready pod counts as available; `None`: it always has.
#[must_use]
pub fn available_at(pod: &Pod, min_ready_seconds: u64) -> Option<Time> {
    let changed = pod.ready_changed_at?;
    (min_ready_seconds > 0).then(|| changed.after(crate::cluster::Duration::from_seconds(min_ready_seconds)))
}

/// The pods of one ReplicaSet, those that terminate included.
pub fn pods_of_replica_set(state: &ClusterState, id: ReplicaSetId) -> impl Iterator<Item = (PodId, &Pod)> {
    state.pods.of_owner(Owner::ReplicaSet(id))
}
