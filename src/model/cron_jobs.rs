//! CronJobs.

use std::sync::Arc;

use jiff::tz::TimeZone;
use k8s_openapi::api::batch::v1 as batch;
use quorate_sim::cluster::{ClusterState, ConcurrencyPolicy, CronJob, CronJobId, CronSchedule, WallClock};

use super::build::{Assumption, Context};
use super::jobs;
use super::workloads::named;
use crate::manifest::{Schedule, time_zone};

/// Adds a CronJob; `None` for one whose schedule cannot be read, which was reported when the object was read.
pub(super) fn add(state: &mut ClusterState, context: &mut Context<'_>, api: &batch::CronJob) -> Option<CronJobId> {
    let own = named(state, &api.metadata);
    let spec = &api.spec;
    let job = jobs::job_spec(state, context, &own.namespace, spec.job_template.spec.as_ref()?);
    let parsed = Schedule::parse(&spec.schedule)?;
    let zone = match spec.time_zone.as_deref() {
        Some(name) => time_zone(name)?,
        None => {
            context.assume(Assumption::TimesOfCronJobs);
            TimeZone::UTC
        }
    };
    let text = format!("{} {}", spec.schedule, spec.time_zone.as_deref().unwrap_or_default());
    let milliseconds = |time: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time| WallClock(time.0.as_millisecond());
    let last = api.status.as_ref().and_then(|status| status.last_schedule_time.as_ref());
    let since = last.or(api.metadata.creation_timestamp.as_ref()).map(milliseconds);
    let limit = |limit: Option<i32>, default| limit.map_or(default, |limit| usize::try_from(limit).unwrap_or(0));
    let id = CronJobId(u32::try_from(state.cron_jobs.len()).unwrap_or(u32::MAX));
    let cron_job = CronJob {
        namespace: own.namespace_symbol,
        name: own.name,
        schedule: CronSchedule {
            text: state.intern(&text),
            next: Arc::new(move |after: WallClock| parsed.next(&zone, after.0).map(WallClock)),
        },
        concurrency_policy: match spec.concurrency_policy.as_deref() {
            Some("Forbid") => ConcurrencyPolicy::Forbid,
            Some("Replace") => ConcurrencyPolicy::Replace,
            Some(_) | None => ConcurrencyPolicy::Allow,
        },
        starting_deadline_seconds: spec.starting_deadline_seconds.and_then(|seconds| u64::try_from(seconds).ok()),
        suspend: spec.suspend == Some(true),
        successful_jobs_history_limit: limit(spec.successful_jobs_history_limit, 3),
        failed_jobs_history_limit: limit(spec.failed_jobs_history_limit, 1),
        job,
        since,
    };
    state.cron_jobs.insert(id, cron_job);
    Some(id)
}

/// The CronJob that owns a Job, where it is in the state.
pub(super) fn owner(state: &mut ClusterState, api: &batch::Job) -> Option<CronJobId> {
    let controller = api.metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true))?;
    if controller.kind != "CronJob" {
        return None;
    }
    let namespace = state.intern(api.metadata.namespace.as_deref().unwrap_or("default"));
    let name = state.intern(&controller.name);
    let mut all = state.cron_jobs.iter();
    all.find(|(_, own)| own.namespace == namespace && own.name == name).map(|(id, _)| *id)
}
