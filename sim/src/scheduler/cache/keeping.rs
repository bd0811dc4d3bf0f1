//! The cache and how it follows the changes of a state.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::class::{ClassId, Classes};
use super::nominated::Nominations;
use super::relation::Ground;
use super::slot::NodeSlot;
use super::topology::Topologies;
use super::view::View;
use super::{Sampling, sampling};
use crate::cluster::{
    ClusterState, Namespace, Node, NodeId, Phase, Pod, PodId, Pods, ReplicaSet, ReplicaSetId, Service, ServiceId,
    StatefulSet, StatefulSetId, Symbol, Table,
};
use crate::scheduler::SchedulerConfiguration;
use crate::scheduler::snapshot::Images;

/// At most so many views are kept; the one that was not used for the longest time makes room.
pub(super) const VIEWS: usize = 256;

/// A cluster kept ready for many decisions. It follows a [`ClusterState`] that it is told the changes of. A copy shares what is
/// equal.
#[derive(Clone, Debug)]
pub struct Cache {
    /// In the order in which they are examined.
    pub(super) slots: Vec<Arc<NodeSlot>>,
    pub(super) positions: Arc<BTreeMap<NodeId, usize>>,
    pub(super) by_name: Arc<BTreeMap<Symbol, usize>>,
    pods: OrdMap<PodId, Known>,
    pub(super) classes: Arc<Classes>,
    pub(super) topologies: Arc<Topologies>,
    pub(super) images: Arc<Images>,
    pub(super) views: Vec<Arc<View>>,
    pub(super) nominations: Nominations,
    /// Placed pods with volumes.
    pub(super) with_volumes: OrdSet<PodId>,
    pub(super) sampling: Sampling,
    /// Where the next examination begins.
    pub(super) start: usize,
    pub(super) decisions: u64,
}

/// What the cache last knew of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Placed { class: ClassId, slot: usize, life: Life },
    Nominated { class: ClassId, slot: usize },
}

/// Whether a pod terminates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    Terminating,
}

/// A pod comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Comes,
    Goes,
}

impl Step {
    pub(super) const fn sign(self) -> i64 {
        match self {
            Self::Comes => 1,
            Self::Goes => -1,
        }
    }
}

/// What a cache was made from and has followed: a state that is still the same in all of these is one that it knows.
#[derive(Clone, Debug)]
pub struct Followed {
    pods: Pods,
    nodes: Table<NodeId, Node>,
    replica_sets: Table<ReplicaSetId, ReplicaSet>,
    stateful_sets: Table<StatefulSetId, StatefulSet>,
    services: Table<ServiceId, Service>,
    namespaces: BTreeMap<Symbol, Namespace>,
    scheduler: Arc<SchedulerConfiguration>,
}

impl Followed {
    /// The state that a cache has followed until now.
    #[must_use]
    pub fn of(state: &ClusterState) -> Self {
        Self {
            pods: state.pods.clone(),
            nodes: state.nodes.clone(),
            replica_sets: state.replica_sets.clone(),
            stateful_sets: state.stateful_sets.clone(),
            services: state.services.clone(),
            namespaces: state.namespaces.clone(),
            scheduler: Arc::clone(&state.scheduler),
        }
    }

    /// Whether nothing that a cache looks at has changed since. False is also answered where something was set to what it was.
    #[must_use]
    pub fn is(&self, state: &ClusterState) -> bool {
        self.pods.is_shared_with(&state.pods)
            && self.nodes.is_shared_with(&state.nodes)
            && self.replica_sets.is_shared_with(&state.replica_sets)
            && self.stateful_sets.is_shared_with(&state.stateful_sets)
            && self.services.is_shared_with(&state.services)
            && self.namespaces == state.namespaces
            && Arc::ptr_eq(&self.scheduler, &state.scheduler)
    }
}

impl Cache {
    /// Prepares `state`.
    #[must_use]
    pub fn new(state: &ClusterState, sampling: Sampling) -> Self {
        let order = sampling::node_order(state);
        let positions: BTreeMap<NodeId, usize> =
            order.iter().enumerate().map(|(position, id)| (*id, position)).collect();
        let name = |(id, position): (&NodeId, &usize)| Some((state.nodes.get(id)?.name, *position));
        let mut cache = Self {
            by_name: Arc::new(positions.iter().filter_map(name).collect()),
            positions: Arc::new(positions),
            slots: order.into_iter().map(|id| Arc::new(NodeSlot::new(id))).collect(),
            pods: OrdMap::new(),
            classes: Arc::new(Classes::new(state)),
            topologies: Arc::default(),
            images: Arc::new(Images::of(state.nodes.values())),
            views: Vec::new(),
            nominations: Nominations::default(),
            with_volumes: OrdSet::new(),
            sampling,
            start: 0,
            decisions: 0,
        };
        for id in state.pods.keys() {
            cache.pod_changed(state, *id);
        }
        cache
    }

    /// `pod` was created, bound, removed, or changed in another way.
    pub fn pod_changed(&mut self, state: &ClusterState, pod: PodId) {
        let now = state.pods.get(&pod).and_then(|of_state| self.known(state, of_state));
        let before = self.pods.get(&pod).copied();
        if now == before {
            return;
        }
        if let Some(before) = before {
            self.count(state, pod, before, Step::Goes);
        }
        match now {
            Some(now) => {
                self.pods.insert(pod, now);
                self.count(state, pod, now, Step::Comes);
            }
            None => drop(self.pods.remove(&pod)),
        }
    }

    /// Taints or `unschedulable` of `node` have changed. For a node that is new, is gone, or has other labels, other room or other
    /// images the cache is to be made anew.
    pub fn node_changed(&mut self, node: NodeId) {
        if let Some(slot) = self.positions.get(&node).and_then(|position| self.slots.get_mut(*position)) {
            Arc::make_mut(slot).touch();
        }
        // Which nodes count has been found out once and for all.
        self.views.retain(|view| !view.spread.honors_taints());
    }

    fn known(&mut self, state: &ClusterState, pod: &Pod) -> Option<Known> {
        match pod.phase {
            Phase::Succeeded | Phase::Failed => return None,
            Phase::Pending | Phase::Running => {}
        }
        match (pod.node, pod.nominated_node) {
            (Some(node), _) => {
                let slot = *self.positions.get(&node)?;
                let class = self.class_of(state, pod);
                let life = if pod.deletion.is_some() { Life::Terminating } else { Life::Alive };
                Some(Known::Placed { class, slot, life })
            }
            (None, Some(node)) => {
                let slot = *self.positions.get(&node)?;
                Some(Known::Nominated { class: self.class_of(state, pod), slot })
            }
            (None, None) => None,
        }
    }

    /// The class of `pod`. A selector that asks for a label that none asked for before makes other classes of all pods.
    pub(super) fn class_of(&mut self, state: &ClusterState, pod: &Pod) -> ClassId {
        if let Some(known) = self.classes.known(pod) {
            return known;
        }
        if Arc::make_mut(&mut self.classes).learn(state, pod) {
            self.classify_anew(state);
        }
        Arc::make_mut(&mut self.classes).of(pod)
    }

    fn classify_anew(&mut self, state: &ClusterState) {
        self.views.clear();
        self.slots.iter_mut().for_each(|slot| Arc::make_mut(slot).clear());
        Arc::make_mut(&mut self.classes).clear();
        self.nominations.clear();
        let known: Vec<(PodId, Known)> = self.pods.iter().map(|(id, known)| (*id, *known)).collect();
        for (id, known) in known {
            let Some(pod) = state.pods.get(&id) else { continue };
            let class = Arc::make_mut(&mut self.classes).of(pod);
            let known = match known {
                Known::Placed { slot, life, .. } => Known::Placed { class, slot, life },
                Known::Nominated { slot, .. } => Known::Nominated { class, slot },
            };
            self.pods.insert(id, known);
            self.count(state, id, known, Step::Comes);
        }
    }

    fn count(&mut self, state: &ClusterState, pod: PodId, known: Known, step: Step) {
        let (class, slot, life) = match known {
            Known::Nominated { class, slot } => return self.nominations.change(slot, pod, class, step),
            Known::Placed { class, slot, life } => (class, slot, life),
        };
        match step {
            Step::Comes => {
                if state.pods.get(&pod).is_some_and(|pod| !pod.volumes.is_empty()) {
                    self.with_volumes.insert(pod);
                }
            }
            Step::Goes => drop(self.with_volumes.remove(&pod)),
        }
        let Some(of_class) = self.classes.get(class) else { return };
        if let Some(slot) = self.slots.get_mut(slot) {
            Arc::make_mut(slot).change(class, &of_class.template.spec, life, step);
        }
        let mut ground = Ground { state, topologies: &mut self.topologies, slots: &self.slots };
        for view in &mut self.views {
            if !view.knows(&self.classes) {
                Arc::make_mut(view).learn(&mut ground, &self.classes);
            }
            if view.is_related_to(class) {
                Arc::make_mut(view).pod_changed(ground.topologies, class, slot, (life, step));
            }
        }
    }
}
