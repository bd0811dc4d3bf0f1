//! Exact search: every state that any order of placing can reach, for clusters that are small enough.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quorate_proof::claim::{Claim, Phase, Placement};
use quorate_proof::evidence::{Search, State};

use super::bound::failing;
use super::followed::{BEYOND_HOPE, can_be_searched, digits, expected_states, followed};
use super::packing::{Move, OnNodes, Packing};
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

/// A set of failed domains, with the nodes that it takes.
type FailureSet = (BTreeSet<usize>, BTreeSet<usize>);

/// A state, the one that it came from, and what was done there.
type Known = (Packing, Option<(usize, Option<Move>)>);

struct Walk<'p, 'a> {
    problem: &'p Problem<'a>,
    claim: &'p Claim,
    subject: &'p [usize],
    follow: &'p BTreeSet<usize>,
    limit: usize,
    states: Vec<Known>,
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
        sets: &[FailureSet],
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
        sets: &[FailureSet],
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
    fn failure_sets(&self) -> Vec<FailureSet> {
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

    fn closed(&self, sets: &[FailureSet]) -> Search {
        let name = |group: &usize| self.problem.groups.get(*group).map_or_else(String::new, |own| own.name.to_owned());
        let nodes = self.problem.nodes.len();
        let row = |on: Option<&OnNodes>| -> Vec<i64> {
            (0..nodes).map(|node| on.and_then(|on| on.get(&node)).copied().unwrap_or(0)).collect()
        };
        let write = |(packing, _): &Known| {
            let domains = sets.iter().find(|(_, nodes)| *nodes == packing.failed).map(|(domains, _)| domains);
            let mut failed: Vec<String> =
                domains.into_iter().flatten().map(|domain| domain_name(self.problem, self.claim, *domain)).collect();
            failed.sort_unstable();
            State {
                failed,
                alive: self.follow.iter().map(|group| row(packing.alive.get(*group).map(|on| &**on))).collect(),
                dying: self.follow.iter().map(|group| row(packing.dying.get(*group).map(|on| &**on))).collect(),
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
pub(super) fn failure_sets(problem: &Problem<'_>, claim: &Claim) -> Vec<FailureSet> {
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
