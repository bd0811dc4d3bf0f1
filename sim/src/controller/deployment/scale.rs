//! Changes of `spec.replicas`, in proportion during a rollout. Source: `pkg/controller/deployment/sync.go`.

use crate::cluster::{Deployment, DeploymentStrategy};
use crate::transition::Change;

use super::revisions::{Revisions, SizedReplicaSet, max_surge, resize, resize_if_different, total};

/// Spreads a new `spec.replicas` over the ReplicaSets.
pub(super) fn sync(deployment: &Deployment, revisions: &Revisions<'_>) -> Vec<Change> {
    let active: Vec<SizedReplicaSet<'_>> = revisions.all().filter(|sized| sized.set.replicas > 0).copied().collect();
    let only = match active.as_slice() {
        [] => revisions.new.as_ref().or(revisions.old.last()),
        [only] => Some(only),
        [_, _, ..] => None,
    };
    if let Some(only) = only {
        // The annotations follow even where the size is right: else the Deployment would go on scaling for ever.
        return resize(deployment, only, deployment.replicas).into_iter().collect();
    }
    if revisions.new.as_ref().is_some_and(|new| is_saturated(deployment, new)) {
        return revisions.old.iter().filter_map(|old| resize_if_different(deployment, old, 0)).collect();
    }
    match deployment.strategy {
        DeploymentStrategy::Recreate => Vec::new(),
        DeploymentStrategy::RollingUpdate { .. } => in_proportion(deployment, active),
    }
}

fn is_saturated(deployment: &Deployment, new: &SizedReplicaSet<'_>) -> bool {
    new.set.replicas == deployment.replicas
        && new.set.desired_replicas == Some(deployment.replicas)
        && new.available == deployment.replicas
}

fn in_proportion(deployment: &Deployment, mut active: Vec<SizedReplicaSet<'_>>) -> Vec<Change> {
    let allowed = if deployment.replicas > 0 { deployment.replicas.saturating_add(max_surge(deployment)) } else { 0 };
    let to_add = allowed.saturating_sub(total(active.iter().map(|sized| sized.set.replicas)));
    // The largest first; of equal ones the newer when growing, the older when shrinking.
    active.sort_by_key(|sized| (sized.set.created_at, sized.id));
    if to_add > 0 {
        active.reverse();
    }
    active.sort_by_key(|sized| std::cmp::Reverse(sized.set.replicas));
    let mut added: i64 = 0;
    let mut sizes = Vec::with_capacity(active.len());
    for sized in &active {
        let share = share(deployment, sized, to_add, added);
        added = added.saturating_add(share);
        sizes.push(sized.set.replicas.saturating_add(share));
    }
    if let Some(first) = sizes.first_mut() {
        *first = first.saturating_add(to_add.saturating_sub(added)).max(0);
    }
    active.iter().zip(sizes).filter_map(|(sized, size)| resize(deployment, sized, size)).collect()
}

/// How many of `to_add` this ReplicaSet gets, of which others got `added` already.
fn share(deployment: &Deployment, sized: &SizedReplicaSet<'_>, to_add: i64, added: i64) -> i64 {
    let left = to_add.saturating_sub(added);
    if to_add == 0 || left == 0 {
        return 0;
    }
    let fraction = fraction(deployment, sized);
    if to_add > 0 { fraction.min(left) } else { fraction.max(left) }
}

fn fraction(deployment: &Deployment, sized: &SizedReplicaSet<'_>) -> i64 {
    let size = sized.set.replicas;
    if deployment.replicas == 0 {
        return size.saturating_neg();
    }
    let most_now = deployment.replicas.saturating_add(max_surge(deployment));
    let most_before = sized.set.max_replicas.unwrap_or(sized.active);
    if most_before <= 0 {
        return 0;
    }
    // Rounded to the nearest, halves up.
    let twice = size.saturating_mul(most_now).saturating_mul(2).saturating_add(most_before);
    twice.div_euclid(most_before.saturating_mul(2)).saturating_sub(size)
}
