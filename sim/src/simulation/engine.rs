//! The loop: controllers and the scheduler to a fixed point at the present moment, then on to the next timed event.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{
    BudgetId, ClusterState, DaemonSetId, JobId, NodeId, Owner, PodId, Refusal, ServiceId, Symbol, Time, WorkloadName,
};
use crate::controller::deployment::Progress;
use crate::controller::job::BATCH_PERIOD;
use crate::controller::node_lifecycle::NodeLifecycle;
use crate::controller::{WorkloadId, all_workloads, attach_detach, daemon_set, is_active, workload_of};
use crate::drain::NodeDrain;
use crate::event_queue::{Event, EventQueue};
use crate::eviction::budgets_of;
use crate::scheduler::{Cache, Followed, SchedulingQueue};
use crate::transition::{Change, Created, NodeChange, PodChange, WorkloadChange, apply, sentence};

use super::bindings::Bindings;
use super::calls::Calls;
use super::cluster_autoscaling::ClusterAutoscaler;
use super::cycle::CycleSearch;
use super::descheduling::Descheduling;
use super::lost_pods::LostPods;
use super::recorder::Recorder;
use super::{Settings, Ties};

/// Something whose controller has to look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// A node: taints by condition.
    Node(NodeId),
    /// A pod: the kubelet and taint eviction.
    Pod(PodId),
    /// A budget.
    Budget(BudgetId),
    /// A workload.
    Workload(WorkloadId),
}

/// A node that was deleted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GoneNode {
    pub(crate) name: Symbol,
    /// When pod garbage collection found it missing.
    pub(crate) found_at: Option<Time>,
}

/// The system does not come to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Livelock;

/// A cluster that is being simulated. A clone is a branch: both go on independently.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The cluster.
    pub state: ClusterState,
    pub(crate) settings: Settings,
    pub(crate) ties: Ties,
    pub(crate) queue: EventQueue,
    pub(crate) dirty: BTreeSet<Key>,
    pub(crate) scheduling: SchedulingQueue,
    /// Made when the scheduler first needs it; told of every change by [`Self::commit`].
    pub(crate) cache: Option<Cache>,
    /// What the cache knew when the last run ended.
    pub(crate) followed: Option<Followed>,
    pub(crate) lifecycle: NodeLifecycle,
    pub(crate) taint_deletions: BTreeMap<PodId, Time>,
    pub(crate) lost_pods: LostPods,
    pub(crate) progress: BTreeMap<crate::cluster::DeploymentId, Progress>,
    pub(crate) calls: Calls,
    pub(crate) bindings: Bindings,
    pub(crate) drains: Vec<NodeDrain>,
    pub(crate) last_drains: Vec<NodeDrain>,
    pub(crate) gone_nodes: BTreeMap<NodeId, GoneNode>,
    /// When a node was last found unreachable.
    pub(crate) noticed_at: Option<Time>,
    /// When the cluster last changed.
    pub(crate) last_commit: Option<Time>,
    /// What was set back to its manifest in this step.
    pub(crate) reapplied: BTreeSet<WorkloadName>,
    pub(crate) cluster_autoscaler: ClusterAutoscaler,
    pub(super) descheduling: Descheduling,
    /// Pods that wait for a volume.
    pub(super) attaching: BTreeSet<PodId>,
    /// What was refused when the step began.
    pub(super) refused_before: BTreeMap<WorkloadId, Refusal>,
    /// Webhooks that were not asked before the cluster had come to rest.
    pub(super) late_webhooks: BTreeSet<Symbol>,
    pub(crate) recorder: Recorder,
    pub(crate) cycle: CycleSearch,
}

impl Simulation {
    /// Prepares a simulation; nothing has happened yet ([`Self::settle`] lets it).
    #[must_use]
    pub fn new(initial: ClusterState, settings: &Settings) -> Self {
        let now = initial.now;
        let mut simulation = Self {
            state: initial,
            settings: *settings,
            ties: Ties::Drawn(settings.seed),
            queue: EventQueue::default(),
            dirty: BTreeSet::new(),
            scheduling: SchedulingQueue::default(),
            cache: None,
            followed: None,
            lifecycle: NodeLifecycle::default(),
            taint_deletions: BTreeMap::new(),
            lost_pods: LostPods::new(),
            progress: BTreeMap::new(),
            calls: Calls::default(),
            bindings: Bindings::default(),
            drains: Vec::new(),
            last_drains: Vec::new(),
            gone_nodes: BTreeMap::new(),
            noticed_at: None,
            last_commit: Some(now),
            reapplied: BTreeSet::new(),
            cluster_autoscaler: ClusterAutoscaler::default(),
            descheduling: Descheduling::default(),
            attaching: BTreeSet::new(),
            refused_before: BTreeMap::new(),
            late_webhooks: BTreeSet::new(),
            recorder: Recorder::default(),
            cycle: CycleSearch::default(),
        };
        simulation.look_at_everything();
        simulation
    }

    /// A branch: goes on from the present state without the events so far.
    #[must_use]
    pub fn branch(&self) -> Self {
        let recorder = self.recorder.without_events();
        Self {
            state: self.state.clone(),
            settings: self.settings,
            ties: self.ties.clone(),
            queue: self.queue.clone(),
            dirty: self.dirty.clone(),
            scheduling: self.scheduling.clone(),
            cache: self.cache.clone(),
            followed: self.followed.clone(),
            lifecycle: self.lifecycle.clone(),
            taint_deletions: self.taint_deletions.clone(),
            lost_pods: self.lost_pods.clone(),
            progress: self.progress.clone(),
            calls: Calls::default(),
            bindings: Bindings { begun: self.bindings.begun, ..Bindings::default() },
            drains: Vec::new(),
            last_drains: Vec::new(),
            gone_nodes: self.gone_nodes.clone(),
            noticed_at: self.noticed_at,
            last_commit: self.last_commit,
            reapplied: BTreeSet::new(),
            cluster_autoscaler: self.cluster_autoscaler.clone(),
            descheduling: Descheduling::default(),
            attaching: self.attaching.clone(),
            refused_before: BTreeMap::new(),
            late_webhooks: self.late_webhooks.clone(),
            recorder,
            cycle: CycleSearch::default(),
        }
    }

    /// The drains of the last step, as they were at its end.
    #[must_use]
    pub fn last_drains(&self) -> &[NodeDrain] {
        &self.last_drains
    }

    /// The settings it was made with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Everything has to be looked at again: the state was changed from outside.
    pub(super) fn look_at_everything(&mut self) {
        attach_detach::note_attached(&mut self.state);
        self.dirty.extend(self.state.nodes.keys().map(|id| Key::Node(*id)));
        self.dirty.extend(self.state.pods.keys().map(|id| Key::Pod(*id)));
        self.dirty.extend(self.state.budgets.keys().map(|id| Key::Budget(*id)));
        self.dirty.extend(self.state.replica_sets.keys().map(|id| Key::Workload(WorkloadId::ReplicaSet(*id))));
        self.dirty.extend(all_workloads(&self.state).into_iter().map(Key::Workload));
        self.look_at_cron_jobs();
        self.scheduling.add_all(&self.state);
        self.scheduling.retry_all();
        self.recorder.count_ready(&self.state);
        self.recorder.count_endpoints(&self.state);
    }

    /// Begins a step: what was recorded of the one before it is forgotten, its states too, to which a later step may
    /// return.
    pub(super) fn begin_step(&mut self) {
        self.refused_before.clone_from(&self.state.refusals);
        // The state may have been changed from outside.
        if !self.followed.take().is_some_and(|followed| followed.is(&self.state)) {
            self.cache = None;
        }
        self.recorder.begin(self.state.now);
        self.reapplied.clear();
        self.descheduling.begin_step();
        self.cycle = CycleSearch::default();
        self.calls = Calls::default();
        self.reset_bindings();
        self.scheduling.end_backoffs();
    }

    /// Makes one change, records it, and wakes whoever has to react to it.
    pub(super) fn commit(&mut self, change: &Change) {
        self.last_commit = Some(self.state.now);
        let creates = matches!(
            change,
            Change::CreatePod { .. }
                | Change::CreateJob { .. }
                | Change::CreateJobPod { .. }
                | Change::CreateReplicaSet { .. }
                | Change::AddNode { .. }
        );
        let before = if creates { None } else { sentence(&self.state, change, Created::Nothing) };
        let pod = if let Change::Pod(pod, _) = change { Some(*pod) } else { None };
        let services_before = pod.map(|pod| self.services_of(pod)).unwrap_or_default();
        let ready_before = pod.and_then(|pod| self.ready_workload(pod));
        self.wake(change);
        let created = apply(&mut self.state, change);
        self.tell_cache(change, created);
        let pod = if let Created::Pod(created) = created { Some(created) } else { pod };
        let ready_after = pod.and_then(|pod| self.ready_workload(pod));
        self.recorder.ready_changed(ready_before, ready_after);
        let services = if services_before.is_empty() {
            pod.map(|pod| self.services_of(pod)).unwrap_or_default()
        } else {
            services_before
        };
        if let Created::Pod(created) = created {
            if let Some(pod) = self.state.pods.get(&created) {
                self.scheduling.add(&self.state, created, pod);
            }
            self.wake_pod_and_watchers(created);
        } else {
            self.wake(change);
        }
        match created {
            Created::ReplicaSet(id) => drop(self.dirty.insert(Key::Workload(WorkloadId::ReplicaSet(id)))),
            Created::Job(id) => drop(self.dirty.insert(Key::Workload(WorkloadId::Job(id)))),
            Created::Node(id) => {
                self.dirty.insert(Key::Node(id));
                let daemon_sets = self.state.daemon_sets.keys();
                self.dirty.extend(daemon_sets.map(|id| Key::Workload(WorkloadId::DaemonSet(*id))));
                self.scheduling.retry_all();
            }
            Created::Nothing | Created::Pod(_) => {}
        }
        let text = if creates { sentence(&self.state, change, created) } else { before };
        self.recorder.record(self.state.now, text);
        self.recorder.endpoints_changed(&self.state, &services);
    }

    /// The Services that select a pod.
    fn services_of(&self, pod: PodId) -> Vec<ServiceId> {
        let pod = self.state.pods.get(&pod);
        pod.map_or_else(Vec::new, |pod| self.state.services_of(pod.namespace, &pod.labels).into_keys().collect())
    }

    /// The workload for which a pod counts as ready.
    fn ready_workload(&self, pod: PodId) -> Option<WorkloadId> {
        let pod = self.state.pods.get(&pod).filter(|pod| pod.ready && is_active(pod))?;
        workload_of(&self.state, pod.owner)
    }

    /// Wakes who watches the object that changes; called before and after the change, since either state may name them.
    fn wake(&mut self, change: &Change) {
        match change {
            Change::Pod(pod, change) => self.wake_for_pod(*pod, change),
            Change::Node(node, change) => self.wake_for_node(*node, change),
            Change::CreatePod { .. }
            | Change::CreateJob { .. }
            | Change::CreateJobPod { .. }
            | Change::AddNode { .. }
            | Change::UpdateBudget { .. }
            | Change::Workload(_, WorkloadChange::Observe(_)) => {}
            Change::UpdateJob { job, .. } => self.wake_job(*job),
            Change::CreateReplicaSet { deployment, .. } => {
                self.dirty.insert(Key::Workload(WorkloadId::Deployment(*deployment)));
            }
            Change::ScaleReplicaSet { replica_set, .. } => self.wake_workload(WorkloadId::ReplicaSet(*replica_set)),
            Change::Workload(workload, WorkloadChange::Delete) => self.wake_budgets_of_workload(*workload),
            // Only its own backoff makes the controller ask again.
            Change::Workload(_, WorkloadChange::SetRefusal(_)) => {}
            Change::Workload(
                workload,
                WorkloadChange::SetTemplate(_) | WorkloadChange::SetReplicas(_) | WorkloadChange::CompleteRevision,
            ) => self.wake_workload(*workload),
        }
    }

    fn wake_for_pod(&mut self, pod: PodId, change: &PodChange) {
        match change {
            // Every update of a pod wakes its controller; a DaemonSet then looks which nodes it wants. Source: `updatePod` in
            // `pkg/controller/daemon/daemon_controller.go`.
            PodChange::MarkUnschedulable(_) => {
                if let Some(Owner::DaemonSet(id)) = self.state.pods.get(&pod).map(|pod| pod.owner) {
                    self.dirty.insert(Key::Workload(WorkloadId::DaemonSet(id)));
                }
            }
            // Others may take the place that was kept for it. Source: `hasNominatedNodeNameChanged` in
            // `pkg/scheduler/eventhandlers.go`.
            PodChange::Nominate(node) => {
                let before = self.state.pods.get(&pod).and_then(|pod| pod.nominated_node);
                if before.is_some() && before != *node {
                    self.scheduling.retry_all();
                }
            }
            PodChange::Start | PodChange::Hold | PodChange::Release => {
                self.attaching.remove(&pod);
                self.dirty.insert(Key::Pod(pod));
            }
            PodChange::Bind(_) => {
                self.dirty.insert(Key::Pod(pod));
                self.scheduling.forget(pod);
                self.scheduling.retry_all();
            }
            PodChange::BecomeReady | PodChange::BecomeUnready | PodChange::Restart | PodChange::Adopt(_) => {
                self.wake_pod_and_watchers(pod);
            }
            // What it took of its node is free again.
            PodChange::Finish(_) => {
                self.wake_pod_and_watchers(pod);
                self.scheduling.forget(pod);
                self.scheduling.retry_all();
            }
            PodChange::Delete(_) | PodChange::Remove(_) => {
                self.wake_pod_and_watchers(pod);
                self.scheduling.retry_all();
                self.wake_attaching();
                if !self.state.pods.contains_key(&pod) {
                    self.attaching.remove(&pod);
                    self.scheduling.forget(pod);
                    self.taint_deletions.remove(&pod);
                    self.lost_pods.remove(&pod);
                    self.queue.cancel(Event::Pod(pod));
                    self.queue.cancel(Event::TaintEviction(pod));
                    self.queue.cancel(Event::DrainRetry(pod));
                }
            }
        }
    }

    /// What pods wait for may be free now.
    fn wake_attaching(&mut self) {
        self.dirty.extend(self.attaching.iter().map(|pod| Key::Pod(*pod)));
    }

    fn wake_for_node(&mut self, node: NodeId, change: &NodeChange) {
        self.dirty.insert(Key::Node(node));
        self.wake_attaching();
        self.dirty.extend(self.state.pods.on_node(Some(node)).map(|(id, _)| Key::Pod(id)));
        self.scheduling.retry_all();
        match change {
            // Nobody sees a crash; DaemonSets look at labels and taints alone.
            NodeChange::Crash
            | NodeChange::SetReady(_)
            | NodeChange::Cordon
            | NodeChange::Uncordon
            | NodeChange::Recover => {}
            NodeChange::AddTaint(_) | NodeChange::RemoveTaint { .. } => self.wake_daemon_sets(node),
            NodeChange::Delete => {
                let daemon_sets = self.state.daemon_sets.keys();
                self.dirty.extend(daemon_sets.map(|id| Key::Workload(WorkloadId::DaemonSet(*id))));
            }
        }
    }

    /// The DaemonSets that a change of this node concerns.
    fn wake_daemon_sets(&mut self, node: NodeId) {
        let daemon_sets = self.state.daemon_sets.keys();
        let concerned = daemon_sets.filter(|id| daemon_set::is_concerned(&self.state, **id, node));
        let concerned: Vec<Key> = concerned.map(|id| Key::Workload(WorkloadId::DaemonSet(*id))).collect();
        self.dirty.extend(concerned);
    }

    /// Objects were applied: of the DaemonSets that are as they were only those look that a changed node concerns.
    pub(super) fn spare_daemon_sets(&mut self, before: &ClusterState) {
        let unchanged = self
            .state
            .daemon_sets
            .iter()
            .filter(|(id, set)| set.observed_nodes.is_some() && before.daemon_sets.get(id) == Some(*set));
        let changed_nodes: Vec<NodeId> = self
            .state
            .nodes
            .iter()
            .filter(|(id, node)| before.nodes.get(id) != Some(*node))
            .map(|(id, _)| *id)
            .collect();
        let is_spared =
            |id: DaemonSetId| !changed_nodes.iter().any(|node| daemon_set::is_concerned(&self.state, id, *node));
        let spared: Vec<DaemonSetId> = unchanged.map(|(id, _)| *id).filter(|id| is_spared(*id)).collect();
        for id in spared {
            self.dirty.remove(&Key::Workload(WorkloadId::DaemonSet(id)));
        }
    }

    fn wake_pod_and_watchers(&mut self, id: PodId) {
        self.dirty.insert(Key::Pod(id));
        let Some(pod) = self.state.pods.get(&id) else { return };
        let budgets = budgets_of(&self.state, pod).map(|(budget, _)| Key::Budget(budget));
        self.dirty.extend(budgets);
        match pod.owner {
            Owner::ReplicaSet(set) => self.wake_workload(WorkloadId::ReplicaSet(set)),
            Owner::StatefulSet { set, .. } => self.wake_workload(WorkloadId::StatefulSet(set)),
            Owner::DaemonSet(set) => self.wake_workload(WorkloadId::DaemonSet(set)),
            Owner::Job(job) => {
                self.queue.schedule_by(self.state.now.after(BATCH_PERIOD), Event::Workload(WorkloadId::Job(job)))
            }
            Owner::None | Owner::Node | Owner::Other { .. } => {}
        }
    }

    /// A ReplicaSet's Deployment watches it.
    fn wake_workload(&mut self, workload: WorkloadId) {
        self.dirty.insert(Key::Workload(workload));
        match workload {
            WorkloadId::ReplicaSet(id) => {
                let deployment = self.state.replica_sets.get(&id).and_then(|set| set.owner);
                self.dirty.extend(deployment.map(|id| Key::Workload(WorkloadId::Deployment(id))));
            }
            WorkloadId::Deployment(_) | WorkloadId::StatefulSet(_) | WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => {}
        }
    }

    /// A Job's controller looks at its own changes a little later; pods that it has just counted may go now.
    fn wake_job(&mut self, job: JobId) {
        self.wake_cron_job_of(job);
        let event = Event::Workload(WorkloadId::Job(job));
        self.queue.schedule_by(self.state.now.after(BATCH_PERIOD), event);
        let deleted = self.state.pods.of_owner(Owner::Job(job)).filter(|(_, pod)| pod.deletion.is_some());
        self.dirty.extend(deleted.map(|(id, _)| Key::Pod(id)));
    }

    fn wake_budgets_of_workload(&mut self, _workload: WorkloadId) {
        self.dirty.extend(self.state.budgets.keys().map(|id| Key::Budget(*id)));
    }

    /// Controllers and the scheduler until nobody has anything to do at this moment.
    pub(super) fn run_now(&mut self) -> Result<(), Livelock> {
        loop {
            let is_over_limit = self.recorder.changes > self.settings.event_limit;
            if is_over_limit || self.is_in_cycle() || self.is_making_pods_without_end() {
                return Err(Livelock);
            }
            if let Some(call) = self.calls.waiting.front().copied() {
                self.make_call(call);
            } else if let Some(key) = self.dirty.pop_first() {
                self.sync(key);
            } else if let Some(pod) = self.next_to_schedule() {
                self.schedule(pod);
            } else if !self.bind_next() {
                return Ok(());
            }
        }
    }

    /// Runs until nothing more happens on its own, or, if `until` is given, until then.
    pub(super) fn run(&mut self, until: Option<Time>) -> Result<(), Livelock> {
        let result = self.run_to(until);
        self.followed = Some(Followed::of(&self.state));
        result
    }

    fn run_to(&mut self, until: Option<Time>) -> Result<(), Livelock> {
        loop {
            self.run_now()?;
            self.schedule_drain_retries();
            self.schedule_creation_retries();
            self.schedule_autoscaling();
            self.schedule_cluster_autoscaler();
            self.schedule_descheduler();
            let Some((time, event)) = self.next_event(until) else { break };
            self.state.now = self.state.now.max(time);
            self.handle(event);
        }
        if let Some(until) = until {
            self.state.now = self.state.now.max(until);
        }
        Ok(())
    }
}
