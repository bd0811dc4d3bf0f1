//! A Deployment's ReplicaSets and their numbers. Source: `pkg/controller/deployment/util/deployment_util.go`.

use crate::cluster::{ClusterState, Deployment, DeploymentId, DeploymentStrategy, ReplicaSet, ReplicaSetId};
use crate::controller::workload::{is_active, is_available, pods_of_replica_set};
use crate::transition::{Change, same_revision};

/// How many more pods than `spec.replicas` a rollout may have.
#[must_use]
pub const fn max_surge(deployment: &Deployment) -> i64 {
    match deployment.strategy {
        DeploymentStrategy::Recreate => 0,
        DeploymentStrategy::RollingUpdate { max_surge, .. } => max_surge.of_rounded_up(deployment.replicas),
    }
}

/// How many fewer available pods than `spec.replicas` a rollout may have; 1 where both bounds come to 0.
#[must_use]
pub fn max_unavailable(deployment: &Deployment) -> i64 {
    match deployment.strategy {
        DeploymentStrategy::Recreate => 0,
        DeploymentStrategy::RollingUpdate { max_unavailable, .. } => {
            let rounded = max_unavailable.of_rounded_down(deployment.replicas);
            let bound = if rounded == 0 && max_surge(deployment) == 0 { 1 } else { rounded };
            bound.min(deployment.replicas)
        }
    }
}

/// A ReplicaSet and the numbers that its status has once the ReplicaSet controller has caught up.
#[derive(Clone, Copy, Debug)]
pub struct SizedReplicaSet<'a> {
    /// Its id.
    pub id: ReplicaSetId,
    /// The ReplicaSet.
    pub set: &'a ReplicaSet,
    /// `status.availableReplicas`.
    pub available: i64,
    /// Pods that exist and neither terminate nor have ended: `status.replicas`.
    pub active: i64,
    /// Pods that have not ended, those that terminate included.
    pub running: i64,
}

/// A Deployment's ReplicaSets.
#[derive(Clone, Debug)]
pub struct Revisions<'a> {
    /// The one of the present template, if there is one.
    pub new: Option<SizedReplicaSet<'a>>,
    /// The others, oldest first.
    pub old: Vec<SizedReplicaSet<'a>>,
}

impl<'a> Revisions<'a> {
    /// Finds them. Of several that have the present template the oldest is the new one.
    #[must_use]
    pub fn of(state: &'a ClusterState, id: DeploymentId, deployment: &Deployment) -> Self {
        let owned = state.replica_sets.at(id);
        let mut sets: Vec<SizedReplicaSet<'a>> = owned.map(|(id, set)| sized(state, id, set)).collect();
        sets.sort_by_key(|sized| (sized.set.created_at, sized.id));
        let new = sets.iter().find(|sized| same_revision(&sized.set.template, &deployment.template)).copied();
        sets.retain(|sized| new.is_none_or(|new| new.id != sized.id));
        Self { new, old: sets }
    }

    /// All of them, the new one last.
    pub fn all(&self) -> impl Iterator<Item = &SizedReplicaSet<'a>> {
        self.old.iter().chain(self.new.iter())
    }

    /// The sum of `spec.replicas`.
    #[must_use]
    pub fn total_replicas(&self) -> i64 {
        total(self.all().map(|sized| sized.set.replicas))
    }

    /// The sum of available pods.
    #[must_use]
    pub fn total_available(&self) -> i64 {
        total(self.all().map(|sized| sized.available))
    }
}

/// A sum.
pub(super) fn total(numbers: impl Iterator<Item = i64>) -> i64 {
    numbers.fold(0, i64::saturating_add)
}

fn sized<'a>(state: &'a ClusterState, id: ReplicaSetId, set: &'a ReplicaSet) -> SizedReplicaSet<'a> {
    let mut numbers = SizedReplicaSet { id, set, available: 0, active: 0, running: 0 };
    for (_, pod) in pods_of_replica_set(state, id) {
        let active = is_active(pod);
        let ended = !active && pod.deletion.is_none();
        numbers.active = numbers.active.saturating_add(i64::from(active));
        numbers.running = numbers.running.saturating_add(i64::from(!ended));
        let available = active && is_available(pod, set.min_ready_seconds, state.now);
        numbers.available = numbers.available.saturating_add(i64::from(available));
    }
    numbers
}

/// The change of a ReplicaSet's size and annotations; `None` if nothing changes.
pub(super) fn resize(deployment: &Deployment, sized: &SizedReplicaSet<'_>, replicas: i64) -> Option<Change> {
    let desired_replicas = Some(deployment.replicas);
    let max_replicas = Some(deployment.replicas.saturating_add(max_surge(deployment)));
    let set = sized.set;
    let same = (set.replicas, set.desired_replicas, set.max_replicas) == (replicas, desired_replicas, max_replicas);
    (!same).then_some(Change::ScaleReplicaSet { replica_set: sized.id, replicas, desired_replicas, max_replicas })
}

/// As [`resize`], but annotations alone are not worth a change.
pub(super) fn resize_if_different(
    deployment: &Deployment,
    sized: &SizedReplicaSet<'_>,
    replicas: i64,
) -> Option<Change> {
    if sized.set.replicas == replicas { None } else { resize(deployment, sized, replicas) }
}
