//! What happens when a controller looks at something, and when a timed event is due.

use std::collections::btree_map::Entry;

use crate::cluster::{
    BudgetId, DeletionCause, DeploymentId, Duration, JobId, NodeId, Phase, PodEnd, PodId, ReplicaSetId, Symbol, Time,
};
use crate::controller::deployment::Progress;
use crate::controller::kubelet::PodStep;
use crate::controller::taint_eviction::TaintVerdict;
use crate::controller::{
    WorkloadId, attach_detach, available_at, daemon_set, deployment, disruption, is_active, is_terminal, job, kubelet,
    node_lifecycle, pod_gc, replica_set, stateful_set, workload_of, workload_text,
};
use crate::event_queue::Event;
use crate::transition::{Change, PodChange, RemovalReason};

use super::Ties;
use super::engine::{GoneNode, Key, Simulation};

impl Simulation {
    /// The controller of `key` looks at it.
    pub(super) fn sync(&mut self, key: Key) {
        match key {
            Key::Node(node) => self.sync_node(node),
            Key::Pod(pod) => self.sync_pod(pod),
            Key::Budget(budget) => self.sync_budget(budget),
            Key::Workload(workload) => self.sync_workload(workload),
        }
    }

    /// Whether the controller of `key` finds nothing to change; it may still set itself a time to look again.
    pub(super) fn finds_nothing(&self, key: Key) -> bool {
        match key {
            Key::Node(node) => node_lifecycle::no_schedule_changes(&self.state, node).is_empty(),
            Key::Pod(pod) => {
                let now = matches!(kubelet::next_step(&self.state, pod, &self.settings.pods), PodStep::Now(_));
                let deleted = self.state.pods.get(&pod).is_none_or(|pod| pod.deletion.is_some());
                let evicts = !deleted && self.taint_verdict(pod) == TaintVerdict::DeleteNow;
                let released = self.state.pods.get(&pod).is_some_and(|own| job::is_released(&self.state, pod, own));
                !now && !evicts && !released
            }
            Key::Budget(budget) => disruption::sync(&self.state, budget).is_empty(),
            Key::Workload(WorkloadId::Job(id)) => {
                let looked = job::sync(&self.state, id);
                looked.changes.is_empty() && !looked.is_expired
            }
            Key::Workload(workload) => self.changes_of_workload(workload, &mut Ties::Drawn(0)).is_empty(),
        }
    }

    /// What a workload's controller wants to change now.
    pub(super) fn changes_of_workload(&self, workload: WorkloadId, ties: &mut Ties) -> Vec<Change> {
        match workload {
            WorkloadId::ReplicaSet(id) => replica_set::sync(&self.state, id, ties),
            WorkloadId::Deployment(id) => deployment::sync(&self.state, id),
            WorkloadId::StatefulSet(id) => stateful_set::sync(&self.state, id, ties),
            WorkloadId::DaemonSet(id) => daemon_set::sync(&self.state, id, ties),
            WorkloadId::Job(id) => job::sync(&self.state, id).changes,
        }
    }

    pub(super) fn commit_all(&mut self, changes: &[Change]) {
        for change in changes {
            self.commit(change);
        }
    }

    fn sync_node(&mut self, node: NodeId) {
        if self.state.nodes.contains_key(&node) {
            let changes = node_lifecycle::no_schedule_changes(&self.state, node);
            self.commit_all(&changes);
        } else {
            self.lifecycle.forget(node);
        }
        self.schedule_monitor();
    }

    pub(super) fn schedule_monitor(&mut self) {
        if let Some(time) = self.lifecycle.next_look(&self.state, &self.settings) {
            self.queue.schedule(time, Event::NodeMonitor);
        }
    }

    fn sync_pod(&mut self, pod: PodId) {
        if self.state.pods.get(&pod).is_some_and(|own| job::is_released(&self.state, pod, own)) {
            return self.commit(&Change::Pod(pod, PodChange::Remove(RemovalReason::Stopped)));
        }
        match kubelet::next_step(&self.state, pod, &self.settings.pods) {
            PodStep::Nothing => {}
            PodStep::Now(change) => return self.commit(&change),
            PodStep::At(time) => self.queue.schedule(time, Event::Pod(pod)),
            PodStep::Attaching(wait) => self.wait_for_volume(pod, &wait),
        }
        self.sync_taint_eviction(pod);
        if self.state.pods.get(&pod).is_some_and(|of_state| pod_gc::concerns(&self.state, of_state)) {
            let next = Time::from_milliseconds(self.state.now.milliseconds().saturating_add(1));
            self.queue.schedule(pod_gc::next_look(next), Event::PodGarbageCollection);
        }
    }

    /// The pod is looked at again when the volume is detached by force, and when a pod or node that may hold it changes.
    fn wait_for_volume(&mut self, pod: PodId, wait: &attach_detach::Wait) {
        if self.attaching.insert(pod) {
            let name = super::pod_text(&self.state, pod);
            let text = format!("pod {name} waits: {}", attach_detach::text(&self.state, wait));
            self.recorder.note(self.state.now, text);
        }
        if let Some(time) = wait.until.filter(|time| *time > self.state.now) {
            self.queue.schedule(time, Event::Pod(pod));
        }
    }

    fn sync_taint_eviction(&mut self, pod: PodId) {
        if self.state.pods.get(&pod).is_none_or(|pod| pod.deletion.is_some()) {
            self.taint_deletions.remove(&pod);
            return;
        }
        match self.taint_verdict(pod) {
            TaintVerdict::Cancel => drop(self.taint_deletions.remove(&pod)),
            TaintVerdict::Stay => {}
            TaintVerdict::DeleteNow => self.commit(&Change::Pod(pod, PodChange::Delete(DeletionCause::Taint))),
            TaintVerdict::DeleteAt(time) => {
                if let Entry::Vacant(unscheduled) = self.taint_deletions.entry(pod) {
                    unscheduled.insert(time);
                    self.queue.schedule(time, Event::TaintEviction(pod));
                }
            }
        }
    }

    fn sync_budget(&mut self, budget: BudgetId) {
        let changes = disruption::sync(&self.state, budget);
        self.commit_all(&changes);
        if let Some(time) = self.state.budgets.get(&budget).and_then(disruption::recheck_at) {
            self.queue.schedule(time, Event::Budget(budget));
        }
    }

    fn sync_workload(&mut self, workload: WorkloadId) {
        if let WorkloadId::Job(id) = workload {
            return self.sync_job(id);
        }
        let mut ties = self.ties.clone();
        let changes = self.changes_of_workload(workload, &mut ties);
        self.ties = ties;
        self.commit_wanted(workload, &changes);
        self.schedule_availability(workload);
        if let WorkloadId::Deployment(id) = workload {
            self.follow_progress(id);
        }
    }

    /// A ready pod counts as available only after `minReadySeconds`: the workload is looked at again then.
    fn schedule_availability(&mut self, workload: WorkloadId) {
        let min_ready_seconds = match workload {
            // Its Deployment looks.
            WorkloadId::ReplicaSet(_) | WorkloadId::Job(_) => None,
            WorkloadId::Deployment(id) => self.state.deployments.get(&id).map(|item| item.min_ready_seconds),
            WorkloadId::StatefulSet(id) => self.state.stateful_sets.get(&id).map(|item| item.min_ready_seconds),
            WorkloadId::DaemonSet(id) => self.state.daemon_sets.get(&id).map(|item| item.min_ready_seconds),
        };
        let Some(seconds) = min_ready_seconds.filter(|seconds| *seconds > 0) else { return };
        let ready = self
            .state
            .pods
            .values()
            .filter(|pod| pod.ready && is_active(pod) && workload_of(&self.state, pod.owner) == Some(workload));
        let times = ready.filter_map(|pod| available_at(pod, seconds)).filter(|time| *time > self.state.now);
        if let Some(time) = times.min() {
            self.queue.schedule(time, Event::Workload(workload));
        }
    }

    fn follow_progress(&mut self, id: DeploymentId) {
        let Some(item) = self.state.deployments.get(&id) else {
            self.progress.remove(&id);
            return;
        };
        let progress = Progress::advance(self.progress.get(&id), &self.state, id, item);
        let deadline = Duration::from_seconds(item.progress_deadline_seconds);
        self.progress.insert(id, progress);
        if let (Some(from), false) = (progress.deadline_from, progress.reported) {
            self.queue.schedule(from.after(deadline), Event::ProgressDeadline(id));
        }
    }

    /// Takes the next event that still means something, if it is due by `until`.
    pub(super) fn next_event(&mut self, until: Option<Time>) -> Option<(Time, Event)> {
        if until.is_none() && self.is_quiet_but_for_cron_jobs() {
            return None;
        }
        loop {
            let time = self.queue.next_time().filter(|time| until.is_none_or(|until| *time <= until))?;
            let event = self.queue.take_due(time)?;
            if self.is_current(event, time) {
                return Some((time, event));
            }
        }
    }

    pub(super) fn is_current(&self, event: Event, time: Time) -> bool {
        match event {
            Event::Pod(pod) => self.state.pods.contains_key(&pod),
            Event::TaintEviction(pod) => self.taint_deletions.get(&pod) == Some(&time),
            Event::ProgressDeadline(id) => self.progress.get(&id).is_some_and(|progress| {
                let seconds = self.state.deployments.get(&id).map_or(0, |item| item.progress_deadline_seconds);
                let deadline = progress.deadline_from.map(|from| from.after(Duration::from_seconds(seconds)));
                !progress.reported && deadline == Some(time)
            }),
            Event::DrainRetry(pod) => self.is_asked_for(pod),
            Event::PodGarbageCollection => pod_gc::is_waiting(&self.state),
            Event::Workload(_)
            | Event::NodeMonitor
            | Event::NoExecuteQueue(_)
            | Event::Budget(_)
            | Event::Autoscaler(_)
            | Event::Reapply
            | Event::CronJob(_)
            | Event::ClusterAutoscaler
            | Event::Descheduler
            | Event::NodeArrives { .. } => true,
        }
    }

    /// A timed event is due.
    pub(super) fn handle(&mut self, event: Event) {
        match event {
            Event::Pod(pod) => drop(self.dirty.insert(Key::Pod(pod))),
            Event::Budget(budget) => drop(self.dirty.insert(Key::Budget(budget))),
            Event::Workload(workload) => {
                self.dirty.insert(Key::Workload(workload));
            }
            Event::ProgressDeadline(id) => self.report_deadline(id),
            Event::NodeMonitor => self.monitor_nodes(),
            Event::NoExecuteQueue(zone) => {
                let changes = self.lifecycle.take(&self.state, zone);
                self.commit_all(&changes);
                self.schedule_queues();
            }
            Event::TaintEviction(pod) => {
                self.taint_deletions.remove(&pod);
                self.commit(&Change::Pod(pod, PodChange::Delete(DeletionCause::Taint)));
            }
            Event::PodGarbageCollection => self.collect_garbage(),
            Event::DrainRetry(pod) => self.ask_again(pod),
            Event::Autoscaler(id) => self.sync_autoscaler(id),
            Event::Reapply => self.reapply(),
            Event::CronJob(id) => self.sync_cron_job(id),
            Event::ClusterAutoscaler => self.scan_pools(),
            Event::Descheduler => self.deschedule(),
            Event::NodeArrives { pool, .. } => self.node_arrives(usize::try_from(pool).unwrap_or(usize::MAX)),
        }
    }

    fn report_deadline(&mut self, id: DeploymentId) {
        if let Some(progress) = self.progress.get_mut(&id) {
            progress.reported = true;
        }
        let name = workload_text(&self.state, WorkloadId::Deployment(id));
        self.recorder.note(self.state.now, format!("{name} reports ProgressDeadlineExceeded"));
    }

    /// One look of the node lifecycle controller. Nodes found unreachable are queued for their NoExecute taints before zones
    /// are judged, and one may be tainted by then; the queues move on after that.
    fn monitor_nodes(&mut self) {
        let changes = self.lifecycle.unreachable(&self.state, &self.settings);
        if !changes.is_empty() {
            self.noticed_at = Some(self.state.now);
        }
        self.commit_all(&changes);
        let changes = self.lifecycle.taint(&self.state, &self.settings);
        self.commit_all(&changes);
        let changes = self.lifecycle.taint_before_zones_are_judged(&self.state, &self.settings, &mut self.ties);
        self.commit_all(&changes);
        let changes = self.lifecycle.judge_zones(&self.state, &self.settings);
        self.commit_all(&changes);
        self.schedule_queues();
        self.schedule_monitor();
    }

    fn schedule_queues(&mut self) {
        for (time, zone) in self.lifecycle.queue_times(self.state.now) {
            self.queue.schedule(time, Event::NoExecuteQueue(zone));
        }
    }

    fn collect_garbage(&mut self) {
        let now = self.state.now;
        for gone in self.gone_nodes.values_mut() {
            gone.found_at.get_or_insert(now);
        }
        let orphaned = self.state.pods.values().filter_map(|pod| pod.node);
        let unknown: Vec<NodeId> = orphaned.filter(|node| !self.state.nodes.contains_key(node)).collect();
        for node in unknown {
            let of_input = GoneNode { name: Symbol::EMPTY, found_at: Some(now) };
            self.gone_nodes.entry(node).or_insert(of_input);
        }
        let gone = &self.gone_nodes;
        let removable = pod_gc::removable(&self.state, |node| gone.get(&node).and_then(|gone| gone.found_at));
        for (pod, reason) in removable {
            self.remove_as_garbage(pod, reason);
        }
        if pod_gc::is_waiting(&self.state) {
            let next = Time::from_milliseconds(now.milliseconds().saturating_add(1));
            self.queue.schedule(pod_gc::next_look(next), Event::PodGarbageCollection);
        }
    }

    fn sync_job(&mut self, id: JobId) {
        let looked = job::sync(&self.state, id);
        self.commit_all(&looked.changes);
        if let Some(time) = looked.again_at {
            self.queue.schedule(time, Event::Workload(WorkloadId::Job(id)));
        }
        if looked.is_expired {
            self.remove_workload(WorkloadId::Job(id));
        }
    }

    /// A pod that its Job has not counted fails first. Source: `markFailedAndDeletePod`.
    fn remove_as_garbage(&mut self, id: PodId, reason: RemovalReason) {
        if !self.state.pods.get(&id).is_some_and(|pod| job::holds(&self.state, id, pod)) {
            return self.commit(&Change::Pod(id, PodChange::Remove(reason)));
        }
        let Some((is_deleted, has_ended)) =
            self.state.pods.get(&id).map(|pod| (pod.deletion.is_some(), is_terminal(pod)))
        else {
            return;
        };
        if !has_ended {
            let end = PodEnd { phase: Phase::Failed, exit_code: None };
            self.commit(&Change::Pod(id, PodChange::Finish(end)));
        }
        if !is_deleted {
            self.commit(&Change::Pod(id, PodChange::Delete(DeletionCause::GarbageCollection)));
        }
    }

    /// A workload's ReplicaSets.
    pub(super) fn replica_sets_of(&self, workload: WorkloadId) -> Vec<ReplicaSetId> {
        match workload {
            WorkloadId::ReplicaSet(id) => vec![id],
            WorkloadId::Deployment(id) => self.state.replica_sets.at(id).map(|(id, _)| id).collect(),
            WorkloadId::StatefulSet(_) | WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => Vec::new(),
        }
    }
}
