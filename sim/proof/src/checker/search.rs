//! Evidence `search`: a set of states that has every state that can be reached, and the claim holds in each that is at rest.

use std::collections::BTreeMap;

use super::board::{Board, Lot};
use super::counters::Outage;
use super::followed;
use super::node_set::NodeSet;
use super::outcome::is_replaced;
use super::question::Question;
use super::topology::sum_of_largest;
use super::verify::Checker;
use super::witness::pending_at_first;
use crate::claim::{Phase, Placement};
use crate::cluster::Kind;
use crate::evidence::{Search, State};
use crate::rejection::Rejection;
use crate::rules::stays_when_unreachable;

/// More ways to evict pods from one node are not looked at.
const WAYS: usize = 10_000;

/// Checks that a search decides the claim.
pub(crate) fn check(checker: &Checker<'_>, question: &Question<'_>, search: &Search) -> Result<(), Rejection> {
    let mut workloads = Vec::new();
    for name in &search.workloads {
        let workload = checker.index.workload_number(name).filter(|workload| !checker.index.is_fixed(*workload));
        workloads.push(workload.ok_or_else(|| refuse("workloads", format!("{name} is not there, or not movable")))?);
    }
    require_sorted("workloads", &workloads)?;
    require_sorted("states", &search.states)?;
    followed::check(checker, question, &workloads)?;
    let mut exploration =
        Exploration { checker, question, workloads, search, is_reached: Vec::new(), todo: Vec::new() };
    exploration.is_reached = vec![false; search.states.len()];
    let first = exploration.first();
    exploration.reach(&first, "the first state")?;
    while let Some(number) = exploration.todo.pop() {
        if let Some(state) = search.states.get(number) {
            exploration.follow(number, state)?;
        }
    }
    match exploration.is_reached.iter().position(|is_reached| !is_reached) {
        None => Ok(()),
        Some(number) => Err(refuse(format!("state {number}"), "nothing leads there")),
    }
}

fn refuse(at: impl Into<String>, why: impl Into<String>) -> Rejection {
    Rejection::Search { at: at.into(), why: why.into() }
}

fn require_sorted<T: Ord>(what: &str, values: &[T]) -> Result<(), Rejection> {
    let is_sorted = values.windows(2).all(|pair| pair.first() < pair.last());
    if is_sorted { Ok(()) } else { Err(refuse(what, "they are not sorted, or one is there twice")) }
}

struct Exploration<'c, 'a> {
    checker: &'c Checker<'a>,
    question: &'c Question<'c>,
    /// The followed workloads.
    workloads: Vec<usize>,
    search: &'c Search,
    is_reached: Vec<bool>,
    todo: Vec<usize>,
}

/// What one placing makes of a state.
struct Step {
    place: usize,
    node: usize,
    /// Evicted pods, by the place of their workload.
    evicted: BTreeMap<usize, i64>,
}

impl<'c, 'a> Exploration<'c, 'a> {
    /// A state has to be in the set; it is looked at once.
    fn reach(&mut self, state: &State, from: &str) -> Result<(), Rejection> {
        let Ok(number) = self.search.states.binary_search(state) else {
            return Err(refuse(from, format!("it leads to a state that is not in the set: {state:?}")));
        };
        if let Some(is_reached) = self.is_reached.get_mut(number).filter(|is_reached| !**is_reached) {
            *is_reached = true;
            self.todo.push(number);
        }
        Ok(())
    }

    /// Everything pending, or the state as it is.
    fn first(&self) -> State {
        let index = &self.checker.index;
        let empty = vec![vec![0; index.nodes.len()]; self.workloads.len()];
        let mut state = State { alive: empty.clone(), dying: empty, ..State::default() };
        for (row, workload) in state.alive.iter_mut().zip(&self.workloads) {
            let waiting = pending_at_first(self.checker, self.question, *workload);
            state.pending.push(i64::try_from(waiting).unwrap_or(i64::MAX));
            if self.question.placement() != Placement::Current {
                continue;
            }
            let pods = self.checker.existing.of_workload(*workload).iter();
            for node in pods.filter_map(|pod| index.node_number(pod.node.as_deref()?)) {
                add(row, node, 1);
            }
        }
        state
    }

    fn follow(&mut self, number: usize, state: &State) -> Result<(), Rejection> {
        let at = format!("state {number}");
        let failed = self.failed_nodes(state);
        let steps = self.steps(&at, state, &failed)?;
        for step in &steps {
            self.reach(&placed(state, step), &at)?;
        }
        if !steps.is_empty() {
            return Ok(());
        }
        let losses = self.available(state);
        let available = losses.iter().filter(|(node, _)| !failed.contains(*node)).map(|(_, count)| *count);
        let available = available.fold(0, i128::saturating_add);
        if self.question.phase() == Phase::Instant {
            let mut lost = vec![0_i128; self.question.domains.len()];
            for (node, count) in losses {
                if let Some(sum) = self.question.domains.domain(node).and_then(|domain| lost.get_mut(domain)) {
                    *sum = sum.saturating_add(count);
                }
            }
            return self.enough(&at, available.saturating_sub(sum_of_largest(lost, self.question.count())));
        }
        self.enough(&at, available)?;
        if state.failed.is_empty() { self.fail_each(&at, state) } else { Ok(()) }
    }

    fn enough(&self, at: &str, found: i128) -> Result<(), Rejection> {
        self.question.enough(found).map_err(|reason| refuse(at, reason.to_string()))
    }

    fn failed_nodes(&self, state: &State) -> NodeSet {
        let domains = &self.question.domains;
        let failed = state.failed.iter().filter_map(|name| domains.names().binary_search(name).ok());
        failed.filter_map(|domain| domains.members().get(domain)).flatten().copied().collect()
    }

    /// How many alive pods of the subject each node has.
    fn available(&self, state: &State) -> Vec<(usize, i128)> {
        let rows = state.alive.iter().zip(&self.workloads).filter(|(_, workload)| self.question.is_subject(**workload));
        rows.flat_map(|(row, _)| row.iter().enumerate().map(|(node, count)| (node, i128::from(*count)))).collect()
    }

    /// The pods of a state on nodes.
    fn board(&self, state: &State, failed: &NodeSet) -> Board<'c, 'a> {
        let index = &self.checker.index;
        let is_gone = self.question.phase() == Phase::Removed;
        let mut board = Board::new(index, &self.checker.selection, &self.checker.fixed_base);
        board.fail(Outage { failed: failed.clone(), is_gone });
        for node in failed.iter().filter(|_| is_gone) {
            for (lot, count) in board.lots(node) {
                board.change(node, lot, count.saturating_neg());
            }
        }
        for (rows, is_dying) in [(&state.alive, false), (&state.dying, true)] {
            for (row, workload) in rows.iter().zip(&self.workloads) {
                let lot = Lot { workload: *workload, shape: index.shape_of(*workload), is_dying };
                for (node, count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
                    board.change(node, lot, i128::from(*count));
                }
            }
        }
        board
    }

    /// Every placing that a state allows.
    fn steps(&self, at: &str, state: &State, failed: &NodeSet) -> Result<Vec<Step>, Rejection> {
        let index = &self.checker.index;
        let mut board = self.board(state, failed);
        let mut steps = Vec::new();
        for (place, workload) in self.workloads.iter().enumerate() {
            if state.pending.get(place).is_none_or(|count| *count < 1) {
                continue;
            }
            let shape = index.shape_of(*workload);
            let free: Vec<usize> = (0..index.nodes.len()).filter(|node| board.fits(shape, *node)).collect();
            let is_lost = |node: &usize| failed.contains(*node);
            if free.iter().any(is_lost) && !stays_when_unreachable(index.shape(shape)) {
                let why = format!(
                    "pods of {} are placed on an unreachable node and evicted, again and again",
                    index.name(*workload)
                );
                return Err(refuse(at, why));
            }
            steps.extend(free.iter().map(|node| Step { place, node: *node, evicted: BTreeMap::new() }));
            if !free.is_empty() || !index.shape(shape).preempts {
                continue;
            }
            for node in 0..index.nodes.len() {
                for evicted in self.evictions(at, &mut board, shape, node)? {
                    steps.push(Step { place, node, evicted });
                }
            }
        }
        Ok(steps)
    }

    /// Every smallest set of pods of lower priority on a node without which a pod fits there.
    fn evictions(
        &self,
        at: &str,
        board: &mut Board<'_, '_>,
        shape: usize,
        node: usize,
    ) -> Result<Vec<BTreeMap<usize, i64>>, Rejection> {
        let index = &self.checker.index;
        let lower = board.lower(shape, node);
        if lower.is_empty() || !board.is_eligible(shape, node) || !board.fits_without(shape, node, &lower) {
            return Ok(Vec::new());
        }
        if board.outage.failed.contains(node) {
            return Err(refuse(
                at,
                format!("pods would be evicted from the unreachable node {}", index.node_name(node)),
            ));
        }
        let mut found = Vec::new();
        for gone in subsets(&lower).ok_or_else(|| refuse(at, "there are too many ways to evict pods"))? {
            let is_smallest = |lot: &Lot| {
                let mut fewer = gone.clone();
                fewer.entry(*lot).and_modify(|count| *count = count.saturating_sub(1));
                fewer
            };
            if !board.fits_without(shape, node, &gone) {
                continue;
            }
            if gone.keys().map(is_smallest).any(|fewer| board.fits_without(shape, node, &fewer)) {
                continue;
            }
            let mut evicted = BTreeMap::new();
            for (lot, count) in &gone {
                let place = self.workloads.binary_search(&lot.workload);
                let kind = index.workloads.get(lot.workload).map(|workload| &workload.kind);
                let (Ok(place), false) = (place, kind == Some(&Kind::Pod)) else {
                    let why =
                        format!("pods of {} would be evicted, and do not become pending", index.name(lot.workload));
                    return Err(refuse(at, why));
                };
                evicted.insert(place, i64::try_from(*count).unwrap_or(i64::MAX));
            }
            found.push(evicted);
        }
        Ok(found)
    }

    /// Every non-empty set of at most `count` failed domains leads to a state of the set.
    fn fail_each(&mut self, at: &str, state: &State) -> Result<(), Rejection> {
        let domains = self.question.domains.len();
        let mut sets: Vec<Vec<usize>> = (0..domains).map(|domain| vec![domain]).collect();
        for _ in 0..self.question.count() {
            let mut larger = Vec::new();
            for set in &sets {
                let lost = self.lost(state, set);
                match lost.map_err(|why| refuse(at, why))? {
                    Some(lost) => self.reach(&lost, at)?,
                    // All nodes have failed.
                    None => self.enough(at, 0)?,
                }
                let next = set.last().map_or(0, |last| last.saturating_add(1));
                larger.extend((next..domains).map(|domain| set.iter().copied().chain([domain]).collect::<Vec<_>>()));
            }
            sets = larger;
        }
        Ok(())
    }

    /// The state right after a failure; `None` when no node is left.
    fn lost(&self, state: &State, domains: &[usize]) -> Result<Option<State>, String> {
        let (index, failures) = (&self.checker.index, &self.question.domains);
        let mut lost = state.clone();
        lost.failed = domains.iter().filter_map(|domain| failures.names().get(*domain)).cloned().collect();
        let failed = self.failed_nodes(&lost);
        if (0..index.nodes.len()).all(|node| failed.contains(node)) {
            return Ok(None);
        }
        let is_gone = self.question.phase() == Phase::Removed;
        for (place, workload) in self.workloads.iter().enumerate() {
            if stays_when_unreachable(index.pod_of(*workload)) && !is_gone {
                continue;
            }
            let (Some(alive), Some(dying)) = (lost.alive.get_mut(place), lost.dying.get_mut(place)) else { continue };
            let mut count = 0_i64;
            for node in failed.iter() {
                let here = alive.get(node).copied().unwrap_or(0);
                count = count.saturating_add(here);
                add(alive, node, here.saturating_neg());
                add(dying, node, if is_gone { 0 } else { here });
            }
            if is_replaced(index, *workload, self.question.phase()) {
                add(&mut lost.pending, place, count);
            }
        }
        Ok(Some(lost))
    }
}

fn add(row: &mut [i64], number: usize, by: i64) {
    if let Some(count) = row.get_mut(number) {
        *count = count.saturating_add(by);
    }
}

fn placed(state: &State, step: &Step) -> State {
    let mut next = state.clone();
    for (place, count) in &step.evicted {
        if let Some(row) = next.alive.get_mut(*place) {
            add(row, step.node, count.saturating_neg());
        }
        add(&mut next.pending, *place, *count);
    }
    if let Some(row) = next.alive.get_mut(step.place) {
        add(row, step.node, 1);
    }
    add(&mut next.pending, step.place, -1);
    next
}

/// Every non-empty part of some pods; `None` when there are more than [`WAYS`].
fn subsets(pods: &BTreeMap<Lot, i128>) -> Option<Vec<BTreeMap<Lot, i128>>> {
    let mut parts = vec![BTreeMap::new()];
    for (lot, count) in pods {
        let mut more = Vec::new();
        for part in &parts {
            for taken in 0..=*count {
                let mut part: BTreeMap<Lot, i128> = part.clone();
                if taken > 0 {
                    part.insert(*lot, taken);
                }
                more.push(part);
                if more.len() > WAYS {
                    return None;
                }
            }
        }
        parts = more;
    }
    parts.retain(|part| !part.is_empty());
    Some(parts)
}
