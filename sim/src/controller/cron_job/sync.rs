//! One look at a CronJob. Source: `syncCronJob` and `cleanupFinishedJobs` of
//! `pkg/controller/cronjob/cronjob_controllerv2.go`.

use crate::cluster::{ClusterState, ConcurrencyPolicy, CronJob, CronJobId, Job, JobEnd, JobId, Time, WallClock};

use super::due::{MostRecent, most_recent};

/// So long after a time of the schedule it is looked at.
const DELTA_MILLISECONDS: i64 = 100;

/// What came of a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CronSync {
    /// These Jobs go first.
    pub deleted: Vec<JobId>,
    /// The Job of this time of the schedule is created.
    pub created: Option<WallClock>,
    /// When it is looked at again, whatever happens until then.
    pub again_at: Option<Time>,
}

/// The wall clock at a virtual time.
#[must_use]
pub fn wall_clock(state: &ClusterState, time: Time) -> WallClock {
    let milliseconds = i64::try_from(time.milliseconds()).unwrap_or(i64::MAX);
    WallClock(state.begins_at().0.saturating_add(milliseconds))
}

/// Looks at a CronJob.
#[must_use]
pub fn sync(state: &ClusterState, id: CronJobId) -> CronSync {
    let Some(own) = state.cron_jobs.get(&id) else { return CronSync::default() };
    let jobs: Vec<(JobId, &Job)> =
        state.jobs.iter().filter(|(_, job)| job.cron_job == Some(id)).map(|(id, job)| (*id, job)).collect();
    let mut looked = start(state, own, &jobs);
    let is_complete = |job: &Job| matches!(job.status.finished, Some((JobEnd::Complete, _)));
    let is_failed = |job: &Job| matches!(job.status.finished, Some((JobEnd::Failed(_), _)));
    looked.deleted.extend(too_many(&jobs, own.successful_jobs_history_limit, is_complete));
    looked.deleted.extend(too_many(&jobs, own.failed_jobs_history_limit, is_failed));
    looked
}

fn start(state: &ClusterState, own: &CronJob, jobs: &[(JobId, &Job)]) -> CronSync {
    if own.suspend {
        return CronSync::default();
    }
    let now = wall_clock(state, state.now);
    let since = own.since.unwrap_or(now);
    let again_at = next_look(state, own, since, now);
    let nothing = CronSync { again_at, ..CronSync::default() };
    let deadline = own.starting_deadline_seconds.map(|seconds| {
        let milliseconds = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
        WallClock(now.0.saturating_sub(milliseconds))
    });
    // Nothing before the deadline is started any more.
    let earliest = deadline.map_or(since, |deadline| deadline.max(since));
    let Some(due) = most_recent(&own.schedule, earliest, now).and_then(|due| due.time) else { return nothing };
    if deadline.is_some_and(|deadline| due < deadline) || own.since == Some(due) {
        return nothing;
    }
    let active: Vec<JobId> = jobs.iter().filter(|(_, job)| job.status.finished.is_none()).map(|(id, _)| *id).collect();
    let deleted = match own.concurrency_policy {
        ConcurrencyPolicy::Allow => Vec::new(),
        ConcurrencyPolicy::Forbid if active.is_empty() => Vec::new(),
        ConcurrencyPolicy::Forbid => return nothing,
        ConcurrencyPolicy::Replace => active,
    };
    // From now on the next time counts from this one.
    let again_at = next_look(state, own, due, now);
    CronSync { deleted, created: Some(due), again_at }
}

/// Source: `nextScheduleTimeDuration`.
fn next_look(state: &ClusterState, own: &CronJob, since: WallClock, now: WallClock) -> Option<Time> {
    let from = match most_recent(&own.schedule, since, now) {
        Some(MostRecent { time: Some(time), .. }) => time,
        Some(MostRecent { time: None, is_missed: false, earliest }) => earliest,
        Some(MostRecent { time: None, is_missed: true, .. }) | None => now,
    };
    let next = (own.schedule.next)(from)?;
    let at = next.0.saturating_add(DELTA_MILLISECONDS).saturating_sub(state.begins_at().0);
    let at = Time::from_milliseconds(u64::try_from(at).unwrap_or(0));
    // A time that has passed and was not served is looked at again with the next one.
    (at > state.now).then_some(at).or_else(|| {
        let next = (own.schedule.next)(now)?;
        let at = next.0.saturating_add(DELTA_MILLISECONDS).saturating_sub(state.begins_at().0);
        u64::try_from(at).ok().map(Time::from_milliseconds)
    })
}

/// The oldest of those that have ended in one way, beyond so many.
fn too_many(jobs: &[(JobId, &Job)], limit: usize, ended: impl Fn(&Job) -> bool) -> Vec<JobId> {
    let mut ended: Vec<(Option<Time>, JobId)> =
        jobs.iter().filter(|(_, job)| ended(job)).map(|(id, job)| (job.status.start_time, *id)).collect();
    ended.sort_unstable();
    let surplus = ended.len().saturating_sub(limit);
    ended.into_iter().take(surplus).map(|(_, id)| id).collect()
}
