//! What others hold of some nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Held, Waiting};
use crate::checker::topology::Topology;
use crate::claim::Placement;

/// What decides who is on some nodes, and how many of them: areas that are alike have the same number.
#[derive(Default)]
pub(super) struct Areas {
    numbers: BTreeMap<Area, usize>,
    /// What others hold of so many nodes of an area.
    held: BTreeMap<(usize, usize), i128>,
}

#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Area {
    /// By class: whether some node takes its pods.
    meets: Vec<bool>,
    /// Of those who have pods where they would not be placed: whether some are here.
    strays: Vec<bool>,
    /// By the key of a limit: how many domains these nodes lie in.
    domains: Vec<i128>,
}

impl Waiting<'_, '_> {
    /// Some eligible nodes, in ascending order, as others see them.
    pub(super) fn area(&self, nodes: &[usize]) -> Area {
        let index = &self.checker.index;
        let is_reachable = self.question.placement() == Placement::Reachable;
        let meets = self.classes.iter().map(|shape| {
            let class = index.class(*shape);
            let homes = if is_reachable { &class.uncordoned } else { &class.eligible };
            nodes.iter().any(|node| homes.contains(*node))
        });
        let strays = self.strays.iter().map(|strays| strays.iter().any(|node| nodes.binary_search(node).is_ok()));
        let domains = self.limits.keys.iter().map(|key| count_domains(index.topology(key), nodes));
        Area { meets: meets.collect(), strays: strays.collect(), domains: domains.collect() }
    }

    /// What others hold of so many nodes of an area, no more than so many pods of its own workload among them.
    pub(super) fn held(&self, area: &Area, nodes: usize, own: i128) -> i128 {
        let count = i128::try_from(nodes).unwrap_or(i128::MAX);
        let mut areas = self.areas.borrow_mut();
        let next = areas.numbers.len();
        let number = match areas.numbers.get(area) {
            Some(number) => *number,
            None => *areas.numbers.entry(area.clone()).or_insert(next),
        };
        // Most domains have as many nodes as others, and are alike.
        let others = *areas.held.entry((number, nodes)).or_insert_with(|| {
            let held = self.others.iter().map(|held| held.on(count, self.most_in(area, held)));
            held.fold(0, i128::saturating_add)
        });
        self.own.on(count, self.own.count.min(own)).saturating_add(others)
    }

    /// Conditions 3 and 8: how many pods of one kind are in an area.
    fn most_in(&self, area: &Area, held: &Held) -> i128 {
        let is_there = area.meets.get(held.class).copied().unwrap_or(true);
        let is_astray = held.stray.is_some_and(|place| area.strays.get(place).copied().unwrap_or(true));
        if !is_there && !is_astray {
            return 0;
        }
        let limits = self.limits.of(held.member).iter();
        let in_domains = limits.filter_map(|limit| Some(area.domains.get(limit.key)?.saturating_mul(limit.most)));
        in_domains.fold(held.count, i128::min)
    }
}

/// In how many domains some nodes lie.
fn count_domains(topology: &Topology, nodes: &[usize]) -> i128 {
    let domains = nodes.iter().filter_map(|node| topology.domain(*node));
    let count = if topology.is_single() { domains.count() } else { domains.collect::<BTreeSet<_>>().len() };
    i128::try_from(count).unwrap_or(i128::MAX)
}
