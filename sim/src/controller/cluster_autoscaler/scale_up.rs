//! Which pool grows for pods that fit nowhere. Source: kubernetes/autoscaler 1.36.1, `core/podlistprocessor`,
//! `core/scaleup/orchestrator`, `estimator/binpacking_estimator.go` and `expander/waste`.
//!
//! Expander `least-waste`, the default: the pool that leaves the least CPU and memory unused; of equal ones, of which a real one
//! draws, the first.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cluster::{ClusterState, Duration, NodeId, Owner, Pod, PodId, Symbol, Time};

use super::trial::{add_daemon_pods, add_node, is_expendable, place, remove_expendable};
use crate::scheduler::schedule;

/// `unschedulablePodTimeBuffer` in `core/static_autoscaler.go`: while all are younger, it waits for more.
const NEW_POD: Duration = Duration::from_seconds(2);

/// A pool grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Its place among the pools.
    pub pool: usize,
    /// By so many nodes.
    pub nodes: usize,
    /// When the first of the pods that wait was created.
    pub oldest: Time,
    /// When the last of them was.
    pub youngest: Time,
    /// How much of their CPU and memory stays unused, from 0 to 2.
    waste: f64,
}

impl Growth {
    /// Whether the pods are so new that it waits for more. Source: `allPodsAreNew` in `core/static_autoscaler.go`.
    #[must_use]
    pub fn is_too_soon(&self, now: Time) -> bool {
        now < self.oldest.after(NEW_POD)
    }

    /// Whether the last pod has just come, which makes it look at once. Source: `Wait` in `loop/trigger.go`.
    #[must_use]
    pub fn is_triggered(&self, now: Time) -> bool {
        now < self.youngest.after(NEW_POD)
    }
}

/// The pool that grows for the pods that wait now; `upcoming` are the pools of nodes that are on their way. `None`: nobody waits
/// whom a new node would help, or who is not helped by those that are coming.
#[must_use]
pub fn growth(state: &ClusterState, upcoming: &[usize]) -> Option<Growth> {
    let mut waiting: Vec<PodId> =
        state.pods.on_node(None).filter(|(_, pod)| is_waiting(pod)).map(|(id, _)| id).collect();
    if waiting.is_empty() {
        return None;
    }
    let mut trial = state.clone();
    remove_expendable(&mut trial);
    for pool in upcoming {
        if let Some(node) = add_node(&mut trial, *pool) {
            add_daemon_pods(&mut trial, node);
        }
    }
    waiting.sort_by_key(|id| Reverse(state.pods.get(id).map(|pod| pod.template.spec.priority)));
    waiting.retain(|pod| place(&mut trial, *pod, |_| true).is_none());
    let created = || waiting.iter().filter_map(|id| state.pods.get(id)).map(|pod| pod.created_at);
    let (oldest, youngest) = (created().min()?, created().max()?);
    let groups = groups(state, &waiting);
    let options = (0..state.node_pools.len()).filter_map(|pool| option(&trial, pool, &groups, (oldest, youngest)));
    options.fold(None, |best: Option<Growth>, option| match best {
        Some(best) if best.waste <= option.waste => Some(best),
        Some(_) | None => Some(option),
    })
}

/// Source: `ArrangePodsBySchedulability` in `utils/kubernetes/listers.go`, and `core/podlistprocessor`.
fn is_waiting(pod: &Pod) -> bool {
    pod.unschedulable.is_some()
        && pod.deletion.is_none()
        && pod.nominated_node.is_none()
        && !matches!(pod.owner, Owner::DaemonSet(_))
        && !pod.template.spec.not_scheduled_here
        && !is_expendable(pod)
}

/// Pods of one owner that ask for the same. Source: `core/scaleup/equivalence/groups.go`.
fn groups(state: &ClusterState, waiting: &[PodId]) -> Vec<Vec<PodId>> {
    let mut groups: Vec<(&Pod, Vec<PodId>)> = Vec::new();
    for (id, pod) in waiting.iter().filter_map(|id| state.pods.get(id).map(|pod| (*id, pod))) {
        let is_alike = |other: &Pod| {
            let is_one_set = match (pod.owner, other.owner) {
                (Owner::StatefulSet { set: own, .. }, Owner::StatefulSet { set, .. }) => own == set,
                (own, of_other) => own != Owner::None && own == of_other,
            };
            is_one_set && Arc::ptr_eq(&pod.template, &other.template)
        };
        match groups.iter_mut().find(|(other, _)| is_alike(other)) {
            Some((_, group)) => group.push(id),
            None => groups.push((pod, vec![id])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// By how many nodes a pool would grow for these pods; `None`: they do not fit on one.
fn option(
    state: &ClusterState,
    pool: usize,
    groups: &[Vec<PodId>],
    (oldest, youngest): (Time, Time),
) -> Option<Growth> {
    let own = state.node_pools.get(pool)?;
    let room = own.most.saturating_sub(own.members.len());
    let capacity = &own.template.allocatable;
    let mut probe = state.clone();
    let node = add_node(&mut probe, pool)?;
    add_daemon_pods(&mut probe, node);
    let is_helped = |group: &&Vec<PodId>| {
        group.first().is_some_and(|pod| schedule(&probe, *pod).feasible().any(|feasible| feasible == node))
    };
    let mut groups: Vec<&Vec<PodId>> = groups.iter().filter(is_helped).collect();
    let score = |group: &Vec<PodId>| {
        let requests = group.first().and_then(|pod| state.pods.get(pod)).map(|pod| &pod.template.spec.requests);
        requests.map_or(0.0, |own| {
            share(own.cpu_milli, capacity.cpu_milli) + share(own.memory_bytes, capacity.memory_bytes)
        })
    };
    groups.sort_by(|left, right| score(right).total_cmp(&score(left)));
    let mut packing =
        Packing { trial: state.clone(), pool, room, nodes: Vec::new(), used: BTreeSet::new(), placed: Vec::new() };
    let mut has_room = true;
    for group in groups {
        has_room = packing.pack(group, has_room);
    }
    if packing.used.is_empty() {
        return None;
    }
    let (mut cpu, mut memory) = (0_i64, 0_i64);
    for pod in packing.placed.iter().filter_map(|id| state.pods.get(id)) {
        cpu = cpu.saturating_add(pod.template.spec.requests.cpu_milli);
        memory = memory.saturating_add(pod.template.spec.requests.memory_bytes);
    }
    let nodes = packing.used.len();
    let count = i64::try_from(nodes).unwrap_or(i64::MAX);
    let unused = |all: i64, used: i64| {
        let all = all.saturating_mul(count);
        share(all.saturating_sub(used), all)
    };
    let waste = unused(capacity.cpu_milli, cpu) + unused(capacity.memory_bytes, memory);
    Some(Growth { pool, nodes, oldest, youngest, waste })
}

/// Pods on new nodes of a pool. Source: `Estimate` in `estimator/binpacking_estimator.go`.
struct Packing {
    trial: ClusterState,
    pool: usize,
    room: usize,
    nodes: Vec<NodeId>,
    used: BTreeSet<NodeId>,
    placed: Vec<PodId>,
}

impl Packing {
    /// Packs a group: first on nodes that are there, then on new ones if there may be more. Whether there may be more afterwards.
    fn pack(&mut self, group: &[PodId], has_room: bool) -> bool {
        let mut left = group.iter().copied().peekable();
        let nodes = self.nodes.clone();
        while left.next_if(|pod| self.put(*pod, |node| nodes.contains(&node))).is_some() {}
        if !has_room {
            return false;
        }
        for pod in left {
            if let Some(last) = self.nodes.last().copied() {
                if self.put(pod, |node| node == last)
                    || (self.spreads_over_nodes(pod) && self.put(pod, |node| node != last))
                {
                    continue;
                }
                if !self.used.contains(&last) {
                    return true;
                }
            }
            if self.nodes.len() >= self.room {
                return false;
            }
            let Some(new) = add_node(&mut self.trial, self.pool) else { return false };
            add_daemon_pods(&mut self.trial, new);
            self.nodes.push(new);
            if !self.put(pod, |node| node == new) {
                return true;
            }
        }
        true
    }

    fn put(&mut self, pod: PodId, is_allowed: impl Fn(NodeId) -> bool) -> bool {
        let Some(node) = place(&mut self.trial, pod, is_allowed) else { return false };
        if self.nodes.contains(&node) {
            self.used.insert(node);
        }
        self.placed.push(pod);
        true
    }

    fn spreads_over_nodes(&self, pod: PodId) -> bool {
        let spec = self.trial.pods.get(&pod).map(|pod| &pod.template.spec);
        spec.is_some_and(|spec| spec.spread_constraints.iter().any(|own| own.topology_key == Symbol::HOSTNAME))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(part: i64, all: i64) -> f64 {
    if all <= 0 { 0.0 } else { part as f64 / all as f64 }
}
