//! Pods that wait for a node: those that have no chance at this moment, and those that have no choice.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{ClusterState, NodeId, Owner, Pod, PodId, Resources, SpreadConstraint, WhenUnsatisfiable};
use crate::controller::{WorkloadId, all_workloads, daemon_set, is_active, is_terminal, template_of, workload_of};
use crate::scheduler::{Candidate, Snapshot, schedule_candidate, untolerated_taint};
use crate::simulation::{Made, Move, Simulation};

use super::independence::Components;

/// Pods that found no node and that nothing that can happen at this moment helps: room comes from pods that go away, and none
/// does from where they could go.
pub(super) fn without_chance(simulation: &Simulation) -> BTreeSet<PodId> {
    let state = &simulation.state;
    let failed = simulation.scheduling.failures().filter(|(_, (_, waits_for_event))| *waits_for_event);
    let is_helpless = |id: &PodId| state.pods.get(id).is_some_and(|pod| pod.node.is_none() && !can_be_helped(pod));
    let hopeless: BTreeSet<PodId> = failed.map(|(id, _)| id).filter(is_helpless).collect();
    if hopeless.is_empty() || !all_workloads(state).into_iter().all(|workload| deletes_nothing(state, workload)) {
        return BTreeSet::new();
    }
    let is_closed = |node| {
        let mut templates = hopeless.iter().filter_map(|id| state.pods.get(id)).map(|pod| &pod.template);
        templates.all(|template| untolerated_taint(&template.spec, node).is_some())
    };
    let frees_room = |pod: &Pod| {
        let node = pod.node.and_then(|node| state.nodes.get(&node));
        (pod.deletion.is_some() || is_terminal(pod)) && node.is_some_and(|node| !is_closed(node))
    };
    if state.pods.values().any(frees_room) { BTreeSet::new() } else { hopeless }
}

/// Whether others that are placed may draw a pod near, or even out what it is spread over.
fn can_be_helped(pod: &Pod) -> bool {
    let spec = &pod.template.spec;
    let is_hard = |constraint: &SpreadConstraint| constraint.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule;
    !spec.required_affinity.is_empty() || spec.spread_constraints.iter().any(is_hard)
}

/// How many pods a workload wants; `None`: as many as there are nodes for it.
fn desired(state: &ClusterState, workload: WorkloadId) -> Option<i64> {
    match workload {
        WorkloadId::Deployment(id) => state.deployments.get(&id).map(|item| item.replicas),
        WorkloadId::ReplicaSet(id) => state.replica_sets.get(&id).map(|item| item.replicas),
        WorkloadId::StatefulSet(id) => state.stateful_sets.get(&id).map(|item| item.replicas),
        // A Job may delete its pods whenever it ends.
        WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => None,
    }
}

fn count_active(state: &ClusterState, workload: WorkloadId) -> i64 {
    let active = state.pods.values().filter(|pod| is_active(pod) && workload_of(state, pod.owner) == Some(workload));
    i64::try_from(active.count()).unwrap_or(i64::MAX)
}

/// Whether a workload deletes no pod of its own accord: all are of its newest revision and not too many.
fn deletes_nothing(state: &ClusterState, workload: WorkloadId) -> bool {
    if let WorkloadId::DaemonSet(id) = workload {
        let Some(set) = state.daemon_sets.get(&id) else { return false };
        return state.pods.of_owner(Owner::DaemonSet(id)).all(|(_, pod)| daemon_set::is_updated(state, set, pod));
    }
    let Some(template) = template_of(state, workload) else { return false };
    let mut active =
        state.pods.values().filter(|pod| is_active(pod) && workload_of(state, pod.owner) == Some(workload));
    active.all(|pod| pod.template == *template)
        && desired(state, workload).is_some_and(|desired| count_active(state, workload) <= desired)
}

/// Of moves with which the scheduler places pods, and no others, one that may go first: its pod can go to one node only, whoever
/// else can go there has no choice either, and there is room for all of them.
pub(super) fn forced(
    components: &Components,
    simulation: &Simulation,
    hopeless: &BTreeSet<PodId>,
    moves: &[Made],
) -> Option<usize> {
    let state = &simulation.state;
    if !moves.iter().all(|made| matches!(made.way, Move::Schedule(_))) {
        return None;
    }
    let waiting = state.pods.on_node(None).filter(|(id, pod)| pod.deletion.is_none() && !hopeless.contains(id));
    let waiting: Vec<(PodId, &Pod)> = waiting.collect();
    let is_simple = |(id, pod): &(PodId, &Pod)| {
        is_plain(state, pod) && is_settled(state, pod) && is_alone(components, state, *id, &waiting)
    };
    if !waiting.iter().all(is_simple) {
        return None;
    }
    let snapshot = Snapshot::new(state);
    let nodes = |(id, pod): &(PodId, &Pod)| -> (PodId, BTreeSet<NodeId>) {
        (*id, schedule_candidate(&snapshot, &Candidate::of_pod(*id, pod)).feasible().collect())
    };
    let feasible: BTreeMap<PodId, BTreeSet<NodeId>> = waiting.iter().map(nodes).collect();
    moves.iter().position(|made| {
        let Move::Schedule(pod) = made.way else { return false };
        let Some(Some(node)) = feasible.get(&pod).map(only) else { return false };
        let others = || waiting.iter().filter(|(id, _)| feasible.get(id).is_some_and(|nodes| nodes.contains(&node)));
        others().all(|(id, _)| feasible.get(id).is_some_and(|nodes| nodes.len() == 1))
            && has_room(state, node, others().map(|(_, pod)| *pod))
    })
}

fn only(nodes: &BTreeSet<NodeId>) -> Option<NodeId> {
    if nodes.len() == 1 { nodes.first().copied() } else { None }
}

/// Whether nothing but the room on its node stands between a pod and another workload's.
fn is_plain(state: &ClusterState, pod: &Pod) -> bool {
    let storage = &state.storage;
    let is_unlimited = storage.csi_nodes.is_empty() && storage.capacities.is_empty();
    let has_choice = storage.volumes.values().any(|volume| volume.is_available);
    let volumes_are_plain = pod.volumes.is_empty() || (is_unlimited && !has_choice);
    volumes_are_plain && pod.template.spec.host_ports.is_empty() && pod.nominated_node.is_none()
}

/// Whether a pod is the only one of its component that waits, but for its equals.
fn is_alone(components: &Components, state: &ClusterState, id: PodId, waiting: &[(PodId, &Pod)]) -> bool {
    let Some(pod) = state.pods.get(&id) else { return false };
    let component = components.of_pod(state, id);
    let mut same = waiting.iter().filter(|(other, _)| components.of_pod(state, *other) == component);
    same.all(|(_, other)| other.owner == pod.owner && other.template == pod.template)
}

/// Whether its workload makes and deletes no pods when this one is ready.
fn is_settled(state: &ClusterState, pod: &Pod) -> bool {
    let Some(workload) = workload_of(state, pod.owner) else { return matches!(pod.owner, Owner::None | Owner::Node) };
    let has_all = desired(state, workload).is_none_or(|desired| count_active(state, workload) == desired);
    has_all && deletes_nothing(state, workload)
}

/// Whether `node` takes all of `pods`.
fn has_room<'a>(state: &'a ClusterState, node: NodeId, pods: impl Iterator<Item = &'a Pod>) -> bool {
    let Some(of_state) = state.nodes.get(&node) else { return false };
    let held = state.pods.on_node(Some(node)).map(|(_, pod)| pod).filter(|pod| !is_terminal(pod));
    let (mut used, mut count) = (Resources::default(), 0_i64);
    for pod in held.chain(pods) {
        used.add(&pod.template.spec.requests);
        count = count.saturating_add(1);
    }
    let room = &of_state.allocatable;
    let has_scalars = used.scalar.iter().all(|(name, amount)| room.scalar.get(name).copied().unwrap_or(0) >= *amount);
    count <= of_state.allocatable_pods
        && used.cpu_milli <= room.cpu_milli
        && used.memory_bytes <= room.memory_bytes
        && used.ephemeral_storage_bytes <= room.ephemeral_storage_bytes
        && has_scalars
}
