//! Which pods are alike: no decision can tell the pods of one class apart.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::cluster::{
    ClusterState, LabelSelector, Labels, Owner, Pod, PodSpec, PodTemplate, ReplicaSetId, StatefulSetId, Symbol,
};
use crate::scheduler::snapshot::Candidate;

/// Names a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClassId(pub(super) u32);

/// Pods that are alike.
#[derive(Clone, Debug)]
pub(super) struct PodClass {
    pub(super) namespace: Symbol,
    /// The labels that selectors ask for.
    pub(super) labels: Labels,
    /// The template of the first pod of the class; the specification is that of all.
    pub(super) template: Arc<PodTemplate>,
    owner: Spreader,
}

/// The controller whose selector spreads pods that do not say how they want to be spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spreader {
    None,
    ReplicaSet(ReplicaSetId),
    StatefulSet(StatefulSetId),
}

impl Spreader {
    fn of(pod: &Pod) -> Self {
        if !pod.template.spec.spread_constraints.is_empty() {
            return Self::None;
        }
        match pod.owner {
            Owner::ReplicaSet(id) => Self::ReplicaSet(id),
            Owner::StatefulSet { set, .. } => Self::StatefulSet(set),
            Owner::None | Owner::DaemonSet(_) | Owner::Job(_) | Owner::Node | Owner::Other { .. } => Self::None,
        }
    }

    const fn owner(self) -> Owner {
        match self {
            Self::None => Owner::None,
            Self::ReplicaSet(id) => Owner::ReplicaSet(id),
            Self::StatefulSet(set) => Owner::StatefulSet { set, ordinal: 0 },
        }
    }
}

impl PodClass {
    /// A pod of the class that is to be placed.
    pub(super) fn candidate(&self) -> Candidate<'_> {
        Candidate::hypothetical(self.namespace, &self.labels, &self.template.spec, self.owner.owner())
    }
}

/// Names a specification.
type SpecId = u32;

/// All classes.
#[derive(Clone, Debug, Default)]
pub(super) struct Classes {
    all: Vec<PodClass>,
    of_key: BTreeMap<(SpecId, Symbol, Spreader, Labels), ClassId>,
    /// The labels that some selector asks for.
    label_keys: BTreeSet<Symbol>,
    specs: Specs,
}

/// Specifications by their place in memory, and by what they say. The templates are kept, so that no place is used twice.
#[derive(Clone, Debug, Default)]
struct Specs {
    by_place: BTreeMap<usize, (SpecId, Arc<PodTemplate>)>,
    by_hash: BTreeMap<u64, Vec<(SpecId, Arc<PodTemplate>)>>,
    count: SpecId,
}

impl Specs {
    fn get(&self, template: &Arc<PodTemplate>) -> Option<SpecId> {
        self.by_place.get(&place(template)).map(|(id, _)| *id)
    }

    fn add(&mut self, template: &Arc<PodTemplate>) -> SpecId {
        let mut hasher = DefaultHasher::new();
        template.spec.hash(&mut hasher);
        let alike = self.by_hash.entry(hasher.finish()).or_default();
        let known = alike.iter().find(|(_, other)| other.spec == template.spec).map(|(id, _)| *id);
        let id = known.unwrap_or_else(|| {
            let id = self.count;
            self.count = self.count.saturating_add(1);
            alike.push((id, Arc::clone(template)));
            id
        });
        self.by_place.insert(place(template), (id, Arc::clone(template)));
        id
    }
}

fn place(template: &Arc<PodTemplate>) -> usize {
    Arc::as_ptr(template).addr()
}

impl Classes {
    /// Knows the labels that selectors of Services and controllers ask for.
    pub(super) fn new(state: &ClusterState) -> Self {
        let mut classes = Self::default();
        let of_services = state.services.values().filter_map(|service| service.selector.as_ref());
        let of_replica_sets = state.replica_sets.values().map(|set| &set.selector);
        let of_stateful_sets = state.stateful_sets.values().map(|set| &set.selector);
        for selector in of_services.chain(of_replica_sets).chain(of_stateful_sets) {
            classes.label_keys.extend(keys(selector));
        }
        for pod in state.pods.values() {
            classes.learn(state, pod);
        }
        classes
    }

    /// Learns which labels the selectors of `pod` ask for; whether one is among them that none asked for before.
    pub(super) fn learn(&mut self, state: &ClusterState, pod: &Pod) -> bool {
        let before = self.label_keys.len();
        if self.specs.get(&pod.template).is_none() {
            self.specs.add(&pod.template);
            self.label_keys.extend(asked_for(&pod.template.spec));
        }
        let of_controller = match Spreader::of(pod) {
            Spreader::ReplicaSet(id) => state.replica_sets.get(&id).map(|set| &set.selector),
            Spreader::StatefulSet(id) => state.stateful_sets.get(&id).map(|set| &set.selector),
            Spreader::None => None,
        };
        for key in of_controller.into_iter().flat_map(keys) {
            if !self.label_keys.contains(&key) {
                self.label_keys.insert(key);
            }
        }
        self.label_keys.len() != before
    }

    /// Forgets all classes, not what it has learnt.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.of_key.clear();
    }

    /// The class of `pod`, if it has one already.
    pub(super) fn known(&self, pod: &Pod) -> Option<ClassId> {
        let spec = self.specs.get(&pod.template)?;
        self.of_key.get(&(spec, pod.namespace, Spreader::of(pod), self.asked_labels(pod))).copied()
    }

    fn asked_labels(&self, pod: &Pod) -> Labels {
        pod.labels.iter().filter(|(key, _)| self.label_keys.contains(key)).collect()
    }

    /// The class of `pod`, whose selectors have been learnt.
    pub(super) fn of(&mut self, pod: &Pod) -> ClassId {
        let spec = self.specs.get(&pod.template).unwrap_or_else(|| self.specs.add(&pod.template));
        let key = (spec, pod.namespace, Spreader::of(pod), self.asked_labels(pod));
        if let Some(id) = self.of_key.get(&key) {
            return *id;
        }
        let id = ClassId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        let (_, namespace, owner, labels) = &key;
        self.all.push(PodClass {
            namespace: *namespace,
            labels: labels.clone(),
            template: Arc::clone(&pod.template),
            owner: *owner,
        });
        self.of_key.insert(key, id);
        id
    }

    /// The class named `id`; every id that this table gave until it was last cleared has one.
    pub(super) fn get(&self, id: ClassId) -> Option<&PodClass> {
        self.all.get(id.0 as usize)
    }

    /// All classes from number `from` on.
    pub(super) fn from(&self, from: usize) -> &[PodClass] {
        self.all.get(from..).unwrap_or_default()
    }
}

fn keys(selector: &LabelSelector) -> impl Iterator<Item = Symbol> + '_ {
    selector.requirements.iter().map(|requirement| requirement.key)
}

/// The labels that the selectors of `spec` ask for.
fn asked_for(spec: &PodSpec) -> BTreeSet<Symbol> {
    let mut asked = BTreeSet::new();
    for constraint in &spec.spread_constraints {
        asked.extend(constraint.selector.iter().flat_map(keys));
        asked.extend(constraint.match_label_keys.iter().copied());
    }
    let required = spec.required_affinity.iter().chain(&spec.required_anti_affinity);
    let preferred = spec.preferred_affinity.iter().chain(&spec.preferred_anti_affinity).map(|own| &own.term);
    for term in required.chain(preferred) {
        asked.extend(term.selector.iter().flat_map(keys));
        asked.extend(term.match_label_keys.iter().chain(&term.mismatch_label_keys).copied());
    }
    asked
}
