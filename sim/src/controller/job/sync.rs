//! One look at a Job. Source: `syncJob`, `trackJobStatusAndRemoveFinalizers` and `enactJobFinished` of
//! `pkg/controller/job/job_controller.go`; `pkg/controller/ttlafterfinished`.

use crate::cluster::{
    ClusterState, DeletionCause, Duration, JobEnd, JobFailure, JobId, JobPod, JobStatus, Phase, PodFailureAction,
    PodId, RestartPolicy, Time,
};
use crate::transition::{Change, PodChange};

use super::backoff::Backoff;
use super::failure_policy;
use super::indexes::Indexes;
use super::placement::{NewPod, Placement, placement};
use super::pods::{OwnPod, View, count, finished_at};

/// What happens to a Job's pods is looked at together, so long after the first of it.
pub const BATCH_PERIOD: Duration = Duration::from_seconds(1);

/// What came of a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobSync {
    /// What changes now.
    pub changes: Vec<Change>,
    /// When it must be looked at again, whatever happens until then.
    pub again_at: Option<Time>,
    /// `ttlSecondsAfterFinished` have passed: the Job is deleted.
    pub is_expired: bool,
}

/// Looks at a Job.
#[must_use]
pub fn sync(state: &ClusterState, id: JobId) -> JobSync {
    let Some(job) = state.jobs.get(&id) else { return JobSync::default() };
    if let Some((_, since)) = job.status.finished {
        let ttl = job.spec.ttl_seconds_after_finished.map(|ttl| since.after(Duration::from_seconds(ttl)));
        let is_expired = ttl.is_some_and(|time| time <= state.now);
        return JobSync { is_expired, again_at: ttl.filter(|_| !is_expired), ..JobSync::default() };
    }
    if job.spec.managed_elsewhere {
        return JobSync::default();
    }
    Look::new(View::of(state, id, job), id).decide()
}

/// A look that is under way.
struct Look<'a> {
    id: JobId,
    view: View<'a>,
    indexes: Indexes<'a>,
    status: JobStatus,
    /// Those of the status and those that are new.
    succeeded: i64,
    failed: i64,
    again_at: Option<Time>,
}

impl<'a> Look<'a> {
    fn new(view: View<'a>, id: JobId) -> Self {
        let indexes = Indexes::of(&view);
        let (spec, old) = (&view.job.spec, &view.job.status);
        let new_succeeded: Vec<Time> =
            view.uncounted().filter(|own| own.pod.phase == Phase::Succeeded).map(|own| finished_at(own.pod)).collect();
        let new_failed: Vec<&OwnPod<'_>> = view.uncounted().filter(|own| view.is_failed(own)).collect();
        let rules = spec.pod_failure_policy.as_deref();
        let counted = count(new_failed.iter().filter(|own| failure_policy::counts(rules, own)).count());
        let failure_times: Vec<Time> = new_failed.iter().map(|own| finished_at(own.pod)).collect();
        let backoff = Backoff::of(old).after(&new_succeeded, &failure_times);
        let succeeded = if spec.is_indexed() {
            count(indexes.succeeded.len())
        } else {
            old.succeeded.saturating_add(count(new_succeeded.len()))
        };
        let failed = old.failed.saturating_add(counted);
        let mut status = old.clone();
        if status.start_time.is_none() && !spec.suspend {
            status.start_time = Some(view.now);
        }
        (status.failures_after_last_success, status.last_failure) = (backoff.failures, backoff.last_failure);
        Self { id, indexes, status, succeeded, failed, again_at: None, view }
    }

    fn decide(mut self) -> JobSync {
        let end = self.end();
        let (doomed, new) = if end.is_some() {
            (self.view.active().iter().map(|own| own.id).collect(), Vec::new())
        } else {
            self.manage()
        };
        let end = end.or_else(|| self.completion(&doomed, &new));
        self.track(end.as_ref());
        self.finish(end, &doomed);
        self.report(&doomed, new)
    }

    /// How the Job ends, whatever its pods do. Failures come first, but for an end that is decided already.
    fn end(&mut self) -> Option<JobEnd> {
        let spec = &self.view.job.spec;
        if let Some(target) = &self.status.target {
            return Some(target.clone());
        }
        if let Some(rule) = self.failing_rule() {
            return Some(JobEnd::Failed(JobFailure::PodFailurePolicy(rule)));
        }
        if self.failed > spec.backoff_limit || self.is_past_restart_limit() {
            return Some(JobEnd::Failed(JobFailure::BackoffLimitExceeded));
        }
        if let (Some(seconds), Some(start), false) =
            (spec.active_deadline_seconds, self.status.start_time, spec.suspend)
        {
            let deadline = start.after(Duration::from_seconds(seconds));
            if deadline <= self.view.now {
                return Some(JobEnd::Failed(JobFailure::DeadlineExceeded));
            }
            self.again_at = Some(deadline);
        }
        if let Some(failure) = self.index_failure() {
            return Some(JobEnd::Failed(failure));
        }
        let is_met = spec.is_indexed() && self.indexes.meets(&spec.success_policy);
        is_met.then_some(JobEnd::Complete)
    }

    /// The first rule of `podFailurePolicy` that fails the Job for one of its pods. Source: `getFailJobMessage`.
    fn failing_rule(&self) -> Option<usize> {
        let rules = self.view.job.spec.pod_failure_policy.as_deref();
        let failed = self.view.pods.iter().filter(|own| self.view.is_failed(own));
        let mut judged = failed.filter_map(|own| failure_policy::judge(rules, own));
        judged.find(|(action, _)| *action == PodFailureAction::FailJob).map(|(_, rule)| rule)
    }

    /// Restarts of containers count where the kubelet restarts them. Source: `pastBackoffLimitOnFailure`.
    fn is_past_restart_limit(&self) -> bool {
        let spec = &self.view.job.spec;
        if spec.template.spec.restart_policy != RestartPolicy::OnFailure {
            return false;
        }
        let running = self.view.pods.iter().filter(|own| matches!(own.pod.phase, Phase::Running | Phase::Pending));
        let restarts = running.fold(0_i64, |sum, own| sum.saturating_add(own.known.restarts.into()));
        if spec.backoff_limit == 0 { restarts > 0 } else { restarts >= spec.backoff_limit }
    }

    fn index_failure(&self) -> Option<JobFailure> {
        let spec = &self.view.job.spec;
        spec.backoff_limit_per_index?;
        let (failed, succeeded) = (count(self.indexes.failed.len()), count(self.indexes.succeeded.len()));
        if spec.max_failed_indexes.is_some_and(|most| failed > most) {
            return Some(JobFailure::MaxFailedIndexesExceeded);
        }
        let all_done = failed.saturating_add(succeeded) >= spec.completions.unwrap_or(0);
        (failed > 0 && all_done).then_some(JobFailure::FailedIndexes)
    }

    /// The pods that go and those that come.
    fn manage(&mut self) -> (Vec<PodId>, Vec<NewPod>) {
        let backoff = Backoff::of(&self.status);
        match placement(&self.view, &self.indexes, self.succeeded, backoff) {
            Placement::Keep => (Vec::new(), Vec::new()),
            Placement::Delete(doomed) => {
                // Their finalizers go before them: they do not count.
                for pod in &doomed {
                    self.status.pods.entry(*pod).or_default().counted = true;
                }
                (doomed, Vec::new())
            }
            Placement::Create(new) => (Vec::new(), new),
            Placement::Wait(time) => {
                let again = self.view.now.after(time.max(BATCH_PERIOD));
                self.again_at = Some(self.again_at.map_or(again, |time| time.min(again)));
                (Vec::new(), Vec::new())
            }
        }
    }

    /// Whether enough pods have succeeded and none is left; else whether it is suspended is noted.
    fn completion(&mut self, doomed: &[PodId], new: &[NewPod]) -> Option<JobEnd> {
        let spec = &self.view.job.spec;
        let active = self.view.active().len().saturating_sub(doomed.len()).saturating_add(new.len());
        let has_enough = match spec.completions {
            None => self.succeeded > 0,
            Some(completions) => self.succeeded >= completions,
        };
        if has_enough && active == 0 {
            return Some(JobEnd::Complete);
        }
        if spec.suspend {
            if self.status.suspended != Some(true) {
                self.status.suspended = Some(true);
                self.status.start_time = None;
            }
        } else if self.status.suspended == Some(true) {
            self.status.suspended = Some(false);
            self.status.start_time = Some(self.view.now);
            let deadline = |seconds| self.view.now.after(Duration::from_seconds(seconds));
            self.again_at = self.again_at.or_else(|| spec.active_deadline_seconds.map(deadline));
        }
        None
    }

    /// Counts what has ended; a Job that ends counts all that is left. Source: `trackJobStatusAndRemoveFinalizers`.
    fn track(&mut self, end: Option<&JobEnd>) {
        let rules = self.view.job.spec.pod_failure_policy.as_deref();
        for own in &self.view.pods {
            let is_known = self.status.pods.entry(own.id).or_default();
            if is_known.counted {
                continue;
            }
            let is_failed = self.view.is_failed(own);
            let is_delayed = self.view.index_of(own).and_then(|index| self.indexes.delayed.get(&index));
            let is_delayed = is_delayed.is_some_and(|delayed| delayed.id == own.id);
            if end.is_none() && own.pod.phase != Phase::Succeeded && (!is_failed || is_delayed) {
                continue;
            }
            is_known.counted = true;
            if own.pod.phase == Phase::Succeeded {
                if !self.view.job.spec.is_indexed() {
                    self.status.succeeded = self.status.succeeded.saturating_add(1);
                }
                continue;
            }
            let fails_with_job = matches!(end, Some(JobEnd::Failed(_)));
            let is_valid = self.view.has_valid_index(own);
            if (is_failed || fails_with_job) && is_valid && failure_policy::counts(rules, own) {
                self.status.failed = self.status.failed.saturating_add(1);
            }
        }
        if self.view.job.spec.is_indexed() {
            self.status.completed_indexes.clone_from(&self.indexes.succeeded);
            self.status.failed_indexes.clone_from(&self.indexes.failed);
            self.status.succeeded = count(self.indexes.succeeded.len());
        }
    }

    /// The Job ends when its pods are gone; until then it is said how it will. Source: `enactJobFinished`.
    fn finish(&mut self, end: Option<JobEnd>, doomed: &[PodId]) {
        let Some(end) = end else { return };
        let terminating = self.view.terminating().saturating_add(count(doomed.len()));
        if terminating == 0 {
            self.status.finished = Some((end.clone(), self.view.now));
            let ttl = self.view.job.spec.ttl_seconds_after_finished;
            self.again_at = ttl.map(|seconds| self.view.now.after(Duration::from_seconds(seconds)));
        } else {
            self.again_at = None;
        }
        self.status.target = Some(end);
    }

    fn report(self, doomed: &[PodId], new: Vec<NewPod>) -> JobSync {
        let mut changes = Vec::new();
        if self.status != self.view.job.status {
            changes.push(Change::UpdateJob { job: self.id, status: Box::new(self.status) });
        }
        let delete = |pod: &PodId| Change::Pod(*pod, PodChange::Delete(DeletionCause::Controller));
        changes.extend(doomed.iter().map(delete));
        changes.extend(new.into_iter().map(|new| Change::CreateJobPod {
            job: self.id,
            known: JobPod {
                index: new.index,
                index_failures: new.index_failures,
                ignored_index_failures: new.ignored_index_failures,
                ..JobPod::default()
            },
        }));
        JobSync { changes, again_at: self.again_at, is_expired: false }
    }
}
