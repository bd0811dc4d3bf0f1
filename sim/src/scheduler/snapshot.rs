//! A cluster prepared for many decisions: what each node holds, and sums over it.
//!
//! Source: `pkg/scheduler/framework/types.go` (`NodeInfo`), `pkg/scheduler/backend/cache/snapshot.go`.

use std::collections::{BTreeMap, BTreeSet};

use super::configuration::Profile;
use crate::cluster::{
    ClusterState, DeletionCause, HostPort, Labels, Node, NodeId, NonZeroRequests, Owner, Phase, Pod, PodId, PodSpec,
    PodVolume, Resources, Symbol, Time,
};

/// A pod to be placed: one of the state, or one that exists only as a question.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The pod's id; `None` for a pod that is not in the state.
    pub id: Option<PodId>,
    /// Its namespace.
    pub namespace: Symbol,
    /// Its labels, those that its controller would add included.
    pub labels: &'a Labels,
    /// What it asks for.
    pub spec: &'a PodSpec,
    /// Its volumes, their claims by name.
    pub volumes: &'a [PodVolume],
    /// Its controller: gives the selector of the default spread constraints.
    pub owner: Owner,
    /// `status.nominatedNodeName`.
    pub nominated_node: Option<NodeId>,
}

impl<'a> Candidate<'a> {
    /// A pod of the state.
    #[must_use]
    pub fn of_pod(id: PodId, pod: &'a Pod) -> Self {
        Self {
            id: Some(id),
            namespace: pod.namespace,
            labels: &pod.labels,
            spec: &pod.template.spec,
            volumes: &pod.volumes,
            owner: pod.owner,
            nominated_node: pod.nominated_node,
        }
    }

    /// A pod that is not in the state and has no volumes.
    #[must_use]
    pub const fn hypothetical(namespace: Symbol, labels: &'a Labels, spec: &'a PodSpec, owner: Owner) -> Self {
        Self { id: None, namespace, labels, spec, volumes: &[], owner, nominated_node: None }
    }
}

/// A pod that a node holds.
#[derive(Clone, Copy, Debug)]
pub struct PlacedPod<'a> {
    /// The pod.
    pub pod: Candidate<'a>,
    /// Why it terminates; `None` while it does not.
    pub deletion: Option<DeletionCause>,
    /// When it began to run.
    pub started_at: Option<Time>,
}

/// What a node offers and holds.
#[derive(Clone, Debug)]
pub struct NodeInfo<'a> {
    /// Its id.
    pub id: NodeId,
    /// The node.
    pub node: &'a Node,
    /// Its pods; those that have succeeded or failed are not among them.
    pub pods: Vec<PlacedPod<'a>>,
    /// Positions in `pods` of those with pod affinity or anti-affinity of any kind.
    pub pods_with_affinity: Vec<usize>,
    /// Sum of what its pods request.
    pub requested: Resources,
    /// The same for the least-allocated score.
    pub non_zero_requested: NonZeroRequests,
    /// Host ports in use.
    pub used_ports: BTreeSet<HostPort>,
}

impl<'a> NodeInfo<'a> {
    /// A node that holds `pods`.
    #[must_use]
    pub fn new(id: NodeId, node: &'a Node, pods: impl IntoIterator<Item = PlacedPod<'a>>) -> Self {
        let mut info = Self {
            id,
            node,
            pods: Vec::new(),
            pods_with_affinity: Vec::new(),
            requested: Resources::default(),
            non_zero_requested: NonZeroRequests::default(),
            used_ports: BTreeSet::new(),
        };
        for pod in pods {
            info.add(pod);
        }
        info
    }

    /// Puts `placed` on the node.
    pub fn add(&mut self, placed: PlacedPod<'a>) {
        let spec = placed.pod.spec;
        self.requested.add(&spec.requests);
        let sum = &mut self.non_zero_requested;
        sum.cpu_milli = sum.cpu_milli.saturating_add(spec.non_zero_requests.cpu_milli);
        sum.memory_bytes = sum.memory_bytes.saturating_add(spec.non_zero_requests.memory_bytes);
        self.used_ports.extend(spec.host_ports.iter().copied());
        if has_affinity(spec) {
            self.pods_with_affinity.push(self.pods.len());
        }
        self.pods.push(placed);
    }

    /// The pods with pod affinity or anti-affinity of any kind.
    pub(crate) fn with_affinity(&self) -> impl Iterator<Item = &PlacedPod<'a>> {
        self.pods_with_affinity.iter().filter_map(|position| self.pods.get(*position))
    }
}

fn has_affinity(spec: &PodSpec) -> bool {
    !spec.required_affinity.is_empty()
        || !spec.required_anti_affinity.is_empty()
        || !spec.preferred_affinity.is_empty()
        || !spec.preferred_anti_affinity.is_empty()
}

/// A cluster prepared for many decisions.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// Namespaces, Services, controllers and budgets are read from here.
    pub state: &'a ClusterState,
    nodes: BTreeMap<NodeId, NodeInfo<'a>>,
    nominated: BTreeMap<NodeId, Vec<Candidate<'a>>>,
    images: Images,
}

/// The images on the nodes of a cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Images {
    /// By normalised name.
    pub(crate) of_image: BTreeMap<Symbol, ImageState>,
    /// How many nodes there are in all.
    pub(crate) node_count: usize,
}

impl Images {
    pub(crate) fn of<'n>(nodes: impl Iterator<Item = &'n Node>) -> Self {
        let mut images = Self::default();
        for node in nodes {
            images.node_count = images.node_count.saturating_add(1);
            for (image, size_bytes) in &node.images {
                let state = ImageState { size_bytes: *size_bytes, node_count: 0 };
                let state = images.of_image.entry(*image).or_insert(state);
                state.node_count = state.node_count.saturating_add(1);
            }
        }
        images
    }
}

/// An image on the nodes of a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageState {
    /// Its size in bytes on the first node that holds it: kube-scheduler's cache keeps that one for all.
    pub(crate) size_bytes: i64,
    /// How many nodes hold it.
    pub(crate) node_count: i64,
}

impl<'a> Snapshot<'a> {
    /// Prepares `state`. Pods that have succeeded or failed are left out, as the scheduler's informer does.
    #[must_use]
    pub fn new(state: &'a ClusterState) -> Self {
        let mut snapshot = Self {
            state,
            nodes: state.nodes.iter().map(|(id, node)| (*id, NodeInfo::new(*id, node, []))).collect(),
            nominated: BTreeMap::new(),
            images: Images::of(state.nodes.values()),
        };
        for (id, pod) in state.pods.iter() {
            snapshot.include(*id, pod);
        }
        snapshot
    }

    /// Only `pods` and the nodes that hold them: enough for plugins that look at nothing else.
    pub(crate) fn holding(state: &'a ClusterState, pods: impl IntoIterator<Item = PodId>) -> Self {
        let mut snapshot =
            Self { state, nodes: BTreeMap::new(), nominated: BTreeMap::new(), images: Images::default() };
        for id in pods {
            let Some(pod) = state.pods.get(&id) else { continue };
            let Some((node, of_state)) = pod.node.and_then(|node| state.nodes.get_key_value(&node)) else { continue };
            snapshot.nodes.entry(*node).or_insert_with(|| NodeInfo::new(*node, of_state, []));
            snapshot.include(id, pod);
        }
        snapshot
    }

    fn include(&mut self, id: PodId, pod: &'a Pod) {
        match pod.phase {
            Phase::Succeeded | Phase::Failed => return,
            Phase::Pending | Phase::Running => {}
        }
        let candidate = Candidate::of_pod(id, pod);
        match (pod.node, pod.nominated_node) {
            (Some(node), _) => {
                let deletion = pod.deletion.map(|deletion| deletion.cause);
                self.place(PlacedPod { pod: candidate, deletion, started_at: pod.started_at }, node);
            }
            (None, Some(node)) => self.nominated.entry(node).or_default().push(candidate),
            (None, None) => {}
        }
    }

    fn place(&mut self, placed: PlacedPod<'a>, node: NodeId) {
        if let Some(info) = self.nodes.get_mut(&node) {
            info.add(placed);
        }
    }

    /// Binds `pod` to `node`: from now on it counts there, and its nomination ends. A node that does not exist takes
    /// nothing.
    pub fn bind(&mut self, pod: Candidate<'a>, node: NodeId) {
        if pod.id.is_some() {
            for nominated in self.nominated.values_mut() {
                nominated.retain(|other| other.id != pod.id);
            }
        }
        self.place(PlacedPod { pod, deletion: None, started_at: None }, node);
    }

    /// Takes away every pod of `node` that `keep` does not want to keep.
    pub fn retain(&mut self, node: NodeId, mut keep: impl FnMut(&PlacedPod<'a>) -> bool) {
        if let Some(info) = self.nodes.get_mut(&node) {
            *info = NodeInfo::new(node, info.node, info.pods.iter().filter(|placed| keep(placed)).copied());
        }
    }

    /// The nodes, in the order in which they were added.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeInfo<'a>> {
        self.nodes.values()
    }

    /// One node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&NodeInfo<'a>> {
        self.nodes.get(&id)
    }

    /// How many nodes there are.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The profile that places `pod`.
    pub(crate) fn profile(&self, pod: &Candidate<'_>) -> &'a Profile {
        self.state.scheduler.profile(pod.spec.profile)
    }

    /// Pods that are nominated to run on `node` and not yet bound.
    pub(crate) fn nominated(&self, node: NodeId) -> &[Candidate<'a>] {
        self.nominated.get(&node).map_or(&[], Vec::as_slice)
    }

    /// The images on its nodes.
    pub(crate) const fn images(&self) -> &Images {
        &self.images
    }

    /// The labels of a namespace; none for one that does not exist.
    pub(crate) fn namespace_labels(&self, namespace: Symbol) -> Option<&'a Labels> {
        self.state.namespaces.get(&namespace).map(|namespace| &namespace.labels)
    }
}
