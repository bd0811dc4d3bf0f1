//! What a placed pod of one class means to a pod of another that is to be placed.

use std::sync::Arc;

use super::class::PodClass;
use super::slot::NodeSlot;
use super::spread::Spread;
use super::topology::{Topologies, TopologyId};
use crate::cluster::{ClusterState, Labels, PodAffinityTerm, Symbol};
use crate::scheduler::plugins::inter_pod_affinity::{IncomingTerm, placed_term_matches, terms_of_placed};

/// Which counters of a view one placed pod moves.
#[derive(Clone, Debug, Default)]
pub(super) struct Relation {
    /// The positions of the hard spread constraints that count it.
    pub(super) hard: Vec<usize>,
    /// The positions of the soft spread constraints that count it.
    pub(super) soft: Vec<usize>,
    /// The topologies of its own required anti-affinity terms that keep the other away.
    pub(super) keeps_away: Vec<TopologyId>,
    /// Whether it matches all required affinity terms.
    pub(super) attracts: bool,
    /// The positions of the required anti-affinity terms that it matches.
    pub(super) repels: Vec<usize>,
    /// What it adds to the score of the nodes of its domain.
    pub(super) weights: Vec<(TopologyId, i64)>,
}

/// The cluster, as far as relations are read from it.
pub(super) struct Ground<'g> {
    pub(super) state: &'g ClusterState,
    pub(super) topologies: &'g mut Arc<Topologies>,
    pub(super) slots: &'g [Arc<NodeSlot>],
}

impl Ground<'_> {
    pub(super) fn topology(&mut self, key: Symbol) -> TopologyId {
        match self.topologies.known(key) {
            Some(id) => id,
            None => Arc::make_mut(self.topologies).add(self.state, self.slots, key),
        }
    }
}

impl Relation {
    /// What a placed pod of `placed` means to one of `incoming`; `None`: nothing.
    pub(super) fn new(
        ground: &mut Ground<'_>,
        incoming: &PodClass,
        spread: &Spread,
        placed: &PodClass,
    ) -> Option<Self> {
        let same_namespace = incoming.namespace == placed.namespace;
        let mut relation = Self {
            hard: if same_namespace { spread.hard_that_count(&placed.labels) } else { Vec::new() },
            soft: if same_namespace { spread.soft_that_count(&placed.labels) } else { Vec::new() },
            ..Self::default()
        };
        relation.add_terms_of_incoming(ground, incoming, placed);
        relation.add_terms_of_placed(ground, incoming, placed);
        let nothing = relation.hard.is_empty()
            && relation.soft.is_empty()
            && relation.keeps_away.is_empty()
            && !relation.attracts
            && relation.repels.is_empty()
            && relation.weights.is_empty();
        (!nothing).then_some(relation)
    }

    fn add_terms_of_incoming(&mut self, ground: &mut Ground<'_>, incoming: &PodClass, placed: &PodClass) {
        let (owner, target) = (incoming.candidate(), placed.candidate());
        let spec = owner.spec;
        let state = ground.state;
        let matches = |term| IncomingTerm::new(state, owner, term).matches(&target);
        self.attracts = !spec.required_affinity.is_empty() && spec.required_affinity.iter().all(matches);
        let repelled = spec.required_anti_affinity.iter().enumerate().filter(|(_, term)| matches(term));
        self.repels = repelled.map(|(position, _)| position).collect();
        let affinity = spec.preferred_affinity.iter().map(|own| (own.weight, &own.term));
        let anti_affinity = spec.preferred_anti_affinity.iter().map(|own| (own.weight.saturating_neg(), &own.term));
        for (weight, term) in affinity.chain(anti_affinity) {
            if matches(term) {
                self.add_weight(ground.topology(term.topology_key), weight);
            }
        }
    }

    fn add_terms_of_placed(&mut self, ground: &mut Ground<'_>, incoming: &PodClass, placed: &PodClass) {
        let (target, owner) = (incoming.candidate(), placed.candidate());
        let spec = owner.spec;
        let none = Labels::default();
        let namespace = ground.state.namespaces.get(&target.namespace);
        let namespace_labels = namespace.map_or(&none, |namespace| &namespace.labels);
        let matches = |term: &PodAffinityTerm| placed_term_matches(term, &owner, &target, namespace_labels);
        for term in &spec.required_anti_affinity {
            if matches(term) {
                self.keeps_away.push(ground.topology(term.topology_key));
            }
        }
        let arguments = &ground.state.scheduler.profile(target.spec.profile).arguments.inter_pod_affinity;
        for (weight, term) in terms_of_placed(spec, arguments.hard_pod_affinity_weight) {
            if matches(term) {
                self.add_weight(ground.topology(term.topology_key), weight);
            }
        }
    }

    fn add_weight(&mut self, topology: TopologyId, weight: i64) {
        match self.weights.iter_mut().find(|(known, _)| *known == topology) {
            Some((_, sum)) => *sum = sum.saturating_add(weight),
            None => self.weights.push((topology, weight)),
        }
    }
}
