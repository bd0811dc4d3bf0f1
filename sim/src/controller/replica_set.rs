//! ReplicaSets: as many pods as asked for. Source: `pkg/controller/replicaset/replica_set.go`,
//! `pkg/controller/controller_utils.go`.

use std::cmp::Reverse;
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
fn victims(
    state: &ClusterState,
    set: &ReplicaSet,
    id: ReplicaSetId,
    pods: Vec<(PodId, &Pod)>,
    count: usize,
    ties: &mut Ties,
) -> Vec<PodId> {
    let related = related_pods_by_node(state, set, id);
    let mut by_rank: BTreeMap<DeletionRank, Vec<(PodId, &Pod)>> = BTreeMap::new();
    for (pod_id, pod) in pods {
        let on_node = pod.node.and_then(|node| related.get(&node)).copied().unwrap_or(0);
        by_rank.entry(DeletionRank::new(pod, on_node, state.now)).or_default().push((pod_id, pod));
    }
    let mut chosen = Vec::with_capacity(count);
    for alike in by_rank.into_values() {
        for equal in by_restarts_and_age(&alike, state.now) {
            let missing = count.saturating_sub(chosen.len()).min(equal.len());
            if missing == 0 {
                return chosen;
            }
            chosen.extend(ties.pods(&equal, missing));
        }
    }
    chosen
}

/// Pods that are alike but for restarts and age, those that stand equal together. Ready pods are compared by these only where
/// they became ready in the same second: where they did not, and the times are in one power of two, UIDs decide at once.
fn by_restarts_and_age(alike: &[(PodId, &Pod)], now: Time) -> Vec<Vec<PodId>> {
    let ready_at = |pod: &Pod| pod.ready.then(|| pod.ready_changed_at.map(whole_seconds));
    let mut times = alike.iter().map(|(_, pod)| ready_at(pod));
    let first = times.next();
    if !times.all(|time| Some(time) == first) {
        return vec![alike.iter().map(|(pod_id, _)| *pod_id).collect()];
    }
    let mut by_rank: BTreeMap<(Reverse<u32>, Reverse<u32>, u32), Vec<PodId>> = BTreeMap::new();
    for (pod_id, pod) in alike {
        let order = pod.deletion_order;
        let restarts = (Reverse(order.container_restarts), Reverse(order.sidecar_restarts));
        by_rank.entry((restarts.0, restarts.1, age_rank(pod.created_at, now))).or_default().push(*pod_id);
    }
    by_rank.into_values().collect()
}

/// How many active pods of all ReplicaSets of the same controller are on each node.
fn related_pods_by_node(state: &ClusterState, set: &ReplicaSet, id: ReplicaSetId) -> BTreeMap<NodeId, usize> {
    let mut by_node = BTreeMap::new();
    let siblings = state.replica_sets.iter().filter(|(_, other)| set.owner.is_some() && other.owner == set.owner);
    // One that nobody controls has none, not even its own. Source: `getReplicaSetsWithSameController`.
    let own = set.owner.is_some().then_some(id);
    let related: BTreeSet<ReplicaSetId> = siblings.map(|(other, _)| *other).chain(own).collect();
    for (_, pod) in related.into_iter().flat_map(|set| pods_of_replica_set(state, set)) {
        if let Some(node) = pod.node.filter(|_| is_active(pod)) {
            let count: &mut usize = by_node.entry(node).or_default();
            *count = count.saturating_add(1);
        }
    }
    by_node
}

/// Where a pod stands in the order of deletion, restarts and age apart; the smallest goes first. Source:
/// `ActivePodsWithRanks` in `pkg/controller/controller_utils.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct DeletionRank {
    assigned: bool,
    running: bool,
    ready: bool,
    /// The cheaper goes first.
    cost: i32,
    /// More pods on the same node go first.
    fewer_related: Reverse<usize>,
    /// How long it has been ready, in powers of two; the longer stays.
    ready_age: u32,
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
            cost: pod.deletion_order.cost,
            fewer_related: Reverse(related),
            ready_age,
        }
    }
}

/// The logarithm of an age, as `LogarithmicScaleDown` takes it; times have a resolution of one second.
fn age_rank(since: Time, now: Time) -> u32 {
    let since = whole_seconds(since).saturating_mul(1000);
    let nanoseconds = u128::from(now.milliseconds().saturating_sub(since)).saturating_mul(1_000_000);
    nanoseconds.checked_ilog2().map_or(0, |rank| rank.saturating_add(1))
}

const fn whole_seconds(time: Time) -> u64 {
    time.milliseconds().div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{DeletionOrder, Labels, PodName, PodTemplate, Symbol};

    const NOW: Time = Time::from_milliseconds(1_000_000);

    fn pod() -> Pod {
        let template = PodTemplate { labels: Labels::default(), spec: Default::default(), content: Symbol::EMPTY };
        Pod {
            namespace: Symbol::DEFAULT,
            name: PodName::Given(Symbol::EMPTY),
            labels: Labels::default(),
            template: Arc::new(template),
            volumes: Arc::default(),
            owner: Owner::ReplicaSet(ReplicaSetId(0)),
            node: Some(NodeId(0)),
            nominated_node: None,
            phase: Phase::Running,
            ready: true,
            ready_changed_at: Some(at(900)),
            held_unready: false,
            created_at: at(890),
            started_at: None,
            deletion_order: DeletionOrder::default(),
            deletion: None,
            unschedulable: None,
        }
    }

    const fn at(seconds: u64) -> Time {
        Time::from_milliseconds(seconds * 1000)
    }

    /// Whether the pod that `change` makes goes before a plain one, whichever of the two is older.
    fn goes_first(change: impl Fn(&mut Pod)) -> bool {
        let set = ReplicaSet {
            namespace: Symbol::DEFAULT,
            name: Symbol::EMPTY,
            owner: None,
            replicas: 1,
            selector: Default::default(),
            template: pod().template,
            template_hash: None,
            min_ready_seconds: 0,
            desired_replicas: None,
            max_replicas: None,
            created_at: Time::ZERO,
        };
        let chosen = [true, false].map(|changed_is_second| {
            let mut state = ClusterState { now: NOW, ..ClusterState::default() };
            state.replica_sets.insert(ReplicaSetId(0), set.clone());
            let mut changed = pod();
            change(&mut changed);
            let pods = if changed_is_second { [pod(), changed] } else { [changed, pod()] };
            for pod in pods {
                state.add_pod(pod);
            }
            match sync(&state, ReplicaSetId(0), &mut Ties::Drawn(0)).as_slice() {
                [Change::Pod(PodId(victim), PodChange::Delete(_))] => (*victim == 1) == changed_is_second,
                other => panic!("{other:?}"),
            }
        });
        assert_eq!(chosen[0], chosen[1]);
        chosen[0]
    }

    /// Whether the order of UIDs decides between the pod that `change` makes and a plain one.
    fn is_tie(change: impl Fn(&mut Pod)) -> bool {
        let mut changed = pod();
        change(&mut changed);
        let rank = |pod: &Pod| DeletionRank::new(pod, 1, NOW);
        rank(&changed) == rank(&pod())
            && by_restarts_and_age(&[(PodId(0), &pod()), (PodId(1), &changed)], NOW).len() == 1
    }

    #[test]
    fn each_criterion_decides_where_those_before_it_do_not() {
        let costly = |pod: &mut Pod| pod.deletion_order.cost = 10;
        assert!(goes_first(|pod| (pod.node, pod.ready) = (None, false)));
        assert!(goes_first(|pod| (pod.phase, pod.ready) = (Phase::Pending, false)));
        assert!(goes_first(|pod| {
            costly(pod);
            pod.ready = false;
        }));
        assert!(!goes_first(costly));
        assert!(goes_first(|pod| (pod.deletion_order.cost, pod.node) = (-1, Some(NodeId(1)))));
        // Ready for 10 s and for 100 s.
        assert!(goes_first(|pod| pod.ready_changed_at = Some(at(990))));
        assert!(!goes_first(|pod| pod.ready_changed_at = None));
        assert!(goes_first(|pod| pod.deletion_order.container_restarts = 1));
        assert!(goes_first(|pod| pod.deletion_order.sidecar_restarts = 1));
        assert!(!goes_first(|pod| pod.created_at = at(100)));
        assert!(goes_first(|pod| pod.created_at = at(995)));
        let restarted = |pod: &mut Pod| {
            pod.deletion_order.container_restarts = 1;
            pod.created_at = at(100);
        };
        assert!(goes_first(restarted), "restarts come before age");
    }

    #[test]
    fn times_in_one_power_of_two_leave_it_to_uids() {
        assert!(is_tie(|_| {}));
        // Ready for 100 s and for 99 s; nothing after that is looked at.
        assert!(is_tie(|pod| pod.ready_changed_at = Some(at(901))));
        assert!(is_tie(|pod| {
            pod.ready_changed_at = Some(at(901));
            pod.deletion_order.container_restarts = 5;
        }));
        // The same second, though not the same moment.
        assert!(!is_tie(|pod| {
            pod.ready_changed_at = Some(Time::from_milliseconds(900_900));
            pod.deletion_order.container_restarts = 5;
        }));
        assert!(is_tie(|pod| pod.created_at = at(889)));
        assert!(!is_tie(|pod| pod.created_at = at(400)));
    }
}
