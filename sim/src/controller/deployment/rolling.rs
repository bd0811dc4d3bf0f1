//! RollingUpdate. Source: `pkg/controller/deployment/rolling.go`.

use crate::cluster::{Deployment, DeploymentId};
use crate::transition::Change;

use super::revisions::{Revisions, SizedReplicaSet, max_surge, max_unavailable, resize_if_different};

/// The next step: create or grow the new ReplicaSet, else shrink old ones.
pub(super) fn sync(id: DeploymentId, deployment: &Deployment, revisions: &Revisions<'_>) -> Vec<Change> {
    let Some(new) = &revisions.new else {
        let replicas = new_size(deployment, revisions, 0);
        return vec![Change::CreateReplicaSet { deployment: id, replicas }];
    };
    let size = if new.set.replicas > deployment.replicas {
        deployment.replicas
    } else {
        new_size(deployment, revisions, new.set.replicas)
    };
    if let Some(change) = resize_if_different(deployment, new, size) {
        return vec![change];
    }
    shrink_old(deployment, revisions, new)
}

/// How large the new ReplicaSet may be now.
fn new_size(deployment: &Deployment, revisions: &Revisions<'_>, size: i64) -> i64 {
    let most = deployment.replicas.saturating_add(max_surge(deployment));
    let room = most.saturating_sub(revisions.total_replicas());
    if room <= 0 || size >= deployment.replicas {
        return size;
    }
    size.saturating_add(room.min(deployment.replicas.saturating_sub(size)))
}

fn shrink_old(deployment: &Deployment, revisions: &Revisions<'_>, new: &SizedReplicaSet<'_>) -> Vec<Change> {
    let least_available = deployment.replicas.saturating_sub(max_unavailable(deployment));
    let new_unavailable = new.set.replicas.saturating_sub(new.available);
    let most_fewer = revisions.total_replicas().saturating_sub(least_available).saturating_sub(new_unavailable);
    if most_fewer <= 0 || revisions.old.iter().all(|old| old.set.replicas == 0) {
        return Vec::new();
    }
    let mut sizes: Vec<i64> = revisions.old.iter().map(|old| old.set.replicas).collect();
    clean_up_unhealthy(&revisions.old, &mut sizes, most_fewer);
    // As upstream: the number of available pods is the one from before the clean-up, whose pods were none of them.
    scale_down(&mut sizes, revisions.total_available().saturating_sub(least_available));
    let resized = revisions.old.iter().zip(sizes);
    resized.filter_map(|(old, size)| resize_if_different(deployment, old, size)).collect()
}

/// Pods of old ReplicaSets that are not available go first.
fn clean_up_unhealthy(old: &[SizedReplicaSet<'_>], sizes: &mut [i64], most_fewer: i64) {
    let mut left = most_fewer;
    for (old, size) in old.iter().zip(sizes) {
        let fewer = old.set.replicas.saturating_sub(old.available).min(left).max(0);
        *size = size.saturating_sub(fewer);
        left = left.saturating_sub(fewer);
    }
}

/// Then available ones, as many as there are more than needed.
fn scale_down(sizes: &mut [i64], spare: i64) {
    let mut left = spare.max(0);
    for size in sizes {
        let fewer = left.min(*size);
        *size = size.saturating_sub(fewer);
        left = left.saturating_sub(fewer);
    }
}
