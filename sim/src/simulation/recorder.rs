//! What a step leaves behind: its events, and the lowest readiness of each workload after every single change.

use std::collections::BTreeMap;

use crate::cluster::{ClusterState, Time};
use crate::controller::{WorkloadId, all_workloads, is_active, workload_of};

/// Events and readiness since the last [`Recorder::begin`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    /// Each event as a sentence with its time.
    pub(crate) events: Vec<(Time, String)>,
    /// How many changes were made.
    pub(crate) changes: u64,
    /// When the last one was.
    pub(crate) last_change: Time,
    ready: BTreeMap<WorkloadId, i64>,
    lowest: BTreeMap<WorkloadId, i64>,
}

impl Recorder {
    /// The counts alone.
    pub(crate) fn without_events(&self) -> Self {
        Self { ready: self.ready.clone(), lowest: self.lowest.clone(), ..Self::default() }
    }

    /// Begins a step.
    pub(crate) fn begin(&mut self, now: Time) {
        self.events = Vec::new();
        self.changes = 0;
        self.last_change = now;
        self.lowest = self.ready.clone();
    }

    /// Counts ready pods anew: the state was changed from outside.
    pub(crate) fn count_ready(&mut self, state: &ClusterState) {
        let mut ready: BTreeMap<WorkloadId, i64> =
            all_workloads(state).into_iter().map(|workload| (workload, 0)).collect();
        for pod in state.pods.values().filter(|pod| pod.ready && is_active(pod)) {
            if let Some(workload) = workload_of(state, pod.owner) {
                let count = ready.entry(workload).or_insert(0);
                *count = count.saturating_add(1);
            }
        }
        for (workload, count) in &ready {
            self.lowest.entry(*workload).and_modify(|lowest| *lowest = (*lowest).min(*count)).or_insert(*count);
        }
        self.ready = ready;
    }

    /// A pod that counted for `before` now counts for `after`.
    pub(crate) fn ready_changed(&mut self, before: Option<WorkloadId>, after: Option<WorkloadId>) {
        if before == after {
            return;
        }
        if let Some(count) = after.and_then(|workload| self.ready.get_mut(&workload)) {
            *count = count.saturating_add(1);
        }
        if let Some(workload) = before
            && let Some(count) = self.ready.get_mut(&workload)
        {
            *count = count.saturating_sub(1);
            let lowest = self.lowest.entry(workload).or_insert(*count);
            *lowest = (*lowest).min(*count);
        }
    }

    /// Records a change; `None` counts but leaves no sentence.
    pub(crate) fn record(&mut self, now: Time, text: Option<String>) {
        self.changes = self.changes.saturating_add(1);
        self.last_change = now;
        self.events.extend(text.map(|text| (now, text)));
    }

    /// Adds a sentence that is no change of an object.
    pub(crate) fn note(&mut self, now: Time, text: String) {
        self.last_change = now;
        self.events.push((now, text));
    }

    /// How many pods of each workload are ready.
    pub(crate) const fn ready(&self) -> &BTreeMap<WorkloadId, i64> {
        &self.ready
    }

    /// The lowest readiness of each workload.
    pub(crate) const fn lowest(&self) -> &BTreeMap<WorkloadId, i64> {
        &self.lowest
    }
}
