//! Condition 7: one hard spread constraint.

use super::{Moment, Waiting};
use crate::claim::{Phase, Placement};
use crate::input::Spread;
use crate::rejection::Rejection;
use crate::rules::{Reading, asks_revision, selects_pod};

/// What one hard spread constraint leaves to a pod that waits.
pub(super) struct Spreading<'c> {
    /// The domains that it counts, with the nodes that it counts.
    pub(super) domains: Vec<(&'c str, Vec<usize>)>,
    /// Whether domains without living nodes do not count.
    pub(super) are_left_out: bool,
    /// How many domains count at least.
    pub(super) left: i128,
    /// Whether it counts all pods of its own workload.
    pub(super) counts_own: bool,
}

impl<'c> Waiting<'c, '_> {
    /// What one hard spread constraint leaves.
    pub(super) fn spreading(&self, spread: &Spread) -> Result<Spreading<'c>, Rejection> {
        let index = &self.checker.index;
        let selector = spread.selector.as_deref().unwrap_or_default();
        if selector.is_empty() || !selects_pod(selector, &self.pod.labels, Reading::MustNow) {
            return self.refuse("its spread constraint does not select it");
        }
        if spread.max_skew < 1 {
            return self.refuse("its spread constraint has a maxSkew below 1");
        }
        let domains = self.counted_domains(spread);
        let are_left_out = self.moment == Moment::After
            && (self.question.phase() == Phase::Removed
                || (spread.honors_taints && !index.class(self.shape).tolerates_unreachable));
        let taken = || self.question.most_taken(domains.iter().map(|(_, nodes)| nodes.as_slice()));
        let lost = if are_left_out { taken() } else { 0 };
        let left = i128::try_from(domains.len()).unwrap_or(0).saturating_sub(lost);
        if left < 1 || i128::from(spread.min_domains) > left {
            return self
                .refuse(format!("its spread constraint is left with {left} domains, too few for its minDomains"));
        }
        // Pods of an older revision that the selector leaves out are not among those that it counts.
        let of_one_revision = matches!(self.question.placement(), Placement::Fresh | Placement::Scheduled);
        let counts_own = of_one_revision || !asks_revision(selector);
        Ok(Spreading { domains, are_left_out, left, counts_own })
    }

    /// Condition 7: a domain with the smallest count never rejects it on account of the constraint.
    pub(super) fn fits_in_every_domain(&self, spread: &Spread) -> Result<(), Rejection> {
        let Spreading { domains, are_left_out, left, counts_own } = self.spreading(spread)?;
        let smallest = self.selected().checked_div(left).unwrap_or(i128::MAX);
        let siblings = if counts_own { self.siblings().min(smallest) } else { self.siblings() };
        for (name, counted) in &domains {
            let nodes: Vec<usize> = counted.iter().copied().filter(|node| self.eligible.contains(*node)).collect();
            let failures = if are_left_out { self.failures().min(self.survivable(counted)) } else { self.failures() };
            self.has_room(&nodes, failures, siblings, &format!(" in domain {name}"))?;
        }
        Ok(())
    }

    /// The domains that a constraint counts, with the nodes that it counts.
    fn counted_domains(&self, spread: &Spread) -> Vec<(&'c str, Vec<usize>)> {
        let index = &self.checker.index;
        let (class, topology) = (index.class(self.shape), index.topology(&spread.topology_key));
        let counts = |node: &usize| {
            (!spread.honors_affinity || class.affinity.contains(*node))
                && (!spread.honors_taints || class.taints.contains(*node))
        };
        let domains = topology.names().iter().zip(topology.members());
        let domains = domains.map(|(name, nodes)| (name.as_str(), nodes.iter().copied().filter(counts).collect()));
        domains.filter(|(_, counted): &(&str, Vec<usize>)| !counted.is_empty()).collect()
    }

    /// How many other pods its constraint may count.
    pub(super) fn selected(&self) -> i128 {
        let (index, fixed) = (&self.checker.index, &self.checker.fixed);
        let shapes = self.checker.selection.counted(self.shape, 0).map_or(&[][..], |counted| &counted.may);
        let of_shape = |shape: &usize| {
            let members = self.crowd.of_shape.get(shape).into_iter().flatten();
            let counts = members.filter_map(|number| self.crowd.members.get(*number)).map(|member| self.count(member));
            let fixed = i128::try_from(fixed.nodes_of_shape(index, *shape).count()).unwrap_or(i128::MAX);
            counts.fold(fixed, i128::saturating_add)
        };
        shapes.iter().map(of_shape).fold(0, i128::saturating_add)
    }

    /// So many failure domains can fail without taking all of these nodes.
    fn survivable(&self, nodes: &[usize]) -> usize {
        match self.question.failure_domains(nodes) {
            Some(domains) => domains.len().saturating_sub(1),
            None => usize::MAX,
        }
    }
}
