//! CronJobs.
//!
//! They go on for ever. So what they do, and what their Jobs do, is played only as long as something else goes on, or as a `wait`
//! lasts: it does not prolong a step.

use crate::cluster::{CronJobId, JobId, Owner};
use crate::controller::{WorkloadId, cron_job};
use crate::event_queue::Event;
use crate::transition::Change;

use super::engine::Simulation;

impl Simulation {
    /// Every CronJob gets its next look.
    pub(super) fn look_at_cron_jobs(&mut self) {
        let ids: Vec<CronJobId> = self.state.cron_jobs.keys().copied().collect();
        let now = cron_job::wall_clock(&self.state, self.state.now);
        for id in ids {
            if let Some(own) = self.state.cron_jobs.get_mut(&id) {
                own.since.get_or_insert(now);
            }
            self.queue.schedule_by(self.state.now, Event::CronJob(id));
        }
    }

    pub(super) fn sync_cron_job(&mut self, id: CronJobId) {
        let looked = cron_job::sync(&self.state, id);
        for job in looked.deleted {
            self.remove_workload(WorkloadId::Job(job));
        }
        if let Some(due) = looked.created {
            self.commit(&Change::CreateJob { cron_job: id, due });
        }
        if let Some(time) = looked.again_at {
            self.queue.schedule_by(time, Event::CronJob(id));
        }
    }

    /// A Job of a CronJob has changed: its CronJob looks, whether another may begin.
    pub(super) fn wake_cron_job_of(&mut self, job: JobId) {
        if let Some(id) = self.state.jobs.get(&job).and_then(|job| job.cron_job) {
            self.queue.schedule_by(self.state.now, Event::CronJob(id));
        }
    }

    /// Whether nothing is left to happen but what CronJobs do and their Jobs.
    pub(super) fn is_quiet_but_for_cron_jobs(&self) -> bool {
        !self.state.cron_jobs.is_empty()
            && !self.queue.iter().any(|(time, event)| !self.is_of_cron_job(event) && self.is_current(event, time))
    }

    fn is_of_cron_job(&self, event: Event) -> bool {
        let is_own = |job: JobId| self.state.jobs.get(&job).is_none_or(|job| job.cron_job.is_some());
        match event {
            Event::CronJob(_) => true,
            Event::Workload(WorkloadId::Job(job)) => is_own(job),
            Event::Pod(pod) => match self.state.pods.get(&pod).map(|pod| pod.owner) {
                Some(Owner::Job(job)) => is_own(job),
                Some(
                    Owner::None
                    | Owner::Node
                    | Owner::Other { .. }
                    | Owner::ReplicaSet(_)
                    | Owner::StatefulSet { .. }
                    | Owner::DaemonSet(_),
                )
                | None => false,
            },
            Event::Workload(
                WorkloadId::Deployment(_)
                | WorkloadId::ReplicaSet(_)
                | WorkloadId::StatefulSet(_)
                | WorkloadId::DaemonSet(_),
            )
            | Event::ProgressDeadline(_)
            | Event::NodeMonitor
            | Event::NoExecuteQueue(_)
            | Event::TaintEviction(_)
            | Event::Budget(_)
            | Event::PodGarbageCollection
            | Event::DrainRetry(_)
            | Event::Autoscaler(_)
            | Event::Reapply
            | Event::ClusterAutoscaler
            | Event::Descheduler
            | Event::NodeArrives { .. } => false,
        }
    }
}
