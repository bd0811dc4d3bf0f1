//! Pods on nodes, group by group, and what may be placed next by hard constraints alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use quorate_proof::evidence::Placing;
use quorate_proof::input::{PodTerm, Spread};

use super::matching::{selects, term_matches, tolerates, unreachable};
use super::problem::{Group, Over, Problem};

/// How many pods are on each node.
pub(super) type OnNodes = BTreeMap<usize, i64>;

/// Where pods are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packing {
    /// For each group: its pods that are alive. Copies share what is equal.
    pub(super) alive: Vec<Arc<OnNodes>>,
    /// Those that are terminating on failed nodes.
    pub(super) dying: Vec<Arc<OnNodes>>,
    /// Those that are pending.
    pub(super) pending: Vec<i64>,
    /// The failed nodes.
    pub(super) failed: BTreeSet<usize>,
    /// Those of them whose objects are gone.
    pub(super) removed: BTreeSet<usize>,
    /// What is left of each resource beside the pods of a node, where that is not what fixed pods leave.
    pub(super) left: BTreeMap<usize, Vec<i64>>,
}

/// A pod of a group takes a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) group: usize,
    pub(super) node: usize,
    /// The pods that it evicts there, by group.
    pub(super) evicted: BTreeMap<usize, i64>,
}

impl Move {
    /// As proof files write it.
    pub(super) fn written(&self, problem: &Problem<'_>) -> Placing {
        let name = |group: usize| problem.groups.get(group).map_or_else(String::new, |own| own.name.to_owned());
        Placing {
            workload: name(self.group),
            node: problem.nodes.get(self.node).map_or_else(String::new, |(name, _)| (*name).to_owned()),
            evicted: self.evicted.iter().map(|(group, count)| (name(*group), *count)).collect(),
        }
    }
}

impl Packing {
    /// Fixed pods on their nodes, `follow`ed groups pending, nothing of the others.
    pub(super) fn empty(problem: &Problem<'_>, follow: impl Fn(usize) -> bool) -> Self {
        let mut packing = Self {
            alive: problem.fixed_pods.clone(),
            dying: vec![Arc::default(); problem.groups.len()],
            pending: vec![0; problem.groups.len()],
            failed: BTreeSet::new(),
            removed: BTreeSet::new(),
            left: BTreeMap::new(),
        };
        for (number, group) in problem.groups.iter().enumerate().filter(|(_, group)| group.is_movable()) {
            if let Some(pending) = packing.pending.get_mut(number).filter(|_| follow(number)) {
                *pending = group.workload.replicas;
            }
        }
        packing
    }

    /// The pods of `group` on nodes, alive or dying.
    fn there(&self, group: usize) -> impl Iterator<Item = (usize, i64)> + '_ {
        let alive = self.alive.get(group).into_iter().flat_map(|on| on.iter());
        let dying = self.dying.get(group).into_iter().flat_map(|on| on.iter());
        alive.chain(dying).map(|(node, count)| (*node, *count)).filter(|(_, count)| *count > 0)
    }

    fn is_gone(&self, node: usize) -> bool {
        self.removed.contains(&node)
    }

    /// Whether a pod of `number` fits `node` now.
    pub(super) fn fits(&self, problem: &Problem<'_>, number: usize, node: usize) -> bool {
        let Some(group) = problem.groups.get(number) else { return false };
        self.takes(problem, group, node)
            && self.has_room(problem, group, node)
            && self.keeps_apart(problem, number, node)
            && self.is_together(problem, number, node)
            && (0..group.shape.spread.len()).all(|position| self.is_even(problem, number, position, node))
    }

    /// Whether `node` is eligible, failed or not.
    pub(super) fn takes(&self, problem: &Problem<'_>, group: &Group<'_>, node: usize) -> bool {
        let may_be_bound = !self.failed.contains(&node) || (!self.is_gone(node) && tolerates_unreachable(group));
        problem.is_eligible(group, node) && may_be_bound
    }

    fn has_room(&self, problem: &Problem<'_>, group: &Group<'_>, node: usize) -> bool {
        let Some(left) = self.left.get(&node).or_else(|| problem.free.get(node)) else { return false };
        left.iter().zip(&group.request).all(|(left, asked)| *asked == 0 || left >= asked)
    }

    /// Host ports and anti-affinity of both sides.
    fn keeps_apart(&self, problem: &Problem<'_>, number: usize, node: usize) -> bool {
        let Some(group) = problem.groups.get(number) else { return false };
        group.conflicts.iter().all(|(over, others)| {
            let Some(domain) = problem.domain(*over, node) else { return true };
            others.iter().all(|other| {
                let mut near = self
                    .there(*other)
                    .filter(|(at, _)| !self.is_gone(*at) && problem.domain(*over, *at) == Some(domain));
                near.next().is_none() || !repels(problem, number, *other, *over)
            })
        })
    }

    /// Required pod affinity.
    fn is_together(&self, problem: &Problem<'_>, number: usize, node: usize) -> bool {
        let Some(group) = problem.groups.get(number) else { return false };
        let terms = &group.shape.affinity;
        if terms.is_empty() {
            return true;
        }
        let domain = |term: &PodTerm, node: usize| problem.domain(Over::Key(&term.topology_key), node);
        if terms.iter().any(|term| domain(term, node).is_none()) {
            return false;
        }
        let means = |other: usize| {
            problem.groups.get(other).is_some_and(|other| {
                terms.iter().all(|term| term_matches(term, other.shape, &problem.cluster.namespaces))
            })
        };
        let meant: Vec<usize> = (0..problem.groups.len()).filter(|other| means(*other)).collect();
        let there: Vec<usize> = meant
            .iter()
            .flat_map(|other| self.there(*other).map(|(at, _)| at))
            .filter(|at| !self.is_gone(*at))
            .collect();
        let counts = terms.iter().any(|term| there.iter().any(|at| domain(term, *at).is_some()));
        if !counts {
            return means(number);
        }
        terms.iter().all(|term| there.iter().any(|at| domain(term, *at) == domain(term, node)))
    }

    /// One hard spread constraint.
    fn is_even(&self, problem: &Problem<'_>, number: usize, position: usize, node: usize) -> bool {
        let Some(group) = problem.groups.get(number) else { return false };
        let Some(spread) = group.shape.spread.get(position) else { return false };
        let key = Over::Key(&spread.topology_key);
        let Some(own) = problem.domain(key, node) else { return false };
        let Some(known) = problem.counted.get(&(number, position)) else { return false };
        // Domains whose nodes have all failed may count no more.
        let some_left_out = !self.failed.is_empty() && (!self.removed.is_empty() || spread.honors_taints);
        let is_counted = |at: usize| {
            known.nodes.get(at).copied().unwrap_or(false) && !self.is_gone(at) && self.honours(spread, group, at)
        };
        let domains = match some_left_out {
            false => known.domains,
            true => {
                let left = (0..problem.nodes.len()).filter(|at| is_counted(*at));
                left.filter_map(|at| problem.domain(key, at)).collect::<BTreeSet<_>>().len()
            }
        };
        let means = |other: &Group<'_>| {
            other.shape.namespace == group.shape.namespace
                && spread.selector.as_ref().is_some_and(|selector| selects(selector, &other.shape.labels))
        };
        let mut counts: BTreeMap<usize, i64> = BTreeMap::new();
        let candidates = group.counted.get(position).into_iter().flatten();
        for other in candidates.filter(|other| problem.groups.get(**other).is_some_and(means)) {
            for (at, count) in self.alive.get(*other).into_iter().flat_map(|on| on.iter()) {
                if let Some(domain) = problem.domain(key, *at).filter(|_| is_counted(*at)) {
                    let sum = counts.entry(domain).or_insert(0);
                    *sum = sum.saturating_add(*count);
                }
            }
        }
        // A domain without any is the smallest.
        let all_have_some = counts.len() >= domains;
        let few = i64::try_from(domains).unwrap_or(i64::MAX) < spread.min_domains;
        let least = if few || !all_have_some { 0 } else { counts.values().copied().min().unwrap_or(0) };
        let here = counts.get(&own).copied().unwrap_or(0);
        here.saturating_add(i64::from(means(group))).saturating_sub(least) <= spread.max_skew
    }

    fn honours(&self, spread: &Spread, group: &Group<'_>, node: usize) -> bool {
        !self.failed.contains(&node) || !spread.honors_taints || tolerates_unreachable(group)
    }

    /// `by` more pods of `number` are on `node`.
    pub(super) fn put(&mut self, problem: &Problem<'_>, number: usize, node: usize, by: i64) {
        if let Some(alive) = self.alive.get_mut(number) {
            change(Arc::make_mut(alive), node, by);
        }
        let request = problem.groups.get(number).map_or(&[][..], |group| &group.request);
        let before = || problem.free.get(node).cloned().unwrap_or_default();
        for (left, asked) in self.left.entry(node).or_insert_with(before).iter_mut().zip(request) {
            *left = left.saturating_sub(asked.saturating_mul(by));
        }
    }

    /// Puts a pod where `step` says.
    pub(super) fn apply(&mut self, problem: &Problem<'_>, step: &Move) {
        for (group, count) in &step.evicted {
            self.put(problem, *group, step.node, count.saturating_neg());
            if let Some(pending) = self.pending.get_mut(*group) {
                *pending = pending.saturating_add(*count);
            }
        }
        self.put(problem, step.group, step.node, 1);
        if let Some(pending) = self.pending.get_mut(step.group) {
            *pending = pending.saturating_sub(1);
        }
    }

    /// Everything that can happen next; empty at rest.
    pub(super) fn moves(&self, problem: &Problem<'_>) -> Vec<Move> {
        let waiting = self.pending.iter().enumerate().filter(|(_, pending)| **pending > 0);
        waiting.flat_map(|(group, _)| self.moves_of(problem, group)).collect()
    }

    /// What can happen next to a pending pod of `number`.
    pub(super) fn moves_of(&self, problem: &Problem<'_>, number: usize) -> Vec<Move> {
        let plain: Vec<Move> = (0..problem.nodes.len())
            .filter(|node| self.fits(problem, number, *node))
            .map(|node| Move { group: number, node, evicted: BTreeMap::new() })
            .collect();
        let preempts = problem.groups.get(number).is_some_and(|group| group.shape.preempts);
        if !plain.is_empty() || !preempts {
            return plain;
        }
        (0..problem.nodes.len()).flat_map(|node| self.preemptions(problem, number, node)).collect()
    }

    /// A fixed pod that a pending pod of `number` may evict, where it fits nowhere: what follows is not told here.
    pub(super) fn evicts_fixed<'p>(&self, problem: &'p Problem<'_>, number: usize) -> Option<&'p str> {
        let group = problem.groups.get(number).filter(|group| group.shape.preempts)?;
        let is_lower = |other: &Group<'_>| other.shape.priority < group.shape.priority;
        let fixed = problem.fixed.iter().find_map(|(fixed, on)| {
            let own = problem.groups.get(*fixed).filter(|own| is_lower(own))?;
            let fits_then = on.iter().any(|node| {
                let mut without = self.clone();
                for (other, own) in problem.groups.iter().enumerate().filter(|(_, own)| is_lower(own)) {
                    let here = without.alive.get(other).and_then(|alive| alive.get(node)).copied().unwrap_or(0);
                    if here > 0 && (own.is_movable() || other == *fixed) {
                        without.put(problem, other, *node, here.saturating_neg());
                    }
                }
                without.fits(problem, number, *node)
            });
            fits_then.then_some(own.name)
        })?;
        (0..problem.nodes.len()).all(|node| !self.fits(problem, number, node)).then_some(fixed)
    }

    fn preemptions(&self, problem: &Problem<'_>, number: usize, node: usize) -> Vec<Move> {
        let Some(group) = problem.groups.get(number) else { return Vec::new() };
        if !self.takes(problem, group, node) || self.failed.contains(&node) {
            return Vec::new();
        }
        let lower = |other: &usize| {
            problem.groups.get(*other).is_some_and(|own| own.is_movable() && own.shape.priority < group.shape.priority)
        };
        let here: Vec<(usize, i64)> = (0..problem.groups.len())
            .filter(lower)
            .filter_map(|other| Some((other, *self.alive.get(other)?.get(&node)?)))
            .filter(|(_, count)| *count > 0)
            .collect();
        let mut found: Vec<Move> = Vec::new();
        for evicted in victim_sets(&here) {
            let step = Move { group: number, node, evicted };
            if self.fits_without(problem, &step) && self.needs_all(problem, &step) {
                found.push(step);
            }
        }
        found
    }

    /// Whether the pod fits once its victims are gone.
    pub(super) fn fits_without(&self, problem: &Problem<'_>, step: &Move) -> bool {
        let mut without = self.clone();
        for (group, count) in &step.evicted {
            without.put(problem, *group, step.node, count.saturating_neg());
        }
        without.fits(problem, step.group, step.node)
    }

    /// Whether it would not fit if any one of them stayed.
    fn needs_all(&self, problem: &Problem<'_>, step: &Move) -> bool {
        step.evicted.keys().all(|victim| {
            let mut fewer = step.clone();
            change(&mut fewer.evicted, *victim, -1);
            !self.fits_without(problem, &fewer)
        })
    }

    /// How many pods of `subject` are available.
    pub(super) fn available(&self, subject: &[usize], failed: &BTreeSet<usize>) -> i64 {
        let on = subject.iter().filter_map(|group| self.alive.get(*group)).flat_map(|on| on.iter());
        on.filter(|(node, _)| !failed.contains(node)).map(|(_, count)| *count).fold(0, i64::saturating_add)
    }
}

/// Whether nothing keeps its pods off a node that is unreachable.
pub(super) fn tolerates_unreachable(group: &Group<'_>) -> bool {
    ["NoSchedule", "NoExecute"].iter().all(|effect| tolerates(&group.shape.tolerations, &unreachable(effect)))
}

pub(super) fn change(counts: &mut BTreeMap<usize, i64>, key: usize, by: i64) {
    let count = counts.entry(key).or_insert(0);
    *count = count.saturating_add(by);
    if *count <= 0 {
        counts.remove(&key);
    }
}

/// Whether a pod of `other` keeps one of `number` out of its domain of `over`, or the other way round.
fn repels(problem: &Problem<'_>, number: usize, other: usize, over: Over<'_>) -> bool {
    let (Some(one), Some(two)) = (problem.groups.get(number), problem.groups.get(other)) else { return false };
    let Over::Key(key) = over else { return true };
    let means = |terms: &[PodTerm], shape| {
        terms
            .iter()
            .filter(|term| term.topology_key == key)
            .any(|term| term_matches(term, shape, &problem.cluster.namespaces))
    };
    means(&one.shape.anti_affinity, two.shape) || means(&two.shape.anti_affinity, one.shape)
}

/// Every choice of victims but the empty one.
fn victim_sets(here: &[(usize, i64)]) -> Vec<BTreeMap<usize, i64>> {
    let mut sets = vec![BTreeMap::new()];
    for (group, count) in here {
        let mut more = Vec::new();
        for set in &sets {
            for number in 0..=*count {
                let mut set: BTreeMap<usize, i64> = set.clone();
                if number > 0 {
                    set.insert(*group, number);
                }
                more.push(set);
            }
        }
        sets = more;
        // So many kinds of pods on one node are not for an exact search.
        sets.truncate(4096);
    }
    sets.retain(|set| !set.is_empty());
    sets
}
