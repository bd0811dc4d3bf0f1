//! CronJobs: Jobs at given times.

use std::fmt;
use std::sync::Arc;

use super::job::JobSpec;
use super::name::Symbol;

/// Names a CronJob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CronJobId(pub u32);

/// A moment of the wall clock, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallClock(pub i64);

/// A CronJob (`batch/v1`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronJob {
    /// Its namespace.
    pub namespace: Symbol,
    /// Its name.
    pub name: Symbol,
    /// `schedule` and `timeZone`.
    pub schedule: CronSchedule,
    /// `concurrencyPolicy`.
    pub concurrency_policy: ConcurrencyPolicy,
    /// `startingDeadlineSeconds`.
    pub starting_deadline_seconds: Option<u64>,
    /// `suspend`.
    pub suspend: bool,
    /// `successfulJobsHistoryLimit`.
    pub successful_jobs_history_limit: usize,
    /// `failedJobsHistoryLimit`.
    pub failed_jobs_history_limit: usize,
    /// `jobTemplate.spec`.
    pub job: JobSpec,
    /// `status.lastScheduleTime`, or when it was created; `None`: now.
    pub since: Option<WallClock>,
}

/// What happens when a Job is due while another still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConcurrencyPolicy {
    /// Both run.
    Allow,
    /// The new one waits, and comes as soon as the other has ended.
    Forbid,
    /// The other one is deleted.
    Replace,
}

/// The times of a CronJob: a function that the caller makes of the schedule and its time zone.
#[derive(Clone)]
pub struct CronSchedule {
    /// The schedule as written, with its time zone.
    pub text: Symbol,
    /// The first time after a moment; `None`: there is none.
    pub next: Arc<NextTime>,
}

/// The first time after a moment.
pub type NextTime = dyn Fn(WallClock) -> Option<WallClock> + Send + Sync;

impl fmt::Debug for CronSchedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CronSchedule").field(&self.text).finish()
    }
}

impl PartialEq for CronSchedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronSchedule {}
