//! One sync of a Deployment. Source: `pkg/controller/deployment/deployment_controller.go`.

use crate::cluster::{ClusterState, Deployment, DeploymentId, DeploymentStrategy};
use crate::transition::Change;

use super::revisions::Revisions;
use super::{recreate, rolling, scale};

/// The next step of a Deployment; none when there is nothing to do or something to wait for.
#[must_use]
pub fn sync(state: &ClusterState, id: DeploymentId) -> Vec<Change> {
    let Some(deployment) = state.deployments.get(&id) else { return Vec::new() };
    let revisions = Revisions::of(state, id, deployment);
    if deployment.paused || is_scaling(deployment, &revisions) {
        return scale::sync(deployment, &revisions);
    }
    match deployment.strategy {
        DeploymentStrategy::Recreate => recreate::sync(id, deployment, &revisions),
        DeploymentStrategy::RollingUpdate { .. } => rolling::sync(id, deployment, &revisions),
    }
}

/// Whether `spec.replicas` has changed since a ReplicaSet that still has pods was last sized.
fn is_scaling(deployment: &Deployment, revisions: &Revisions<'_>) -> bool {
    let mut active = revisions.all().filter(|sized| sized.set.replicas > 0);
    active.any(|sized| sized.set.desired_replicas.is_some_and(|desired| desired != deployment.replicas))
}
