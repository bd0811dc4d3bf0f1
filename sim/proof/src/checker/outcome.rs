//! What a failure makes of pods: which of them are dying or gone, and which are replaced.

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

/// Fails nodes on a board as a phase has it.
pub(crate) fn fail(board: &mut Board<'_, '_>, pending: &mut Pending, failed: NodeSet, phase: Phase) {
    let nodes: Vec<usize> = failed.iter().collect();
    board.fail(Outage { failed, is_gone: phase == Phase::Removed });
    if phase == Phase::Instant {
        return;
    }
    for node in nodes {
        for (lot, count) in board.lots(node) {
            if phase == Phase::Recovered {
                if lot.is_dying || board.index.is_fixed(lot.workload) {
                    continue;
                }
                if stays_when_unreachable(board.index.shape(lot.shape)) {
                    continue;
                }
                board.change(node, Lot { is_dying: true, ..lot }, count);
            }
            board.change(node, lot, count.saturating_neg());
            if is_replaced(board.index, lot.workload, phase) && !lot.is_dying {
                let waiting = pending.entry(lot.workload).or_default();
                *waiting = waiting.saturating_add(count);
            }
        }
    }
}
