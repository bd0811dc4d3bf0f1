//! Finds a system that never comes to rest: one that goes round in a circle, by Brent's method over fingerprints of the
//! state; and one that makes pods at one moment without end, where the pods that terminate make every state a new one.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::cluster::{ClusterState, PodId, Time};
use crate::controller::horizontal_pod_autoscaler::horizon;
use crate::event_queue::Event;

use super::engine::{Key, Simulation};

/// So many changes of one step are nothing unusual; only then is a circle searched.
const SEARCH_FROM: u64 = 4096;
/// The state is looked at after every so many changes, in a large cluster more rarely.
const EVERY: u64 = 16;
/// A look at so many pods costs about as much as a change.
const PODS_OF_A_LOOK: u64 = 8;
/// So many pods made at one moment are nothing unusual, however few are wanted.
const PODS_OF_A_MOMENT: i64 = 1024;
/// A pod is made anew at the same moment when it is preempted or evicted, each time for another reason; never so often.
const MOST_REMADE: i64 = 8;

/// The search's memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct CycleSearch {
    saved: Option<u64>,
    looks: u64,
    save_at: u64,
    next_look: u64,
    moment: Option<Moment>,
}

/// The present moment of virtual time.
#[derive(Clone, Copy, Debug)]
struct Moment {
    time: Time,
    /// How many pods had been made when it began.
    pods_before: u32,
    /// How many can be made in it before that is looked at, or is without end.
    most: i64,
}

impl Simulation {
    /// Whether pods are made without end at this moment: taint eviction takes them as fast as a controller makes them, and
    /// time does not go on.
    pub(crate) fn is_making_pods_without_end(&mut self) -> bool {
        let (now, made) = (self.state.now, self.state.pods_created);
        let moment = self.cycle.moment.filter(|moment| moment.time == now);
        let mut moment = moment.unwrap_or(Moment { time: now, pods_before: made, most: PODS_OF_A_MOMENT });
        let since = i64::from(made.saturating_sub(moment.pods_before));
        if since > moment.most {
            moment.most = pods_wanted(&self.state).saturating_mul(MOST_REMADE).saturating_add(PODS_OF_A_MOMENT);
        }
        self.cycle.moment = Some(moment);
        since > moment.most
    }

    /// Whether the state, ages and ids apart, is one that this step has been in before.
    pub(super) fn is_in_cycle(&mut self) -> bool {
        let changes = self.recorder.changes;
        if changes < SEARCH_FROM || changes < self.cycle.next_look {
            return false;
        }
        let print = self.fingerprint();
        let found = self.cycle.saved == Some(print);
        let pods = u64::try_from(self.state.pods.len()).unwrap_or(u64::MAX);
        self.cycle.next_look = changes.saturating_add(EVERY.max(pods.div_euclid(PODS_OF_A_LOOK)));
        self.cycle.looks = self.cycle.looks.saturating_add(1);
        if self.cycle.looks >= self.cycle.save_at {
            self.cycle.saved = Some(print);
            self.cycle.save_at = self.cycle.looks.saturating_mul(2);
        }
        found
    }

    /// Everything that decides what happens next, but for ages: pods are named by their place in the order of creation,
    /// times by their distance from now.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let rank: BTreeMap<PodId, usize> = self.state.pods.keys().enumerate().map(|(rank, id)| (*id, rank)).collect();
        for pod in self.state.pods.values() {
            (pod.owner, pod.node, pod.nominated_node).hash(&mut hasher);
            let deleted = pod.deletion.is_some();
            (pod.phase, pod.ready, pod.held_unready, deleted, pod.template.content).hash(&mut hasher);
            pod.unschedulable.as_ref().map(|unschedulable| &unschedulable.message).hash(&mut hasher);
        }
        for (id, node) in self.state.nodes.iter() {
            (*id, node.unschedulable, node.ready, node.crashed_at.is_some()).hash(&mut hasher);
            for taint in &node.taints {
                (taint.key, taint.value, taint.effect).hash(&mut hasher);
            }
        }
        for (name, claim) in &self.state.storage.claims {
            (*name, claim.binding).hash(&mut hasher);
        }
        for (id, set) in self.state.replica_sets.iter() {
            (*id, set.replicas).hash(&mut hasher);
        }
        for own in self.state.deployments.values() {
            own.replicas.hash(&mut hasher);
        }
        for own in self.state.autoscalers.values() {
            own.hash_at(self.state.now, horizon(own), &mut hasher);
        }
        for (id, job) in &self.state.jobs {
            let status = &job.status;
            (*id, status.succeeded, status.failed, &status.target, status.finished.is_some()).hash(&mut hasher);
            (&status.completed_indexes, &status.failed_indexes).hash(&mut hasher);
        }
        for (time, event) in self.queue.iter() {
            time.since(self.state.now).hash(&mut hasher);
            hash_event(event, &rank, &mut hasher);
        }
        for key in &self.dirty {
            match key {
                Key::Pod(pod) => rank.get(pod).hash(&mut hasher),
                Key::Node(_) | Key::Budget(_) | Key::Workload(_) => key.hash(&mut hasher),
            }
        }
        for (pod, time) in &self.taint_deletions {
            (rank.get(pod), distance(*time, self.state.now)).hash(&mut hasher);
        }
        for (pod, lost) in &self.lost_pods {
            (rank.get(pod), lost).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// How many pods all controllers together want.
fn pods_wanted(state: &ClusterState) -> i64 {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let of_daemon_sets = number(state.nodes.len()).saturating_mul(number(state.daemon_sets.len()));
    let deployments = state.deployments.values().map(|own| own.replicas);
    let replica_sets = state.replica_sets.values().filter(|own| own.owner.is_none()).map(|own| own.replicas);
    let stateful_sets = state.stateful_sets.values().map(|own| own.replicas);
    let jobs = state.jobs.values().map(|own| own.spec.parallelism);
    deployments.chain(replica_sets).chain(stateful_sets).chain(jobs).fold(of_daemon_sets, i64::saturating_add)
}

fn distance(time: Time, now: Time) -> u64 {
    time.since(now).milliseconds()
}

fn hash_event(event: Event, rank: &BTreeMap<PodId, usize>, hasher: &mut DefaultHasher) {
    std::mem::discriminant(&event).hash(hasher);
    match event {
        Event::Pod(pod) | Event::TaintEviction(pod) | Event::DrainRetry(pod) => rank.get(&pod).hash(hasher),
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
        | Event::PodGarbageCollection => event.hash(hasher),
    }
}
