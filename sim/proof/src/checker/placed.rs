//! Why no pod of a workload stays pending: all other pods together cannot keep one off every node.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::crowd::{Crowd, Member};
use super::limits::Limits;
use super::lost::outranked;
use super::node_set::{NodeSet, at};
use super::question::Question;
use super::topology::{Topology, most_touched, smallest, sum_of_largest, sums};
use super::verify::Checker;
use crate::claim::{Phase, Placement};
use crate::evidence::Weights;
use crate::input::{ONCE_BOUND, Pod};
use crate::rejection::Rejection;
use crate::rules::clash;

mod area;
mod facts;
mod spread;

use area::Areas;

pub(crate) use facts::{Facts, Group, Other, Weighed, facts, weighed};

/// Checks that no pod of a workload stays pending at rest while fewer than `bound` of them are bound: before a failure, or after one.
///
/// # Errors
/// What may keep one pending, or what is not carried.
pub(crate) fn placed(
    checker: &Checker<'_>,
    question: &Question<'_>,
    workload: usize,
    (weights, bound): (&Weights, i64),
    moment: Moment,
) -> Result<(), Rejection> {
    let mut waiting = Waiting::new(checker, question, workload, bound, moment)?;
    waiting.weigh(weights)?;
    waiting.find_conflicts();
    match waiting.pod.spread.first() {
        None => waiting.fits_somewhere(),
        Some(spread) => waiting.fits_in_every_domain(spread),
    }
}

/// Before or after the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
}

/// What pods of one kind can hold.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// One of them, weighted.
    each: i128,
    /// How many there are.
    count: i128,
    /// How many of them one node has at most.
    on_one_node: i128,
    /// Their place in the crowd, and that of their class.
    member: usize,
    class: usize,
    /// Where some are although they would not be placed there: the place of these nodes.
    stray: Option<usize>,
}

impl Held {
    /// What they hold of so many nodes, no more than so many of them.
    fn on(&self, nodes: i128, count: i128) -> i128 {
        count.min(self.on_one_node.saturating_mul(nodes)).saturating_mul(self.each)
    }
}

/// A pod of a workload that waits.
struct Waiting<'c, 'a> {
    checker: &'c Checker<'a>,
    question: &'c Question<'c>,
    workload: usize,
    shape: usize,
    pod: &'a Pod,
    crowd: &'c Crowd,
    moment: Moment,
    /// So many of its workload are to be bound.
    bound: i128,
    eligible: NodeSet,
    /// v(n) of each node; 0 where it is not eligible, or where a fixed pod keeps it off.
    value: Vec<i128>,
    /// What others but those of its own workload can hold.
    others: Vec<Held>,
    /// A shape of each class that these are of.
    classes: Vec<usize>,
    /// Nodes where some are although they would not be placed there.
    strays: Vec<&'c [usize]>,
    /// How many of them a domain holds.
    limits: Arc<Limits<'a>>,
    /// What they hold of nodes.
    areas: RefCell<Areas>,
    /// What those of its own workload can hold.
    own: Held,
    /// Topologies over which others may keep it off, and from how many domains.
    conflicts: Vec<(&'c Topology, usize)>,
}

impl<'c, 'a> Waiting<'c, 'a> {
    /// A pod that waits, and where it may run.
    fn new(
        checker: &'c Checker<'a>,
        question: &'c Question<'c>,
        workload: usize,
        bound: i64,
        moment: Moment,
    ) -> Result<Waiting<'c, 'a>, Rejection> {
        let shape = checker.index.shape_of(workload);
        let mut waiting = Waiting {
            checker,
            question,
            workload,
            shape,
            pod: checker.index.shape(shape),
            crowd: checker.crowd(question.placement()),
            moment,
            bound: i128::from(bound),
            eligible: NodeSet::default(),
            value: Vec::new(),
            others: Vec::new(),
            classes: Vec::new(),
            strays: Vec::new(),
            limits: checker.limits(question, moment),
            areas: RefCell::default(),
            own: Held::default(),
            conflicts: Vec::new(),
        };
        waiting.conditions()?;
        waiting.leave_kept_off();
        Ok(waiting)
    }

    fn refuse<T>(&self, why: impl Into<String>) -> Result<T, Rejection> {
        Err(Rejection::Bound { workload: self.checker.index.name(self.workload).to_owned(), why: why.into() })
    }

    fn is_after(&self, phase: Phase) -> bool {
        self.moment == Moment::After && self.question.phase() == phase
    }

    /// Condition 1, and the eligible nodes.
    fn conditions(&mut self) -> Result<(), Rejection> {
        let (index, pod) = (&self.checker.index, self.pod);
        let first = self.moment == Moment::Before
            && matches!(self.question.placement(), Placement::Fresh | Placement::Scheduled)
            && !outranked(self.checker, self.workload);
        if let Some(what) = pod.not_carried.iter().find(|what| !(first && *what == ONCE_BOUND)) {
            return self.refuse(format!("the cluster does not carry its {what}"));
        }
        if !pod.affinity.is_empty() {
            return self.refuse("it has required pod affinity");
        }
        if pod.spread.len() > 1 {
            return self.refuse("it has more than one hard spread constraint");
        }
        let class = index.class(self.shape);
        if self.is_after(Phase::Recovered) && class.schedules_unreachable {
            return self.refuse("it tolerates unreachable nodes");
        }
        let reaches =
            if self.question.placement() == Placement::Reachable { &class.uncordoned } else { &class.eligible };
        if reaches.intersects(&index.not_ready) {
            return self.refuse("it may run on a node that is not ready");
        }
        if reaches.intersects(&class.fleeting) {
            return self.refuse("it bears a taint for some seconds only: it would be evicted again");
        }
        let key = pod.spread.first().map(|spread| index.topology(&spread.topology_key));
        let has_key = |node: &usize| key.is_none_or(|topology| topology.domain(*node).is_some());
        self.eligible = class.eligible.iter().filter(has_key).collect();
        let is_current = self.question.placement() == Placement::Current;
        if is_current && self.checker.existing.terminating_on.intersects(&self.eligible) {
            return self.refuse("terminating pods are on nodes that it may run on");
        }
        Ok(())
    }

    /// How many pods of a member are others: all but the waiting pod itself, and of its own workload no more than are wanted. If a
    /// rollout adds more, then those may wait: as many as are wanted are bound all the same.
    fn count(&self, member: &Member) -> i128 {
        if member.workload == Some(self.workload) { self.siblings() } else { member.count.max(0) }
    }

    /// Nodes in a domain where a fixed pod keeps it off for ever are not among those that it may run on.
    fn leave_kept_off(&mut self) {
        let (index, fixed) = (&self.checker.index, &self.checker.fixed);
        let mut kept_off: BTreeSet<usize> = BTreeSet::new();
        for (topology, shapes) in self.conflicting() {
            let nodes = shapes.iter().flat_map(|shape| fixed.nodes_of_shape(index, *shape));
            let domains: BTreeSet<usize> = nodes.filter_map(|node| topology.domain(node)).collect();
            kept_off.extend(domains.iter().filter_map(|domain| topology.members().get(*domain)).flatten());
        }
        self.eligible = self.eligible.iter().filter(|node| !kept_off.contains(node)).collect();
    }

    /// Topologies with the shapes that may keep it out of a domain, by anti-affinity or a host port.
    fn conflicting(&self) -> Vec<(&'c Topology, BTreeSet<usize>)> {
        let index = &self.checker.index;
        let conflicts = self.checker.selection.conflicts(self.shape).into_iter();
        let mut found: Vec<(&'c Topology, BTreeSet<usize>)> =
            conflicts.map(|(key, shapes)| (index.topology(key), shapes)).collect();
        if !self.pod.host_ports.is_empty() {
            found.push((index.each_node(), self.clashing()));
        }
        found
    }

    /// Shapes whose host ports clash with its own.
    fn clashing(&self) -> BTreeSet<usize> {
        let index = &self.checker.index;
        let clashes = |shape: &usize| {
            let ports = &index.shape(*shape).host_ports;
            ports.iter().any(|port| self.pod.host_ports.iter().any(|own| clash(own, port)))
        };
        (0..index.of_shape.len()).filter(clashes).collect()
    }

    /// Shapes that surely repel it, on whatever eligible node: one of which they do not keep it off holds none of them.
    fn repelled(&self) -> BTreeSet<usize> {
        let index = &self.checker.index;
        let mut found = if self.pod.host_ports.is_empty() { BTreeSet::new() } else { self.clashing() };
        for (key, shapes) in self.checker.selection.sure_conflicts(self.shape) {
            let topology = index.topology(key);
            if self.eligible.iter().all(|node| topology.domain(node).is_some()) {
                found.extend(shapes);
            }
        }
        found
    }

    /// How many pods of a member one node has at most: no more than a domain in which it lies.
    fn on_one_node(&self, (number, member): (usize, &Member)) -> i128 {
        let most = match (self.question.placement(), member.workload) {
            // Pods that are there may be where they would not be placed.
            (Placement::Current, _) | (_, None) => i128::MAX,
            (placement, Some(workload)) => self.checker.most_on_one_node(placement, workload),
        };
        let limits = self.limits.of(number).iter().filter(|_| member.workload != Some(self.workload));
        limits.fold(most, |most, limit| most.min(limit.most))
    }

    /// Members that may hold room where the pod may run, and that it may not evict, with their places in the crowd.
    fn rivals(&self) -> Vec<(usize, &'c Member)> {
        let index = &self.checker.index;
        let is_reachable = self.question.placement() == Placement::Reachable;
        let mut meets: BTreeMap<usize, bool> = BTreeMap::new();
        let (pod, eligible) = (self.pod, &self.eligible);
        let is_rival = |(_, member): &(usize, &Member)| {
            let meets = meets.entry(index.class_number(member.shape)).or_insert_with(|| {
                let class = index.class(member.shape);
                if is_reachable { class.uncordoned.intersects(eligible) } else { class.eligible.intersects(eligible) }
            });
            let is_there = *meets || member.strays.iter().any(|node| eligible.contains(*node));
            is_there && !(pod.preempts && index.shape(member.shape).priority < pod.priority)
        };
        self.crowd.members.iter().enumerate().filter(is_rival).collect()
    }

    /// Conditions 2 and 3: what keeps it off for want of room, and what others can hold.
    fn weigh(&mut self, weights: &Weights) -> Result<(), Rejection> {
        let index = &self.checker.index;
        let requests = index.requests(self.shape);
        let names = |resource: &usize| index.resources.get(*resource).copied().unwrap_or("");
        let is_asked = |name: &str| name == "pods" || requests.iter().any(|(resource, _)| names(resource) == name);
        if let Some(name) = weights.keys().find(|name| !is_asked(name)) {
            return self.refuse(format!("there is a weight for {name}, which it does not ask for"));
        }
        if weights.values().any(|weight| *weight < 1) || !weights.is_empty() && weights.values().fold(0, gcd) != 1 {
            return self.refuse("weights are not positive numbers without a common divisor");
        }
        let weight = |name: &str| weights.get(name).copied().map(i128::from);
        let room = match self.question.placement() {
            Placement::Reachable => &self.checker.fixed.beside_surge,
            Placement::Current | Placement::Scheduled | Placement::Fresh => &self.checker.fixed.beside,
        };
        // By resource asked for, `pods` last: the weight, the request, what others ask for of one node, and the room.
        let mut asked: Vec<(Option<i128>, i128, i128, &[i128])> = Vec::new();
        for (resource, amount) in requests {
            asked.push((weight(names(resource)), i128::from(*amount), 0, room.column(*resource)));
        }
        asked.push((weight("pods"), 1, 0, room.slots()));
        let repelled = self.repelled();
        let rivals = self.rivals().into_iter().filter(|(_, member)| !repelled.contains(&member.shape));
        let mut classes: BTreeMap<usize, usize> = BTreeMap::new();
        for (number, member) in rivals {
            let next = classes.len();
            let class = *classes.entry(index.class_number(member.shape)).or_insert(next);
            if class == next {
                self.classes.push(member.shape);
            }
            let stray = (!member.strays.is_empty()).then_some(self.strays.len());
            self.strays.extend(stray.map(|_| member.strays.as_slice()));
            let (count, on_one_node) = (self.count(member), self.on_one_node((number, member)));
            let mut held = Held { each: 0, count, on_one_node, member: number, class, stray };
            let amounts = requests.iter().map(|(resource, _)| i128::from(index.request(member.shape, *resource)));
            for ((weight, _, demand, _), amount) in asked.iter_mut().zip(amounts.chain([1])) {
                *demand = demand.saturating_add(Held { each: amount, ..held }.on(1, held.count));
                // What keeps it off a node is one resource: a pod counts with the one of which it weighs most.
                held.each = held.each.max(weight.unwrap_or(0).saturating_mul(amount));
            }
            if member.workload == Some(self.workload) {
                self.own = held;
            } else {
                self.others.push(held);
            }
        }
        self.value = vec![0; index.nodes.len()];
        for node in self.eligible.iter() {
            // Without weights nothing can be used up: a node counts as one.
            let mut value = if weights.is_empty() { 1 } else { i128::MAX };
            for (weight, amount, demand, free) in &asked {
                let threshold = at(free, node).saturating_sub(*amount).saturating_add(1).max(0);
                value = match weight {
                    Some(weight) => value.min(weight.saturating_mul(threshold)),
                    None if *demand >= threshold => 0,
                    None => value,
                };
            }
            if let Some(slot) = self.value.get_mut(node) {
                *slot = value;
            }
        }
        // A pod is on one node, and keeps it off no more than that.
        let largest = self.value.iter().copied().max().unwrap_or(0);
        for held in self.others.iter_mut().chain([&mut self.own]) {
            held.each = held.each.min(largest);
        }
        Ok(())
    }

    /// Condition 4: who may keep it off by anti-affinity or a host port, and from how many domains.
    fn find_conflicts(&mut self) {
        for (topology, shapes) in self.conflicting() {
            let kept = self.keepers(topology, &shapes);
            if kept > 0 {
                self.conflicts.push((topology, kept));
            }
        }
    }

    /// From how many domains of a topology pods of these shapes may keep it off.
    fn keepers(&self, topology: &Topology, shapes: &BTreeSet<usize>) -> usize {
        let index = &self.checker.index;
        let is_evicted = |member: &Member| {
            topology.is_single() && self.pod.preempts && index.shape(member.shape).priority < self.pod.priority
        };
        let members = shapes.iter().flat_map(|shape| self.crowd.of_shape.get(shape)).flatten();
        let members = members.filter_map(|number| self.crowd.members.get(*number));
        let others = members.filter(|member| !is_evicted(member)).map(|member| self.count(member));
        let mut kept = usize::try_from(others.fold(0, i128::saturating_add)).unwrap_or(usize::MAX);
        if self.is_after(Phase::Recovered) && !shapes.is_empty() {
            let touched = most_touched(topology, &self.question.domains);
            kept = kept.saturating_add(self.question.count().saturating_mul(touched));
        }
        kept
    }

    /// Condition 5 and 6 within some eligible nodes: whatever fails and whoever is in the way, more room is left than others hold of
    /// the nodes that are left.
    fn has_room(&self, nodes: &[usize], failures: usize, own: i128, within: &str) -> Result<(), Rejection> {
        let area = self.area(nodes);
        let most = self.held(&area, nodes.len(), own);
        let least = self.left(nodes, failures, &self.conflicts);
        let (topology, count) = match self.conflicts.as_slice() {
            _ if least > most => return Ok(()),
            [] => (self.checker.index.each_node(), 0),
            [(topology, count)] => (*topology, (*count).min(nodes.len())),
            _ => return self.require(least, most, within),
        };
        for failed in 0..=failures.min(nodes.len()) {
            for kept_off in 0..=count {
                let gone = smallest(&self.question.domains, nodes, failed).max(smallest(topology, nodes, kept_off));
                let room = self.left(nodes, failed, &[(topology, kept_off)]);
                self.require(room, self.held(&area, nodes.len().saturating_sub(gone), own), within)?;
            }
        }
        Ok(())
    }

    /// What is left of the value of some nodes beside conflicts and failures of so many domains.
    fn left(&self, nodes: &[usize], failures: usize, conflicts: &[(&Topology, usize)]) -> i128 {
        let value = |node: usize| at(&self.value, node);
        let total = nodes.iter().fold(0_i128, |sum, node| sum.saturating_add(value(*node)));
        let taken = |topology: &Topology, count: usize| match count {
            0 => 0,
            _ => sum_of_largest(sums(topology, nodes, value), count),
        };
        let conflicts = conflicts.iter().map(|(topology, count)| taken(topology, *count));
        let failed = taken(&self.question.domains, failures);
        conflicts.chain([failed]).fold(total, i128::saturating_sub)
    }

    fn failures(&self) -> usize {
        match self.moment {
            Moment::Before => 0,
            Moment::After => self.question.count(),
        }
    }

    fn require(&self, room: i128, held: i128, within: &str) -> Result<(), Rejection> {
        if room > held {
            return Ok(());
        }
        let workload = self.checker.index.name(self.workload).to_owned();
        Err(Rejection::MayStayPending { workload, within: within.to_owned(), room, held })
    }

    /// How many pods of its own workload are others.
    fn siblings(&self) -> i128 {
        self.crowd.most(self.workload).min(self.bound).saturating_sub(1).max(0)
    }

    /// Conditions 5 and 6.
    fn fits_somewhere(&self) -> Result<(), Rejection> {
        let nodes: Vec<usize> = self.eligible.iter().collect();
        self.has_room(&nodes, self.failures(), self.siblings(), "")
    }
}

fn gcd(left: i64, right: &i64) -> i64 {
    let (mut left, mut right) = (left, *right);
    while right != 0 {
        (left, right) = (right, left.checked_rem(right).unwrap_or(0));
    }
    left
}
