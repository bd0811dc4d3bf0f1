//! The pods of a cluster, found by their node, their controller and their labels too.

use std::ops::{Deref, DerefMut, Index, RangeBounds};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::labels::{LabelSelector, Labels};
use super::name::Symbol;
use super::node::NodeId;
use super::pod::{Owner, Pod, PodId};

/// Pods in the order of creation. A copy shares everything with its original until one of the two changes.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    all: OrdMap<PodId, Arc<Pod>>,
    places: Places,
}

/// Where each pod is found.
#[derive(Clone, Debug, Default)]
struct Places {
    by_node: OrdSet<(Option<NodeId>, PodId)>,
    by_owner: OrdSet<(Owner, PodId)>,
    by_label: OrdSet<(LabelPlace, PodId)>,
}

/// Namespace, key and value of a label.
type LabelPlace = (Symbol, Symbol, Symbol);

/// What a pod is found by.
#[derive(Clone, Debug)]
struct Marks {
    node: Option<NodeId>,
    owner: Owner,
    namespace: Symbol,
    labels: Labels,
}

impl Marks {
    fn of(pod: &Pod) -> Self {
        Self { node: pod.node, owner: of_controller(pod.owner), namespace: pod.namespace, labels: pod.labels.clone() }
    }

    fn are_those_of(&self, pod: &Pod) -> bool {
        let labels = &pod.labels;
        (self.node, self.owner, self.namespace) == (pod.node, of_controller(pod.owner), pod.namespace)
            && (self.labels.is_shared_with(labels) || self.labels == *labels)
    }

    fn label_places(&self) -> impl Iterator<Item = LabelPlace> + '_ {
        self.labels.iter().map(|(key, value)| (self.namespace, key, value))
    }
}

impl Places {
    fn add(&mut self, id: PodId, marks: &Marks) {
        self.by_node.insert((marks.node, id));
        self.by_owner.insert((marks.owner, id));
        for place in marks.label_places() {
            self.by_label.insert((place, id));
        }
    }

    fn remove(&mut self, id: PodId, marks: &Marks) {
        self.by_node.remove(&(marks.node, id));
        self.by_owner.remove(&(marks.owner, id));
        for place in marks.label_places() {
            self.by_label.remove(&(place, id));
        }
    }
}

/// The controller, whichever of its pods it is.
const fn of_controller(owner: Owner) -> Owner {
    match owner {
        Owner::StatefulSet { set, .. } => Owner::StatefulSet { set, ordinal: 0 },
        Owner::None
        | Owner::ReplicaSet(_)
        | Owner::DaemonSet(_)
        | Owner::Job(_)
        | Owner::Node
        | Owner::Other { .. } => owner,
    }
}

const FIRST: PodId = PodId(0);
const LAST: PodId = PodId(u32::MAX);

impl Pods {
    /// Whether both are one and the same copy.
    pub(crate) fn is_shared_with(&self, other: &Self) -> bool {
        (self.is_empty() && other.is_empty()) || self.all.ptr_eq(&other.all)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The pod of this id.
    #[must_use]
    pub fn get(&self, id: &PodId) -> Option<&Pod> {
        self.all.get(id).map(|pod| &**pod)
    }

    /// Whether there is a pod of this id.
    #[must_use]
    pub fn contains_key(&self, id: &PodId) -> bool {
        self.all.contains_key(id)
    }

    /// All pods, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&PodId, &Pod)> {
        self.all.iter().map(|(id, pod)| (id, &**pod))
    }

    /// Their ids, oldest first.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &PodId> {
        self.all.keys()
    }

    /// The pods without their ids, oldest first.
    pub fn values(&self) -> impl Iterator<Item = &Pod> {
        self.all.values().map(|pod| &**pod)
    }

    /// The pods of a range of ids, oldest first.
    pub fn range(&self, range: impl RangeBounds<PodId>) -> impl Iterator<Item = (&PodId, &Pod)> {
        self.all.range(range).map(|(id, pod)| (id, &**pod))
    }

    /// The pods that are bound to `node`, or to none; oldest first.
    pub fn on_node(&self, node: Option<NodeId>) -> impl Iterator<Item = (PodId, &Pod)> {
        let places = self.places.by_node.range((node, FIRST)..=(node, LAST));
        places.filter_map(|(_, id)| Some((*id, self.get(id)?)))
    }

    /// The pods of one controller (of a StatefulSet: of whatever ordinal), oldest first.
    pub fn of_owner(&self, owner: Owner) -> impl Iterator<Item = (PodId, &Pod)> {
        let owner = of_controller(owner);
        let places = self.places.by_owner.range((owner, FIRST)..=(owner, LAST));
        places.filter_map(|(_, id)| Some((*id, self.get(id)?)))
    }

    /// The pods of `namespace` that `selector` selects, oldest first.
    pub fn selected<'a>(&'a self, namespace: Symbol, selector: &'a LabelSelector) -> Vec<(PodId, &'a Pod)> {
        let is_selected = |pod: &Pod| pod.namespace == namespace && selector.matches(&pod.labels);
        let Some(place) = selector.only_value() else {
            return self.iter().filter(|(_, pod)| is_selected(pod)).map(|(id, pod)| (*id, pod)).collect();
        };
        let place = (namespace, place.0, place.1);
        let with_label = self.places.by_label.range((place, FIRST)..=(place, LAST));
        with_label.filter_map(|(_, id)| Some((*id, self.get(id)?))).filter(|(_, pod)| is_selected(pod)).collect()
    }

    /// Adds or replaces a pod.
    pub fn insert(&mut self, id: PodId, pod: Pod) {
        let marks = Marks::of(&pod);
        if let Some(before) = self.all.insert(id, Arc::new(pod)) {
            self.places.remove(id, &Marks::of(&before));
        }
        self.places.add(id, &marks);
    }

    /// Takes a pod away.
    pub fn remove(&mut self, id: &PodId) -> Option<Arc<Pod>> {
        let pod = self.all.remove(id)?;
        self.places.remove(*id, &Marks::of(&pod));
        Some(pod)
    }

    /// The pod of this id, to be changed.
    pub fn get_mut(&mut self, id: &PodId) -> Option<PodMut<'_>> {
        let pod = Arc::make_mut(self.all.get_mut(id)?);
        let before = Marks::of(pod);
        Some(PodMut { id: *id, pod, before, places: &mut self.places })
    }

    /// Changes every pod that `change` wants to change.
    pub fn for_each_mut(&mut self, mut change: impl FnMut(PodId, &mut Pod)) {
        let ids: Vec<PodId> = self.all.keys().copied().collect();
        for id in ids {
            if let Some(mut pod) = self.get_mut(&id) {
                change(id, &mut pod);
            }
        }
    }

    /// Keeps the pods that `keep` wants to keep.
    pub fn retain(&mut self, mut keep: impl FnMut(PodId, &Pod) -> bool) {
        let gone: Vec<PodId> = self.iter().filter(|(id, pod)| !keep(**id, pod)).map(|(id, _)| *id).collect();
        for id in gone {
            self.remove(&id);
        }
    }
}

impl Index<&PodId> for Pods {
    type Output = Pod;

    #[expect(clippy::indexing_slicing, reason = "what an index of a map does")]
    fn index(&self, id: &PodId) -> &Pod {
        &self.all[id]
    }
}

/// A pod that is being changed. At its end the pod is found where it then is.
#[derive(Debug)]
pub struct PodMut<'a> {
    id: PodId,
    pod: &'a mut Pod,
    before: Marks,
    places: &'a mut Places,
}

impl Deref for PodMut<'_> {
    type Target = Pod;

    fn deref(&self) -> &Pod {
        self.pod
    }
}

impl DerefMut for PodMut<'_> {
    fn deref_mut(&mut self) -> &mut Pod {
        self.pod
    }
}

impl Drop for PodMut<'_> {
    fn drop(&mut self) {
        if !self.before.are_those_of(self.pod) {
            self.places.remove(self.id, &self.before);
            self.places.add(self.id, &Marks::of(self.pod));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::cluster::{
        LabelSelector, Operator, Phase, PodName, PodTemplate, ReplicaSetId, Requirement, StatefulSetId, Time,
    };

    #[derive(Clone, Debug)]
    struct Shape {
        node: Option<u32>,
        owner: Owner,
        namespace: u32,
        labels: BTreeMap<u32, u32>,
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32, Shape),
        Change(u32, Shape),
        Remove(u32),
        Retain(u32),
    }

    fn shape() -> impl Strategy<Value = Shape> {
        let owner = prop_oneof![
            Just(Owner::None),
            (0..2_u32).prop_map(|id| Owner::ReplicaSet(ReplicaSetId(id))),
            (0..2_u32, 0..3_u32).prop_map(|(id, ordinal)| Owner::StatefulSet { set: StatefulSetId(id), ordinal }),
        ];
        let labels = prop::collection::btree_map(0..3_u32, 0..2_u32, 0..3);
        let of_all = (prop::option::of(0..3_u32), owner, 0..2_u32, labels);
        of_all.prop_map(|(node, owner, namespace, labels)| Shape { node, owner, namespace, labels })
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..8_u32, shape()).prop_map(|(id, shape)| Step::Insert(id, shape)),
            (0..8_u32, shape()).prop_map(|(id, shape)| Step::Change(id, shape)),
            (0..8_u32).prop_map(Step::Remove),
            (0..8_u32).prop_map(Step::Retain),
        ]
    }

    fn symbol(number: u32) -> Symbol {
        [Symbol::HOSTNAME, Symbol::ZONE, Symbol::REGION][number as usize]
    }

    fn labels(shape: &Shape) -> Labels {
        shape.labels.iter().map(|(key, value)| (symbol(*key), symbol(*value))).collect()
    }

    fn pod(shape: &Shape) -> Pod {
        let labels = labels(shape);
        let template = PodTemplate { labels: labels.clone(), spec: Default::default(), content: Symbol::EMPTY };
        Pod {
            namespace: symbol(shape.namespace),
            name: PodName::Given(Symbol::EMPTY),
            labels,
            template: Arc::new(template),
            volumes: Arc::default(),
            owner: shape.owner,
            node: shape.node.map(NodeId),
            nominated_node: None,
            phase: Phase::Running,
            ready: true,
            ready_changed_at: None,
            held_unready: false,
            created_at: Time::ZERO,
            started_at: None,
            deletion_order: Default::default(),
            deletion: None,
            unschedulable: None,
        }
    }

    fn take(pods: &mut Pods, step: &Step) {
        match step {
            Step::Insert(id, shape) => pods.insert(PodId(*id), pod(shape)),
            Step::Change(id, shape) => {
                if let Some(mut own) = pods.get_mut(&PodId(*id)) {
                    own.node = shape.node.map(NodeId);
                    own.owner = shape.owner;
                    own.namespace = symbol(shape.namespace);
                    own.labels = labels(shape);
                }
            }
            Step::Remove(id) => drop(pods.remove(&PodId(*id))),
            Step::Retain(least) => pods.retain(|id, _| id.0 >= *least),
        }
    }

    /// Every way to look something up finds what looking at every pod finds.
    fn check(pods: &Pods) {
        let naive = |wanted: &dyn Fn(&Pod) -> bool| -> Vec<PodId> {
            pods.iter().filter(|(_, pod)| wanted(pod)).map(|(id, _)| *id).collect()
        };
        for node in [None, Some(NodeId(0)), Some(NodeId(1)), Some(NodeId(2))] {
            let found: Vec<PodId> = pods.on_node(node).map(|(id, _)| id).collect();
            assert_eq!(found, naive(&|pod| pod.node == node));
        }
        for owner in
            [Owner::None, Owner::ReplicaSet(ReplicaSetId(1)), Owner::StatefulSet { set: StatefulSetId(0), ordinal: 2 }]
        {
            let found: Vec<PodId> = pods.of_owner(owner).map(|(id, _)| id).collect();
            assert_eq!(found, naive(&|pod| of_controller(pod.owner) == of_controller(owner)));
        }
        let (key, other) = (symbol(0), symbol(1));
        for operators in [
            vec![],
            vec![(key, Operator::In(vec![symbol(1)]))],
            vec![(other, Operator::Exists), (key, Operator::In(vec![symbol(0)]))],
            vec![(key, Operator::NotIn(vec![symbol(1)]))],
        ] {
            let requirements = operators.into_iter().map(|(key, operator)| Requirement { key, operator });
            let selector = LabelSelector { requirements: requirements.collect() };
            for namespace in [symbol(0), symbol(1)] {
                let found: Vec<PodId> = pods.selected(namespace, &selector).into_iter().map(|(id, _)| id).collect();
                assert_eq!(found, naive(&|pod| pod.namespace == namespace && selector.matches(&pod.labels)));
            }
        }
    }

    proptest! {
        #[test]
        fn pods_are_found_wherever_they_went(before in prop::collection::vec(step(), 0..20), after in prop::collection::vec(step(), 0..20)) {
            let mut pods = Pods::default();
            before.iter().for_each(|step| take(&mut pods, step));
            check(&pods);
            let branch = pods.clone();
            let ids: Vec<PodId> = branch.keys().copied().collect();
            after.iter().for_each(|step| take(&mut pods, step));
            check(&pods);
            check(&branch);
            prop_assert_eq!(branch.keys().copied().collect::<Vec<PodId>>(), ids);
        }
    }
}
