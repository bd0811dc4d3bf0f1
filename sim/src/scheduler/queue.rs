//! Which pod is next. Source: `pkg/scheduler/backend/queue`, `framework/plugins/queuesort/priority_sort.go`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::configuration::SchedulerConfiguration;
use crate::cluster::{ClusterState, Duration, Phase, Pod, PodId, Time};

/// The pods that wait, and what the queue remembers of those that found no node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchedulingQueue {
    /// Pods that were never tried. Some may have gone meanwhile, or got a node in another way.
    untried: BTreeSet<Place>,
    tried: BTreeMap<PodId, Attempts>,
    attempts: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attempts {
    /// Orders the failures of one moment.
    last: u64,
    /// When it last failed.
    at: Time,
    count: u32,
    waits_for_event: bool,
    /// The backoff after it is over, whatever the clock says.
    rested: bool,
}

impl SchedulingQueue {
    /// The queue of a scheduler that has just been started.
    #[must_use]
    pub fn new(state: &ClusterState) -> Self {
        let mut queue = Self::default();
        queue.add_all(state);
        queue
    }

    /// Takes up every pod of `state` that waits.
    pub fn add_all(&mut self, state: &ClusterState) {
        for (id, pod) in state.pods.on_node(None) {
            self.add(state, id, pod);
        }
    }

    /// Takes up a pod that has been created, if it waits for the scheduler.
    pub fn add(&mut self, state: &ClusterState, id: PodId, pod: &Pod) {
        if waits_for_scheduler(pod) && !self.tried.contains_key(&id) {
            self.untried.insert(self.place(state, id, pod));
        }
    }

    /// The next pod to try: of the waiting ones that have not been tried since the last event the one of the highest priority,
    /// then the one that has waited longest since its creation or its last failed attempt; those that back off come last.
    pub fn next(&mut self, state: &ClusterState) -> Option<PodId> {
        let waits = |id: PodId| state.pods.get(&id).filter(|pod| waits_for_scheduler(pod));
        while self.untried.first().is_some_and(|place| waits(place.id).is_none()) {
            self.untried.pop_first();
        }
        let again = self.tried.iter().filter(|(_, attempts)| !attempts.waits_for_event);
        let again = again.filter_map(|(id, _)| Some(self.place(state, *id, waits(*id)?)));
        self.untried.first().copied().into_iter().chain(again).min().map(|place| place.id)
    }

    /// The pods that may be the next one, in one order of what comes at the same moment or in another. How often each has failed
    /// depends on orders that make no other difference: which of the pods that have failed back off, and for how long, is left open.
    pub fn possible_next(&mut self, state: &ClusterState) -> Vec<PodId> {
        let Some(next) = self.next(state) else { return Vec::new() };
        let waits = |id: PodId| state.pods.get(&id).filter(|pod| waits_for_scheduler(pod));
        let fresh = |place: Place| Place { backs_off_until: None, attempt: 0, id: PodId(0), ..place };
        let untried = self.untried.iter().filter(|place| waits(place.id).is_some());
        let first = untried.clone().map(|place| fresh(*place)).min();
        let equal = untried.filter(|place| Some(fresh(**place)) == first).map(|place| place.id);
        let again = self.tried.iter().filter(|(_, attempts)| !attempts.waits_for_event);
        let again = again.filter_map(|(id, _)| Some(self.place(state, *id, waits(*id)?)));
        let again = again.filter(|place| first.is_none_or(|first| fresh(*place) <= first)).map(|place| place.id);
        let possible: Vec<PodId> = equal.chain(again).collect();
        if possible.is_empty() { vec![next] } else { possible }
    }

    /// What is remembered of pods that found no node: when that was last, and whether they wait for an event.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (PodId, (Time, bool))> + '_ {
        self.tried.iter().map(|(id, tried)| (*id, (tried.at, tried.waits_for_event)))
    }

    /// Remembers that `pod` found no node at `now`: it is not tried again before [`Self::retry_all`].
    pub fn failed(&mut self, pod: PodId, now: Time) {
        self.attempts = self.attempts.saturating_add(1);
        let count = self.attempt_count(pod).saturating_add(1);
        if self.untried.first().is_some_and(|place| place.id == pod) {
            self.untried.pop_first();
        } else {
            self.untried.retain(|place| place.id != pod);
        }
        self.tried.insert(pod, Attempts { last: self.attempts, at: now, count, waits_for_event: true, rested: false });
    }

    /// Something happened that may help: every pod may be tried again. (Kubernetes asks the plugins which pods an event may
    /// help; trying the others changes nothing but the time it takes.)
    pub fn retry_all(&mut self) {
        for attempts in self.tried.values_mut() {
            attempts.waits_for_event = false;
        }
    }

    /// Everything has come to rest, backoffs included: the next thing that a user does finds no pod that backs off. How often each
    /// has failed is not forgotten.
    pub(crate) fn end_backoffs(&mut self) {
        for attempts in self.tried.values_mut() {
            attempts.rested = true;
        }
    }

    /// Forgets `pod`: it is bound or gone.
    pub fn forget(&mut self, pod: PodId) {
        self.tried.remove(&pod);
    }

    /// How often `pod` found no node.
    #[must_use]
    pub fn attempt_count(&self, pod: PodId) -> u32 {
        self.tried.get(&pod).map_or(0, |attempts| attempts.count)
    }

    /// Where a pod stands in the queue; the smallest is next.
    fn place(&self, state: &ClusterState, id: PodId, pod: &Pod) -> Place {
        let tried = self.tried.get(&id);
        let backs_off_until = tried.filter(|attempts| !attempts.rested).and_then(|attempts| {
            // In whole seconds, rounded down: what is left of the last one is not waited for.
            let end = attempts.at.after(backoff(&state.scheduler, attempts.count)).milliseconds().div_euclid(1000);
            (end.saturating_mul(1000) > state.now.milliseconds()).then_some(end)
        });
        Place {
            backs_off_until,
            priority: Reverse(pod.template.spec.priority),
            since: tried.map_or(pod.created_at, |attempts| attempts.at),
            attempt: tried.map_or(0, |attempts| attempts.last),
            id,
        }
    }
}

/// Where a pod stands in the queue. A pod that backs off comes when there is no other, the one first whose time ends first
/// (`SchedulerPopFromBackoffQ`): nothing waits while the scheduler is idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    backs_off_until: Option<u64>,
    priority: Reverse<i32>,
    /// Its creation or its last failed attempt.
    since: Time,
    attempt: u64,
    id: PodId,
}

/// How long a pod waits after its `failures`th failed attempt: each time twice as long, up to the longest; by default 1, 2, 4, 8,
/// then 10 seconds.
#[must_use]
pub fn backoff(configuration: &SchedulerConfiguration, failures: u32) -> Duration {
    let Some(exponent) = failures.checked_sub(1) else { return Duration::ZERO };
    let longest = configuration.pod_max_backoff.milliseconds();
    let factor = 2_u64.checked_pow(exponent).unwrap_or(u64::MAX);
    let milliseconds = configuration.pod_initial_backoff.milliseconds().saturating_mul(factor).min(longest);
    Duration::from_milliseconds(milliseconds)
}

fn waits_for_scheduler(pod: &Pod) -> bool {
    let pending = match pod.phase {
        Phase::Pending => true,
        Phase::Running | Phase::Succeeded | Phase::Failed => false,
    };
    let spec = &pod.template.spec;
    pending && pod.node.is_none() && pod.deletion.is_none() && !spec.not_scheduled_here && spec.node_name.is_none()
}
