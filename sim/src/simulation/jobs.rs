//! A Job as reports show it.

use crate::cluster::{ClusterState, Duration, Job, JobEnd, JobId, Owner, Phase, RestartPolicy};
use crate::controller::job::active_wanted;
use crate::controller::{WorkloadId, is_active, is_terminal, workload_text};
use crate::transition::failure_text;

use super::{JobCondition, JobSummary, PodTimes};

/// How many pods a Job wants to run now; none once it has ended, and while it is suspended.
pub(super) fn desired(state: &ClusterState, id: JobId, job: &Job) -> i64 {
    if job.status.finished.is_some() || job.status.target.is_some() || job.spec.suspend {
        return 0;
    }
    let active = state.pods.of_owner(Owner::Job(id)).filter(|(_, pod)| is_active(pod)).count();
    active_wanted(&job.spec, job.status.succeeded, number(active))
}

pub(super) fn summarize(state: &ClusterState, id: JobId, job: &Job) -> JobSummary {
    let own = || state.pods.of_owner(Owner::Job(id));
    let terminating = own().filter(|(_, pod)| pod.deletion.is_some() && !is_terminal(pod)).count();
    let (condition, end) = match (&job.status.finished, &job.status.target) {
        (Some((end @ JobEnd::Complete, _)), _) => (JobCondition::Complete, Some(end)),
        (Some((end @ JobEnd::Failed(_), _)), _) => (JobCondition::Failed, Some(end)),
        (None, Some(end @ JobEnd::Complete)) => (JobCondition::SuccessCriteriaMet, Some(end)),
        (None, Some(end @ JobEnd::Failed(_))) => (JobCondition::FailureTarget, Some(end)),
        (None, None) if job.spec.suspend => (JobCondition::Suspended, None),
        (None, None) => (JobCondition::Active, None),
    };
    let reason = end.and_then(|end| match end {
        JobEnd::Complete => None,
        JobEnd::Failed(failure) => Some(failure_text(state, failure).to_owned()),
    });
    JobSummary {
        active: number(own().filter(|(_, pod)| is_active(pod)).count()),
        succeeded: job.status.succeeded,
        failed: job.status.failed,
        terminating: number(terminating),
        condition,
        reason,
    }
}

/// Whether a Job has come to what can be expected of it: it is complete, or suspended without pods, or all the pods that it
/// wants run and nothing is declared that would end them.
pub(super) fn is_complete(state: &ClusterState, id: JobId, desired: i64, ready: i64) -> bool {
    let Some(job) = state.jobs.get(&id) else { return true };
    match &job.status.finished {
        Some((JobEnd::Complete, _)) => true,
        Some((JobEnd::Failed(_), _)) => false,
        None if job.status.target.is_some() => false,
        None if job.spec.managed_elsewhere => true,
        None => {
            let pods = state.pods.of_owner(Owner::Job(id)).filter(|(_, pod)| !is_terminal(pod)).count();
            number(pods) == desired && ready == desired
        }
    }
}

/// `succeeded 2, failed 1: BackoffLimitExceeded`.
pub(super) fn detail(state: &ClusterState, id: JobId) -> String {
    let Some(job) = state.jobs.get(&id) else { return String::new() };
    let JobSummary { active, succeeded, failed, terminating, condition, reason } = summarize(state, id, job);
    let condition = match condition {
        JobCondition::Active => "active",
        JobCondition::Suspended => "suspended",
        JobCondition::SuccessCriteriaMet => "its criteria of success are met",
        JobCondition::Complete => "complete",
        JobCondition::FailureTarget => "failing",
        JobCondition::Failed => "failed",
    };
    let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
    let terminating = if terminating == 0 { String::new() } else { format!(", terminating={terminating}") };
    format!("{condition}{reason}, active={active}, succeeded={succeeded}, failed={failed}{terminating}")
}

/// What is taken for granted about how long Jobs' pods run.
pub(super) fn assumptions(state: &ClusterState, times: &PodTimes, said: &mut std::collections::BTreeSet<String>) {
    for (id, job) in &state.jobs {
        let name = || workload_text(state, WorkloadId::Job(*id));
        if job.spec.managed_elsewhere {
            said.insert(format!("{} is managed by another controller, which is not simulated", name()));
        } else if job.status.finished.is_none() || !job.status.pods.is_empty() {
            let spec = &job.spec.template.spec;
            let declared: Option<Duration> = times.run.or(spec.run);
            if declared.is_none() || spec.restart_policy == RestartPolicy::Always {
                said.insert(format!(
                    "the pods of {} run until something ends them: annotation quorate.dev/run-seconds of its pod template \
                     says how long they do",
                    name()
                ));
            }
            said.insert(
                "containers of Jobs do not handle SIGTERM: a pod that is deleted while it runs fails with exit code 143"
                    .to_owned(),
            );
        }
    }
    if !state.jobs.is_empty() && *state.admission != crate::cluster::AdmissionObjects::default() {
        said.insert("quotas and webhooks are not asked about pods of Jobs".into());
    }
    let has_ended = |phase| matches!(phase, Phase::Succeeded | Phase::Failed);
    if state.pods.values().filter(|pod| has_ended(pod.phase)).count() > 12_500 {
        said.insert(
            "pods that have ended are kept: pod garbage collection of more than 12500 of them is left out".into(),
        );
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
