//! Exact search: every state that any order of placing can reach, for clusters that are small enough.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quorate_proof::claim::{Claim, Domain, Phase, Placement};
use quorate_proof::evidence::{Search, State};

use super::bound::failing;
use super::matching::{tolerates, tolerates_for_ever, unreachable};
use super::packing::{Move, OnNodes, Packing};
use super::placed::{Loss, is_replaced};
use super::problem::{Over, Problem};

/// What a search has found.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// The claim holds: every state that there is.
    Closed(Search),
    /// It does not: placements, the failed nodes, placements after that, and so many are available.
    Broken(Broken),
}

/// A way to break a claim.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    /// Placements before the failure.
    pub(super) before: Vec<Move>,
    /// The failed domains, by number.
    pub(super) failed: BTreeSet<usize>,
    /// Placements after the failure.
    pub(super) after: Vec<Move>,
    /// So many pods of the subject are available then.
    pub(super) available: i64,
}

/// Searches all states.
///
/// # Errors
/// Why it cannot, or that there are more than `limit` states.
pub(super) fn search(problem: &Problem<'_>, claim: &Claim, subject: &[usize], limit: usize) -> Result<Found, String> {
    let follow = followed(problem, subject);
    can_be_searched(problem, claim, &follow)?;
    let expected = expected_states(problem, &follow);
    if expected > limit.saturating_mul(BEYOND_HOPE) {
        return Err(format!(
            "there are some 10^{} ways to place the pods that can get into each other's way",
            digits(expected)
        ));
    }
    let start = match claim.placement {
        Placement::Current => problem.present(&follow)?,
        Placement::Scheduled | Placement::Fresh => Packing::empty(problem, |group| follow.contains(&group)),
        Placement::Reachable => return Err("histories are not searched".to_owned()),
    };
    Walk { problem, claim, subject, follow: &follow, limit, states: Vec::new(), known: BTreeMap::new() }.run(start)
}

/// A search that is expected to find so many times more states than its limit is not begun.
const BEYOND_HOPE: usize = 20;

/// About how many ways there are to place the pods of some groups, constraints aside.
fn expected_states(problem: &Problem<'_>, follow: &BTreeSet<usize>) -> usize {
    let ways = |number: &usize| {
        let Some(group) = problem.groups.get(*number) else { return 1 };
        let nodes = problem.eligible_nodes(group).count();
        let pods = usize::try_from(group.workload.replicas).unwrap_or(usize::MAX).min(1_000);
        // Pods that are alike over nodes and "not yet": multisets.
        (1..=pods)
            .fold(1_usize, |ways, pod| ways.saturating_mul(nodes.saturating_add(pod)).checked_div(pod).unwrap_or(ways))
    };
    follow.iter().map(ways).fold(1, usize::saturating_mul)
}

fn digits(number: usize) -> u32 {
    number.checked_ilog10().unwrap_or(0)
}

fn can_be_searched(problem: &Problem<'_>, claim: &Claim, follow: &BTreeSet<usize>) -> Result<(), String> {
    if let Some(obstacle) = &problem.obstacle {
        return Err(obstacle.clone());
    }
    for group in follow.iter().filter_map(|number| problem.groups.get(*number)) {
        let is_replaced = claim.phase != Phase::Instant && is_replaced(&group.workload.kind, claim.phase);
        let first = !is_replaced && matches!(claim.placement, Placement::Fresh | Placement::Scheduled);
        if let Some(what) = problem.unknown(group, first) {
            return Err(format!("where pods of {} may run depends on {what}, which is not modelled here", group.name));
        }
    }
    if claim.phase != Phase::Instant {
        if problem.cluster.nodes.values().any(|node| !node.ready) {
            return Err("not all nodes are ready to begin with".to_owned());
        }
        let (over, count) = failing(claim);
        if claim.phase == Phase::Recovered && problem.may_stop_evictions(&Loss { over, count, phase: claim.phase }) {
            return Err("Kubernetes evicts nothing while most of a small zone is lost".to_owned());
        }
        one_after_the_other(problem, claim, follow)?;
    }
    Ok(())
}

/// After a failure pods are evicted one after the other, and nodes' objects go before or after that; the search has it all happen at
/// once, which must make no difference (docs/proofs.md, *Search*).
fn one_after_the_other(problem: &Problem<'_>, claim: &Claim, follow: &BTreeSet<usize>) -> Result<(), String> {
    let is_one_node = claim.failures.domain == Domain::Node && claim.failures.count <= 1;
    let groups = || follow.iter().filter_map(|number| Some((*number, problem.groups.get(*number)?)));
    let highest = groups().filter(|(_, group)| group.shape.preempts).map(|(_, group)| group.shape.priority).max();
    let lowest = groups().map(|(_, group)| group.shape.priority).min();
    let evicts = highest.zip(lowest).is_some_and(|(highest, lowest)| highest > lowest);
    for (number, group) in groups() {
        let shape = group.shape;
        let counts_others = group.counted.iter().any(|counted| counted.iter().any(|other| *other != number));
        if !shape.spread.is_empty() && (!is_one_node || counts_others) {
            return Err(format!(
                "what the spread constraints of {} allow depends on the order of evictions",
                group.name
            ));
        }
        let is_bound_there =
            ["NoSchedule", "NoExecute"].iter().all(|effect| tolerates(&shape.tolerations, &unreachable(effect)));
        if is_bound_there && !tolerates_for_ever(&shape.tolerations, &unreachable("NoExecute")) {
            return Err(format!(
                "pods of {} may be bound to an unreachable node and evicted, again and again",
                group.name
            ));
        }
        let is_local = shape.anti_affinity.iter().all(|term| problem.is_single(Over::Key(&term.topology_key)));
        let unreachable_for_ever = tolerates_for_ever(&shape.tolerations, &unreachable("NoExecute"))
            || tolerates(&shape.tolerations, &unreachable("NoSchedule"));
        let is_simple = shape.affinity.is_empty()
            && shape.spread.iter().all(|spread| spread.min_domains <= 1)
            && !unreachable_for_ever
            && !(evicts && !(is_local && shape.spread.is_empty()));
        if claim.phase == Phase::Removed && !is_simple {
            return Err(format!(
                "where pods of {} are placed depends on when the objects of lost nodes go",
                group.name
            ));
        }
    }
    Ok(())
}

/// The groups of the subject, and all that can get into each other's way.
pub(super) fn followed(problem: &Problem<'_>, subject: &[usize]) -> BTreeSet<usize> {
    let tight = tight_nodes(problem);
    let mut followed: BTreeSet<usize> = subject.iter().copied().collect();
    let mut waiting: Vec<usize> = subject.to_vec();
    while let Some(number) = waiting.pop() {
        for other in 0..problem.groups.len() {
            let is_movable = problem.groups.get(other).is_some_and(super::problem::Group::is_movable);
            if is_movable && !followed.contains(&other) && interfere(problem, number, other, &tight) {
                followed.insert(other);
                waiting.push(other);
            }
        }
    }
    followed
}

/// For each node whether all pods that may come there do not fit together.
fn tight_nodes(problem: &Problem<'_>) -> Vec<bool> {
    let is_tight = |(node, free): (usize, &Vec<i64>)| {
        let mut asked = vec![0_i64; free.len()];
        for group in problem.groups.iter().filter(|group| group.is_movable() && problem.is_eligible(group, node)) {
            for (sum, amount) in asked.iter_mut().zip(&group.request) {
                *sum = sum.saturating_add(amount.saturating_mul(group.workload.replicas));
            }
        }
        asked.iter().zip(free).any(|(asked, free)| asked > free)
    };
    problem.free.iter().enumerate().map(is_tight).collect()
}

fn interfere(problem: &Problem<'_>, one: usize, other: usize, tight: &[bool]) -> bool {
    let (Some(own), Some(theirs)) = (problem.groups.get(one), problem.groups.get(other)) else { return false };
    let conflict = own.conflicts.values().any(|others| others.contains(&other));
    let counts = own.counted.iter().any(|counted| counted.contains(&other))
        || theirs.counted.iter().any(|counted| counted.contains(&one));
    let together = |terms: &[quorate_proof::input::PodTerm], shape| {
        terms.iter().any(|term| super::matching::term_may_match(term, shape, &problem.cluster.namespaces))
    };
    let affinity = together(&own.shape.affinity, theirs.shape) || together(&theirs.shape.affinity, own.shape);
    let room = tight
        .iter()
        .enumerate()
        .any(|(node, is_tight)| *is_tight && problem.is_eligible(own, node) && problem.is_eligible(theirs, node));
    conflict || counts || affinity || room
}

struct Walk<'p, 'a> {
    problem: &'p Problem<'a>,
    claim: &'p Claim,
    subject: &'p [usize],
    follow: &'p BTreeSet<usize>,
    limit: usize,
    /// Every state with the one that it came from and what was done there.
    states: Vec<(Packing, Option<(usize, Option<Move>)>)>,
    known: BTreeMap<Packing, usize>,
}

impl Walk<'_, '_> {
    fn run(mut self, start: Packing) -> Result<Found, String> {
        let sets = self.failure_sets();
        let mut waiting = VecDeque::from([0]);
        self.states.push((start.clone(), None));
        self.known.insert(start, 0);
        let mut worst: Option<(Order, usize, BTreeSet<usize>)> = None;
        while let Some(number) = waiting.pop_front() {
            let Some((packing, _)) = self.states.get(number) else { continue };
            let packing = packing.clone();
            let moves = packing.moves(self.problem);
            let in_wait = self.follow.iter().filter(|group| packing.pending.get(**group).is_some_and(|own| *own > 0));
            if let Some(fixed) = in_wait.filter_map(|group| packing.evicts_fixed(self.problem, *group)).next() {
                return Err(format!("pods of {fixed} may be evicted"));
            }
            if moves.is_empty() {
                self.judge(number, &packing, &sets, &mut worst);
                if packing.failed.is_empty() && self.claim.phase != Phase::Instant {
                    self.judge_total_loss(number, &sets, &mut worst);
                    let partial = |nodes: &BTreeSet<usize>| !nodes.is_empty() && nodes.len() < self.problem.nodes.len();
                    let partial: Vec<&BTreeSet<usize>> =
                        sets.iter().map(|(_, nodes)| nodes).filter(|nodes| partial(nodes)).collect();
                    for nodes in partial {
                        let after = packing.after(self.problem, nodes, self.claim.phase);
                        self.add(after, number, None, &mut waiting)?;
                    }
                }
            }
            for step in moves {
                let mut next = packing.clone();
                next.apply(self.problem, &step);
                self.add(next, number, Some(step), &mut waiting)?;
            }
        }
        Ok(match worst {
            Some((order, number, failed)) => Found::Broken(self.broken(number, failed, order.available)),
            None => Found::Closed(self.closed(&sets)),
        })
    }

    fn add(
        &mut self,
        packing: Packing,
        from: usize,
        step: Option<Move>,
        waiting: &mut VecDeque<usize>,
    ) -> Result<(), String> {
        if self.known.contains_key(&packing) {
            return Ok(());
        }
        let number = self.states.len();
        if number >= self.limit {
            return Err(format!("more than {} states", self.limit));
        }
        self.known.insert(packing.clone(), number);
        self.states.push((packing, Some((from, step))));
        waiting.push_back(number);
        Ok(())
    }

    /// Keeps the worst way to break the claim at rest.
    fn judge(
        &self,
        number: usize,
        packing: &Packing,
        sets: &[(BTreeSet<usize>, BTreeSet<usize>)],
        worst: &mut Option<(Order, usize, BTreeSet<usize>)>,
    ) {
        let now = sets.iter().filter(|(_, nodes)| match self.claim.phase {
            Phase::Instant => true,
            Phase::Recovered | Phase::Removed => *nodes == packing.failed,
        });
        for (domains, nodes) in now {
            let available = packing.available(self.subject, nodes);
            if available >= self.claim.at_least {
                continue;
            }
            let order = Order { failures: domains.len(), steps: number, available };
            if worst.as_ref().is_none_or(|(least, ..)| order < *least) {
                *worst = Some((order, number, domains.clone()));
            }
        }
    }

    /// Where all nodes fail nothing is available, and nothing follows.
    fn judge_total_loss(
        &self,
        number: usize,
        sets: &[(BTreeSet<usize>, BTreeSet<usize>)],
        worst: &mut Option<(Order, usize, BTreeSet<usize>)>,
    ) {
        let total = sets.iter().find(|(_, nodes)| nodes.len() == self.problem.nodes.len());
        if let Some((domains, _)) = total.filter(|_| self.claim.at_least > 0) {
            let order = Order { failures: domains.len(), steps: number, available: 0 };
            if worst.as_ref().is_none_or(|(least, ..)| order < *least) {
                *worst = Some((order, number, domains.clone()));
            }
        }
    }

    /// Every set of at most so many failed domains, with the nodes that it takes; the smallest first.
    fn failure_sets(&self) -> Vec<(BTreeSet<usize>, BTreeSet<usize>)> {
        failure_sets(self.problem, self.claim)
    }

    fn broken(&self, number: usize, failed: BTreeSet<usize>, available: i64) -> Broken {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut at = number;
        while let Some((packing, Some((from, step)))) = self.states.get(at) {
            if let Some(step) = step {
                if packing.failed.is_empty() { before.push(step.clone()) } else { after.push(step.clone()) }
            }
            at = *from;
        }
        before.reverse();
        after.reverse();
        Broken { before, failed, after, available }
    }

    fn closed(&self, sets: &[(BTreeSet<usize>, BTreeSet<usize>)]) -> Search {
        let name = |group: &usize| self.problem.groups.get(*group).map_or_else(String::new, |own| own.name.to_owned());
        let nodes = self.problem.nodes.len();
        let row = |on: Option<&OnNodes>| -> Vec<i64> {
            (0..nodes).map(|node| on.and_then(|on| on.get(&node)).copied().unwrap_or(0)).collect()
        };
        let write = |(packing, _): &(Packing, _)| {
            let domains = sets.iter().find(|(_, nodes)| *nodes == packing.failed).map(|(domains, _)| domains);
            let mut failed: Vec<String> =
                domains.into_iter().flatten().map(|domain| domain_name(self.problem, self.claim, *domain)).collect();
            failed.sort_unstable();
            State {
                failed,
                alive: self.follow.iter().map(|group| row(packing.alive.get(*group))).collect(),
                dying: self.follow.iter().map(|group| row(packing.dying.get(*group))).collect(),
                pending: self.follow.iter().map(|group| packing.pending.get(*group).copied().unwrap_or(0)).collect(),
            }
        };
        let mut states: Vec<State> = self.states.iter().map(write).collect();
        states.sort_unstable();
        Search { workloads: self.follow.iter().map(name).collect(), states }
    }
}

/// Fewest failures, then the shortest way, then the fewest left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Order {
    failures: usize,
    steps: usize,
    available: i64,
}

/// Every set of at most so many failed domains, with the nodes that it takes; the smallest first.
pub(super) fn failure_sets(problem: &Problem<'_>, claim: &Claim) -> Vec<(BTreeSet<usize>, BTreeSet<usize>)> {
    let (over, count) = failing(claim);
    let domains = problem.domain_count(over);
    let mut sets: Vec<BTreeSet<usize>> = vec![BTreeSet::new()];
    let mut last = sets.clone();
    for _ in 0..count {
        let mut larger = Vec::new();
        for set in &last {
            let first = set.last().map_or(0, |largest| largest.saturating_add(1));
            larger.extend((first..domains).map(|domain| {
                let mut set = set.clone();
                set.insert(domain);
                set
            }));
        }
        sets.extend(larger.iter().cloned());
        last = larger;
    }
    let nodes = |set: &BTreeSet<usize>| nodes_of(problem, over, set);
    sets.into_iter().map(|set| (set.clone(), nodes(&set))).collect()
}

/// The nodes of some domains.
pub(super) fn nodes_of(problem: &Problem<'_>, over: Over<'_>, domains: &BTreeSet<usize>) -> BTreeSet<usize> {
    let is_in = |node: &usize| problem.domain(over, *node).is_some_and(|domain| domains.contains(&domain));
    (0..problem.nodes.len()).filter(is_in).collect()
}

/// The name of a failure domain: a node, or the value of the label.
pub(super) fn domain_name(problem: &Problem<'_>, claim: &Claim, domain: usize) -> String {
    let (over, _) = failing(claim);
    let mut members = problem.nodes.iter().enumerate().filter(|(node, _)| problem.domain(over, *node) == Some(domain));
    let Some((_, (name, node))) = members.next() else { return String::new() };
    match over {
        Over::Node => (*name).to_owned(),
        Over::Key(key) => node.labels.get(key).cloned().unwrap_or_default(),
    }
}

impl Problem<'_> {
    /// The pods that are there, of the groups that are followed.
    pub(super) fn present(&self, follow: &BTreeSet<usize>) -> Result<Packing, String> {
        let mut packing = Packing::empty(self, |_| false);
        for (name, pod) in &self.cluster.pods {
            let Some(number) = self.group(&pod.workload) else { continue };
            let Some(group) = self.groups.get(number).filter(|group| group.is_movable()) else { continue };
            if !follow.contains(&number) {
                continue;
            }
            if pod.terminating || pod.shape != group.workload.shape {
                return Err(format!("pod {name} is terminating, or not of the present revision"));
            }
            let node = pod.node.as_ref().and_then(|node| self.nodes.iter().position(|(own, _)| own == node));
            match node {
                Some(node) => packing.put(self, number, node, 1),
                None => {
                    if let Some(pending) = packing.pending.get_mut(number) {
                        *pending = pending.saturating_add(1);
                    }
                }
            }
        }
        for number in follow {
            let there = self.existing.get(*number).map_or(0, |existing| existing.alive);
            let Some(group) = self.groups.get(*number) else { continue };
            if there > group.workload.replicas {
                return Err(format!("{} has more pods than it wants", group.name));
            }
            if let Some(pending) = packing.pending.get_mut(*number) {
                *pending = pending.saturating_add(group.workload.replicas.saturating_sub(there));
            }
        }
        Ok(packing)
    }
}
