//! Which workloads a search may follow alone: no other may get into their way, and what becomes of them is known.

use super::disruption::can_stop_evictions;
use super::node_set::{NodeSet, at};
use super::question::Question;
use super::verify::Checker;
use crate::claim::{Domain, Phase, Placement};
use crate::rejection::Rejection;
use crate::rules::{clash, stays_when_unreachable};

/// Checks that a search over these workloads, sorted, decides the claim.
///
/// # Errors
/// What it does not follow.
pub(crate) fn check(
    checker: &Checker<'_>,
    question: &Question<'_>,
    followed: &[usize],
    one_by_one: bool,
) -> Result<(), Rejection> {
    let index = &checker.index;
    let placement = question.placement();
    checker.require_fixed()?;
    if placement == Placement::Reachable {
        return Err(claim("rollouts, evictions and drains lead to more states than a search follows"));
    }
    if let Some(shape) = checker.selection.unclear {
        return Err(claim(&format!("shape {shape} selects pods by a label in which pods of one workload differ")));
    }
    if placement == Placement::Current {
        if question.phase() == Phase::Instant {
            return Err(claim("nothing happens before the failure: count the pods"));
        }
        if let Some(why) = &checker.existing.unsettled {
            return Err(claim(why));
        }
    }
    for workload in question.subject.iter().filter(|workload| !index.is_fixed(**workload)) {
        if followed.binary_search(workload).is_err() {
            return Err(claim(&format!("{} is of the subject and not followed", index.name(*workload))));
        }
        if index.class(index.shape_of(*workload)).eligible.intersects(&index.not_ready) {
            return Err(claim(&format!("{} may run on a node that is not ready", index.name(*workload))));
        }
    }
    for workload in followed {
        if let Some(what) = index.pod_of(*workload).not_carried.first() {
            return Err(claim(&format!("the cluster does not carry {what} of {}", index.name(*workload))));
        }
        let class = index.class(index.shape_of(*workload));
        if class.eligible.intersects(&class.fleeting) {
            return Err(claim(&format!("{} bears a taint for some seconds only", index.name(*workload))));
        }
    }
    // A pod that has to be near pods that it would evict does not evict them: the scheduler takes all of them away first.
    let lowest = followed.iter().map(|workload| index.pod_of(*workload).priority).min();
    let may_evict_company = |workload: &&usize| {
        let pod = index.pod_of(**workload);
        !pod.affinity.is_empty() && pod.preempts && lowest.is_some_and(|lowest| lowest < pod.priority)
    };
    if let Some(workload) = followed.iter().find(may_evict_company) {
        return Err(claim(&format!("pods of {} may evict those that they have to be near", index.name(*workload))));
    }
    // What makes room for a pod that preempts is gone before it is placed: one of a higher priority may take the room meanwhile, and it
    // makes more room elsewhere. A search has it placed at once.
    let highest = followed.iter().map(|workload| index.pod_of(*workload).priority).max();
    let may_be_outrun = |workload: &&usize| {
        let pod = index.pod_of(**workload);
        pod.preempts && lowest < Some(pod.priority) && Some(pod.priority) < highest
    };
    if let Some(workload) = followed.iter().find(may_be_outrun) {
        let name = index.name(*workload);
        return Err(claim(&format!("pods of a higher priority may take what makes room for {name}")));
    }
    nobody_else(checker, question, followed)?;
    if question.phase() == Phase::Instant {
        return if one_by_one { Err(claim("nothing is evicted right after the loss")) } else { Ok(()) };
    }
    if !index.not_ready.is_empty() {
        return Err(claim("some nodes are not ready before the failure"));
    }
    if question.phase() == Phase::Recovered && can_stop_evictions(index, &question.domains, question.count()) {
        return Err(claim("the failure can be so large that Kubernetes evicts no pods"));
    }
    if one_by_one { Ok(()) } else { all_at_once(checker, question, followed) }
}

fn claim(why: &str) -> Rejection {
    Rejection::Claim(why.to_owned())
}

/// Other movable workloads: neither select the followed ones nor are selected by them, share no host port with them, and leave room
/// for all of them.
fn nobody_else(checker: &Checker<'_>, question: &Question<'_>, followed: &[usize]) -> Result<(), Rejection> {
    let index = &checker.index;
    let crowd = checker.crowd(question.placement());
    let is_other = |workload: &usize| followed.binary_search(workload).is_err() && crowd.most(*workload) > 0;
    let others: Vec<usize> = index.movable().filter(is_other).collect();
    let mut homes = NodeSet::default();
    for own in followed {
        let shape = index.shape_of(*own);
        let related = checker.selection.related(shape);
        let ports = &index.shape(shape).host_ports;
        let clashes =
            |other: usize| index.shape(other).host_ports.iter().any(|port| ports.iter().any(|own| clash(own, port)));
        let meets = |other: &&usize| {
            let other = index.shape_of(**other);
            related.contains(&other) || clashes(other)
        };
        if let Some(other) = others.iter().find(meets) {
            let (own, other) = (index.name(*own), index.name(*other));
            return Err(claim(&format!("{other} is not followed, and may keep pods of {own} off or draw them")));
        }
        homes_of(checker, question, *own).iter().for_each(|node| homes.insert(node));
    }
    let mut shared = NodeSet::default();
    for other in &others {
        homes_of(checker, question, *other).both(&homes).iter().for_each(|node| shared.insert(node));
    }
    let mut room = checker.fixed.beside.clone();
    for workload in index.movable() {
        let shape = index.shape_of(workload);
        let count = crowd.most(workload);
        for node in homes_of(checker, question, workload).both(&shared).iter() {
            room.take_many(index, shape, node, count);
        }
    }
    let is_full = |node: &usize| {
        let lacks = |resource: usize| room.amount(resource, *node) < 0;
        (0..index.resources.len()).any(lacks) || at(room.slots(), *node) < 0
    };
    match shared.iter().find(is_full) {
        None => Ok(()),
        Some(node) => {
            let node = index.node_name(node);
            Err(claim(&format!("workloads that are not followed may use up what is free on node {node}")))
        }
    }
}

/// Nodes on which pods of a workload may be.
fn homes_of(checker: &Checker<'_>, question: &Question<'_>, workload: usize) -> NodeSet {
    let mut homes = checker.index.class(checker.index.shape_of(workload)).eligible.clone();
    if question.placement() == Placement::Current {
        checker.existing.strays(workload).iter().for_each(|node| homes.insert(*node));
    }
    homes
}

/// After a failure pods are evicted one after the other, and nodes' objects may go before or after that. Where a search has all of it
/// happen at once that must make no difference:
/// - Spread constraints count pods on a failed node until these are evicted. So only one node fails, and a constraint counts its own
///   workload's pods alone, which are evicted together.
/// - With the objects of nodes gone, all may be placed that could be placed before, in the same way: no affinity to pods that are
///   gone, no domain fewer than `minDomains` asks for, no pod that stays on a lost node, and no eviction that a lost pod forces.
fn all_at_once(checker: &Checker<'_>, question: &Question<'_>, followed: &[usize]) -> Result<(), Rejection> {
    let index = &checker.index;
    let is_one_node = question.claim.failures.domain == Domain::Node && question.count() <= 1;
    let ranks = || followed.iter().map(|workload| index.pod_of(*workload).priority);
    let highest =
        followed.iter().map(|workload| index.pod_of(*workload)).filter(|pod| pod.preempts).map(|pod| pod.priority);
    let evicts = highest.max().zip(ranks().min()).is_some_and(|(highest, lowest)| highest > lowest);
    for workload in followed {
        if question.phase() == Phase::Recovered && index.class(index.shape_of(*workload)).tolerates_unreachable {
            let name = index.name(*workload);
            return Err(claim(&format!(
                "pods of {name} may be bound to an unreachable node, or wait for its pods to go"
            )));
        }
        let (name, pod, shape) = (index.name(*workload), index.pod_of(*workload), index.shape_of(*workload));
        let counts_others = |position: usize| {
            let counted = checker.selection.counted(shape, position);
            counted.is_none_or(|counted| counted.may.iter().any(|other| *other != shape))
        };
        if !pod.spread.is_empty() && (!is_one_node || (0..pod.spread.len()).any(counts_others)) {
            return Err(claim(&format!(
                "what the spread constraints of {name} allow depends on the order of evictions"
            )));
        }
        if question.phase() == Phase::Recovered {
            continue;
        }
        let is_local = pod.anti_affinity.iter().all(|term| index.topology(&term.topology_key).is_single());
        let is_simple = pod.affinity.is_empty()
            && pod.spread.iter().all(|spread| spread.min_domains <= 1)
            && !stays_when_unreachable(pod)
            && !index.class(shape).tolerates_unreachable
            && !(evicts && !(is_local && pod.spread.is_empty()));
        if !is_simple {
            return Err(claim(&format!("where {name} is placed depends on when the objects of lost nodes go")));
        }
    }
    Ok(())
}
