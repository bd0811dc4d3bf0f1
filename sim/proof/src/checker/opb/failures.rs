//! What fails.

use super::formula::{Formula, Id, Meaning, Variable};
use crate::checker::question::Question;
use crate::checker::topology::Topology;

/// The failure domains of a formula.
pub(super) struct Failures<'q> {
    pub(super) domains: &'q Topology,
    /// At most so many fail.
    pub(super) count: usize,
    variables: Vec<Variable>,
    /// That constraint.
    pub(super) at_most: Id,
}

impl<'q> Failures<'q> {
    pub(super) fn new(formula: &mut Formula, question: &'q Question<'_>) -> Failures<'q> {
        let domains: &Topology = &question.domains;
        let fails = |domain: &String| Meaning::Fails { domain: domain.clone() };
        let variables: Vec<Variable> = domains.names().iter().map(|name| formula.variable(fails(name))).collect();
        let count = question.count();
        formula.remark(format!("At most {count} failure domains fail."));
        let most = i128::try_from(count).unwrap_or(i128::MAX);
        let at_most = formula.require(variables.iter().map(|variable| (-1, *variable)), most.saturating_neg());
        Failures { domains, count, variables, at_most }
    }

    /// "This domain fails".
    pub(super) fn of(&self, domain: usize) -> Option<Variable> {
        self.variables.get(domain).copied()
    }

    /// "The domain of this node fails".
    pub(super) fn of_node(&self, node: usize) -> Option<Variable> {
        self.of(self.domains.domain(node)?)
    }

    pub(super) fn variables(&self) -> impl Iterator<Item = Variable> + '_ {
        self.variables.iter().copied()
    }
}
