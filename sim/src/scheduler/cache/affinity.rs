//! The counters of a view for pod affinity and anti-affinity: what `plugins/inter_pod_affinity` counts anew for each decision.

use super::class::PodClass;
use super::relation::{Ground, Relation};
use super::topology::{Topologies, TopologyId};

/// A number for each domain of a topology.
#[derive(Clone, Debug)]
struct PerDomain {
    topology: TopologyId,
    counts: Vec<i64>,
    /// How many of them are not zero.
    occupied: usize,
}

impl PerDomain {
    fn new(topologies: &Topologies, topology: TopologyId) -> Self {
        Self { topology, counts: vec![0; topologies.size(topology)], occupied: 0 }
    }

    fn change(&mut self, topologies: &Topologies, position: usize, by: i64) {
        let domain = topologies.domain(self.topology, position);
        let Some(count) = domain.and_then(|domain| self.counts.get_mut(domain)) else { return };
        let before = *count;
        *count = count.saturating_add(by);
        match (before == 0, *count == 0) {
            (true, false) => self.occupied = self.occupied.saturating_add(1),
            (false, true) => self.occupied = self.occupied.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
    }

    /// The number of the domain of the node at `position`; `None` for a node without the label.
    fn at(&self, topologies: &Topologies, position: usize) -> Option<i64> {
        topologies.domain(self.topology, position).and_then(|domain| self.counts.get(domain).copied())
    }
}

/// All counters of a view for pod affinity and anti-affinity.
#[derive(Clone, Debug, Default)]
pub(super) struct Affinity {
    /// Placed pods that match all required affinity terms, for each term.
    attracting: Vec<PerDomain>,
    /// Placed pods that match a required anti-affinity term, for each term.
    repelling: Vec<PerDomain>,
    /// Placed pods whose own required anti-affinity keeps the pod away.
    keeping_away: Vec<PerDomain>,
    /// Sums of weights.
    weights: Vec<PerDomain>,
    /// Whether a pod matches its own required affinity terms: then it may be the first of its kind.
    first_of_its_kind: bool,
}

impl Affinity {
    pub(super) fn new(ground: &mut Ground<'_>, class: &PodClass, own: Option<&Relation>) -> Self {
        let spec = &class.template.spec;
        let mut count = |key| {
            let topology = ground.topology(key);
            PerDomain::new(ground.topologies, topology)
        };
        Self {
            attracting: spec.required_affinity.iter().map(|term| count(term.topology_key)).collect(),
            repelling: spec.required_anti_affinity.iter().map(|term| count(term.topology_key)).collect(),
            keeping_away: Vec::new(),
            weights: Vec::new(),
            first_of_its_kind: own.is_some_and(|relation| relation.attracts),
        }
    }

    /// `pods` placed pods with `relation` come to the node at `position`, or go where that is negative.
    pub(super) fn change(&mut self, topologies: &Topologies, relation: &Relation, position: usize, pods: i64) {
        if relation.attracts {
            self.attracting.iter_mut().for_each(|own| own.change(topologies, position, pods));
        }
        for term in &relation.repels {
            if let Some(own) = self.repelling.get_mut(*term) {
                own.change(topologies, position, pods);
            }
        }
        for topology in &relation.keeps_away {
            find(&mut self.keeping_away, topologies, *topology, |own| own.change(topologies, position, pods));
        }
        for (topology, weight) in &relation.weights {
            let by = weight.saturating_mul(pods);
            find(&mut self.weights, topologies, *topology, |own| own.change(topologies, position, by));
        }
    }

    /// Whether no required term of either side keeps the pod from the node at `position`.
    pub(super) fn allows(&self, topologies: &Topologies, position: usize) -> bool {
        self.attracted(topologies, position)
            && self.repelling.iter().all(|own| own.at(topologies, position).is_none_or(|count| count == 0))
            && self
                .keeping_away
                .iter()
                .all(|own| own.occupied == 0 || own.at(topologies, position).is_none_or(|count| count == 0))
    }

    fn attracted(&self, topologies: &Topologies, position: usize) -> bool {
        let mut pods_exist = true;
        for own in &self.attracting {
            let Some(count) = own.at(topologies, position) else { return false };
            pods_exist = pods_exist && count > 0;
        }
        pods_exist || (self.first_of_its_kind && self.attracting.iter().all(|own| own.occupied == 0))
    }

    /// Whether a pod has to be looked at: there is a required term of its own, or one of a placed pod that keeps it away. Where
    /// there is none, pods that are only nominated keep nobody away either.
    pub(super) fn restricts(&self) -> bool {
        !self.attracting.is_empty()
            || !self.repelling.is_empty()
            || self.keeping_away.iter().any(|own| own.occupied > 0)
    }

    /// Whether it tells nodes apart by score.
    pub(super) fn scores(&self) -> bool {
        self.weights.iter().any(|own| own.occupied > 0)
    }

    /// The sum of the weights of the domains of the node at `position`.
    pub(super) fn weight(&self, topologies: &Topologies, position: usize) -> i64 {
        let sums = self.weights.iter().filter_map(|own| own.at(topologies, position));
        sums.fold(0, i64::saturating_add)
    }
}

fn find(
    counters: &mut Vec<PerDomain>,
    topologies: &Topologies,
    topology: TopologyId,
    change: impl FnOnce(&mut PerDomain),
) {
    let position = counters.iter().position(|own| own.topology == topology).unwrap_or_else(|| {
        counters.push(PerDomain::new(topologies, topology));
        counters.len().saturating_sub(1)
    });
    if let Some(own) = counters.get_mut(position) {
        change(own);
    }
}
