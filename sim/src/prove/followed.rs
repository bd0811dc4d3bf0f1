//! Which workloads an exact search has to follow, and whether it says anything about them.

use std::collections::BTreeSet;

use quorate_proof::claim::{Claim, Domain, Phase, Placement};
use quorate_proof::input::{Node, Pod, PodTerm};

use super::bound::failing;
use super::matching::{term_may_match, tolerates, tolerates_for_ever, unreachable};
use super::placed::Loss;
use super::problem::{Group, Over, Problem};

/// A search that is expected to find so many times more states than its limit is not begun.
pub(super) const BEYOND_HOPE: usize = 20;

/// About how many ways there are to place the pods of some groups, constraints aside.
pub(super) fn expected_states(problem: &Problem<'_>, follow: &BTreeSet<usize>) -> usize {
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

pub(super) fn digits(number: usize) -> u32 {
    number.checked_ilog10().unwrap_or(0)
}

pub(super) fn can_be_searched(problem: &Problem<'_>, claim: &Claim, follow: &BTreeSet<usize>) -> Result<(), String> {
    if let Some(obstacle) = &problem.obstacle {
        return Err(obstacle.clone());
    }
    for group in follow.iter().filter_map(|number| problem.groups.get(*number)) {
        if let Some(what) = group.shape.not_carried.first() {
            return Err(format!("where pods of {} may run depends on {what}, which is not modelled here", group.name));
        }
    }
    for group in follow.iter().filter_map(|number| problem.groups.get(*number)) {
        let evicts = |node: &Node| {
            let mut executing = node.taints.iter().filter(|taint| taint.effect == "NoExecute");
            executing.any(|taint| !tolerates_for_ever(&group.shape.tolerations, taint))
        };
        let mut eligible = problem.eligible_nodes(group).filter_map(|node| problem.nodes.get(node));
        if let Some((name, _)) = eligible.find(|(_, node)| !node.ready || evicts(node)) {
            return Err(format!("pods of {} may be placed on {name} and not last there", group.name));
        }
    }
    // A pod that has to be near pods that it would evict does not evict them: the scheduler takes all of them away first.
    let followed = || follow.iter().filter_map(|number| problem.groups.get(*number));
    let lowest = followed().map(|group| group.shape.priority).min();
    let draws = followed().find(|group| {
        !group.shape.affinity.is_empty()
            && group.shape.preempts
            && lowest.is_some_and(|least| least < group.shape.priority)
    });
    if let Some(group) = draws {
        return Err(format!("pods of {} may evict those that they have to be near", group.name));
    }
    // What makes room for a pod that preempts is gone before it is placed: one of a higher priority may take the room meanwhile, and it
    // makes more room elsewhere. A search has it placed at once.
    let highest = followed().map(|group| group.shape.priority).max();
    let is_between = |priority: i32| lowest < Some(priority) && Some(priority) < highest;
    if let Some(group) = followed().find(|group| group.shape.preempts && is_between(group.shape.priority)) {
        return Err(format!("pods of a higher priority may take what makes room for {}", group.name));
    }
    if claim.phase != Phase::Instant {
        if problem.has_unready {
            return Err("not all nodes are ready to begin with".to_owned());
        }
        let (over, count) = failing(claim);
        if claim.phase == Phase::Recovered && problem.may_stop_evictions(&Loss { over, count, phase: claim.phase }) {
            return Err("Kubernetes evicts nothing while most of a small zone is lost".to_owned());
        }
    }
    Ok(())
}

/// After a failure pods are evicted one after the other, and nodes' objects go before or after that: whether it makes no difference if
/// all of it happens at once (docs/proofs.md, *Search*).
pub(super) fn all_at_once(problem: &Problem<'_>, claim: &Claim, follow: &BTreeSet<usize>) -> bool {
    let is_one_node = claim.failures.domain == Domain::Node && claim.failures.count <= 1;
    let groups = || follow.iter().filter_map(|number| Some((*number, problem.groups.get(*number)?)));
    let highest = groups().filter(|(_, group)| group.shape.preempts).map(|(_, group)| group.shape.priority).max();
    let lowest = groups().map(|(_, group)| group.shape.priority).min();
    let evicts = highest.zip(lowest).is_some_and(|(highest, lowest)| highest > lowest);
    groups().all(|(number, group)| {
        let shape = group.shape;
        let counts_others = group.counted.iter().any(|counted| counted.iter().any(|other| *other != number));
        let counts_once = shape.spread.is_empty() || (is_one_node && !counts_others);
        let bears = |effect: &str| tolerates(&shape.tolerations, &unreachable(effect));
        let is_bound_there = bears("NoSchedule") && bears("NoExecute");
        let is_local = shape.anti_affinity.iter().all(|term| problem.is_single(Over::Key(&term.topology_key)));
        let stays = tolerates_for_ever(&shape.tolerations, &unreachable("NoExecute"));
        let is_simple = shape.affinity.is_empty()
            && shape.spread.iter().all(|spread| spread.min_domains <= 1)
            && !(stays || bears("NoSchedule"))
            && (!evicts || (is_local && shape.spread.is_empty()));
        counts_once && !is_bound_there && (claim.phase != Phase::Removed || is_simple)
    })
}

/// The groups of the subject, and all that can get into each other's way.
pub(super) fn followed(problem: &Problem<'_>, subject: &[usize], placement: Placement) -> BTreeSet<usize> {
    let [fresh, current] = &problem.tight;
    let (known, placement) = match placement {
        Placement::Current => (current, placement),
        Placement::Scheduled | Placement::Fresh | Placement::Reachable => (fresh, Placement::Fresh),
    };
    let tight = known.get_or_init(|| tight_nodes(problem, placement));
    let mut followed: BTreeSet<usize> = subject.iter().copied().collect();
    let mut waiting: Vec<usize> = subject.to_vec();
    while let Some(number) = waiting.pop() {
        for other in 0..problem.groups.len() {
            let is_movable = problem.groups.get(other).is_some_and(Group::is_movable);
            if is_movable && !followed.contains(&other) && interfere(problem, number, other, tight) {
                followed.insert(other);
                waiting.push(other);
            }
        }
    }
    followed
}

/// For each node whether all pods that may come there do not fit together.
fn tight_nodes(problem: &Problem<'_>, placement: Placement) -> Vec<bool> {
    let is_tight = |(node, free): (usize, &Vec<i64>)| {
        let mut asked = vec![0_i64; free.len()];
        let groups = problem.groups.iter().enumerate();
        for (number, group) in groups.filter(|(_, group)| group.is_movable() && problem.is_eligible(group, node)) {
            let pods = problem.most(number, placement);
            for (sum, amount) in asked.iter_mut().zip(&group.request) {
                *sum = sum.saturating_add(amount.saturating_mul(pods));
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
    let together = |terms: &[PodTerm], shape: &Pod| {
        terms.iter().any(|term| term_may_match(term, shape, &problem.cluster.namespaces))
    };
    let affinity = together(&own.shape.affinity, theirs.shape) || together(&theirs.shape.affinity, own.shape);
    let room = tight
        .iter()
        .enumerate()
        .any(|(node, is_tight)| *is_tight && problem.is_eligible(own, node) && problem.is_eligible(theirs, node));
    conflict || counts || affinity || room
}
