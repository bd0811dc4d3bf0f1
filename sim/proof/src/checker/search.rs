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
use crate::scores::{Moment, Scores};

/// More ways to evict pods from one node are not looked at.
const WAYS: usize = 10_000;

/// Checks that a search decides the claim.
///
/// # Errors
/// What does not hold, and in which state.
pub(crate) fn check(
    checker: &Checker<'_>,
    question: &Question<'_>,
    search: &Search,
    scores: Option<&dyn Scores>,
) -> Result<(), Rejection> {
    let mut workloads = Vec::new();
    for name in &search.workloads {
        let workload = checker.index.workload_number(name).filter(|workload| !checker.index.is_fixed(*workload));
        workloads.push(workload.ok_or_else(|| refuse("workloads", format!("{name} is not there, or not movable")))?);
    }
    require_sorted("workloads", &workloads)?;
    require_sorted("states", &search.states)?;
    followed::check(checker, question, &workloads, search.one_by_one)?;
    let scores = if search.by_score { Some(by_score(checker, question, &workloads, scores)?) } else { None };
    let mut exploration =
        Exploration { checker, question, workloads, search, scores, is_reached: Vec::new(), todo: Vec::new() };
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

/// Scores depend on all pods of the cluster, and say where a scheduler puts pods that nobody moves.
fn by_score<'s>(
    checker: &Checker<'_>,
    question: &Question<'_>,
    workloads: &[usize],
    scores: Option<&'s dyn Scores>,
) -> Result<&'s dyn Scores, Rejection> {
    if question.placement() != Placement::Scheduled {
        return Err(Rejection::Claim("scores decide for placement scheduled only".to_owned()));
    }
    if let Some(missing) = checker.index.movable().find(|workload| workloads.binary_search(workload).is_err()) {
        let name = checker.index.name(missing);
        return Err(refuse("workloads", format!("scores depend on the pods of {name}, which is not followed")));
    }
    scores.ok_or(Rejection::NeedsScores)
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
    /// Where a pod goes of the nodes that it fits; `None`: anywhere.
    scores: Option<&'c dyn Scores>,
    is_reached: Vec<bool>,
    todo: Vec<usize>,
}

/// What one placing makes of a state.
struct Step {
    place: usize,
    node: usize,
    /// Evicted pods, by the place of their workload.
    evicted: BTreeMap<usize, i64>,
    /// Whether it may also never happen: a StatefulSet that has lost a pod may not create the next.
    may_wait: bool,
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
        let is_to_follow = self.search.one_by_one && self.loses_more(&at, state, &failed)?;
        if is_to_follow || steps.iter().any(|step| !step.may_wait) {
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
        let gone: NodeSet = state.removed.iter().filter_map(|name| index.node_number(name)).collect();
        let mut board = Board::new(index, &self.checker.selection, &self.checker.fixed_base);
        board.fail(Outage { failed: failed.clone(), gone: gone.clone() });
        for node in gone.iter() {
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
            let mut free: Vec<usize> = (0..index.nodes.len()).filter(|node| board.fits(shape, *node)).collect();
            if let Some(scores) = self.scores {
                free = self.best(at, (scores, state, failed), place, free)?;
            }
            let may_wait = self.waits_for_lost(state, place, failed);
            let step = |node: &usize| Step { place, node: *node, evicted: BTreeMap::new(), may_wait };
            steps.extend(free.iter().map(step));
            if !free.is_empty() || !index.shape(shape).preempts {
                continue;
            }
            for node in 0..index.nodes.len() {
                for evicted in self.evictions(at, &mut board, shape, node)? {
                    if self.scores.is_some() {
                        return Err(refuse(at, "scores do not say which pods make room for another"));
                    }
                    steps.push(Step { place, node, evicted, may_wait });
                }
            }
        }
        Ok(steps)
    }

    /// Those of the nodes that a pod fits whose scores are the highest.
    fn best(
        &self,
        at: &str,
        (scores, state, failed): (&dyn Scores, &State, &NodeSet),
        pending: usize,
        free: Vec<usize>,
    ) -> Result<Vec<usize>, Rejection> {
        if free.len() < 2 {
            return Ok(free);
        }
        let index = &self.checker.index;
        let failed = failed.iter().map(|node| index.node_name(node).to_owned()).collect();
        let moment = Moment { workloads: &self.search.workloads, state, failed: &failed, pending };
        let best = scores.best(&moment).map_err(|why| refuse(at, why))?;
        let best: Option<Vec<usize>> = best.iter().map(|name| index.node_number(name)).collect();
        match best {
            Some(best) if !best.is_empty() && best.iter().all(|node| free.contains(node)) => Ok(best),
            _ => Err(refuse(at, "the scheduler would choose a node that the pod does not fit")),
        }
    }

    /// Whether a StatefulSet has pods on failed nodes whose objects are there: it may create no other meanwhile.
    fn waits_for_lost(&self, state: &State, place: usize, failed: &NodeSet) -> bool {
        let index = &self.checker.index;
        let workload = self.workloads.get(place).and_then(|workload| index.workloads.get(*workload));
        let rows = [state.alive.get(place), state.dying.get(place)];
        let mut pods = rows.into_iter().flatten().flat_map(|row| row.iter().enumerate());
        workload.is_some_and(|workload| workload.kind == Kind::StatefulSet)
            && pods.any(|(node, count)| *count > 0 && failed.contains(node))
    }

    /// Every eviction from a failed node, and every failed node's object that goes, leads to a state of the set. Whether one of
    /// these is still to come.
    fn loses_more(&mut self, at: &str, state: &State, failed: &NodeSet) -> Result<bool, Rejection> {
        let index = &self.checker.index;
        let is_there = |node: &usize| !state.removed.iter().any(|name| index.node_number(name) == Some(*node));
        let there: Vec<usize> = failed.iter().filter(is_there).collect();
        let mut is_to_come = self.question.phase() == Phase::Removed && !there.is_empty();
        let mut lost = Vec::new();
        for node in there {
            for (place, workload) in self.workloads.iter().enumerate() {
                let alive = state.alive.get(place).map_or(0, |row| list_at(row, node));
                if alive < 1 || stays_when_unreachable(index.pod_of(*workload)) {
                    continue;
                }
                let mut next = state.clone();
                take(&mut next.alive, place, node, -1);
                take(&mut next.dying, place, node, 1);
                if is_replaced(index, *workload, Phase::Recovered) {
                    add(&mut next.pending, place, 1);
                }
                lost.push(next);
                // One that is bound there again is as good as one that is still there.
                is_to_come = is_to_come || !index.class(index.shape_of(*workload)).tolerates_unreachable;
            }
            if self.question.phase() == Phase::Removed {
                lost.push(self.without(state, node));
            }
        }
        lost.iter().try_for_each(|next| self.reach(next, at))?;
        Ok(is_to_come)
    }

    /// A state once a failed node's object is gone, and all pods there with it.
    fn without(&self, state: &State, node: usize) -> State {
        let index = &self.checker.index;
        let mut next = state.clone();
        next.removed.push(index.node_name(node).to_owned());
        next.removed.sort_unstable();
        for (place, workload) in self.workloads.iter().enumerate() {
            let count = |rows: &[Vec<i64>]| rows.get(place).map_or(0, |row| list_at(row, node));
            let (alive, dying) = (count(&state.alive), count(&state.dying));
            take(&mut next.alive, place, node, alive.saturating_neg());
            take(&mut next.dying, place, node, dying.saturating_neg());
            let early = if is_replaced(index, *workload, Phase::Recovered) { dying } else { 0 };
            if is_replaced(index, *workload, Phase::Removed) {
                add(&mut next.pending, place, alive.saturating_add(dying).saturating_sub(early));
            }
        }
        next
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
        let is_lost = board.outage.failed.contains(node);
        let lower = if is_lost { board.lower_or_dying(shape, node) } else { board.lower(shape, node) };
        if lower.is_empty() || !board.is_eligible(shape, node) || !board.fits_without(shape, node, &lower) {
            return Ok(Vec::new());
        }
        if is_lost {
            let node = index.node_name(node);
            return Err(refuse(at, format!("a pod would wait for others on the unreachable node {node} to terminate")));
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
        if self.search.one_by_one {
            return Ok(Some(lost));
        }
        let is_gone = self.question.phase() == Phase::Removed;
        if is_gone {
            lost.removed = failed.iter().map(|node| index.node_name(node).to_owned()).collect();
        }
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

fn list_at(row: &[i64], number: usize) -> i64 {
    row.get(number).copied().unwrap_or(0)
}

fn take(rows: &mut [Vec<i64>], place: usize, node: usize, by: i64) {
    if let Some(row) = rows.get_mut(place) {
        add(row, node, by);
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
