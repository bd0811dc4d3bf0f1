//! A Job's pods.

use crate::cluster::{ClusterState, Job, JobId, JobPod, Owner, Phase, Pod, PodId, Time};
use crate::controller::workload::{is_active, is_terminal};

/// A pod and what its Job knows of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwnPod<'a> {
    pub(super) id: PodId,
    pub(super) pod: &'a Pod,
    pub(super) known: JobPod,
}

/// A Job with its pods, oldest first.
pub(super) struct View<'a> {
    pub(super) job: &'a Job,
    pub(super) pods: Vec<OwnPod<'a>>,
    pub(super) now: Time,
}

impl<'a> View<'a> {
    pub(super) fn of(state: &'a ClusterState, id: JobId, job: &'a Job) -> Self {
        let known = |pod| job.status.pods.get(&pod).copied().unwrap_or_default();
        let own = state.pods.of_owner(Owner::Job(id)).map(|(id, pod)| OwnPod { id, pod, known: known(id) });
        Self { job, pods: own.collect(), now: state.now }
    }

    /// Those that neither terminate nor have ended.
    pub(super) fn active(&self) -> Vec<OwnPod<'a>> {
        self.pods.iter().filter(|own| is_active(own.pod)).copied().collect()
    }

    /// How many are going away.
    pub(super) fn terminating(&self) -> i64 {
        count(self.pods.iter().filter(|own| own.pod.deletion.is_some() && !is_terminal(own.pod)).count())
    }

    /// Whether `own` counts as failed. One that is deleted never may reach the phase Failed. Source: `isPodFailed`.
    pub(super) fn is_failed(&self, own: &OwnPod<'_>) -> bool {
        if own.pod.phase == Phase::Failed {
            return true;
        }
        let is_deleted = own.pod.deletion.is_some() && own.pod.phase != Phase::Succeeded;
        is_deleted && !self.job.spec.replaces_only_failed_pods()
    }

    /// Those that are not counted yet; of an indexed Job only those with an index that it has. Source:
    /// `getValidPodsWithFilter`.
    pub(super) fn uncounted(&self) -> impl Iterator<Item = &OwnPod<'a>> {
        self.pods.iter().filter(|own| !own.known.counted && self.has_valid_index(own))
    }

    pub(super) fn has_valid_index(&self, own: &OwnPod<'_>) -> bool {
        !self.job.spec.is_indexed() || self.index_of(own).is_some()
    }

    /// Its index, if the Job has it.
    pub(super) fn index_of(&self, own: &OwnPod<'_>) -> Option<u32> {
        let completions = self.job.spec.completions.unwrap_or(0);
        own.known.index.filter(|index| i64::from(*index) < completions)
    }
}

/// When a pod ended: when its containers did, or it was no longer ready, or its deletion began. Source: `getFinishedTime`.
pub(super) fn finished_at(pod: &Pod) -> Time {
    let unready_since = pod.ready_changed_at.filter(|_| !pod.ready && pod.phase != Phase::Pending);
    unready_since.or_else(|| pod.deletion.map(|deletion| deletion.requested_at)).unwrap_or(pod.created_at)
}

pub(super) fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
