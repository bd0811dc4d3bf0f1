//! A class's view of the cluster: what every node is worth to a pod of it.

use std::collections::BTreeSet;

use super::affinity::Affinity;
use super::class::{ClassId, Classes, PodClass};
use super::keeping::{Life, Step};
use super::nominated::Nominated;
use super::relation::{Ground, Relation};
use super::slot::NodeSlot;
use super::spread::Spread;
use super::topology::Topologies;
use crate::cluster::{Names, Node, PodSpec, Symbol};
use crate::scheduler::configuration::Profile;
use crate::scheduler::framework::Plugin;
use crate::scheduler::plugins::{
    self, NodeAffinityPreFilter, any_taken, balanced_allocation, image_locality, node_affinity,
    node_affinity_pre_filter, node_declared_features, node_name, node_resources_fit, node_unschedulable,
    taint_toleration,
};
use crate::scheduler::snapshot::{Candidate, Images};

/// What a class that is to be placed knows of the cluster.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) class: ClassId,
    /// When it last decided; the number of the decision.
    pub(super) last_used: u64,
    pub(super) nodes: Eligible,
    pub(super) spread: Spread,
    pub(super) affinity: Affinity,
    entries: Vec<Entry>,
    /// What a placed pod of each class means to one of this; `None`: nothing.
    relations: Vec<Option<Box<Relation>>>,
}

/// The nodes that PreFilter leaves.
#[derive(Clone, Debug)]
pub(super) enum Eligible {
    All,
    Named(BTreeSet<Symbol>),
    None,
}

/// What one node is worth, as long as its version is the one that was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    version: u32,
    /// Whether it passes the filters that look at nothing but the node.
    pub(super) fits: bool,
    /// The sum of the weighted scores that look at nothing but the node and need no normalisation.
    pub(super) base: i64,
    /// How many PreferNoSchedule taints stand against it.
    pub(super) avoidance: i64,
    /// The sum of the weights of the preferred node-affinity terms that it matches.
    pub(super) preference: i64,
}

impl Entry {
    const NOTHING: Self = Self { version: 0, fits: false, base: 0, avoidance: 0, preference: 0 };
}

/// What entries are made from.
pub(super) struct Worth<'w> {
    pub(super) ground: Ground<'w>,
    pub(super) images: &'w Images,
}

impl View {
    pub(super) fn new(ground: &mut Ground<'_>, id: ClassId, class: &PodClass, classes: &Classes) -> Self {
        let spread = Spread::new(ground, class);
        let own = Relation::new(ground, class, &spread, class);
        let affinity = Affinity::new(ground, class, own.as_ref());
        let mut view = Self {
            class: id,
            last_used: 0,
            nodes: match eligible(ground, &class.template.spec) {
                NodeAffinityPreFilter::AllNodes => Eligible::All,
                NodeAffinityPreFilter::Only(names) => Eligible::Named(names),
                NodeAffinityPreFilter::Conflict => Eligible::None,
            },
            spread,
            affinity,
            entries: vec![Entry::default(); ground.slots.len()],
            relations: Vec::new(),
        };
        view.learn(ground, classes);
        for (position, slot) in ground.slots.iter().enumerate() {
            for held in slot.held() {
                view.change(ground.topologies, held.class, position, held.alive, Life::Alive);
                view.change(ground.topologies, held.class, position, held.terminating, Life::Terminating);
            }
        }
        view
    }

    /// Finds out what pods of classes mean to it that it did not know yet.
    pub(super) fn learn(&mut self, ground: &mut Ground<'_>, classes: &Classes) {
        let Some(own) = classes.get(self.class) else { return };
        for class in classes.from(self.relations.len()) {
            self.relations.push(Relation::new(ground, own, &self.spread, class).map(Box::new));
        }
    }

    /// Whether it knows what pods of all classes mean to it.
    pub(super) fn knows(&self, classes: &Classes) -> bool {
        classes.from(self.relations.len()).is_empty()
    }

    /// Whether a pod of `class`, which it knows, means anything to it.
    pub(super) fn is_related_to(&self, class: ClassId) -> bool {
        self.relations.get(class.0 as usize).is_some_and(Option::is_some)
    }

    /// A pod of `class` comes to or goes from the node at `position`.
    pub(super) fn pod_changed(
        &mut self,
        topologies: &Topologies,
        class: ClassId,
        position: usize,
        change: (Life, Step),
    ) {
        let (life, step) = change;
        self.change(topologies, class, position, step.sign(), life);
    }

    /// A pod that is nominated to the node at `position` is put there for a moment, or taken away again, for `candidate`.
    pub(super) fn imagine(
        &mut self,
        topologies: &Topologies,
        nominated: &Nominated<'_>,
        candidate: &Candidate<'_>,
        (position, step): (usize, Step),
    ) {
        if nominated.pod.namespace == candidate.namespace {
            self.spread.imagine(topologies, nominated.pod.labels, position, step.sign());
        }
        if let Some(Some(relation)) = self.relations.get(nominated.class.0 as usize) {
            self.affinity.change(topologies, relation, position, step.sign());
        }
    }

    fn change(&mut self, topologies: &Topologies, class: ClassId, position: usize, pods: i64, life: Life) {
        let Some(Some(relation)) = self.relations.get(class.0 as usize) else { return };
        if pods == 0 {
            return;
        }
        match life {
            Life::Alive => {
                for constraint in &relation.hard {
                    self.spread.change_hard(topologies, *constraint, position, pods);
                }
                for constraint in &relation.soft {
                    self.spread.change_soft(topologies, *constraint, position, pods);
                }
            }
            // Spread does not count pods that terminate; affinity does.
            Life::Terminating => {}
        }
        self.affinity.change(topologies, relation, position, pods);
    }

    /// What the node at `position` is worth now.
    #[inline]
    pub(super) fn look_at(&mut self, worth: &Worth<'_>, spec: &PodSpec, position: usize) -> &Entry {
        let (Some(entry), Some(slot)) = (self.entries.get_mut(position), worth.ground.slots.get(position)) else {
            return &Entry::NOTHING;
        };
        if entry.version != slot.version {
            *entry = match worth.ground.state.nodes.get(&slot.id) {
                Some(node) => look_at(worth, spec, slot, node),
                None => Entry::default(),
            };
            entry.version = slot.version;
        }
        entry
    }

    /// What the node at `position` was worth when it was last looked at.
    pub(super) fn entry(&self, position: usize) -> &Entry {
        self.entries.get(position).unwrap_or(&Entry::NOTHING)
    }
}

fn eligible(ground: &Ground<'_>, spec: &PodSpec) -> NodeAffinityPreFilter {
    if ground.state.scheduler.profile(spec.profile).pre_filter.has(Plugin::NodeAffinity) {
        node_affinity_pre_filter(spec)
    } else {
        NodeAffinityPreFilter::AllNodes
    }
}

pub(super) fn look_at(worth: &Worth<'_>, spec: &PodSpec, slot: &NodeSlot, node: &Node) -> Entry {
    let names = &worth.ground.state.names;
    let profile = worth.ground.state.scheduler.profile(spec.profile);
    if !fits(names, profile, spec, (slot, node)) {
        return Entry::default();
    }
    let arguments = &profile.arguments;
    let mut base = 0_i64;
    let mut add = |weight: i64, score: i64| base = base.saturating_add(score.saturating_mul(weight));
    if let Some(weight) = profile.weight(Plugin::NodeResourcesFit) {
        let used = (&slot.requested, slot.non_zero_requested);
        add(weight, node_resources_fit::allocation(&arguments.fit, spec, node, used));
    }
    if let Some(weight) = profile.weight(Plugin::ImageLocality) {
        add(weight, image_locality::presence(spec, node, worth.images));
    }
    if let Some(weight) = balanced_allocation::weight(profile, &spec.requests) {
        add(weight, balanced_allocation::improvement(&arguments.balanced, &spec.requests, node, &slot.requested));
    }
    Entry {
        version: 0,
        fits: true,
        base,
        avoidance: taint_toleration::avoidance(spec, node),
        preference: node_affinity::preference(names, &arguments.added_node_affinity, spec, node),
    }
}

/// Whether the filters of `profile` that look at nothing but the node let it pass.
fn fits(names: &Names, profile: &Profile, spec: &PodSpec, (slot, node): (&NodeSlot, &Node)) -> bool {
    let filter = &profile.filter;
    let skips = |plugin| !filter.has(plugin);
    let arguments = &profile.arguments;
    let affine = || {
        node_affinity::matches_added(names, &arguments.added_node_affinity, node)
            && plugins::node_matches_affinity(names, spec, node)
    };
    let room = || node_resources_fit::fits((&arguments.fit, names), spec, node, (&slot.requested, slot.pod_count));
    (skips(Plugin::NodeUnschedulable) || !node_unschedulable::rejects(spec, node))
        && (skips(Plugin::NodeName) || !node_name::rejects(spec, slot.id))
        && (skips(Plugin::TaintToleration) || plugins::untolerated_taint(spec, node).is_none())
        && (skips(Plugin::NodeAffinity) || affine())
        && (skips(Plugin::NodePorts) || !any_taken(names, &spec.host_ports, slot.used_ports()))
        && (skips(Plugin::NodeResourcesFit) || room())
        && (skips(Plugin::NodeDeclaredFeatures) || !node_declared_features::rejects(spec, node))
}
