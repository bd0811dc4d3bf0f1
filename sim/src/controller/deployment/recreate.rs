//! Recreate. Source: `pkg/controller/deployment/recreate.go`.

use crate::cluster::{Deployment, DeploymentId};
use crate::transition::Change;

use super::revisions::{Revisions, resize_if_different};

/// The next step: every old ReplicaSet to 0; when no old pod is left, not even a terminating one, the new one to full size.
pub(super) fn sync(id: DeploymentId, deployment: &Deployment, revisions: &Revisions<'_>) -> Vec<Change> {
    let scaled_down: Vec<Change> =
        revisions.old.iter().filter_map(|old| resize_if_different(deployment, old, 0)).collect();
    if !scaled_down.is_empty() {
        return scaled_down;
    }
    if revisions.old.iter().any(|old| old.running > 0) {
        return Vec::new();
    }
    match &revisions.new {
        None => vec![Change::CreateReplicaSet { deployment: id, replicas: deployment.replicas }],
        Some(new) => resize_if_different(deployment, new, deployment.replicas).into_iter().collect(),
    }
}
