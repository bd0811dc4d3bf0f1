//! A witness of an exact search is about the pods that matter; the rest of the cluster is placed beside them.

use std::collections::BTreeSet;

use quorate_proof::claim::{Claim, Phase, Placement};

use super::bound::failing;
use super::outage::Event;
use super::packing::{Move, Packing};
use super::problem::{Group, Problem};
use super::search::{Broken, nodes_of};

/// More placings than this are not added.
const MOST: usize = 10_000;

/// `broken` with all other pods placed too, so that nothing is left to be placed.
pub(super) fn completed(problem: &Problem<'_>, claim: &Claim, broken: Broken) -> Broken {
    whole(problem, claim, &broken).unwrap_or(broken)
}

fn whole(problem: &Problem<'_>, claim: &Claim, broken: &Broken) -> Option<Broken> {
    let all: BTreeSet<usize> = problem
        .groups
        .iter()
        .enumerate()
        .filter(|(_, group)| Group::is_movable(group))
        .map(|(number, _)| number)
        .collect();
    let mut packing = match claim.placement {
        Placement::Current => problem.present(&all).ok()?,
        Placement::Scheduled | Placement::Fresh | Placement::Reachable => Packing::empty(problem, |_| true),
    };
    let mut before = broken.before.clone();
    for step in &before {
        packing.apply(problem, step);
    }
    let may_settle = claim.placement != Placement::Current;
    if may_settle {
        settle(problem, &mut packing, &mut before)?;
    }
    let mut after = broken.after.clone();
    let (over, _) = failing(claim);
    let nodes = nodes_of(problem, over, &broken.failed);
    if claim.phase != Phase::Instant && !nodes.is_empty() && nodes.len() < problem.nodes.len() {
        packing.failed.clone_from(&nodes);
        for event in &after {
            packing.happen(problem, event);
        }
        if claim.phase == Phase::Recovered {
            // What is left to be evicted are pods that do not matter to the others.
            let (evicted, events) = packing.after(problem, &nodes, claim.phase);
            packing = evicted;
            after.extend(events);
        }
        let mut steps = Vec::new();
        settle(problem, &mut packing, &mut steps)?;
        after.extend(steps.into_iter().map(Event::Place));
    }
    Some(Broken { before, after, ..broken.clone() })
}

/// Places what can be placed, in the order of the groups' names, until nothing can.
fn settle(problem: &Problem<'_>, packing: &mut Packing, steps: &mut Vec<Move>) -> Option<()> {
    for _ in 0..MOST {
        let mut waiting =
            (0..problem.groups.len()).filter(|group| packing.pending.get(*group).is_some_and(|own| *own > 0));
        let Some(step) = waiting.find_map(|group| packing.moves_of(problem, group).into_iter().next()) else {
            return Some(());
        };
        packing.apply(problem, &step);
        steps.push(step);
    }
    None
}
