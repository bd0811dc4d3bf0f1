//! One decision: the nodes that are examined, and the best of them.

use super::class::ClassId;
use super::keeping::{Cache, VIEWS};
use super::relation::Ground;
use super::view::{Eligible, Entry, View, Worth};
use crate::cluster::{ClusterState, NodeId, Pod, PodSpec};
use crate::scheduler::Plugin;
use crate::scheduler::plugins::inter_pod_affinity::{normalize as normalize_affinity, scores as scores_affinity};
use crate::scheduler::plugins::node_affinity;
use crate::scheduler::plugins::normalize_score::{normalize, normalize_reversed};
use crate::scheduler::plugins::pod_topology_spread::normalize as normalize_spread;

/// A node that the pod fits on.
struct Feasible {
    position: usize,
    entry: Entry,
}

impl Cache {
    /// The nodes that `pod` may go to, in the order of their ids: of those that are examined the ones of the highest score. Empty
    /// when it fits nowhere.
    ///
    /// `None` for a question that is not answered here: ask [`schedule`](crate::scheduler::schedule).
    pub fn best_nodes(&mut self, state: &ClusterState, pod: &Pod) -> Option<Vec<NodeId>> {
        if self.nominated > 0
            || pod.nominated_node.is_some()
            || !pod.volumes.is_empty()
            || !pod.template.spec.volumes.is_empty()
        {
            return None;
        }
        let class = self.class_of(state, pod);
        let mut view = self.take_view(state, class)?;
        let spec = &pod.template.spec;
        let feasible = self.examine(state, &mut view, spec);
        let mut best = match feasible.as_slice() {
            [] => Vec::new(),
            [only] => vec![only.position],
            several => self.highest(state, &view, spec, several),
        };
        self.views.push(view);
        let mut best: Vec<NodeId> =
            best.drain(..).filter_map(|position| self.slots.get(position)).map(|slot| slot.id).collect();
        best.sort_unstable();
        Some(best)
    }

    /// The view of `class`, taken out of the cache.
    fn take_view(&mut self, state: &ClusterState, class: ClassId) -> Option<View> {
        self.decisions = self.decisions.saturating_add(1);
        let known = self.views.iter().position(|view| view.class == class);
        let mut view = if let Some(position) = known {
            self.views.swap_remove(position)
        } else {
            self.make_room();
            let mut ground = Ground { state, topologies: &mut self.topologies, slots: &self.slots };
            View::new(&mut ground, class, self.classes.get(class)?, &self.classes)
        };
        view.last_used = self.decisions;
        Some(view)
    }

    fn make_room(&mut self) {
        while self.views.len() >= VIEWS {
            let oldest = self.views.iter().enumerate().min_by_key(|(_, view)| view.last_used).map(|(index, _)| index);
            let Some(oldest) = oldest else { return };
            self.views.swap_remove(oldest);
        }
    }

    /// Filters nodes from where the last examination ended, until one more would be feasible than are looked for.
    fn examine(&mut self, state: &ClusterState, view: &mut View, spec: &PodSpec) -> Vec<Feasible> {
        let order = self.order(view);
        let profile = state.scheduler.profile(spec.profile);
        let limit = self.sampling.of(profile).feasible_nodes(order.len());
        let start = self.start.checked_rem(order.len()).unwrap_or(0);
        let spread = profile.counts_for(Plugin::PodTopologySpread) && view.spread.restricts();
        let affinity = profile.counts_for(Plugin::InterPodAffinity) && view.affinity.restricts();
        let worth = Worth {
            ground: Ground { state, topologies: &mut self.topologies, slots: &self.slots },
            images: &self.images,
        };
        let mut feasible = Vec::with_capacity(limit.min(order.len()));
        let mut examined: usize = 0;
        for position in order.from(start) {
            let entry = view.entry(&worth, spec, position);
            let topologies = &*worth.ground.topologies;
            let fits = entry.fits
                && (!spread || view.spread.allows(topologies, position))
                && (!affinity || view.affinity.allows(topologies, position));
            if fits && feasible.len() >= limit {
                break;
            }
            examined = examined.saturating_add(1);
            if fits {
                feasible.push(Feasible { position, entry });
            }
        }
        let next = self.start.saturating_add(examined);
        self.start = next.checked_rem(self.slots.len()).unwrap_or(0);
        feasible
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
    fn highest(&self, state: &ClusterState, view: &View, spec: &PodSpec, feasible: &[Feasible]) -> Vec<usize> {
        let profile = state.scheduler.profile(spec.profile);
        let mut totals: Vec<i64> = feasible.iter().map(|node| node.entry.base).collect();
        let mut add = |weight: i64, scores: Vec<i64>| {
            for (total, score) in totals.iter_mut().zip(scores) {
                *total = total.saturating_add(score.saturating_mul(weight));
            }
        };
        let avoided = feasible.iter().any(|node| node.entry.avoidance > 0);
        if let Some(weight) = profile.weight(Plugin::TaintToleration).filter(|_| avoided) {
            let avoidance = feasible.iter().map(|node| node.entry.avoidance).collect();
            add(weight, normalize_reversed(avoidance));
        }
        if let Some(weight) = profile.weight(Plugin::NodeAffinity).filter(|_| node_affinity::scores(profile, spec)) {
            let preference = feasible.iter().map(|node| node.entry.preference).collect();
            add(weight, normalize(preference));
        }
        if let Some(weight) = profile.weight(Plugin::PodTopologySpread).filter(|_| view.spread.scores()) {
            let window: Vec<usize> = feasible.iter().map(|node| node.position).collect();
            add(weight, normalize_spread(&view.spread.raw_scores(&self.topologies, &window)));
        }
        let arguments = &profile.arguments.inter_pod_affinity;
        let affinity_scores = view.affinity.scores() && scores_affinity(arguments, spec);
        if let Some(weight) = profile.weight(Plugin::InterPodAffinity).filter(|_| affinity_scores) {
            let weights = feasible.iter().map(|node| view.affinity.weight(&self.topologies, node.position));
            add(weight, normalize_affinity(&weights.collect::<Vec<i64>>()));
        }
        let highest = totals.iter().copied().max();
        let best = feasible.iter().zip(&totals).filter(|(_, total)| Some(**total) == highest);
        best.map(|(node, _)| node.position).collect()
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
