//! Timed events, ordered by (time, sequence).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::cluster::{AutoscalerId, BudgetId, CronJobId, DeploymentId, PodId, Symbol, Time};
use crate::controller::WorkloadId;

/// Something that happens at a time of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// The kubelet looks at a pod again: its containers have started, or stopped.
    Pod(PodId),
    /// A workload is synced again: a pod has been ready for `minReadySeconds`.
    Workload(WorkloadId),
    /// A Deployment's `progressDeadlineSeconds` have passed.
    ProgressDeadline(DeploymentId),
    /// kube-controller-manager looks at all nodes' heartbeats.
    NodeMonitor,
    /// The next node in a zone's queue may get its NoExecute taint.
    NoExecuteQueue(Zone),
    /// Taint eviction deletes a pod.
    TaintEviction(PodId),
    /// A granted eviction is no longer counted as one under way.
    Budget(BudgetId),
    /// Pod garbage collection looks for pods to remove.
    PodGarbageCollection,
    /// kubectl drain asks again for an eviction.
    DrainRetry(PodId),
    /// A HorizontalPodAutoscaler looks.
    Autoscaler(AutoscalerId),
    /// Manifests are applied again.
    Reapply,
    /// A CronJob looks.
    CronJob(CronJobId),
    /// The cluster autoscaler looks.
    ClusterAutoscaler,
    /// The descheduler passes.
    Descheduler,
    /// A node of a pool is there.
    NodeArrives {
        /// The pool.
        pool: u32,
        /// Which of those that come together.
        number: u32,
    },
}

/// A zone as the node lifecycle controller knows it: region and zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone {
    /// The region, or [`Symbol::EMPTY`].
    pub region: Symbol,
    /// The zone, or [`Symbol::EMPTY`].
    pub zone: Symbol,
}

/// The events to come.
#[derive(Clone, Debug, Default)]
pub struct EventQueue {
    events: BTreeMap<(Time, u64), Event>,
    sequences: BTreeMap<(Event, Time), u64>,
    next_sequence: u64,
}

impl EventQueue {
    /// Adds `event` at `time`; an event that is already due at that time is not added again.
    pub fn schedule(&mut self, time: Time, event: Event) {
        if let Entry::Vacant(unknown) = self.sequences.entry((event, time)) {
            unknown.insert(self.next_sequence);
            self.events.insert((time, self.next_sequence), event);
            self.next_sequence = self.next_sequence.saturating_add(1);
        }
    }

    /// Adds `event` at `time`, unless it is due before that already.
    pub fn schedule_by(&mut self, time: Time, event: Event) {
        let sooner = (event, Time::ZERO)..=(event, time);
        if self.sequences.range(sooner).next().is_none() {
            self.schedule(time, event);
        }
    }

    /// The time of the next event.
    #[must_use]
    pub fn next_time(&self) -> Option<Time> {
        self.events.first_key_value().map(|((time, _), _)| *time)
    }

    /// Takes the next event if it is due at `time` or before.
    pub fn take_due(&mut self, time: Time) -> Option<Event> {
        let first = self.events.first_entry()?;
        let due = first.key().0;
        if due > time {
            return None;
        }
        let event = first.remove();
        self.sequences.remove(&(event, due));
        Some(event)
    }

    /// Takes `event` if it is due at `time`.
    pub fn take(&mut self, event: Event, time: Time) -> bool {
        let Some(sequence) = self.sequences.remove(&(event, time)) else { return false };
        self.events.remove(&(time, sequence)).is_some()
    }

    /// All events, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Time, Event)> + '_ {
        self.events.iter().map(|((time, _), event)| (*time, *event))
    }

    /// Drops `event`, whenever it is due.
    pub fn cancel(&mut self, event: Event) {
        let always = (event, Time::ZERO)..=(event, Time::from_milliseconds(u64::MAX));
        let due: Vec<(Time, u64)> =
            self.sequences.range(always).map(|((_, time), sequence)| (*time, *sequence)).collect();
        for (time, sequence) in due {
            self.sequences.remove(&(event, time));
            self.events.remove(&(time, sequence));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_then_by_order_of_scheduling() {
        let mut queue = EventQueue::default();
        let at = Time::from_milliseconds;
        queue.schedule(at(5), Event::NodeMonitor);
        queue.schedule(at(3), Event::Pod(PodId(2)));
        queue.schedule(at(3), Event::Pod(PodId(1)));
        queue.schedule(at(3), Event::Pod(PodId(2)));
        assert_eq!(queue.next_time(), Some(at(3)));
        assert_eq!(queue.take_due(at(3)), Some(Event::Pod(PodId(2))));
        assert_eq!(queue.take_due(at(3)), Some(Event::Pod(PodId(1))));
        assert_eq!(queue.take_due(at(3)), None);
        assert_eq!(queue.take_due(at(9)), Some(Event::NodeMonitor));
        queue.schedule(at(9), Event::NodeMonitor);
        queue.schedule(at(8), Event::NodeMonitor);
        queue.schedule(at(8), Event::PodGarbageCollection);
        queue.cancel(Event::NodeMonitor);
        queue.schedule_by(at(9), Event::PodGarbageCollection);
        assert_eq!(queue.take_due(at(9)), Some(Event::PodGarbageCollection));
        assert_eq!(queue.next_time(), None);
    }
}
