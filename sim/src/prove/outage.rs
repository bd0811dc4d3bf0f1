//! What becomes of failed nodes and of the pods there, event by event.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_proof::claim::Phase;
use quorate_proof::cluster::Kind;
use quorate_proof::evidence;

use super::packing::{Move, Packing, change};
use super::problem::{Group, Problem};

/// Something that happens after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A pod is placed.
    Place(Move),
    /// Pods of a group on a failed node are evicted: they terminate there.
    Evict { group: usize, node: usize, pods: i64 },
    /// The object of a failed node goes, and all pods there with it.
    Remove { node: usize },
}

impl Event {
    /// As proof files write it.
    pub(super) fn written(&self, problem: &Problem<'_>) -> evidence::Event {
        let name = |node: &usize| problem.nodes.get(*node).map_or_else(String::new, |(name, _)| (*name).to_owned());
        match self {
            Self::Place(step) => evidence::Event::Placed(step.written(problem)),
            Self::Evict { group, node, pods } => evidence::Event::Evicted {
                workload: problem.groups.get(*group).map_or_else(String::new, |group| group.name.to_owned()),
                node: name(node),
                pods: *pods,
            },
            Self::Remove { node } => evidence::Event::Removed { node: name(node) },
        }
    }
}

impl Packing {
    /// Makes it happen.
    pub(super) fn happen(&mut self, problem: &Problem<'_>, event: &Event) {
        match event {
            Event::Place(step) => self.apply(problem, step),
            Event::Evict { group, node, pods } => self.evict(problem, *group, *node, *pods),
            Event::Remove { node } => self.remove(problem, &BTreeSet::from([*node])),
        }
    }

    fn evict(&mut self, problem: &Problem<'_>, number: usize, node: usize, pods: i64) {
        if let Some(alive) = self.alive.get_mut(number) {
            change(Arc::make_mut(alive), node, pods.saturating_neg());
        }
        if let Some(dying) = self.dying.get_mut(number) {
            change(Arc::make_mut(dying), node, pods);
        }
        let is_replaced = problem.groups.get(number).is_some_and(is_replaced_at_once);
        if let Some(pending) = self.pending.get_mut(number).filter(|_| is_replaced) {
            *pending = pending.saturating_add(pods);
        }
    }

    /// The objects of failed nodes go, and all pods there with them.
    fn remove(&mut self, problem: &Problem<'_>, nodes: &BTreeSet<usize>) {
        self.removed.extend(nodes);
        self.left.retain(|node, _| !nodes.contains(node));
        for (number, group) in problem.groups.iter().enumerate() {
            let alive = self.alive.get_mut(number).map_or(0, |on| take(on, nodes));
            let dying = self.dying.get_mut(number).map_or(0, |on| take(on, nodes));
            let replaced = match group.workload.kind {
                Kind::StatefulSet => alive.saturating_add(dying),
                _ if is_replaced_at_once(group) => alive,
                _ => 0,
            };
            if let Some(pending) = self.pending.get_mut(number) {
                *pending = pending.saturating_add(replaced);
            }
        }
    }

    /// What may become of failed nodes and their pods next.
    pub(super) fn losses(&self, problem: &Problem<'_>, phase: Phase) -> Vec<Event> {
        let mut losses = Vec::new();
        for node in self.failed.difference(&self.removed) {
            let there = |group: &usize| self.alive.get(*group).is_some_and(|alive| alive.contains_key(node));
            let groups = self.evicted_groups(problem).map(|(group, _)| group).filter(there);
            losses.extend(groups.map(|group| Event::Evict { group, node: *node, pods: 1 }));
            if phase == Phase::Removed {
                losses.push(Event::Remove { node: *node });
            }
        }
        losses
    }

    /// The groups whose pods are evicted from failed nodes, and that have pods.
    fn evicted_groups<'p>(&'p self, problem: &'p Problem<'_>) -> impl Iterator<Item = (usize, &'p Group<'p>)> + 'p {
        let groups = problem.groups.iter().enumerate().filter(|(_, group)| group.is_movable() && !group.stays);
        groups.filter(|(number, _)| self.alive.get(*number).is_some_and(|alive| !alive.is_empty()))
    }

    /// The state once `nodes` have failed, and all has happened to their pods that has to; and what that was.
    pub(super) fn after(&self, problem: &Problem<'_>, nodes: &BTreeSet<usize>, phase: Phase) -> (Self, Vec<Event>) {
        let mut after = self.clone();
        after.failed.clone_from(nodes);
        match phase {
            Phase::Instant | Phase::Progress => (after, Vec::new()),
            Phase::Recovered => {
                let mut events = Vec::new();
                // Pods that may be bound there again are as good as those that are still there.
                for (group, _) in self.evicted_groups(problem).filter(|(_, group)| !group.returns) {
                    for (node, pods) in self.alive.get(group).into_iter().flat_map(|alive| alive.iter()) {
                        if nodes.contains(node) {
                            events.push(Event::Evict { group, node: *node, pods: *pods });
                        }
                    }
                }
                for event in &events {
                    after.happen(problem, event);
                }
                (after, events)
            }
            Phase::Removed => {
                after.remove(problem, nodes);
                (after, nodes.iter().map(|node| Event::Remove { node: *node }).collect())
            }
        }
    }

    /// Whether a StatefulSet has pods on failed nodes whose objects are there: it may create no other meanwhile.
    pub(super) fn waits_for_lost(&self, problem: &Problem<'_>, number: usize) -> bool {
        let is_set = problem.groups.get(number).is_some_and(|group| group.workload.kind == Kind::StatefulSet);
        let there = |node: &usize| {
            let rows = [self.alive.get(number), self.dying.get(number)];
            rows.into_iter().flatten().any(|on| on.contains_key(node))
        };
        is_set && self.failed.difference(&self.removed).any(there)
    }

    /// A failed node on which a pending pod of `number` might wait for pods of lower priority to terminate, which they never do.
    pub(super) fn waits_on(&self, problem: &Problem<'_>, number: usize) -> Option<usize> {
        let group = problem.groups.get(number).filter(|group| group.shape.preempts && group.returns)?;
        let mut lost = self.failed.difference(&self.removed).copied();
        let waits = |node: &usize| {
            let mut without = self.clone();
            let mut is_any_lower = false;
            for (other, own) in problem.groups.iter().enumerate() {
                if own.shape.priority >= group.shape.priority {
                    continue;
                }
                let alive = without.alive.get(other).and_then(|on| on.get(node)).copied().unwrap_or(0);
                without.put(problem, other, *node, alive.saturating_neg());
                let dying = without.dying.get_mut(other).map_or(0, |on| take(on, &BTreeSet::from([*node])));
                without.give_back(problem, own, *node, dying);
                is_any_lower = is_any_lower || alive > 0 || dying > 0;
            }
            is_any_lower && without.fits(problem, number, *node)
        };
        lost.find(waits).filter(|_| (0..problem.nodes.len()).all(|node| !self.fits(problem, number, node)))
    }

    /// The room of pods on a node that are no longer counted there.
    fn give_back(&mut self, problem: &Problem<'_>, group: &Group<'_>, node: usize, pods: i64) {
        let before = || problem.free.get(node).cloned().unwrap_or_default();
        for (left, asked) in self.left.entry(node).or_insert_with(before).iter_mut().zip(&group.request) {
            *left = left.saturating_add(asked.saturating_mul(pods));
        }
    }
}

/// Whether pods that are evicted from a lost node are replaced while they terminate there.
fn is_replaced_at_once(group: &Group<'_>) -> bool {
    match group.workload.kind {
        Kind::Deployment | Kind::ReplicaSet | Kind::Job => true,
        Kind::StatefulSet | Kind::DaemonSet | Kind::Pod | Kind::Static(_) => false,
    }
}

/// Takes what is on some nodes away.
fn take(on: &mut Arc<BTreeMap<usize, i64>>, nodes: &BTreeSet<usize>) -> i64 {
    if !on.keys().any(|node| nodes.contains(node)) {
        return 0;
    }
    let mut taken = 0_i64;
    Arc::make_mut(on).retain(|node, pods| {
        let is_taken = nodes.contains(node);
        taken = taken.saturating_add(if is_taken { *pods } else { 0 });
        !is_taken
    });
    taken
}
