//! Which pool grows for pods that fit nowhere. Expander `least-waste`: the pool that leaves the least CPU and memory unused; of
//! equal ones the first.

use crate::cluster::{ClusterState, NodeId, Owner, Pod, PodId};

use super::trial::{add_daemon_pods, add_node, place};

/// kube's cluster autoscaler `--expendable-pods-priority-cutoff`: for pods below nothing grows.
const PRIORITY_CUTOFF: i32 = -10;

/// A pool grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Its place among the pools.
    pub pool: usize,
    /// By so many nodes.
    pub nodes: usize,
    /// How much of their CPU and memory stays unused, from 0 to 2.
    waste: f64,
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
    let mut coming: Vec<NodeId> = Vec::new();
    for pool in upcoming {
        if let Some(node) = add_node(&mut trial, *pool) {
            add_daemon_pods(&mut trial, node);
            coming.push(node);
        }
    }
    waiting.retain(|pod| !place(&mut trial, *pod, |node| coming.contains(&node)));
    let options = (0..state.node_pools.len()).filter_map(|pool| option(&trial, pool, &waiting));
    options.fold(None, |best: Option<Growth>, option| match best {
        Some(best) if best.waste <= option.waste => Some(best),
        Some(_) | None => Some(option),
    })
}

fn is_waiting(pod: &Pod) -> bool {
    let is_daemon = matches!(pod.owner, Owner::DaemonSet(_));
    let spec = &pod.template.spec;
    pod.unschedulable.is_some()
        && pod.deletion.is_none()
        && pod.nominated_node.is_none()
        && !is_daemon
        && !spec.not_scheduled_here
        && spec.priority >= PRIORITY_CUTOFF
}

/// By how many nodes a pool would grow for these pods; `None`: they do not fit on one.
fn option(state: &ClusterState, pool: usize, waiting: &[PodId]) -> Option<Growth> {
    let own = state.node_pools.get(pool)?;
    let room = own.most.saturating_sub(own.members.len());
    let mut trial = state.clone();
    let mut left = waiting.to_vec();
    let mut nodes: Vec<NodeId> = Vec::new();
    while nodes.len() < room && !left.is_empty() {
        let before = trial.clone();
        let node = add_node(&mut trial, pool)?;
        add_daemon_pods(&mut trial, node);
        let count = left.len();
        left.retain(|pod| !place(&mut trial, *pod, |placed| placed == node));
        if left.len() == count {
            trial = before;
            break;
        }
        nodes.push(node);
    }
    if nodes.is_empty() {
        return None;
    }
    let own = trial.node_pools.get(pool)?;
    let (mut cpu, mut memory) = (0_i64, 0_i64);
    for (_, pod) in nodes.iter().flat_map(|node| trial.pods.on_node(Some(*node))) {
        cpu = cpu.saturating_add(pod.template.spec.requests.cpu_milli);
        memory = memory.saturating_add(pod.template.spec.requests.memory_bytes);
    }
    let count = i64::try_from(nodes.len()).unwrap_or(i64::MAX);
    let room = &own.template.allocatable;
    let waste =
        wasted(room.cpu_milli.saturating_mul(count), cpu) + wasted(room.memory_bytes.saturating_mul(count), memory);
    Some(Growth { pool, nodes: nodes.len(), waste })
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn wasted(all: i64, used: i64) -> f64 {
    if all <= 0 { 0.0 } else { all.saturating_sub(used) as f64 / all as f64 }
}
