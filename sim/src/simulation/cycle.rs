//! Finds a system that goes round in a circle: Brent's method over fingerprints of the state.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::cluster::{PodId, Time};
use crate::event_queue::Event;

use super::engine::{Key, Simulation};

/// So many changes of one step are nothing unusual; only then is a circle searched.
const SEARCH_FROM: u64 = 4096;
/// The state is looked at after every so many changes.
const EVERY: u64 = 16;

/// The search's memory.
#[derive(Clone, Debug, Default)]
pub(super) struct CycleSearch {
    saved: Option<u64>,
    looks: u64,
    save_at: u64,
    next_look: u64,
}

impl Simulation {
    /// Whether the state, ages and ids apart, is one that this step has been in before.
    pub(super) fn is_in_cycle(&mut self) -> bool {
        let changes = self.recorder.changes;
        if changes < SEARCH_FROM || changes < self.cycle.next_look {
            if changes == 0 {
                self.cycle = CycleSearch::default();
            }
            return false;
        }
        let print = self.fingerprint();
        let found = self.cycle.saved == Some(print);
        self.cycle.next_look = changes.saturating_add(EVERY);
        self.cycle.looks = self.cycle.looks.saturating_add(1);
        if self.cycle.looks >= self.cycle.save_at {
            self.cycle.saved = Some(print);
            self.cycle.save_at = self.cycle.looks.saturating_mul(2);
        }
        found
    }

    /// Everything that decides what happens next, but for ages: pods are named by their place in the order of creation,
    /// times by their distance from now.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let rank: BTreeMap<PodId, usize> = self.state.pods.keys().enumerate().map(|(rank, id)| (*id, rank)).collect();
        for pod in self.state.pods.values() {
            (pod.owner, pod.node, pod.nominated_node).hash(&mut hasher);
            let deleted = pod.deletion.is_some();
            (pod.phase, pod.ready, pod.held_unready, deleted, pod.template.content).hash(&mut hasher);
            pod.unschedulable.as_ref().map(|unschedulable| &unschedulable.message).hash(&mut hasher);
        }
        for (id, node) in &self.state.nodes {
            (*id, node.unschedulable, node.ready, node.crashed_at.is_some()).hash(&mut hasher);
            for taint in &node.taints {
                (taint.key, taint.value, taint.effect).hash(&mut hasher);
            }
        }
        for (name, claim) in &self.state.storage.claims {
            (*name, claim.binding).hash(&mut hasher);
        }
        for (id, set) in &self.state.replica_sets {
            (*id, set.replicas).hash(&mut hasher);
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
        hasher.finish()
    }
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
        | Event::PodGarbageCollection => event.hash(hasher),
    }
}
