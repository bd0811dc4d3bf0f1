//! What becomes of pods on failed nodes: they are evicted, or gone with the node's object, and replaced.

use std::collections::BTreeMap;

use super::board::{Board, Lot};
use super::counters::Outage;
use super::index::Index;
use super::node_set::NodeSet;
use crate::claim::Phase;
use crate::cluster::Kind;
use crate::rules::stays_when_unreachable;

/// How many pods of each workload are pending.
pub(crate) type Pending = BTreeMap<usize, i128>;

/// Whether pods of a workload that are lost are created again.
pub(crate) fn is_replaced(index: &Index<'_>, workload: usize, phase: Phase) -> bool {
    index.workloads.get(workload).is_some_and(|workload| match workload.kind {
        Kind::Deployment | Kind::ReplicaSet | Kind::Job => phase != Phase::Instant,
        Kind::StatefulSet => phase == Phase::Removed,
        Kind::DaemonSet | Kind::Pod | Kind::Static(_) => false,
    })
}

/// Whether pods are evicted from an unreachable node.
pub(crate) fn is_evicted(index: &Index<'_>, lot: Lot) -> bool {
    !lot.is_dying && !index.is_fixed(lot.workload) && !stays_when_unreachable(index.shape(lot.shape))
}

/// Pods on an unreachable node begin to terminate.
pub(crate) fn evict(board: &mut Board<'_, '_>, pending: &mut Pending, node: usize, lot: Lot, pods: i128) {
    board.change(node, lot, pods.saturating_neg());
    board.change(node, Lot { is_dying: true, ..lot }, pods);
    if is_replaced(board.index, lot.workload, Phase::Recovered) {
        wait(pending, lot.workload, pods);
    }
}

/// The object of a failed node goes, and all pods there with it.
pub(crate) fn remove(board: &mut Board<'_, '_>, pending: &mut Pending, node: usize) {
    for (lot, pods) in board.lots(node) {
        board.change(node, lot, pods.saturating_neg());
        let is_replaced_already = lot.is_dying && is_replaced(board.index, lot.workload, Phase::Recovered);
        if is_replaced(board.index, lot.workload, Phase::Removed) && !is_replaced_already {
            wait(pending, lot.workload, pods);
        }
    }
    let mut outage: Outage = board.outage.clone();
    outage.gone.insert(node);
    board.fail(outage);
}

/// Nodes fail; nothing has become of their pods yet.
pub(crate) fn fail(board: &mut Board<'_, '_>, failed: NodeSet) {
    board.fail(Outage { failed, gone: NodeSet::default() });
}

fn wait(pending: &mut Pending, workload: usize, pods: i128) {
    let waiting = pending.entry(workload).or_default();
    *waiting = waiting.saturating_add(pods);
}
