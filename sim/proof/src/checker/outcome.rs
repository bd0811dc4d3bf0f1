//! What a failure makes of pods: which of them are dying or gone, and which are replaced.

use std::collections::BTreeMap;

use super::board::{Board, Lot};
use super::counters::Outage;
use super::index::Index;
use super::node_set::NodeSet;
use crate::claim::Phase;
use crate::cluster::Kind;
use crate::rules::{Unreachable, bears_unreachable};

/// How many pods of each workload are pending.
pub(crate) type Pending = BTreeMap<usize, i128>;

/// A pod whose fate the checker cannot tell.
pub(crate) struct Unclear {
    pub(crate) workload: usize,
}

/// Whether pods of a workload that are lost are created again.
pub(crate) fn is_replaced(index: &Index<'_>, workload: usize, phase: Phase) -> bool {
    index.workloads.get(workload).is_some_and(|workload| match workload.kind {
        Kind::Deployment | Kind::ReplicaSet | Kind::Job => phase != Phase::Instant,
        Kind::StatefulSet => phase == Phase::Removed,
        Kind::DaemonSet | Kind::Pod | Kind::Static(_) => false,
    })
}

/// Fails nodes on a board as a phase has it.
///
/// # Errors
/// When tolerations of a pod there do not say whether it is evicted.
pub(crate) fn fail(
    board: &mut Board<'_, '_>,
    pending: &mut Pending,
    failed: NodeSet,
    phase: Phase,
) -> Result<(), Unclear> {
    let nodes: Vec<usize> = failed.iter().collect();
    board.fail(Outage { failed, is_gone: phase == Phase::Removed });
    if phase == Phase::Instant {
        return Ok(());
    }
    for node in nodes {
        for (lot, count) in board.lots(node) {
            if phase == Phase::Recovered {
                if lot.is_dying || board.index.is_fixed(lot.workload) {
                    continue;
                }
                match bears_unreachable(board.index.shape(lot.shape)) {
                    Unreachable::Stays => continue,
                    Unreachable::Unclear => return Err(Unclear { workload: lot.workload }),
                    Unreachable::Evicted => {}
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
    Ok(())
}
