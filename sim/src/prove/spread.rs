//! A hard spread constraint of the pod in question: within each of its domains there has to be room.

use std::collections::{BTreeMap, BTreeSet};

use quorate_proof::claim::{Phase, Placement};
use quorate_proof::input::Spread;

use super::classes::Split;
use super::even::parts_of;
use super::holding::{Holding, Within};
use super::matching::{tolerates, unreachable};
use super::problem::{Group, Over};
use super::question::Question;

/// The nodes of one domain that a spread constraint counts.
pub(super) struct Counted {
    /// Those that are eligible.
    open: Vec<usize>,
    /// The classes of these.
    classes: Vec<(usize, i128)>,
    /// Who may be on them.
    area: usize,
    /// The failure domains of all of them, and how many are in none.
    parts: (BTreeSet<usize>, usize),
}

impl Counted {
    /// The nodes that are eligible.
    pub(super) fn within(&self) -> Within<'_> {
        Within { nodes: &self.open, classes: &self.classes, area: self.area }
    }
}

impl Question<'_, '_> {
    /// The domains of its spread constraint.
    pub(super) fn find_domains(&mut self) -> Vec<Counted> {
        let Some(spread) = self.group.shape.spread.first() else { return Vec::new() };
        let problem = self.problem;
        let split = problem.split(Over::Key(&spread.topology_key));
        let Some(counted) = problem.counted.get(&(self.number, 0)) else { return Vec::new() };
        let is_counted = |node: &usize| counted.nodes.get(*node).copied().unwrap_or(false);
        let by_domain = |nodes: &mut dyn Iterator<Item = usize>| {
            let mut domains: Vec<Vec<usize>> = vec![Vec::new(); split.count()];
            for node in nodes {
                if let Some(own) = split.of(node).and_then(|domain| domains.get_mut(domain)) {
                    own.push(node);
                }
            }
            domains
        };
        let all = by_domain(&mut (0..problem.nodes.len()).filter(is_counted));
        let open = by_domain(&mut self.open.iter().copied().filter(is_counted));
        let domains = all.into_iter().zip(open).filter(|(all, _)| !all.is_empty());
        let failing = self.case.after.map_or(Split::Nothing, |loss| problem.split(loss.over));
        let mut counted = Vec::new();
        for (all, open) in domains {
            let (area, classes) = (self.find_area(&open), self.classes_of(&open));
            counted.push(Counted { classes, area, open, parts: parts_of(failing, &all) });
        }
        counted
    }

    /// The margin within the domain of a spread constraint where it is smallest.
    pub(super) fn spread_margin(&self, spread: &Spread, holding: &Holding<'_>, values: &[i128]) -> i128 {
        let selects_itself = spread
            .selector
            .as_ref()
            .is_some_and(|selector| super::matching::selects(selector, &self.group.shape.labels));
        if !selects_itself {
            return -1;
        }
        let tolerates_dead = tolerates(&self.group.shape.tolerations, &unreachable("NoSchedule"));
        let dead_count = self
            .case
            .after
            .is_none_or(|loss| loss.phase == Phase::Recovered && (!spread.honors_taints || tolerates_dead));
        let loss = self.case.after.map_or(0, |loss| loss.count);
        let vanish = if dead_count { 0 } else { most_taken(self.domains.iter().map(|own| &own.parts), loss) };
        let remaining = self.domains.len().saturating_sub(vanish);
        let min_domains = usize::try_from(spread.min_domains).unwrap_or(usize::MAX);
        if remaining == 0 || remaining < min_domains {
            return -1;
        }
        let of_revision = spread.selector.iter().flatten().any(super::matching::is_of_revision)
            && !matches!(self.case.placement, Placement::Fresh | Placement::Scheduled);
        let share = self.counted_others().checked_div(i128::try_from(remaining).unwrap_or(1)).unwrap_or(0);
        let within = |domain: &Counted| {
            let (failing, outside) = &domain.parts;
            let parts = failing.len().saturating_add(*outside);
            let lost = if dead_count { loss } else { loss.min(parts.saturating_sub(1)) };
            let own = if of_revision { self.own.0 } else { share.min(self.own.0) };
            self.margin_within(holding, values, domain.within(), lost, own)
        };
        self.domains.iter().map(within).min().unwrap_or(-1)
    }

    /// How many pods beside the one in question a spread constraint counts at most.
    fn counted_others(&self) -> i128 {
        let pods = |number: &usize| {
            let fixed = self.problem.fixed.iter().find(|(fixed, _)| fixed == number);
            let fixed = fixed.map_or(0, |(_, on)| i128::try_from(on.len()).unwrap_or(i128::MAX));
            let movable = self.problem.groups.get(*number).is_some_and(Group::is_movable);
            fixed.saturating_add(if movable { i128::from(self.others_of(*number)) } else { 0 })
        };
        self.group.counted.first().into_iter().flatten().map(pods).sum()
    }
}

/// How many domains, by the failure domains of their nodes and how many of these are in none, `count` failure domains can take wholly,
/// at most.
pub(super) fn most_taken<'s>(domains: impl Iterator<Item = &'s (BTreeSet<usize>, usize)>, count: usize) -> usize {
    let mut whole: BTreeMap<usize, usize> = BTreeMap::new();
    let mut scattered = 0_usize;
    for (failing, outside) in domains {
        match failing.first() {
            Some(only) if failing.len() == 1 && *outside == 0 => {
                let taken = whole.entry(*only).or_insert(0);
                *taken = taken.saturating_add(1);
            }
            _ if *outside > 0 || failing.len() > count => {}
            _ => scattered = scattered.saturating_add(1),
        }
    }
    let mut taken: Vec<usize> = whole.into_values().collect();
    taken.sort_unstable_by(|one, other| other.cmp(one));
    taken.iter().take(count).sum::<usize>().saturating_add(scattered)
}
