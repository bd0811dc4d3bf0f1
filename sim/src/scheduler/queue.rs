//! Which pod is next. Source: `pkg/scheduler/backend/queue`, `framework/plugins/queuesort/priority_sort.go`.

use std::collections::BTreeMap;

use super::configuration::SchedulerConfiguration;
use crate::cluster::{ClusterState, Duration, Phase, Pod, PodId};

/// What the queue remembers of pods that found no node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchedulingQueue {
    tried: BTreeMap<PodId, Attempts>,
    attempts: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attempts {
    /// Orders the failures: a pod that failed stands behind those of its priority that did not, or did so earlier.
    last: u64,
    count: u32,
    waits_for_event: bool,
}

impl SchedulingQueue {
    /// Remembers that `pod` found no node: it is not tried again before [`Self::retry_all`].
    pub fn failed(&mut self, pod: PodId) {
        self.attempts = self.attempts.saturating_add(1);
        let count = self.attempt_count(pod).saturating_add(1);
        self.tried.insert(pod, Attempts { last: self.attempts, count, waits_for_event: true });
    }

    /// Something happened that may help: every pod may be tried again. (Kubernetes asks the plugins which pods an event may
    /// help; trying the others changes nothing but the time it takes.)
    pub fn retry_all(&mut self) {
        for attempts in self.tried.values_mut() {
            attempts.waits_for_event = false;
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

    fn waits(&self, pod: PodId) -> bool {
        self.tried.get(&pod).is_some_and(|attempts| attempts.waits_for_event)
    }

    fn last_attempt(&self, pod: PodId) -> u64 {
        self.tried.get(&pod).map_or(0, |attempts| attempts.last)
    }
}

/// Pods that wait for the scheduler: higher priority first, then in the order of creation. Pods that terminate, are held by
/// gates or belong to another scheduler are not among them.
#[must_use]
pub fn waiting_pods(state: &ClusterState) -> Vec<PodId> {
    let mut pods: Vec<(PodId, i32)> = state
        .pods
        .iter()
        .filter(|(_, pod)| waits_for_scheduler(pod))
        .map(|(id, pod)| (*id, pod.template.spec.priority))
        .collect();
    pods.sort_by_key(|(id, priority)| (std::cmp::Reverse(*priority), *id));
    pods.into_iter().map(|(id, _)| id).collect()
}

/// The next pod to try: of the waiting ones that have not been tried since the last event the one of the highest priority,
/// then the one that has waited longest since its creation or its last failed attempt.
#[must_use]
pub fn next_to_schedule(state: &ClusterState, queue: &SchedulingQueue) -> Option<PodId> {
    let candidates = state.pods.on_node(None).filter(|(id, pod)| waits_for_scheduler(pod) && !queue.waits(*id));
    candidates
        .min_by_key(|(id, pod)| (std::cmp::Reverse(pod.template.spec.priority), queue.last_attempt(*id), *id))
        .map(|(id, _)| id)
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
