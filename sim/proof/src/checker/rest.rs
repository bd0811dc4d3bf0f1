//! Whether what is pending can still change how many pods of the subject are available.

use super::board::Board;
use super::outcome::Pending;
use super::question::Question;
use super::selection::Selection;

/// Checks that a board is at rest as far as the subject is concerned.
///
/// Pending pods of a workload either can be placed nowhere, or they *may come*: they evict no pod of the subject, and their
/// coming lets no pod in that cannot be placed now.
///
/// # Errors
/// The workload that keeps it from rest, and why.
pub(crate) fn at_rest(
    board: &mut Board<'_, '_>,
    selection: &Selection<'_>,
    question: &Question<'_>,
    pending: &Pending,
) -> Result<(), (usize, String)> {
    let waiting = pending.iter().filter(|(_, count)| **count > 0).map(|(workload, _)| *workload);
    let priority = |workload: usize| board.index.pod_of(workload).priority;
    let lowest_of_subject = question.subject.iter().map(|workload| priority(*workload)).min();
    let spares_subject = |workload: usize| {
        !board.index.pod_of(workload).preempts || lowest_of_subject.is_none_or(|lowest| priority(workload) <= lowest)
    };
    let (mut may_come, mut stuck): (Vec<usize>, Vec<usize>) =
        waiting.partition(|workload| !question.is_subject(*workload) && spares_subject(*workload));
    for workload in &stuck {
        placed_nowhere(board, *workload)?;
    }
    // What may come must let none in of those that cannot: neither pods of the subject nor those that could evict them. Where
    // it might, it has to be stuck itself.
    while let Some((coming, why)) = lets_in(board, selection, &may_come, &stuck) {
        if placed_nowhere(board, coming).is_err() {
            return Err((coming, why));
        }
        may_come.retain(|workload| *workload != coming);
        stuck.push(coming);
    }
    Ok(())
}

/// A workload that may come and, by that, may let in one that is stuck.
fn lets_in(
    board: &Board<'_, '_>,
    selection: &Selection<'_>,
    may_come: &[usize],
    stuck: &[usize],
) -> Option<(usize, String)> {
    let lowest = board.lowest_priority();
    let draws = |workload: usize, coming: usize| {
        let (pod, shape) = (board.index.pod_of(workload), board.index.shape_of(workload));
        let counts = |position| {
            let counted = selection.counted(shape, position);
            counted.is_none_or(|counted| counted.may.contains(&board.index.shape_of(coming)))
        };
        !pod.affinity.is_empty() || (0..pod.spread.len()).any(counts)
    };
    may_come.iter().filter(|_| !stuck.is_empty()).find_map(|coming| {
        let pod = board.index.pod_of(*coming);
        if pod.preempts && lowest.is_some_and(|lowest| pod.priority > lowest) {
            return Some((*coming, "it is still to be placed, and may evict pods and make room".to_owned()));
        }
        let drawn = stuck.iter().find(|workload| draws(**workload, *coming))?;
        Some((*coming, format!("it is still to be placed, and may let in pods of {}", board.index.name(*drawn))))
    })
}

/// Checks that no pod of a workload can be placed, with or without evictions.
///
/// # Errors
/// The workload and the node on which one can be placed.
pub(crate) fn placed_nowhere(board: &mut Board<'_, '_>, workload: usize) -> Result<(), (usize, String)> {
    let shape = board.index.shape_of(workload);
    if let Some(node) = board.place_for(shape) {
        return Err((workload, format!("a pod of it fits on node {}", board.index.node_name(node))));
    }
    if let Some(node) = board.place_by_eviction(shape) {
        return Err((workload, format!("a pod of it can evict others from node {}", board.index.node_name(node))));
    }
    Ok(())
}
