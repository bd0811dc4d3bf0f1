//! Pods of Jobs: how they come into being, and what their Jobs keep of them.

use std::sync::Arc;

use crate::cluster::{
    ClusterState, CronJobId, Job, JobEnd, JobFailure, JobId, JobPod, JobStatus, Owner, Pod, PodId, PodName, Symbol,
    WallClock,
};
use crate::controller::{WorkloadId, workload_text};

use super::PodChange;
use super::objects::create_named_pod;

/// Adds the Job of a CronJob that is due at `due`; `None` if the CronJob does not exist.
pub(super) fn create(state: &mut ClusterState, id: CronJobId, due: WallClock) -> Option<JobId> {
    let own = state.cron_jobs.get_mut(&id)?;
    own.since = Some(due);
    let (namespace, cron_job, spec) = (own.namespace, own.name, own.job.clone());
    // Source: `getTimeHashInMinutes`.
    let minutes = due.0.div_euclid(60_000);
    let name = state.intern(&format!("{}-{minutes}", state.names.text(cron_job)));
    let next = state.jobs.last_key_value().map_or(0, |(id, _)| id.0.saturating_add(1));
    let job = Job { namespace, name, cron_job: Some(id), spec, status: JobStatus::default() };
    state.jobs.insert(JobId(next), job);
    Some(JobId(next))
}

/// Adds a pod of a Job; `None` if the Job does not exist.
pub(super) fn create_pod(state: &mut ClusterState, id: JobId, known: JobPod) -> Option<PodId> {
    let job = state.jobs.get(&id)?;
    let (namespace, name, template) = (job.namespace, job.name, Arc::clone(&job.spec.template));
    let mut labels = template.labels.clone();
    labels.insert(Symbol::JOB_NAME, name);
    let mut prefix = name;
    if let Some(index) = known.index {
        let index = index.to_string();
        prefix = state.intern(&format!("{}-{index}", state.names.text(name)));
        let index = state.intern(&index);
        labels.insert(Symbol::JOB_COMPLETION_INDEX, index);
    }
    let name = PodName::Generated { prefix, number: state.pods_created };
    let pod = create_named_pod(state, Owner::Job(id), &template, (namespace, name, labels));
    if let Some(job) = state.jobs.get_mut(&id) {
        job.status.pods.insert(pod, known);
    }
    Some(pod)
}

/// What a change of a pod tells its Job.
pub(super) fn note(state: &mut ClusterState, pod: PodId, change: &PodChange) {
    match change {
        PodChange::Finish(end) => {
            if let Some(known) = known(state, pod) {
                known.exit_code = end.exit_code;
            }
        }
        PodChange::Restart => {
            if let Some(known) = known(state, pod) {
                known.restarts = known.restarts.saturating_add(1);
            }
        }
        PodChange::Bind(_)
        | PodChange::MarkUnschedulable(_)
        | PodChange::Nominate(_)
        | PodChange::Start
        | PodChange::BecomeReady
        | PodChange::BecomeUnready
        | PodChange::Hold
        | PodChange::Release
        | PodChange::Delete(_)
        | PodChange::Remove(_)
        | PodChange::Adopt(_) => {}
    }
}

fn known(state: &mut ClusterState, pod: PodId) -> Option<&mut JobPod> {
    let Owner::Job(job) = state.pods.get(&pod)?.owner else { return None };
    state.jobs.get_mut(&job)?.status.pods.get_mut(&pod)
}

/// A pod is gone.
pub(super) fn forget(state: &mut ClusterState, id: PodId, pod: &Pod) {
    if let Owner::Job(job) = pod.owner
        && let Some(job) = state.jobs.get_mut(&job)
    {
        job.status.pods.remove(&id);
    }
}

/// That a Job ends, is suspended or goes on; `None` for mere counting.
pub(super) fn sentence(state: &ClusterState, id: JobId, status: &JobStatus) -> Option<String> {
    let old = &state.jobs.get(&id)?.status;
    let name = workload_text(state, WorkloadId::Job(id));
    if old.finished.is_none()
        && let Some((end, _)) = &status.finished
    {
        return Some(match end {
            JobEnd::Complete => format!("{name} is complete"),
            JobEnd::Failed(failure) => format!("{name} has failed: {}", failure_text(state, failure)),
        });
    }
    if old.target.is_none()
        && let Some(target) = &status.target
    {
        return Some(match target {
            JobEnd::Complete => format!("{name} will be complete once its pods are gone"),
            JobEnd::Failed(failure) => {
                format!("{name} will have failed once its pods are gone: {}", failure_text(state, failure))
            }
        });
    }
    match (old.suspended, status.suspended) {
        (Some(true), Some(false)) => Some(format!("{name} is resumed")),
        (Some(false) | None, Some(true)) => Some(format!("{name} is suspended")),
        (_, Some(false) | None) | (Some(true), Some(true)) => None,
    }
}

/// The reason of the condition Failed.
pub(crate) fn failure_text<'a>(state: &'a ClusterState, failure: &JobFailure) -> &'a str {
    match failure {
        JobFailure::Recorded(reason) => state.names.text(*reason),
        JobFailure::BackoffLimitExceeded
        | JobFailure::DeadlineExceeded
        | JobFailure::PodFailurePolicy(_)
        | JobFailure::FailedIndexes
        | JobFailure::MaxFailedIndexesExceeded => failure.reason().unwrap_or_default(),
    }
}
