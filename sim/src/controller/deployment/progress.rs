//! The progress deadline. Source: `pkg/controller/deployment/progress.go`, `util/deployment_util.go`.

use crate::cluster::{ClusterState, Deployment, DeploymentId, Time};
use crate::controller::workload::{is_active, pods_of_replica_set};

use super::revisions::{Revisions, total};

/// How far a rollout is, and since when it makes no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Progress {
    /// The last progress of a rollout that is under way; `None`: no rollout is, and there is no deadline.
    pub deadline_from: Option<Time>,
    /// Whether the deadline has passed and been reported.
    pub reported: bool,
    updated: i64,
    old: i64,
    ready: i64,
    available: i64,
}

impl Progress {
    /// Compares the Deployment with what it was at the last sync.
    #[must_use]
    pub fn advance(last: Option<&Self>, state: &ClusterState, id: DeploymentId, deployment: &Deployment) -> Self {
        let revisions = Revisions::of(state, id, deployment);
        let mut now = Self {
            deadline_from: None,
            reported: false,
            updated: revisions.new.map_or(0, |new| new.active),
            old: total(revisions.old.iter().map(|old| old.active)),
            ready: ready(state, &revisions),
            available: revisions.total_available(),
        };
        let complete = now.updated == deployment.replicas && now.old == 0 && now.available == deployment.replicas;
        // After a complete rollout pods may fail and come back without a deadline; the next one begins with an old pod.
        let still_complete = last.is_some_and(|last| last.deadline_from.is_none()) && now.old == 0;
        if complete || deployment.paused || still_complete {
            return now;
        }
        match last {
            Some(last) if last.deadline_from.is_some() && !now.is_ahead_of(last) => {
                now.deadline_from = last.deadline_from;
                now.reported = last.reported;
            }
            Some(_) | None => now.deadline_from = Some(state.now),
        }
        now
    }

    /// The same with its time as a distance from `now`.
    pub(crate) fn relative_to(&self, now: Time) -> (Option<u64>, Self) {
        let age = self.deadline_from.map(|from| now.since(from).milliseconds());
        (age, Self { deadline_from: None, ..*self })
    }

    const fn is_ahead_of(&self, last: &Self) -> bool {
        self.updated > last.updated || self.old < last.old || self.ready > last.ready || self.available > last.available
    }
}

fn ready(state: &ClusterState, revisions: &Revisions<'_>) -> i64 {
    let pods = revisions.all().flat_map(|sized| pods_of_replica_set(state, sized.id));
    total(pods.map(|(_, pod)| i64::from(is_active(pod) && pod.ready)))
}
