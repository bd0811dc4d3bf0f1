//! Exact search: every state that any order of placing can reach, for clusters that are small enough.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use quorate_proof::claim::{Claim, Phase, Placement};
use quorate_proof::evidence::{Search, State};
use quorate_proof::scores::{Moment, Scores};

use super::bound::failing;
use super::followed::{BEYOND_HOPE, all_at_once, can_be_searched, digits, expected_states, followed};
use super::outage::Event;
use super::packing::{Move, OnNodes, Packing};
use super::problem::{Group, Over, Problem};

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
    /// What happens after the failure.
    pub(super) after: Vec<Event>,
    /// So many pods of the subject are available then.
    pub(super) available: i64,
}

/// Searches all states that the scheduler's scores lead to, from an empty cluster.
///
/// # Errors
/// Why it cannot, or that there are more than `limit` states.
pub(super) fn search_by_score(
    problem: &Problem<'_>,
    claim: &Claim,
    subject: &[usize],
    limit: usize,
    scores: &dyn Scores,
) -> Result<Found, String> {
    let all = (0..problem.groups.len()).filter(|group| problem.groups.get(*group).is_some_and(Group::is_movable));
    let follow: BTreeSet<usize> = all.collect();
    can_be_searched(problem, claim, &follow)?;
    // Whatever number of pods of each workload has been made so far: where all find a place there are as many states at least.
    let made = |group: &usize| problem.groups.get(*group).map_or(0, |own| own.workload.replicas.saturating_add(1));
    let numbers = follow.iter().map(made).fold(1_i64, i64::saturating_mul);
    if usize::try_from(numbers).unwrap_or(usize::MAX) > limit {
        return Err(format!("more than {limit} states"));
    }
    let start = Packing::empty(problem, |group| follow.contains(&group));
    Walk::new((problem, claim, subject, &follow), limit, Some(scores)).run(start)
}

/// Searches all states.
///
/// # Errors
/// Why it cannot, or that there are more than `limit` states.
pub(super) fn search(problem: &Problem<'_>, claim: &Claim, subject: &[usize], limit: usize) -> Result<Found, String> {
    let too_many = |follow: &BTreeSet<usize>| {
        let expected = expected_states(problem, follow);
        let why = || {
            format!("there are more than 10^{} ways to place pods that can get into each other's way", digits(expected))
        };
        (expected > limit.saturating_mul(BEYOND_HOPE)).then(why)
    };
    // Not to look for all that matters where the subject alone is too much.
    if let Some(reason) = too_many(&subject.iter().copied().collect()) {
        return Err(reason);
    }
    let follow = followed(problem, subject, claim.placement);
    can_be_searched(problem, claim, &follow)?;
    if let Some(reason) = too_many(&follow) {
        return Err(reason);
    }
    let start = match claim.placement {
        Placement::Current => problem.present(&follow)?,
        Placement::Scheduled | Placement::Fresh => Packing::empty(problem, |group| follow.contains(&group)),
        Placement::Reachable => return Err("histories are not searched".to_owned()),
    };
    Walk::new((problem, claim, subject, &follow), limit, None).run(start)
}

/// A set of failed domains, with the nodes that it takes.
type FailureSet = (BTreeSet<usize>, BTreeSet<usize>);

/// A state, the one that it came from, and what happened there.
type Known = (Packing, Option<(usize, Vec<Event>)>);

struct Walk<'p, 'a> {
    problem: &'p Problem<'a>,
    claim: &'p Claim,
    subject: &'p [usize],
    follow: &'p BTreeSet<usize>,
    /// Whether evictions, and objects of nodes that go, happen one by one.
    one_by_one: bool,
    limit: usize,
    /// Where pods go of the nodes that they fit; `None`: anywhere.
    scores: Option<&'p dyn Scores>,
    sets: Vec<FailureSet>,
    states: Vec<Known>,
    known: BTreeMap<Packing, usize>,
    /// The worst way to break the claim: the state before or after the failure, and the failed domains.
    worst: Option<(Order, usize, BTreeSet<usize>)>,
    /// Whether the claim is broken where nobody knows whether pods that might be placed are there at all.
    is_unsure: bool,
}

/// The cluster, the claim, the groups of its subject, and those that are followed.
type Question<'p, 'a> = (&'p Problem<'a>, &'p Claim, &'p [usize], &'p BTreeSet<usize>);

impl<'p, 'a> Walk<'p, 'a> {
    fn new((problem, claim, subject, follow): Question<'p, 'a>, limit: usize, scores: Option<&'p dyn Scores>) -> Self {
        let one_by_one = claim.phase != Phase::Instant && !all_at_once(problem, claim, follow);
        let sets = failure_sets(problem, claim);
        let (states, known) = (Vec::new(), BTreeMap::new());
        Self {
            problem,
            claim,
            subject,
            follow,
            one_by_one,
            limit,
            scores,
            sets,
            states,
            known,
            worst: None,
            is_unsure: false,
        }
    }

    fn run(mut self, start: Packing) -> Result<Found, String> {
        let sets = self.sets.clone();
        let mut waiting = VecDeque::from([0]);
        self.states.push((start.clone(), None));
        self.known.insert(start, 0);
        while let Some(number) = waiting.pop_front() {
            let Some((packing, _)) = self.states.get(number) else { continue };
            let packing = packing.clone();
            let is_at_rest = self.follow_moves(number, &packing, &mut waiting)?;
            if !is_at_rest {
                continue;
            }
            self.judge(number, &packing, &sets);
            if packing.failed.is_empty() && self.claim.phase != Phase::Instant {
                self.judge_total_loss(number, &sets);
                self.fail_each(number, &packing, &sets, &mut waiting)?;
            }
        }
        match std::mem::take(&mut self.worst) {
            Some((order, number, failed)) => Ok(Found::Broken(self.broken(number, failed, order.available))),
            None if self.is_unsure => {
                Err("which pods a StatefulSet creates while one of them is lost depends on their order".to_owned())
            }
            None => Ok(Found::Closed(self.closed())),
        }
    }

    /// Everything that can happen next; whether it may be that nothing does.
    fn follow_moves(
        &mut self,
        number: usize,
        packing: &Packing,
        waiting: &mut VecDeque<usize>,
    ) -> Result<bool, String> {
        let problem = self.problem;
        let in_wait = self.follow.iter().filter(|group| packing.pending.get(**group).is_some_and(|own| *own > 0));
        for group in in_wait {
            if let Some(fixed) = packing.evicts_fixed(problem, *group) {
                return Err(format!("pods of {fixed} may be evicted"));
            }
            if packing.waits_on(problem, *group).is_some() {
                let name = problem.groups.get(*group).map_or("", |group| group.name);
                return Err(format!("pods of {name} may wait for others on an unreachable node to terminate"));
            }
        }
        let mut is_at_rest = true;
        for step in self.moves(packing)? {
            is_at_rest = is_at_rest && packing.waits_for_lost(problem, step.group);
            self.add(packing, number, vec![Event::Place(step)], waiting)?;
        }
        let losses = if self.one_by_one { packing.losses(problem, self.claim.phase) } else { Vec::new() };
        for event in losses {
            is_at_rest = is_at_rest && self.returns(&event);
            self.add(packing, number, vec![event], waiting)?;
        }
        Ok(is_at_rest)
    }

    /// Every placing that may come next.
    fn moves(&self, packing: &Packing) -> Result<Vec<Move>, String> {
        let all = packing.moves(self.problem);
        let Some(scores) = self.scores else { return Ok(all) };
        if all.iter().any(|step| !step.evicted.is_empty()) {
            return Err("which pods make room for another is not followed by scores".to_owned());
        }
        let mut chosen = Vec::new();
        for own in all.chunk_by(|one, other| one.group == other.group) {
            let ([first, _, ..], names) = (own, self.names()) else {
                chosen.extend(own.iter().cloned());
                continue;
            };
            let state = self.written(packing);
            let name = |node: &usize| self.problem.nodes.get(*node).map(|(name, _)| (*name).to_owned());
            let failed = packing.failed.iter().filter_map(name).collect();
            let pending = self.follow.iter().position(|group| *group == first.group).unwrap_or(usize::MAX);
            let best = scores.best(&Moment { workloads: &names, state: &state, failed: &failed, pending })?;
            chosen.extend(own.iter().filter(|step| name(&step.node).is_some_and(|name| best.contains(&name))).cloned());
        }
        Ok(chosen)
    }

    /// The names of the groups that are followed.
    fn names(&self) -> Vec<String> {
        let name = |group: &usize| self.problem.groups.get(*group).map_or_else(String::new, |own| own.name.to_owned());
        self.follow.iter().map(name).collect()
    }

    /// A state in the words of proof files.
    fn written(&self, packing: &Packing) -> State {
        let nodes = self.problem.nodes.len();
        let row = |on: Option<&OnNodes>| -> Vec<i64> {
            (0..nodes).map(|node| on.and_then(|on| on.get(&node)).copied().unwrap_or(0)).collect()
        };
        let domains = self.sets.iter().find(|(_, nodes)| *nodes == packing.failed).map(|(domains, _)| domains);
        let mut failed: Vec<String> =
            domains.into_iter().flatten().map(|domain| domain_name(self.problem, self.claim, *domain)).collect();
        failed.sort_unstable();
        let removed = packing.removed.iter().filter_map(|node| self.problem.nodes.get(*node));
        State {
            failed,
            removed: removed.map(|(name, _)| (*name).to_owned()).collect(),
            alive: self.follow.iter().map(|group| row(packing.alive.get(*group).map(|on| &**on))).collect(),
            dying: self.follow.iter().map(|group| row(packing.dying.get(*group).map(|on| &**on))).collect(),
            pending: self.follow.iter().map(|group| packing.pending.get(*group).copied().unwrap_or(0)).collect(),
        }
    }

    /// Whether pods that are evicted may be bound to the same unreachable node again: they are as good as those still there.
    fn returns(&self, event: &Event) -> bool {
        match event {
            Event::Evict { group, .. } => self.problem.groups.get(*group).is_some_and(|group| group.returns),
            Event::Place(_) | Event::Remove { .. } => false,
        }
    }

    /// Every failure but that of all nodes.
    fn fail_each(
        &mut self,
        number: usize,
        packing: &Packing,
        sets: &[FailureSet],
        waiting: &mut VecDeque<usize>,
    ) -> Result<(), String> {
        for (_, nodes) in sets.iter().filter(|(_, nodes)| !nodes.is_empty() && nodes.len() < self.problem.nodes.len()) {
            let mut failed = packing.clone();
            failed.failed.clone_from(nodes);
            let events =
                if self.one_by_one { Vec::new() } else { packing.after(self.problem, nodes, self.claim.phase).1 };
            self.add(&failed, number, events, waiting)?;
        }
        Ok(())
    }

    /// The state that `events` lead to from another.
    fn add(
        &mut self,
        packing: &Packing,
        from: usize,
        events: Vec<Event>,
        waiting: &mut VecDeque<usize>,
    ) -> Result<(), String> {
        let mut next = packing.clone();
        for event in &events {
            next.happen(self.problem, event);
        }
        if self.known.contains_key(&next) {
            return Ok(());
        }
        let number = self.states.len();
        if number >= self.limit {
            return Err(format!("more than {} states", self.limit));
        }
        self.known.insert(next.clone(), number);
        self.states.push((next, Some((from, events))));
        waiting.push_back(number);
        Ok(())
    }

    /// Keeps the worst way to break the claim at rest.
    fn judge(&mut self, number: usize, packing: &Packing, sets: &[FailureSet]) {
        let now = sets.iter().filter(|(_, nodes)| match self.claim.phase {
            Phase::Instant | Phase::Progress => true,
            Phase::Recovered | Phase::Removed => *nodes == packing.failed,
        });
        let mut broken = Vec::new();
        for (domains, nodes) in now {
            let available = packing.available(self.subject, nodes);
            if available < self.claim.at_least {
                broken.push((Order { failures: domains.len(), steps: number, available }, domains));
            }
        }
        if !broken.is_empty() && self.depends_on_order(number) {
            self.is_unsure = true;
            return;
        }
        for (order, domains) in broken {
            self.keep(order, number, domains);
        }
    }

    /// Whether a pod is placed on the way to a state, or could be there, of which nobody knows whether it has been created.
    fn depends_on_order(&self, number: usize) -> bool {
        let mut at = number;
        if self.states.get(at).is_some_and(|(packing, _)| !packing.moves(self.problem).is_empty()) {
            return true;
        }
        while let Some((_, Some((from, events)))) = self.states.get(at) {
            let before = self.states.get(*from).map(|(packing, _)| packing);
            let is_unsure = |event: &Event| match event {
                Event::Place(step) => before.is_some_and(|before| before.waits_for_lost(self.problem, step.group)),
                Event::Evict { .. } | Event::Remove { .. } => false,
            };
            if events.iter().any(is_unsure) {
                return true;
            }
            at = *from;
        }
        false
    }

    fn keep(&mut self, order: Order, number: usize, domains: &BTreeSet<usize>) {
        if self.worst.as_ref().is_none_or(|(least, ..)| order < *least) {
            self.worst = Some((order, number, domains.clone()));
        }
    }

    /// Where all nodes fail nothing is available, and nothing follows.
    fn judge_total_loss(&mut self, number: usize, sets: &[FailureSet]) {
        let total = sets.iter().find(|(_, nodes)| nodes.len() == self.problem.nodes.len());
        if let Some((domains, _)) = total.filter(|_| self.claim.at_least > 0) {
            self.keep(Order { failures: domains.len(), steps: number, available: 0 }, number, domains);
        }
    }

    fn broken(&self, number: usize, failed: BTreeSet<usize>, available: i64) -> Broken {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        let mut at = number;
        while let Some((packing, Some((from, events)))) = self.states.get(at) {
            if !packing.failed.is_empty() {
                after.extend(events.iter().rev().cloned());
            }
            let placings = events.iter().rev().filter_map(|event| match event {
                Event::Place(step) => Some(step.clone()),
                Event::Evict { .. } | Event::Remove { .. } => None,
            });
            before.extend(placings.filter(|_| packing.failed.is_empty()));
            at = *from;
        }
        before.reverse();
        after.reverse();
        let is_before = self.states.get(number).is_some_and(|(packing, _)| packing.failed.is_empty());
        if is_before && self.claim.phase == Phase::Removed {
            // All nodes are lost.
            let (over, _) = failing(self.claim);
            after.extend(nodes_of(self.problem, over, &failed).into_iter().map(|node| Event::Remove { node }));
        }
        Broken { before, failed, after, available }
    }

    fn closed(&self) -> Search {
        let mut states: Vec<State> = self.states.iter().map(|(packing, _)| self.written(packing)).collect();
        states.sort_unstable();
        let by_score = self.scores.is_some();
        Search { workloads: self.names(), one_by_one: self.one_by_one, by_score, states }
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
    let split = problem.split(over);
    let is_in = |node: &usize| split.of(*node).is_some_and(|domain| domains.contains(&domain));
    (0..problem.nodes.len()).filter(is_in).collect()
}

/// The name of a failure domain: a node, or the value of the label.
pub(super) fn domain_name(problem: &Problem<'_>, claim: &Claim, domain: usize) -> String {
    let (over, _) = failing(claim);
    let split = problem.split(over);
    let mut members = problem.nodes.iter().enumerate().filter(|(node, _)| split.of(*node) == Some(domain));
    let Some((_, (name, node))) = members.next() else { return String::new() };
    match over {
        Over::Node => (*name).to_owned(),
        Over::Key(key) => node.labels.get(key).cloned().unwrap_or_default(),
    }
}

impl Problem<'_> {
    /// The pods that are there, of all groups; nothing where something is under way.
    pub(super) fn present_packing(&self) -> Option<&Packing> {
        let all =
            || (0..self.groups.len()).filter(|group| self.groups.get(*group).is_some_and(Group::is_movable)).collect();
        self.present.get_or_init(|| self.present(&all()).ok()).as_ref()
    }

    /// The pods that are there, of the groups that are followed.
    pub(super) fn present(&self, follow: &BTreeSet<usize>) -> Result<Packing, String> {
        let mut packing = Packing::empty(self, |_| false);
        for (name, pod) in &self.cluster.pods {
            let Some(number) = self.group(&pod.workload) else { continue };
            let Some(group) = self.groups.get(number) else { continue };
            if pod.terminating || pod.shape != group.workload.shape {
                return Err(format!("pod {name} is terminating, or not of the present revision"));
            }
            if !group.is_movable() || !follow.contains(&number) {
                continue;
            }
            let node = pod.node.as_ref().and_then(|node| self.nodes.binary_search_by(|(own, _)| (*own).cmp(node)).ok());
            match node {
                Some(node) => packing.put(self, number, node, 1),
                None => {
                    if let Some(pending) = packing.pending.get_mut(number) {
                        *pending = pending.saturating_add(1);
                    }
                }
            }
        }
        for (number, on) in &self.fixed {
            let mut there: Vec<usize> = self.bound.get(*number).into_iter().flatten().map(|(node, _)| *node).collect();
            there.sort_unstable();
            if there != *on {
                let name = self.groups.get(*number).map_or("", |group| group.name);
                return Err(format!("pods of {name} are missing, or out of place"));
            }
        }
        for (number, group) in self.groups.iter().enumerate().filter(|(_, group)| group.is_movable()) {
            let there = self.existing.get(number).map_or(0, |existing| existing.alive);
            if there > group.workload.replicas {
                return Err(format!("{} has more pods than it wants", group.name));
            }
            if let Some(pending) = packing.pending.get_mut(number).filter(|_| follow.contains(&number)) {
                *pending = pending.saturating_add(group.workload.replicas.saturating_sub(there));
            }
        }
        Ok(packing)
    }
}
