//! ReplicaSets: as many pods as asked for. Source: `pkg/controller/replicaset/replica_set.go`,
//! `pkg/controller/controller_utils.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::{ClusterState, DeletionCause, NodeId, Owner, Phase, Pod, PodId, ReplicaSet, ReplicaSetId, Time};
use crate::simulation::Ties;
use crate::transition::{Change, PodChange};

use super::workload::{is_active, pods_of_replica_set};

/// At most so many pods are created or deleted in one sync.
const BURST_REPLICAS: usize = 500;

/// Creates the pods that are missing or deletes those that are too many.
#[must_use]
pub fn sync(state: &ClusterState, id: ReplicaSetId, ties: &mut Ties) -> Vec<Change> {
    let Some(set) = state.replica_sets.get(&id) else { return Vec::new() };
    let active: Vec<(PodId, &Pod)> = pods_of_replica_set(state, id).filter(|(_, pod)| is_active(pod)).collect();
    let wanted = usize::try_from(set.replicas.max(0)).unwrap_or(usize::MAX);
    if active.len() < wanted {
        let missing = wanted.saturating_sub(active.len()).min(BURST_REPLICAS);
        let create = || Change::CreatePod { owner: Owner::ReplicaSet(id), template: Arc::clone(&set.template) };
        return (0..missing).map(|_| create()).collect();
    }
    let too_many = active.len().saturating_sub(wanted).min(BURST_REPLICAS);
    if too_many == 0 {
        return Vec::new();
    }
    let victims = victims(state, set, id, active, too_many, ties);
    victims.into_iter().map(|pod| Change::Pod(pod, PodChange::Delete(DeletionCause::Controller))).collect()
}

/// The `count` pods of a set that are deleted first. Between pods that stand equal the order of their UIDs decides.
///
/// Pod deletion cost and container restarts are not modelled.
fn victims(
    state: &ClusterState,
    set: &ReplicaSet,
    id: ReplicaSetId,
    pods: Vec<(PodId, &Pod)>,
    count: usize,
    ties: &mut Ties,
) -> Vec<PodId> {
    let related = related_pods_by_node(state, set, id);
    let mut by_rank: BTreeMap<DeletionRank, Vec<PodId>> = BTreeMap::new();
    for (pod_id, pod) in pods {
        let on_node = pod.node.and_then(|node| related.get(&node)).copied().unwrap_or(0);
        by_rank.entry(DeletionRank::new(pod, on_node, state.now)).or_default().push(pod_id);
    }
    let mut chosen = Vec::with_capacity(count);
    for equal in by_rank.values() {
        let missing = count.saturating_sub(chosen.len()).min(equal.len());
        if missing == 0 {
            break;
        }
        chosen.extend(ties.pods(equal, missing));
    }
    chosen
}

/// How many active pods of all ReplicaSets of the same controller are on each node.
fn related_pods_by_node(state: &ClusterState, set: &ReplicaSet, id: ReplicaSetId) -> BTreeMap<NodeId, usize> {
    let mut by_node = BTreeMap::new();
    let siblings = state.replica_sets.iter().filter(|(_, other)| set.owner.is_some() && other.owner == set.owner);
    let related: BTreeSet<ReplicaSetId> = siblings.map(|(other, _)| *other).chain([id]).collect();
    for (_, pod) in related.into_iter().flat_map(|set| pods_of_replica_set(state, set)) {
        if let Some(node) = pod.node.filter(|_| is_active(pod)) {
            let count: &mut usize = by_node.entry(node).or_default();
            *count = count.saturating_add(1);
        }
    }
    by_node
}

/// Where a pod stands in the order of deletion; the smallest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct DeletionRank {
    assigned: bool,
    running: bool,
    ready: bool,
    /// More pods on the same node go first.
    fewer_related: std::cmp::Reverse<usize>,
    /// How long it has been ready, in powers of two; the longer stays.
    ready_age: u32,
    /// How long it has existed, in powers of two.
    age: u32,
}

impl DeletionRank {
    fn new(pod: &Pod, related: usize, now: Time) -> Self {
        let ready_age = match (pod.ready, pod.ready_changed_at) {
            (false, _) => 0,
            (true, Some(since)) => age_rank(since, now),
            (true, None) => u32::MAX,
        };
        Self {
            assigned: pod.node.is_some(),
            running: pod.phase == Phase::Running,
            ready: pod.ready,
            fewer_related: std::cmp::Reverse(related),
            ready_age,
            age: age_rank(pod.created_at, now),
        }
    }
}

/// The logarithm of an age, as `LogarithmicScaleDown` takes it; times have a resolution of one second.
fn age_rank(since: Time, now: Time) -> u32 {
    let whole_seconds = since.milliseconds().div_euclid(1000).saturating_mul(1000);
    let nanoseconds = u128::from(now.milliseconds().saturating_sub(whole_seconds)).saturating_mul(1_000_000);
    nanoseconds.checked_ilog2().map_or(0, |rank| rank.saturating_add(1))
}
