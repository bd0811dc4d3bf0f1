//! Placements that someone who means ill would choose: tried where bounds do not prove a claim.

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_proof::claim::{Claim, Phase, Placement};

use super::bound::failing;
use super::lost::lost;
use super::matching::tolerates_for_ever;
use super::packing::{Move, Packing};
use super::placed::{Case, placed};
use super::problem::{Group, Over, Problem};
use super::search::{Broken, nodes_of};

/// How many failure domains are tried as the place where all pods meet.
const TARGETS: usize = 8;

/// So many in clusters of more than [`LARGE`] nodes.
const FEW_TARGETS: usize = 2;

/// With more pods nobody tries to fill the cluster with them.
const MOST_STARVING: i64 = 20_000;

/// A failure of nodes with more pods is too long a story: each of them is a step of it.
const MOST_GONE: usize = 5_000;

/// Clusters of more nodes are large.
const LARGE: usize = 500;

/// What is asked: the subject, what fails (an empty name: nodes) and how many of these, the phase, and how many are wanted.
pub(super) type AskedAttack = (Vec<usize>, String, usize, Phase, i64);

/// A placement from an empty cluster, and a failure, that break `claim`; asked once.
pub(super) fn attack(problem: &Problem<'_>, claim: &Claim, subject: &[usize]) -> Option<Broken> {
    let (over, count) = failing(claim);
    let name = match over {
        Over::Node => String::new(),
        Over::Key(key) => key.to_owned(),
    };
    // What breaks it for a workload breaks it for one that can take its part.
    let (own, twin) = match subject {
        [own] => (*own, problem.twin(*own)),
        _ => (0, 0),
    };
    let subject = if own == twin { subject } else { std::slice::from_ref(&twin) };
    let asked: AskedAttack = (subject.to_vec(), name, count, claim.phase, claim.at_least);
    let known = problem.attacks.lock().ok().and_then(|attacks| attacks.get(&asked).cloned());
    let found = known.unwrap_or_else(|| {
        let found = Arc::new(find_attack(problem, claim, subject));
        if let Ok(mut attacks) = problem.attacks.lock() {
            attacks.insert(asked, Arc::clone(&found));
        }
        found
    });
    found.as_ref().as_ref().map(|broken| broken.swapped(own, twin))
}

/// A failure after which the pods that are there now are not replaced, for nothing takes them.
pub(super) fn attack_present(problem: &Problem<'_>, claim: &Claim, subject: &[usize]) -> Option<Broken> {
    if problem.obstacle.is_some() || problem.has_unready {
        return None;
    }
    let (over, count) = failing(claim);
    let split = problem.split(over);
    let mut pods = vec![0_i64; split.count()];
    let bound = subject.iter().filter_map(|group| problem.bound.get(*group)).flatten();
    for (node, _) in bound.filter(|(_, is_available)| *is_available) {
        if let Some(own) = split.of(*node).and_then(|domain| pods.get_mut(domain)) {
            *own = own.saturating_add(1);
        }
    }
    let mut fullest: Vec<usize> = (0..pods.len()).filter(|domain| pods.get(*domain) > Some(&0)).collect();
    fullest.sort_by_key(|domain| std::cmp::Reverse(pods.get(*domain).copied()));
    let present = problem.present_packing()?;
    // The fewest failures that are enough are the best witness.
    (1..=count.min(fullest.len())).find_map(|size| {
        let failed: BTreeSet<usize> = fullest.iter().take(size).copied().collect();
        let nodes = nodes_of(problem, over, &failed);
        let gone = nodes.iter().filter_map(|node| problem.bound_to.get(*node)).copied().fold(0, usize::saturating_add);
        if gone > MOST_GONE {
            return None;
        }
        conclude(problem, claim, subject, present.clone(), Vec::new(), failed)
    })
}

fn find_attack(problem: &Problem<'_>, claim: &Claim, subject: &[usize]) -> Option<Broken> {
    if problem.obstacle.is_some() {
        return None;
    }
    let is_plain =
        |number: &usize| problem.groups.get(*number).is_some_and(|group| problem.unknown(group, true).is_none());
    if !subject.iter().all(is_plain) {
        return None;
    }
    let together = || {
        let targets = targets(problem, claim, subject);
        targets.iter().find_map(|target| meet(problem, claim, subject, target))
    };
    let together = if can_take_enough(problem, claim, subject) { together() } else { None };
    together.or_else(|| starve(problem, claim, subject))
}

/// Whether failures can take so many pods that too few are left, if all others are available.
fn can_take_enough(problem: &Problem<'_>, claim: &Claim, subject: &[usize]) -> bool {
    let (mut all, mut taken) = (0_i64, 0_i64);
    for number in subject {
        all = all.saturating_add(problem.groups.get(*number).map_or(0, |group| group.workload.replicas));
        taken = taken.saturating_add(lost(problem, *number, Placement::Fresh, failing(claim)).pods);
    }
    all.saturating_sub(taken) < claim.at_least
}

/// Sets of failure domains that can hold the most pods of the subject, the best first.
fn targets(problem: &Problem<'_>, claim: &Claim, subject: &[usize]) -> Vec<BTreeSet<usize>> {
    let (over, count) = failing(claim);
    let split = problem.split(over);
    let mut room = vec![0_i64; split.count()];
    let groups = subject.iter().filter_map(|number| problem.groups.get(*number));
    for group in groups {
        for node in problem.eligible_nodes(group) {
            let Some(free) = problem.free.get(node) else { continue };
            let amounts = free.iter().zip(&group.request).filter(|(_, asked)| **asked > 0);
            let holds = amounts.map(|(free, asked)| free.checked_div(*asked).unwrap_or(0)).min().unwrap_or(0);
            if let Some(room) = split.of(node).and_then(|domain| room.get_mut(domain)) {
                *room = room.saturating_add(holds.clamp(0, group.workload.replicas));
            }
        }
    }
    let mut ranked: Vec<(std::cmp::Reverse<i64>, usize)> = room
        .iter()
        .enumerate()
        .filter(|(_, room)| **room > 0)
        .map(|(domain, room)| (std::cmp::Reverse(*room), domain))
        .collect();
    ranked.sort_unstable();
    let ranked: Vec<usize> = ranked.into_iter().map(|(_, domain)| domain).collect();
    let mut sets: Vec<BTreeSet<usize>> = Vec::new();
    // The fewest failures that are enough are the best witness.
    for size in 1..=count.min(ranked.len()) {
        let most = if problem.nodes.len() > LARGE { FEW_TARGETS } else { TARGETS };
        for start in 0..most.min(ranked.len()) {
            let set: BTreeSet<usize> = ranked.iter().cycle().skip(start).take(size).copied().collect();
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
    }
    sets
}

/// All pods of the subject go to `target` as long as they fit there, first of all pods; then it fails.
fn meet(problem: &Problem<'_>, claim: &Claim, subject: &[usize], target: &BTreeSet<usize>) -> Option<Broken> {
    let (over, _) = failing(claim);
    let lost = nodes_of(problem, over, target);
    let above = above(problem, subject);
    let mut packing = Packing::empty(problem, |group| subject.contains(&group) || above.contains(&group));
    let mut before = Vec::new();
    // Pods that could preempt the subject's come first, and keep out of the way.
    let away: Vec<usize> =
        (0..problem.nodes.len()).filter(|node| !lost.contains(node)).chain(lost.iter().copied()).collect();
    packing.place_all(problem, &above, &away, &mut before);
    let preferred: Vec<usize> =
        lost.iter().copied().chain((0..problem.nodes.len()).filter(|node| !lost.contains(node))).collect();
    packing.place_all(problem, subject, &preferred, &mut before);
    conclude(problem, claim, subject, packing, before, target.clone())
}

/// Groups that are not of the subject and have a higher priority than some of it, the highest first.
fn above(problem: &Problem<'_>, subject: &[usize]) -> Vec<usize> {
    let own = subject.iter().filter_map(|number| problem.groups.get(*number)).map(|group| group.shape.priority).min();
    let is_above = |number: &usize| {
        problem.groups.get(*number).is_some_and(|group| {
            group.is_movable() && !subject.contains(number) && own.is_some_and(|own| group.shape.priority > own)
        })
    };
    let mut found: Vec<usize> = (0..problem.groups.len()).filter(is_above).collect();
    found.sort_by_key(|number| std::cmp::Reverse(problem.groups.get(*number).map(|group| group.shape.priority)));
    found
}

/// Other pods come first and fill what takes pods of the subject.
fn starve(problem: &Problem<'_>, claim: &Claim, subject: &[usize]) -> Option<Broken> {
    let [number] = subject else { return None };
    let group = problem.groups.get(*number)?;
    let case = Case { placement: Placement::Fresh, after: None };
    if placed(problem, *number, case, group.workload.replicas).is_ok() {
        return None;
    }
    let not_lower = |other: usize| {
        other != *number
            && problem.groups.get(other).is_some_and(|own| {
                own.is_movable()
                    && own.shape.priority >= group.shape.priority
                    && problem.unknown(own, true).is_none()
                    && own.workload.replicas > 0
            })
    };
    let mut others: Vec<usize> = (0..problem.groups.len()).filter(|other| not_lower(*other)).collect();
    let pods = others.iter().filter_map(|other| problem.groups.get(*other)).map(|own| own.workload.replicas);
    if pods.fold(0, i64::saturating_add) > MOST_STARVING {
        return None;
    }
    // The highest priority first, so that nobody is preempted; then the largest: what is left over on a node is then smallest.
    others.sort_by_key(|other| {
        let own = problem.groups.get(*other);
        std::cmp::Reverse(own.map(|own| (own.shape.priority, own.request.clone())))
    });
    let mut packing = Packing::empty(problem, |group| group == *number || others.contains(&group));
    let mut before = Vec::new();
    let mut nodes: Vec<usize> = problem.eligible_nodes(group).collect();
    nodes.sort_by_key(|node| problem.free.get(*node).cloned());
    for node in nodes {
        while packing.fits(problem, *number, node) {
            let waits = |other: &&usize| packing.pending.get(**other).is_some_and(|pending| *pending > 0);
            let other = *others.iter().filter(waits).find(|other| packing.fits(problem, **other, node))?;
            let step = Move { group: other, node, evicted: std::collections::BTreeMap::new() };
            packing.apply(problem, &step);
            before.push(step);
        }
    }
    conclude(problem, claim, subject, packing, before, BTreeSet::new())
}

/// Whether the claim is broken, whatever is placed afterwards.
fn conclude(
    problem: &Problem<'_>,
    claim: &Claim,
    subject: &[usize],
    packing: Packing,
    before: Vec<Move>,
    failed: BTreeSet<usize>,
) -> Option<Broken> {
    let (over, _): (Over<'_>, usize) = failing(claim);
    let nodes = nodes_of(problem, over, &failed);
    if !packing.is_settled(problem, subject) {
        return None;
    }
    let available = packing.available(subject, &nodes);
    if available >= claim.at_least {
        return None;
    }
    let mut after = Vec::new();
    if claim.phase != Phase::Instant && !nodes.is_empty() {
        let (lost, events) = packing.after(problem, &nodes, claim.phase);
        if !lost.is_settled(problem, subject) {
            return None;
        }
        after = events;
    }
    Some(Broken { before, failed, after, available })
}

impl Packing {
    /// Places all pending pods of `groups`, each on the first of `nodes` that it fits.
    pub(super) fn place_all(
        &mut self,
        problem: &Problem<'_>,
        groups: &[usize],
        nodes: &[usize],
        steps: &mut Vec<Move>,
    ) {
        for number in groups {
            // Where a pod finds no room the next one does not either, but for who draws and spreads.
            let again = problem
                .groups
                .get(*number)
                .is_some_and(|group| !group.shape.affinity.is_empty() || !group.shape.spread.is_empty());
            let mut rest = nodes;
            while self.pending.get(*number).is_some_and(|pending| *pending > 0) {
                let Some(place) = self.first_lasting_fit(problem, *number, rest) else { break };
                let Some(node) = rest.get(place).copied() else { break };
                if !again {
                    rest = rest.get(place..).unwrap_or_default();
                }
                let step = Move { group: *number, node, evicted: std::collections::BTreeMap::new() };
                self.apply(problem, &step);
                steps.push(step);
            }
        }
    }

    /// The place of the first of `nodes` that a pod of `number` fits, and where it stays.
    fn first_lasting_fit(&self, problem: &Problem<'_>, number: usize, nodes: &[usize]) -> Option<usize> {
        let tolerations = problem.groups.get(number).map_or(&[][..], |group| &group.shape.tolerations);
        // Where it would be evicted again, or may never run, nobody would leave it.
        let lasts = |node: &usize| {
            problem.nodes.get(*node).is_some_and(|(_, facts)| {
                let mut executing = facts.taints.iter().filter(|taint| taint.effect == "NoExecute");
                facts.ready && executing.all(|taint| tolerates_for_ever(tolerations, taint))
            })
        };
        let mut from = 0_usize;
        loop {
            let rest = nodes.get(from..)?;
            let place = from.saturating_add(self.first_fit(problem, number, rest.iter().copied())?);
            if nodes.get(place).is_some_and(lasts) {
                return Some(place);
            }
            from = place.saturating_add(1);
        }
    }

    /// Whether a pod of `number` finds no node, not even by preemption.
    fn is_stuck(&self, problem: &Problem<'_>, number: usize) -> bool {
        let fits = self.first_fit(problem, number, 0..problem.nodes.len()).is_some();
        !fits && self.moves_of(problem, number).is_empty() && self.evicts_fixed(problem, number).is_none()
    }

    /// Whether nothing that is placed from now on changes where the pods of `subject` are: see docs/proofs.md, *Witnesses*.
    fn is_settled(&self, problem: &Problem<'_>, subject: &[usize]) -> bool {
        let priority = |number: &usize| problem.groups.get(*number).map(|group| group.shape.priority);
        let waits = |number: &usize| self.pending.get(*number).is_some_and(|pending| *pending > 0);
        let mut stuck: Vec<usize> = subject.iter().copied().filter(waits).collect();
        if !stuck.iter().all(|number| self.is_stuck(problem, *number)) {
            return false;
        }
        let Some(own) = subject.iter().filter_map(priority).min() else { return false };
        let placed =
            (0..problem.groups.len()).filter(|number| self.alive.get(*number).is_some_and(|alive| !alive.is_empty()));
        let lowest = placed.filter_map(|number| priority(&number)).min().unwrap_or(i32::MAX);
        let mut coming = Vec::new();
        for (number, group) in problem.groups.iter().enumerate() {
            let there =
                self.alive.get(number).into_iter().flat_map(|on| on.values()).copied().fold(0, i64::saturating_add);
            let is_open = group.is_movable() && !subject.contains(&number) && there < group.workload.replicas;
            if !is_open {
                continue;
            }
            if group.shape.priority <= own {
                coming.push(number);
            } else if self.is_stuck(problem, number) {
                stuck.push(number);
            } else {
                return false;
            }
        }
        // Whoever comes must not let in a pod that is stuck: by being counted or sought, or by preempting others.
        let lets_in = |group: &Group<'_>| {
            !group.shape.affinity.is_empty()
                || group.counted.iter().any(|counted| coming.iter().any(|other| counted.contains(other)))
        };
        let may_let_in = stuck.iter().filter_map(|number| problem.groups.get(*number)).any(lets_in);
        let may_evict = coming
            .iter()
            .filter_map(|number| problem.groups.get(*number))
            .any(|group| group.shape.preempts && group.shape.priority > lowest);
        stuck.is_empty() || coming.is_empty() || !(may_let_in || may_evict)
    }
}
