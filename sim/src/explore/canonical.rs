//! A state's digest: equal for states from which the same can happen, whichever of several equal pods or nodes is which.
//!
//! Pods have no identity of their own: what counts is their controller, their template, their condition and the node that
//! they are on. Nodes that nothing names are told apart by what they are and hold, not by their names. Times count by their
//! distance from now.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::cluster::{
    ClusterState, JobPod, JobStatus, Node, NodeId, Owner, Pod, PodId, PodName, PodTemplate, ReplicaSetId, Symbol, Time,
};
use crate::controller::WorkloadId;
use crate::controller::cron_job::wall_clock;
use crate::controller::daemon_set::target_node;
use crate::controller::horizontal_pod_autoscaler::{PERIOD as AUTOSCALER_PERIOD, horizon};
use crate::drain::PodDrain;
use crate::event_queue::Event;
use crate::simulation::{Call, Key, Lost, Simulation};

use super::naming::Naming;

/// The digest of a state: of 128 bits, so that two states do not meet by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Digest(u128);

fn digest(hasher: &SipHasher13) -> Digest {
    Digest(hasher.finish128().as_u128())
}

/// The phases of what looks at fixed times: the node lifecycle controller's period is a setting, pod garbage collection's is not.
const GARBAGE_COLLECTION_PERIOD: u64 = 20_000;
/// So many templates are remembered with their hashes.
const MOST_TEMPLATES: usize = 10_000;

/// Makes digests; remembers the hashes of templates.
#[derive(Debug)]
pub(super) struct Canonical {
    naming: Naming,
    templates: BTreeMap<usize, (Arc<PodTemplate>, Digest)>,
}

/// What is known of each pod beside the pod itself.
#[derive(Debug, Default)]
struct Marks {
    of_pods: BTreeMap<PodId, Vec<Mark>>,
    replica_sets: BTreeMap<ReplicaSetId, Digest>,
}

/// One thing that someone remembers of a pod; times by their distance from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Mark {
    Dirty,
    Due(u64),
    EvictedAt(u64),
    Lost(Lost),
    RetryAt(u64),
    Failed(u64, bool),
    Disrupted(crate::cluster::BudgetId, u64),
    Terminating(NodeId),
    Denied(NodeId, u64),
    AskedByDrain(NodeId),
    AskedAfter(usize),
    Age(usize),
    OfJob(JobPod),
}

impl Canonical {
    pub(super) const fn new(naming: Naming) -> Self {
        Self { naming, templates: BTreeMap::new() }
    }

    /// The digest of a simulation that goes on until `until`.
    pub(super) fn digest(&mut self, simulation: &Simulation, until: Option<Time>) -> Digest {
        let state = &simulation.state;
        let now = state.now;
        let mut hasher = SipHasher13::new();
        until.map(|until| ahead(until, now)).hash(&mut hasher);
        let period = simulation.settings.node_monitor_period.milliseconds().max(1);
        now.milliseconds().checked_rem(period).hash(&mut hasher);
        now.milliseconds().checked_rem(GARBAGE_COLLECTION_PERIOD).hash(&mut hasher);
        if !state.autoscalers.is_empty() {
            let reapply = simulation.settings.reapply.map_or(1, |period| period.milliseconds().max(1));
            now.milliseconds().checked_rem(AUTOSCALER_PERIOD.milliseconds()).hash(&mut hasher);
            now.milliseconds().checked_rem(reapply).hash(&mut hasher);
            simulation.last_commit.map(|at| age(at, now)).hash(&mut hasher);
        }
        if let Some(policy) = &state.descheduler {
            now.milliseconds().checked_rem(policy.interval.milliseconds().max(1)).hash(&mut hasher);
        }
        self.hash_workloads(simulation, &mut hasher);
        let marks = self.marks(simulation);
        let mut on_nodes: BTreeMap<NodeId, Vec<(u8, Digest)>> = BTreeMap::new();
        let mut elsewhere = Vec::new();
        for (id, pod) in state.pods.iter() {
            let digest = self.pod(*id, pod, &marks, now);
            match place(state, pod) {
                Some((how, node)) => on_nodes.entry(node).or_default().push((how, digest)),
                None => elsewhere.push(digest),
            }
        }
        elsewhere.sort_unstable();
        elsewhere.hash(&mut hasher);
        let mut nodes: Vec<Digest> = state
            .nodes
            .iter()
            .map(|(id, node)| self.node(simulation, *id, node, on_nodes.remove(id).unwrap_or_default()))
            .collect();
        nodes.sort_unstable();
        nodes.hash(&mut hasher);
        // Pods of nodes that are gone.
        for (node, pods) in on_nodes {
            (node, sorted(pods)).hash(&mut hasher);
        }
        hash_rest(simulation, &marks, &mut hasher);
        digest(&hasher)
    }

    fn hash_workloads(&mut self, simulation: &Simulation, hasher: &mut SipHasher13) {
        let state = &simulation.state;
        for (id, item) in state.deployments.iter() {
            (*id, item.replicas, item.paused, self.template(&item.template)).hash(hasher);
        }
        for (id, set) in state.stateful_sets.iter() {
            (*id, set.replicas, self.template(&set.template), self.template(&set.current_template)).hash(hasher);
        }
        for (id, set) in &state.daemon_sets {
            (*id, self.template(&set.template)).hash(hasher);
        }
        for pool in &state.node_pools {
            // Its memory is of single nodes: two moments are never the same to it.
            (pool.name, pool.next_number, state.now).hash(hasher);
            simulation.cluster_autoscaler.hash_memory(hasher);
        }
        for (id, own) in &state.cron_jobs {
            // Its times are of the wall clock: two moments are never the same to it.
            (*id, own.since, wall_clock(state, state.now)).hash(hasher);
        }
        for (id, own) in &state.autoscalers {
            id.hash(hasher);
            own.hash_at(state.now, horizon(own), hasher);
        }
        for (id, job) in &state.jobs {
            (*id, job.spec.parallelism, job.spec.suspend, self.template(&job.spec.template)).hash(hasher);
            hash_job_status(&job.status, state.now, hasher);
        }
        for (id, progress) in &simulation.progress {
            (*id, progress.relative_to(state.now)).hash(hasher);
        }
        for (id, budget) in state.budgets.iter() {
            let status = &budget.status;
            (*id, status.expected_pods, status.current_healthy, status.desired_healthy).hash(hasher);
            (status.disruptions_allowed, status.sync_failed).hash(hasher);
        }
    }

    /// A ReplicaSet: a Deployment's is known by its template.
    fn replica_sets(&mut self, simulation: &Simulation) -> BTreeMap<ReplicaSetId, Digest> {
        let state = &simulation.state;
        let digests = state.replica_sets.iter().map(|(id, set)| {
            let mut hasher = SipHasher13::new();
            match set.owner {
                Some(deployment) => deployment.hash(&mut hasher),
                None => id.hash(&mut hasher),
            }
            self.template(&set.template).hash(&mut hasher);
            (*id, digest(&hasher))
        });
        digests.collect()
    }

    fn marks(&mut self, simulation: &Simulation) -> Marks {
        let state = &simulation.state;
        let now = state.now;
        let mut marks = Marks { replica_sets: self.replica_sets(simulation), ..Marks::default() };
        let mut mark = |pod: PodId, mark: Mark| marks.of_pods.entry(pod).or_default().push(mark);
        for key in &simulation.dirty {
            if let Key::Pod(pod) = key {
                mark(*pod, Mark::Dirty);
            }
        }
        for (time, event) in simulation.queue.iter() {
            match event {
                Event::Pod(pod) => mark(pod, Mark::Due(ahead(time, now))),
                Event::DrainRetry(pod) => mark(pod, Mark::RetryAt(ahead(time, now))),
                // Known by `taint_deletions`.
                Event::TaintEviction(_) => {}
                Event::Workload(_)
                | Event::ProgressDeadline(_)
                | Event::NodeMonitor
                | Event::NoExecuteQueue(_)
                | Event::Budget(_)
                | Event::Autoscaler(_)
                | Event::Reapply
                | Event::CronJob(_)
                | Event::ClusterAutoscaler
                | Event::Descheduler
                | Event::NodeArrives { .. }
                | Event::PodGarbageCollection => {}
            }
        }
        let deletions = simulation.taint_deletions.iter();
        deletions.for_each(|(pod, time)| mark(*pod, Mark::EvictedAt(ahead(*time, now))));
        simulation.lost_pods.iter().for_each(|(pod, lost)| mark(*pod, Mark::Lost(*lost)));
        for (pod, (at, waits)) in simulation.scheduling.failures() {
            mark(pod, Mark::Failed(age(at, now), waits));
        }
        for (id, budget) in state.budgets.iter() {
            for (pod, since) in &budget.status.disrupted_pods {
                mark(*pod, Mark::Disrupted(*id, age(*since, now)));
            }
        }
        for job in state.jobs.values() {
            for (pod, known) in &job.status.pods {
                mark(*pod, Mark::OfJob(*known));
            }
        }
        for drain in &simulation.drains {
            for (pod, waiting) in &drain.waiting {
                match waiting {
                    PodDrain::Terminating => mark(*pod, Mark::Terminating(drain.node)),
                    PodDrain::Denied { asked_at, .. } => mark(*pod, Mark::Denied(drain.node, age(*asked_at, now))),
                }
            }
        }
        for (position, call) in simulation.calls.waiting.iter().enumerate() {
            match call {
                Call::Drain(node, pod) => mark(*pod, Mark::AskedByDrain(*node)),
                Call::Evict(pod) => mark(*pod, Mark::AskedAfter(position)),
            }
        }
        if self.naming.order_of_pods_matters {
            for (position, id) in state.pods.keys().enumerate() {
                mark(*id, Mark::Age(position));
            }
        }
        for of_pod in marks.of_pods.values_mut() {
            of_pod.sort_unstable();
        }
        marks
    }

    fn pod(&mut self, id: PodId, pod: &Pod, marks: &Marks, now: Time) -> Digest {
        let mut hasher = SipHasher13::new();
        match pod.owner {
            Owner::ReplicaSet(set) => match marks.replica_sets.get(&set) {
                Some(digest) => digest.hash(&mut hasher),
                None => set.hash(&mut hasher),
            },
            Owner::None
            | Owner::Node
            | Owner::Other { .. }
            | Owner::StatefulSet { .. }
            | Owner::DaemonSet(_)
            | Owner::Job(_) => pod.owner.hash(&mut hasher),
        }
        if let (PodName::Given(name), Owner::None | Owner::Node | Owner::Other { .. }) = (&pod.name, pod.owner) {
            name.hash(&mut hasher);
        }
        self.pod_template(pod).hash(&mut hasher);
        pod.volumes.hash(&mut hasher);
        (pod.phase, pod.ready, pod.held_unready, pod.deletion_order).hash(&mut hasher);
        let ages = [Some(pod.created_at), pod.ready_changed_at, pod.started_at];
        ages.map(|time| time.map(|time| age(time, now))).hash(&mut hasher);
        if let Some(deletion) = pod.deletion {
            age(deletion.requested_at, now).hash(&mut hasher);
        }
        marks.of_pods.get(&id).hash(&mut hasher);
        digest(&hasher)
    }

    /// A DaemonSet's pod names the node that it is for: where it is placed says that already.
    fn pod_template(&mut self, pod: &Pod) -> Digest {
        match pod.owner {
            Owner::DaemonSet(_) => {
                let mut template = PodTemplate::clone(&pod.template);
                template.spec.required_node_terms = None;
                hash_of(&template)
            }
            Owner::None
            | Owner::Node
            | Owner::Other { .. }
            | Owner::StatefulSet { .. }
            | Owner::ReplicaSet(_)
            | Owner::Job(_) => self.template(&pod.template),
        }
    }

    fn template(&mut self, template: &Arc<PodTemplate>) -> Digest {
        let place = Arc::as_ptr(template) as usize;
        if let Some((_, digest)) = self.templates.get(&place) {
            return *digest;
        }
        let digest = hash_of(&**template);
        if self.templates.len() >= MOST_TEMPLATES {
            self.templates.clear();
        }
        // Kept alive, so that no other template comes to lie at the same place.
        self.templates.insert(place, (Arc::clone(template), digest));
        digest
    }

    fn node(&self, simulation: &Simulation, id: NodeId, node: &Node, pods: Vec<(u8, Digest)>) -> Digest {
        let now = simulation.state.now;
        let mut hasher = SipHasher13::new();
        if self.naming.names(id) {
            id.hash(&mut hasher);
        }
        for (key, value) in node.labels.iter().filter(|(key, value)| *key != Symbol::HOSTNAME && *value != node.name) {
            (key, value).hash(&mut hasher);
        }
        for taint in &node.taints {
            (taint.key, taint.value, taint.effect, taint.added_at.map(|time| age(time, now))).hash(&mut hasher);
        }
        (node.unschedulable, &node.allocatable, node.allocatable_pods).hash(&mut hasher);
        (&node.images, &node.declared_features, node.ready).hash(&mut hasher);
        node.crashed_at.map(|time| age(time, now)).hash(&mut hasher);
        simulation.dirty.contains(&Key::Node(id)).hash(&mut hasher);
        for set in simulation.state.daemon_sets.values() {
            set.observed_nodes.as_ref().map(|nodes| nodes.contains(&id)).hash(&mut hasher);
        }
        simulation.lifecycle.place_in_queue(id).hash(&mut hasher);
        sorted(pods).hash(&mut hasher);
        digest(&hasher)
    }
}

/// Where a pod counts: on its node, on the one that it is nominated to, or on the one that its DaemonSet made it for.
fn place(state: &ClusterState, pod: &Pod) -> Option<(u8, NodeId)> {
    if let Some(node) = pod.node {
        return Some((0, node));
    }
    if let Some(node) = pod.nominated_node {
        return Some((1, node));
    }
    match pod.owner {
        Owner::DaemonSet(_) => target_node(state, pod).map(|node| (2, node)),
        Owner::None
        | Owner::Node
        | Owner::Other { .. }
        | Owner::StatefulSet { .. }
        | Owner::ReplicaSet(_)
        | Owner::Job(_) => None,
    }
}

fn hash_job_status(status: &JobStatus, now: Time, hasher: &mut SipHasher13) {
    let ages = [status.start_time, status.last_failure, status.finished.as_ref().map(|(_, since)| *since)];
    ages.map(|time| time.map(|time| age(time, now))).hash(hasher);
    (status.succeeded, status.failed, status.failures_after_last_success).hash(hasher);
    (&status.completed_indexes, &status.failed_indexes, status.suspended, &status.target).hash(hasher);
}

/// What is remembered of neither pods nor nodes.
fn hash_rest(simulation: &Simulation, marks: &Marks, hasher: &mut SipHasher13) {
    let state = &simulation.state;
    let now = state.now;
    for (time, event) in simulation.queue.iter() {
        match event {
            Event::Pod(_) | Event::DrainRetry(_) | Event::TaintEviction(_) => {}
            Event::Workload(workload) => (ahead(time, now), marks.workload(workload)).hash(hasher),
            Event::ProgressDeadline(_)
            | Event::NodeMonitor
            | Event::NoExecuteQueue(_)
            | Event::Budget(_)
            | Event::Autoscaler(_)
            | Event::Reapply
            | Event::CronJob(_)
            | Event::ClusterAutoscaler
            | Event::Descheduler
            | Event::NodeArrives { .. }
            | Event::PodGarbageCollection => (ahead(time, now), event).hash(hasher),
        }
    }
    let workloads = simulation.dirty.iter().filter_map(|key| match key {
        Key::Workload(workload) => Some(marks.workload(*workload)),
        Key::Budget(_) | Key::Pod(_) | Key::Node(_) => None,
    });
    sorted(workloads.collect::<Vec<_>>()).hash(hasher);
    for key in &simulation.dirty {
        match key {
            Key::Budget(_) => key.hash(hasher),
            Key::Workload(_) | Key::Pod(_) | Key::Node(_) => {}
        }
    }
    for (workload, refusal) in &state.refusals {
        (marks.workload(*workload), age(refusal.since, now), refusal.cause).hash(hasher);
    }
    for (zone, queue) in simulation.lifecycle.zones() {
        (zone, queue.state, queue.interval, queue.last_taken.map(|time| age(time, now))).hash(hasher);
    }
    age(simulation.lifecycle.heartbeats_from(), now).hash(hasher);
    for (node, gone) in &simulation.gone_nodes {
        (*node, gone.found_at.map(|time| age(time, now))).hash(hasher);
    }
    for drain in &simulation.drains {
        (drain.node, drain.failed.len(), drain.unmanaged.len()).hash(hasher);
    }
    let bindings = &simulation.bindings;
    let victims = bindings.victims.as_ref().map(Vec::len);
    (bindings.scheduler, bindings.begun, bindings.waiting.len(), victims, &bindings.leaving).hash(hasher);
    for (_, decision) in &simulation.calls.answers {
        std::mem::discriminant(decision).hash(hasher);
    }
    let replica_sets = state.replica_sets.iter().map(|(id, set)| {
        let annotations = (set.desired_replicas, set.max_replicas);
        (marks.replica_sets.get(id), set.replicas, annotations, age(set.created_at, now))
    });
    sorted(replica_sets.collect::<Vec<_>>()).hash(hasher);
    for (name, claim) in &state.storage.claims {
        (*name, claim.binding).hash(hasher);
    }
    for (name, volume) in &state.storage.volumes {
        (*name, &volume.node_terms).hash(hasher);
    }
    for (name, attached) in &state.storage.attached {
        (*name, attached.node, attached.unwanted_since.map(|since| age(since, now))).hash(hasher);
    }
}

impl Marks {
    /// A workload, a Deployment's ReplicaSet by its template.
    fn workload(&self, workload: WorkloadId) -> (Option<Digest>, Option<WorkloadId>) {
        match workload {
            WorkloadId::ReplicaSet(id) => (self.replica_sets.get(&id).copied(), None),
            WorkloadId::Deployment(_) | WorkloadId::StatefulSet(_) | WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => {
                (None, Some(workload))
            }
        }
    }
}

fn hash_of(value: &impl Hash) -> Digest {
    let mut hasher = SipHasher13::new();
    value.hash(&mut hasher);
    digest(&hasher)
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items
}

fn age(time: Time, now: Time) -> u64 {
    now.since(time).milliseconds()
}

fn ahead(time: Time, now: Time) -> u64 {
    time.since(now).milliseconds()
}
