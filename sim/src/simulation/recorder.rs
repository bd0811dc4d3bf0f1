//! What a step leaves behind: its events, and the lowest readiness of each workload after every single change.

use std::collections::BTreeMap;

use crate::cluster::{ClusterState, ServiceId, Time};
use crate::controller::endpoint_slice::count;
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
    endpoints: BTreeMap<ServiceId, i64>,
    lowest_endpoints: BTreeMap<ServiceId, i64>,
}

impl Recorder {
    /// The counts alone.
    pub(crate) fn without_events(&self) -> Self {
        Self {
            ready: self.ready.clone(),
            lowest: self.lowest.clone(),
            endpoints: self.endpoints.clone(),
            lowest_endpoints: self.lowest_endpoints.clone(),
            ..Self::default()
        }
    }

    /// Begins a step.
    pub(crate) fn begin(&mut self, now: Time) {
        self.events = Vec::new();
        self.changes = 0;
        self.last_change = now;
        self.lowest = self.ready.clone();
        self.lowest_endpoints = self.endpoints.clone();
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

    /// Counts ready endpoints anew: the state was changed from outside.
    pub(super) fn count_endpoints(&mut self, state: &ClusterState) {
        let counts = state.services.iter();
        self.endpoints = counts.filter_map(|(id, own)| Some((*id, count(state, own)?.ready))).collect();
        for (place, ready) in &self.endpoints {
            self.lowest_endpoints.entry(*place).and_modify(|least| *least = (*least).min(*ready)).or_insert(*ready);
        }
    }

    /// Pods behind these Services have changed. That one loses its last ready endpoint, or has one again, is told.
    pub(super) fn endpoints_changed(&mut self, state: &ClusterState, services: &[ServiceId]) {
        for place in services {
            let Some(service) = state.services.get(place) else { continue };
            let Some(counts) = count(state, service) else { continue };
            let before = self.endpoints.insert(*place, counts.ready).unwrap_or(0);
            let least = self.lowest_endpoints.entry(*place).or_insert(counts.ready);
            *least = (*least).min(counts.ready);
            let name = || format!("{}/{}", state.names.text(service.namespace), state.names.text(service.name));
            if before > 0 && counts.ready == 0 {
                let still = counts.serving.min(counts.terminating);
                let text = if still > 0 {
                    format!(
                        "service {} has no ready endpoint: traffic goes to {still} that still serve while they end",
                        name()
                    )
                } else {
                    format!("service {} has no ready endpoint", name())
                };
                self.events.push((state.now, text));
            } else if before == 0 && counts.ready > 0 {
                self.events.push((state.now, format!("service {} has a ready endpoint", name())));
            }
        }
    }

    /// The fewest ready endpoints of each Service, by its id.
    pub(super) const fn lowest_endpoints(&self) -> &BTreeMap<ServiceId, i64> {
        &self.lowest_endpoints
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
