//! Domains of one kind among some nodes, some of which are taken away: they fail, or others are in the way there.

use std::collections::BTreeMap;

use super::formula::{Constraint, Id, Variable};
use super::steps::Steps;
use super::threshold::{nth_largest, nth_smallest};
use crate::checker::topology::{Topology, sum_of_largest};

/// The domains, and how many of them are taken away.
#[derive(Default)]
pub(super) struct Cut {
    /// "It is taken away".
    variables: BTreeMap<usize, Variable>,
    /// What its nodes are worth.
    values: BTreeMap<usize, i128>,
    /// How many nodes it has.
    sizes: BTreeMap<usize, i128>,
    /// How many are taken away at most.
    limit: usize,
    /// Where that is said, unless it is all of them.
    said: Option<Id>,
}

impl Cut {
    pub(super) fn new(
        topology: &Topology,
        nodes: &[usize],
        value: impl Fn(usize) -> i128,
        variable: impl Fn(usize) -> Option<Variable>,
    ) -> Cut {
        let mut cut = Cut::default();
        for node in nodes {
            let Some(domain) = topology.domain(*node) else { continue };
            let Some(variable) = variable(domain) else { continue };
            cut.variables.insert(domain, variable);
            let sum = cut.values.entry(domain).or_default();
            *sum = sum.saturating_add(value(*node));
            let size = cut.sizes.entry(domain).or_default();
            *size = size.saturating_add(1);
        }
        cut.limit = cut.variables.len();
        cut
    }

    /// No more than so many are taken away, as `say` derives.
    pub(super) fn limit(&mut self, limit: usize, say: impl FnOnce() -> Id) {
        if limit < self.variables.len() {
            self.limit = limit;
            self.said = Some(say());
        }
    }

    pub(super) fn has(&self, variable: Variable) -> bool {
        self.variables.values().any(|own| *own == variable)
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = Variable> + '_ {
        self.variables.values().copied()
    }

    /// How many are taken away at most.
    pub(super) fn most(&self) -> usize {
        self.limit
    }

    fn values(&self) -> Vec<i128> {
        self.values.values().copied().collect()
    }

    /// The most that is taken away.
    pub(super) fn largest(&self) -> i128 {
        sum_of_largest(self.values(), self.limit)
    }

    /// How many nodes so many domains have at least.
    pub(super) fn smallest(&self, count: usize) -> i128 {
        let mut sizes: Vec<i128> = self.sizes.values().copied().collect();
        sizes.sort_unstable();
        sizes.into_iter().take(count).fold(0, i128::saturating_add)
    }

    /// The threshold above which domains are among the so many that are worth most.
    pub(super) fn threshold(&self, count: usize) -> i128 {
        nth_largest(self.values(), count)
    }

    /// The threshold below which domains are among the so many smallest.
    pub(super) fn smallest_threshold(&self, count: usize) -> i128 {
        nth_smallest(self.sizes.values().copied().collect(), count)
    }

    /// The limit, so many times as bounds what is taken away.
    pub(super) fn at_threshold(&self) -> Option<(Id, i128)> {
        Some((self.said?, self.threshold(self.limit)))
    }

    /// "More than so many are taken away"; nothing where there are no domains.
    pub(super) fn more_than(&self, count: usize) -> Option<Constraint> {
        let count = i128::try_from(count).unwrap_or(i128::MAX);
        let terms: Vec<(i128, Variable)> = self.variables().map(|variable| (1, variable)).collect();
        (!terms.is_empty()).then(|| Constraint { terms, at_least: count.saturating_add(1) })
    }

    /// A contradiction: more are taken away than the limit.
    pub(super) fn exhausted(&self, steps: &mut Steps, more: Option<Id>) {
        if let Some(more) = more {
            let parts: Vec<(Id, i128)> = [Some(more), self.said].into_iter().flatten().map(|id| (id, 1)).collect();
            steps.sum(&parts, []);
        }
    }
}
