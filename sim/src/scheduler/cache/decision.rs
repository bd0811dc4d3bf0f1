//! One decision: the nodes that are examined, and the best of them.

use std::sync::Arc;

use super::class::ClassId;
use super::keeping::{Cache, VIEWS};
use super::nominated::Nominations;
use super::question::{LookedAt, Question, VolumeFilters};
use super::relation::Ground;
use super::view::{Eligible, View, Worth};
use crate::cluster::{ClusterState, NodeId, Pod, PodId, PodSpec};
use crate::scheduler::Plugin;
use crate::scheduler::plugins::inter_pod_affinity::{normalize as normalize_affinity, scores as scores_affinity};
use crate::scheduler::plugins::node_affinity;
use crate::scheduler::plugins::normalize_score::{normalize, normalize_reversed};
use crate::scheduler::plugins::pod_topology_spread::normalize as normalize_spread;
use crate::scheduler::snapshot::Candidate;

impl Cache {
    /// The nodes that `pod`, which is not in the state, may go to, in the order of their ids: of those that are examined the ones
    /// of the highest score. Empty when it fits nowhere.
    pub fn best_nodes(&mut self, state: &ClusterState, pod: &Pod) -> Vec<NodeId> {
        self.decide(state, pod, None)
    }

    /// The same for a pod of the state. Where it is nominated to a node and fits there, that is its only one.
    pub fn best_nodes_of(&mut self, state: &ClusterState, id: PodId) -> Vec<NodeId> {
        state.pods.get(&id).map_or_else(Vec::new, |pod| self.decide(state, pod, Some(id)))
    }

    fn decide(&mut self, state: &ClusterState, pod: &Pod, id: Option<PodId>) -> Vec<NodeId> {
        let candidate = Candidate { id, ..Candidate::of_pod(id.unwrap_or(PodId(u32::MAX)), pod) };
        let class = self.class_of(state, pod);
        let Some(mut shared) = self.take_view(state, class) else { return Vec::new() };
        let view = Arc::make_mut(&mut shared);
        let with_volumes = self.snapshot_for_volumes(state, &candidate);
        let best = match VolumeFilters::new(with_volumes.as_ref(), &candidate) {
            Ok(volumes) => {
                let looked_at = LookedAt::new(state, view, &candidate);
                self.choose(state, view, &Question { candidate, volumes, looked_at })
            }
            Err(_rejected_everywhere) => Vec::new(),
        };
        self.views.push(shared);
        let mut best: Vec<NodeId> =
            best.into_iter().filter_map(|position| self.slots.get(position)).map(|slot| slot.id).collect();
        best.sort_unstable();
        best
    }

    fn choose(&mut self, state: &ClusterState, view: &mut View, question: &Question<'_, '_>) -> Vec<usize> {
        let spec = question.candidate.spec;
        let nominated = question.candidate.nominated_node.and_then(|node| self.positions.get(&node).copied());
        if let Some(position) = nominated.filter(|_| !matches!(view.nodes, Eligible::None)) {
            let (mut worth, nominations) = self.ground(state);
            if worth.takes(nominations, view, question, position) {
                return vec![position];
            }
        }
        let feasible = self.examine(state, view, question);
        match feasible.as_slice() {
            [] => Vec::new(),
            [only] => vec![*only],
            several => self.highest(state, view, spec, several),
        }
    }

    /// The view of `class`, taken out of the cache.
    fn take_view(&mut self, state: &ClusterState, class: ClassId) -> Option<Arc<View>> {
        self.decisions = self.decisions.saturating_add(1);
        let known = self.views.iter().position(|view| view.class == class);
        let mut shared = if let Some(position) = known {
            self.views.swap_remove(position)
        } else {
            self.make_room();
            let mut ground = Ground { state, topologies: &mut self.topologies, slots: &self.slots };
            Arc::new(View::new(&mut ground, class, self.classes.get(class)?, &self.classes))
        };
        let view = Arc::make_mut(&mut shared);
        view.last_used = self.decisions;
        // Of pods that are only nominated it has not been told.
        let mut ground = Ground { state, topologies: &mut self.topologies, slots: &self.slots };
        view.learn(&mut ground, &self.classes);
        Some(shared)
    }

    fn make_room(&mut self) {
        while self.views.len() >= VIEWS {
            let oldest = self.views.iter().enumerate().min_by_key(|(_, view)| view.last_used).map(|(index, _)| index);
            let Some(oldest) = oldest else { return };
            self.views.swap_remove(oldest);
        }
    }

    /// Filters nodes from where the last examination ended, until one more would be feasible than are looked for.
    fn examine(&mut self, state: &ClusterState, view: &mut View, question: &Question<'_, '_>) -> Vec<usize> {
        let order = self.order(view);
        let profile = state.scheduler.profile(question.candidate.spec.profile);
        let limit = self.sampling.of(profile).feasible_nodes(order.len());
        let start = self.start.checked_rem(order.len()).unwrap_or(0);
        let mut feasible = Vec::with_capacity(limit.min(order.len()));
        let mut examined: usize = 0;
        let (mut worth, nominations) = self.ground(state);
        for position in order.from(start) {
            if worth.takes(nominations, view, question, position) {
                if feasible.len() >= limit {
                    break;
                }
                feasible.push(position);
            }
            examined = examined.saturating_add(1);
        }
        let next = self.start.saturating_add(examined);
        self.start = next.checked_rem(self.slots.len()).unwrap_or(0);
        feasible
    }

    fn ground<'c>(&'c mut self, state: &'c ClusterState) -> (Worth<'c>, &'c Nominations) {
        let ground = Ground { state, topologies: &mut self.topologies, slots: &self.slots };
        (Worth { ground, images: &self.images }, &self.nominations)
    }

    /// The nodes that PreFilter leaves.
    fn order(&self, view: &View) -> Order {
        match &view.nodes {
            Eligible::All => Order::All(self.slots.len()),
            Eligible::None => Order::Some(Vec::new()),
            Eligible::Named(names) => {
                let named = names.iter().filter_map(|name| self.by_name.get(name).copied());
                let mut positions: Vec<usize> = named.collect();
                positions.sort_unstable();
                Order::Some(positions)
            }
        }
    }

    /// The positions of those with the highest total.
    fn highest(&self, state: &ClusterState, view: &View, spec: &PodSpec, feasible: &[usize]) -> Vec<usize> {
        let profile = state.scheduler.profile(spec.profile);
        let entries = || feasible.iter().map(|position| view.entry(*position));
        let mut totals: Vec<i64> = entries().map(|entry| entry.base).collect();
        let mut add = |weight: i64, scores: Vec<i64>| {
            for (total, score) in totals.iter_mut().zip(scores) {
                *total = total.saturating_add(score.saturating_mul(weight));
            }
        };
        let avoided = entries().any(|entry| entry.avoidance > 0);
        if let Some(weight) = profile.weight(Plugin::TaintToleration).filter(|_| avoided) {
            let avoidance = entries().map(|entry| entry.avoidance).collect();
            add(weight, normalize_reversed(avoidance));
        }
        if let Some(weight) = profile.weight(Plugin::NodeAffinity).filter(|_| node_affinity::scores(profile, spec)) {
            let preference = entries().map(|entry| entry.preference).collect();
            add(weight, normalize(preference));
        }
        if let Some(weight) = profile.weight(Plugin::PodTopologySpread).filter(|_| view.spread.scores()) {
            add(weight, normalize_spread(&view.spread.raw_scores(&self.topologies, feasible)));
        }
        let arguments = &profile.arguments.inter_pod_affinity;
        let affinity_scores = view.affinity.scores() && scores_affinity(arguments, spec);
        if let Some(weight) = profile.weight(Plugin::InterPodAffinity).filter(|_| affinity_scores) {
            let weights = feasible.iter().map(|position| view.affinity.weight(&self.topologies, *position));
            add(weight, normalize_affinity(&weights.collect::<Vec<i64>>()));
        }
        let highest = totals.iter().copied().max();
        let best = feasible.iter().zip(&totals).filter(|(_, total)| Some(**total) == highest);
        best.map(|(position, _)| *position).collect()
    }
}

/// Positions of nodes in the order in which they are examined.
enum Order {
    /// All of so many.
    All(usize),
    /// These.
    Some(Vec<usize>),
}

impl Order {
    fn len(&self) -> usize {
        match self {
            Self::All(count) => *count,
            Self::Some(positions) => positions.len(),
        }
    }

    /// All positions, beginning with the one at `start`.
    fn from(&self, start: usize) -> impl Iterator<Item = usize> + '_ {
        let count = self.len();
        (start..count).chain(0..start.min(count)).filter_map(move |index| match self {
            Self::All(_) => Some(index),
            Self::Some(positions) => positions.get(index).copied(),
        })
    }
}
