//! StatefulSets. Source: `pkg/controller/statefulset/stateful_set_control.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::{
    ClusterState, DeletionCause, Owner, Phase, Pod, PodId, PodManagementPolicy, PodTemplate, StatefulSet,
    StatefulSetId, StatefulSetStrategy,
};
use crate::simulation::Ties;
use crate::transition::{Change, PodChange, WorkloadChange, same_revision};

use super::workload::{WorkloadId, is_active, is_available};

/// Whether the walk over pods goes on.
enum Walk {
    Continue,
    Stop,
}

/// A set and its pods while one sync decides.
struct Sync<'a> {
    state: &'a ClusterState,
    id: StatefulSetId,
    set: &'a StatefulSet,
    /// Ordinals within the range that the set wants.
    wanted: BTreeMap<u32, Option<(PodId, &'a Pod)>>,
    /// Pods beyond it, the highest ordinal first.
    condemned: Vec<(PodId, &'a Pod)>,
    changes: Vec<Change>,
}

/// The next step of a StatefulSet; none when there is nothing to do or something to wait for. The order in which Parallel pods of
/// one batch are created is left open.
#[must_use]
pub fn sync(state: &ClusterState, id: StatefulSetId, ties: &mut Ties) -> Vec<Change> {
    let Some(set) = state.stateful_sets.get(&id) else { return Vec::new() };
    if is_update_complete(state, id, set) && !same_revision(&set.current_template, &set.template) {
        return vec![Change::Workload(WorkloadId::StatefulSet(id), WorkloadChange::CompleteRevision)];
    }
    let mut sync = Sync::new(state, id, set);
    if let Walk::Stop = sync.replicas(ties) {
        return sync.changes;
    }
    if let Walk::Stop = sync.scale_down() {
        return sync.changes;
    }
    sync.update();
    sync.changes
}

/// The pods of a set, by ordinal, those that terminate included.
pub fn pods_of(state: &ClusterState, id: StatefulSetId) -> impl Iterator<Item = (u32, PodId, &Pod)> {
    let own = state.pods.of_owner(Owner::StatefulSet { set: id, ordinal: 0 });
    own.filter_map(move |(pod_id, pod)| match pod.owner {
        Owner::StatefulSet { set, ordinal } if set == id => Some((ordinal, pod_id, pod)),
        Owner::StatefulSet { .. }
        | Owner::None
        | Owner::ReplicaSet(_)
        | Owner::DaemonSet(_)
        | Owner::Job(_)
        | Owner::Node
        | Owner::Other { .. } => None,
    })
}

/// Whether a RollingUpdate has replaced every pod, and all are there and ready.
fn is_update_complete(state: &ClusterState, id: StatefulSetId, set: &StatefulSet) -> bool {
    let rolling = match set.strategy {
        StatefulSetStrategy::RollingUpdate { .. } => true,
        StatefulSetStrategy::OnDelete => false,
    };
    let mut pods: i64 = 0;
    let all_done = pods_of(state, id).all(|(_, _, pod)| {
        pods = pods.saturating_add(1);
        is_active(pod) && pod.ready && same_revision(&pod.template, &set.template)
    });
    rolling && all_done && pods == set.replicas
}

impl<'a> Sync<'a> {
    fn new(state: &'a ClusterState, id: StatefulSetId, set: &'a StatefulSet) -> Self {
        let end = u32::try_from(set.replicas.max(0)).unwrap_or(u32::MAX).saturating_add(set.first_ordinal);
        let mut wanted: BTreeMap<u32, Option<(PodId, &Pod)>> =
            (set.first_ordinal..end).map(|ordinal| (ordinal, None)).collect();
        let mut condemned = Vec::new();
        for (ordinal, pod_id, pod) in pods_of(state, id) {
            match wanted.get_mut(&ordinal) {
                Some(slot) => *slot = Some((pod_id, pod)),
                None => condemned.push((ordinal, pod_id, pod)),
            }
        }
        condemned.sort_by_key(|(ordinal, _, _)| std::cmp::Reverse(*ordinal));
        let condemned = condemned.into_iter().map(|(_, pod_id, pod)| (pod_id, pod)).collect();
        Self { state, id, set, wanted, condemned, changes: Vec::new() }
    }

    const fn waits_for_each(&self) -> bool {
        match self.set.pod_management_policy {
            PodManagementPolicy::OrderedReady => true,
            PodManagementPolicy::Parallel => false,
        }
    }

    fn is_available(&self, pod: &Pod) -> bool {
        is_running_and_ready(pod) && is_available(pod, self.set.min_ready_seconds, self.state.now)
    }

    fn delete(&mut self, pod: PodId) {
        self.changes.push(Change::Pod(pod, PodChange::Delete(DeletionCause::Controller)));
    }

    /// Ordinals ascending: create what is missing; OrderedReady waits for each.
    fn replicas(&mut self, ties: &mut Ties) -> Walk {
        let slots: Vec<(u32, Option<(PodId, &Pod)>)> = self.wanted.iter().map(|(key, slot)| (*key, *slot)).collect();
        let slots = if self.waits_for_each() { slots } else { self.as_begun(slots, ties) };
        for (ordinal, slot) in slots {
            let stop = match slot {
                None => {
                    self.create(ordinal);
                    self.waits_for_each()
                }
                Some((id, pod)) if matches!(pod.phase, Phase::Failed | Phase::Succeeded) => {
                    if pod.deletion.is_none() {
                        self.delete(id);
                    }
                    true
                }
                Some((_, pod)) => self.waits_for_each() && (pod.deletion.is_some() || !self.is_available(pod)),
            };
            if stop {
                return Walk::Stop;
            }
        }
        // A Parallel set that has just created pods goes on when it sees them.
        if self.changes.is_empty() { Walk::Continue } else { Walk::Stop }
    }

    /// A Parallel set looks at its pods in batches of 1, 2, 4 and so on, each all at once. Source: `slowStartBatch` in
    /// `pkg/controller/statefulset/stateful_set_control.go`.
    fn as_begun<T: Copy>(&self, slots: Vec<(u32, Option<T>)>, ties: &mut Ties) -> Vec<(u32, Option<T>)> {
        let salt = self.state.now.milliseconds().wrapping_add(u64::from(self.id.0));
        let (mut rest, mut size, mut ordered) = (slots.as_slice(), 1_usize, Vec::new());
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(size.min(rest.len()));
            let (missing, present): (Vec<_>, Vec<_>) = batch.iter().copied().partition(|(_, slot)| slot.is_none());
            let order = ties.order(missing.len(), salt);
            ordered.extend(order.into_iter().filter_map(|index| missing.get(index).copied()));
            ordered.extend(present);
            (rest, size) = (after, size.saturating_mul(2));
        }
        ordered
    }

    fn create(&mut self, ordinal: u32) {
        let template = Arc::clone(self.revision_of(ordinal));
        let owner = Owner::StatefulSet { set: self.id, ordinal };
        self.changes.push(Change::CreatePod { owner, template });
    }

    /// The revision that a new pod gets: below the partition the current one.
    fn revision_of(&self, ordinal: u32) -> &Arc<PodTemplate> {
        match self.set.strategy {
            StatefulSetStrategy::RollingUpdate { partition }
                if ordinal < self.set.first_ordinal.saturating_add(partition) =>
            {
                &self.set.current_template
            }
            StatefulSetStrategy::RollingUpdate { .. } | StatefulSetStrategy::OnDelete => &self.set.template,
        }
    }

    /// Pods beyond the range, the highest ordinal first.
    fn scale_down(&mut self) -> Walk {
        let first_unhealthy = self.first_unhealthy();
        for (id, pod) in self.condemned.clone() {
            let ordered = self.waits_for_each();
            if pod.deletion.is_some() {
                if ordered {
                    return Walk::Stop;
                }
                continue;
            }
            if ordered && !self.is_available(pod) && first_unhealthy != Some(id) {
                return Walk::Stop;
            }
            self.delete(id);
            if ordered {
                return Walk::Stop;
            }
        }
        if self.changes.is_empty() { Walk::Continue } else { Walk::Stop }
    }

    fn first_unhealthy(&self) -> Option<PodId> {
        let present = self.wanted.values().flatten().chain(&self.condemned);
        present.filter(|(_, pod)| pod.deletion.is_some() || !is_running_and_ready(pod)).map(|(id, _)| *id).next()
    }

    /// RollingUpdate: from the highest ordinal down to the partition, one pod at a time, also for Parallel sets.
    fn update(&mut self) {
        let partition = match self.set.strategy {
            StatefulSetStrategy::OnDelete => return,
            StatefulSetStrategy::RollingUpdate { partition } => partition,
        };
        let lowest = self.set.first_ordinal.saturating_add(partition);
        let slots: Vec<(PodId, &Pod)> = self.wanted.range(lowest..).rev().filter_map(|(_, slot)| *slot).collect();
        for (id, pod) in slots {
            if !same_revision(&pod.template, &self.set.template) && pod.deletion.is_none() {
                self.delete(id);
                return;
            }
            if pod.deletion.is_some() || !self.is_available(pod) {
                return;
            }
        }
    }
}

fn is_running_and_ready(pod: &Pod) -> bool {
    pod.phase == Phase::Running && pod.ready
}
