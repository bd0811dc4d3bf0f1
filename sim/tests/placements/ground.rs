//! A cluster prepared for enumeration: its nodes, pods that are alike, and its state after a loss.

use std::collections::BTreeSet;

use quorate_sim::cluster::{
    ClusterState, Deletion, DeletionCause, Effect, Node, NodeId, NodeReady, Owner, Phase, Pod, PodId,
    PodManagementPolicy, Pods, QuotaAmount, Suffixes, Symbol, Taint, WorkloadKind, WorkloadName,
};
use quorate_sim::controller::node_lifecycle::zone_of;
use quorate_sim::controller::{
    WorkloadId, all_workloads, daemon_set, deployment, replica_set, stateful_set, workload_name, workload_of,
    workload_text,
};
use quorate_sim::scheduler::tolerates;
use quorate_sim::simulation::Ties;
use quorate_sim::transition::apply;

use super::enumerate::Placed;

/// Positions of nodes in [`Ground::nodes`].
pub(crate) type NodeSet = BTreeSet<usize>;

/// How many pods of each class are on each node, class by class.
pub(crate) type Counts = Vec<u8>;

/// What becomes of a pod whose node is lost while its object is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upkeep {
    /// Replaced as soon as it terminates: Deployments and ReplicaSets.
    Replaced,
    /// Not replaced while it terminates: StatefulSets.
    Kept,
    /// It belongs to its node: DaemonSets.
    Fixed,
}

/// Pods that are alike.
pub(crate) struct Class {
    /// `deployment/default/a`.
    pub(crate) text: String,
    /// Their workload.
    pub(crate) workload: WorkloadName,
    /// One of them, pending.
    pub(crate) pod: Pod,
    /// How many there are.
    pub(crate) replicas: u8,
    /// What becomes of them.
    pub(crate) upkeep: Upkeep,
    /// The node of a DaemonSet's pod.
    pub(crate) node: Option<usize>,
    /// The ordinal of a StatefulSet's pod, where they are told apart.
    pub(crate) ordinal: Option<u32>,
    /// Whether they tolerate the NoExecute taint of an unreachable node for ever.
    pub(crate) stays: bool,
    /// Whether they tolerate both taints of an unreachable node, for a while at least: one that is evicted may be bound there again.
    pub(crate) returns: bool,
}

/// Which nodes are lost, and whether their objects are gone too.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Loss {
    /// The nodes.
    pub(crate) failed: NodeSet,
    /// Whether their objects are gone.
    pub(crate) removed: bool,
}

/// How many pods there can be: those that are refused are created later, as soon as others go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quota {
    /// At most so many.
    pub(crate) most: usize,
    /// Whether pods on lost nodes count that terminate for longer than they may: they do as objects (`count/pods`), not as pods.
    pub(crate) counts_dying: bool,
}

impl Quota {
    /// That of the cluster, where there is one.
    fn of(state: &ClusterState) -> Option<Self> {
        let quota = state.admission.quotas.first()?;
        let (resource, amount) = quota.hard.first_key_value()?;
        let is_it = |most: &i128| QuotaAmount::from_milli(most * 1000, Suffixes::Decimal) == *amount;
        let most = usize::try_from((0..1000).find(is_it)?).ok()?;
        Some(Self { most, counts_dying: state.names.text(*resource) == "count/pods" })
    }
}

/// A cluster prepared for enumeration.
pub(crate) struct Ground {
    /// Without pods.
    pub(crate) state: ClusterState,
    /// Its nodes.
    pub(crate) nodes: Vec<NodeId>,
    /// Its pods.
    pub(crate) classes: Vec<Class>,
    /// The pods that are bound now and do not terminate.
    pub(crate) current: Counts,
    /// How many pods there can be.
    pub(crate) quota: Option<Quota>,
}

/// The first id of pods that do not terminate; smaller ones are those of pods that do.
pub(crate) const FIRST_ALIVE: u32 = 1000;

impl Ground {
    /// Prepares `state`. Pods that terminate, Jobs and pods on their own are not looked at: there must be none.
    pub(crate) fn new(state: &ClusterState) -> Self {
        Self::with(state, false)
    }

    /// The same, but pods of a StatefulSet that come one after the other are told apart.
    pub(crate) fn in_order(state: &ClusterState) -> Self {
        Self::with(state, true)
    }

    fn with(state: &ClusterState, in_order: bool) -> Self {
        let made = with_pods(state);
        let nodes: Vec<NodeId> = state.nodes.keys().copied().collect();
        let position = |id: NodeId| nodes.iter().position(|own| *own == id);
        let mut classes = Vec::new();
        for workload in all_workloads(&made) {
            let name = workload_name(&made, workload).unwrap();
            let pods = made.pods.values().filter(|pod| workload_of(&made, pod.owner) == Some(workload));
            let (replicas, upkeep) = replicas(&made, workload);
            let class = |pod: &Pod| Class {
                text: workload_text(&made, workload),
                workload: name,
                pod: pending(pod),
                replicas,
                upkeep,
                node: None,
                ordinal: None,
                stays: tolerates_for_ever(pod),
                returns: [Effect::NoSchedule, Effect::NoExecute].iter().all(|effect| {
                    pod.template.spec.tolerations.iter().any(|own| tolerates(own, &unreachable(*effect)))
                }),
            };
            if in_order && is_ordered(&made, workload) {
                let first: Vec<&Pod> = pods.take(1).collect();
                let of_ordinal = |ordinal: u8| Class {
                    replicas: 1,
                    ordinal: Some(u32::from(ordinal)),
                    pod: Pod { owner: with_ordinal(first[0].owner, u32::from(ordinal)), ..pending(first[0]) },
                    ..class(first[0])
                };
                classes.extend((0..replicas).map(of_ordinal));
            } else if name.kind == WorkloadKind::DaemonSet {
                let of_node = |pod: &Pod| {
                    let node = daemon_set::target_node(&made, pod).and_then(position);
                    Class { node, ..class(pod) }
                };
                classes.extend(pods.map(of_node));
            } else {
                classes.extend(pods.take(1).map(class));
            }
        }
        let mut bare = made.clone();
        bare.pods = Pods::default();
        let mut ground = Self { state: bare, nodes, classes, current: Vec::new(), quota: Quota::of(state) };
        ground.current = ground.counts(state, |pod| pod.deletion.is_none());
        ground
    }

    /// How many of the pods of `state` that `wanted` wants are of each class on each node.
    pub(crate) fn counts(&self, state: &ClusterState, wanted: impl Fn(&Pod) -> bool) -> Counts {
        let mut counts = self.nothing();
        for pod in state.pods.values().filter(|pod| wanted(pod)) {
            let workload = workload_of(state, pod.owner).and_then(|id| workload_name(state, id));
            let node = pod.node.and_then(|id| self.nodes.iter().position(|own| *own == id));
            let (Some(workload), Some(node)) = (workload, node) else { continue };
            let ordinal = match pod.owner {
                Owner::StatefulSet { ordinal, .. } => ordinal,
                _ => 0,
            };
            let is_own = |class: &Class| {
                class.workload == workload
                    && class.node.is_none_or(|own| own == node)
                    && class.ordinal.is_none_or(|own| own == ordinal)
            };
            let class = self.classes.iter().position(is_own).unwrap();
            counts[self.at(class, node)] += 1;
        }
        counts
    }

    /// No pod anywhere.
    pub(crate) fn nothing(&self) -> Counts {
        vec![0; self.classes.len() * self.nodes.len()]
    }

    /// The DaemonSets' pods on their nodes, nothing else.
    pub(crate) fn fixed(&self) -> Counts {
        let mut counts = self.nothing();
        for (class, own) in self.classes.iter().enumerate() {
            if let Some(node) = own.node {
                counts[self.at(class, node)] = 1;
            }
        }
        counts
    }

    /// Where the number of a class on a node stands among [`Counts`].
    pub(crate) fn at(&self, class: usize, node: usize) -> usize {
        class * self.nodes.len() + node
    }

    /// How many of a class there are on all nodes.
    pub(crate) fn sum(&self, counts: &Counts, class: usize) -> u8 {
        counts[self.at(class, 0)..self.at(class + 1, 0)].iter().sum()
    }

    /// A node's name.
    pub(crate) fn node_name(&self, node: usize) -> &str {
        self.state.names.text(self.state.nodes.get(&self.nodes[node]).unwrap().name)
    }

    /// The cluster after `loss`: taints of lost nodes, pods that terminate; no other pods, and no nodes whose objects are gone.
    pub(crate) fn after(&self, loss: &Loss, placed: &Placed) -> ClusterState {
        let mut state = self.state.clone();
        for node in &loss.failed {
            let id = self.nodes[*node];
            if placed.gone.contains(node) {
                state.nodes.remove(&id);
                continue;
            }
            let mut node = state.nodes.get_mut(&id).unwrap();
            node.ready = NodeReady::Unknown;
            for effect in [Effect::NoSchedule, Effect::NoExecute] {
                node.taints.push(unreachable(effect));
            }
        }
        for (class, own) in self.classes.iter().enumerate() {
            for (node, id) in self.nodes.iter().enumerate() {
                for _ in 0..placed.dying[self.at(class, node)] {
                    let mut pod = running(&own.pod, *id);
                    pod.ready = false;
                    pod.deletion = Some(Deletion { requested_at: state.now, cause: DeletionCause::Taint });
                    state.add_pod(pod);
                }
            }
        }
        state.pods_created = FIRST_ALIVE;
        state
    }

    /// Adds pods that are nominated; gives the class, the node and the id of each.
    pub(crate) fn add_nominated(&self, state: &mut ClusterState, placed: &Placed) -> Vec<(usize, usize, PodId)> {
        let mut ids = Vec::new();
        for (class, node) in &placed.nominated {
            let nominated_node = Some(self.nodes[*node]);
            let id = state.add_pod(Pod { nominated_node, ..self.classes[*class].pod.clone() });
            ids.push((*class, *node, id));
        }
        ids
    }

    /// Adds the pods `alive` to `state`, bound and Ready.
    pub(crate) fn add_alive(&self, state: &mut ClusterState, alive: &Counts) {
        for (class, own) in self.classes.iter().enumerate() {
            for (node, id) in self.nodes.iter().enumerate() {
                for _ in 0..alive[self.at(class, node)] {
                    state.add_pod(running(&own.pod, *id));
                }
            }
        }
    }

    /// Marks the pods that a StatefulSet makes now: of those that come one after the other the first that is missing, once all
    /// before it are Ready. Pods on nodes that are lost are not.
    pub(crate) fn make(&self, failed: &NodeSet, placed: &mut Placed) {
        let mut all_ready = true;
        for (class, own) in self.classes.iter().enumerate() {
            let Some(ordinal) = own.ordinal else { continue };
            let on = |counts: &Counts, node: &usize| counts[self.at(class, *node)] > 0;
            let mut nodes = 0..self.nodes.len();
            let is_ready = nodes.any(|node| on(&placed.alive, &node) && !failed.contains(&node));
            let is_bound = (0..self.nodes.len()).any(|node| on(&placed.alive, &node) || on(&placed.dying, &node));
            all_ready = all_ready || ordinal == 0;
            if all_ready && !is_bound {
                placed.made.insert(class);
            }
            all_ready = all_ready && is_ready;
        }
    }

    /// The sets of nodes from which Kubernetes may evict pods when the nodes of `failed` are lost at the same time: all of
    /// them, none where no node is left, any of those of a zone that is partially disrupted. Source:
    /// `pkg/controller/nodelifecycle/node_lifecycle_controller.go`, `ComputeZoneState` and `handleDisruption`.
    pub(crate) fn evicted_sets(&self, failed: &NodeSet) -> Vec<NodeSet> {
        if failed.len() == self.nodes.len() {
            return vec![NodeSet::new()];
        }
        let mut sets = vec![NodeSet::new()];
        for node in failed {
            let without = if self.may_be_spared(*node, failed) { sets.clone() } else { Vec::new() };
            for set in &mut sets {
                set.insert(*node);
            }
            sets.extend(without);
        }
        sets
    }

    /// Whether the zone of a failed node is partially disrupted.
    fn may_be_spared(&self, node: usize, failed: &NodeSet) -> bool {
        let zone = |node: usize| zone_of(self.node(node));
        let of_zone = |other: &usize| zone(*other) == zone(node);
        let all = (0..self.nodes.len()).filter(of_zone).count();
        let lost = failed.iter().filter(|other| of_zone(other)).count();
        lost > 2 && lost < all && lost * 100 >= all * 55
    }

    /// A node.
    pub(crate) fn node(&self, node: usize) -> &Node {
        self.state.nodes.get(&self.nodes[node]).unwrap()
    }
}

fn is_ordered(state: &ClusterState, workload: WorkloadId) -> bool {
    match workload {
        WorkloadId::StatefulSet(id) => {
            state.stateful_sets.get(&id).unwrap().pod_management_policy == PodManagementPolicy::OrderedReady
        }
        _ => false,
    }
}

fn unreachable(effect: Effect) -> Taint {
    Taint { key: Symbol::UNREACHABLE_TAINT, value: Symbol::EMPTY, effect, added_at: None }
}

/// The first toleration that matches the taint decides.
fn tolerates_for_ever(pod: &Pod) -> bool {
    let taint = unreachable(Effect::NoExecute);
    let mut tolerations = pod.template.spec.tolerations.iter();
    tolerations.find(|own| tolerates(own, &taint)).is_some_and(|own| own.toleration_seconds.is_none())
}

/// `state` once the controllers have made what they make without waiting for the scheduler: a StatefulSet of one pod after the
/// other has made its first.
fn with_pods(state: &ClusterState) -> ClusterState {
    let mut made = state.clone();
    let mut ties = Ties::Drawn(0);
    for _ in 0..3 {
        let mut changes = Vec::new();
        for workload in all_workloads(&made) {
            match workload {
                WorkloadId::Deployment(id) => changes.extend(deployment::sync(&made, id)),
                WorkloadId::StatefulSet(id) => changes.extend(stateful_set::sync(&made, id, &mut ties)),
                WorkloadId::DaemonSet(id) => changes.extend(daemon_set::sync(&made, id, &mut ties)),
                WorkloadId::ReplicaSet(_) | WorkloadId::Job(_) => {}
            }
        }
        for id in made.replica_sets.keys() {
            changes.extend(replica_set::sync(&made, *id, &mut ties));
        }
        for change in &changes {
            apply(&mut made, change);
        }
    }
    made
}

fn replicas(state: &ClusterState, workload: WorkloadId) -> (u8, Upkeep) {
    let (replicas, upkeep) = match workload {
        WorkloadId::Deployment(id) => (state.deployments.get(&id).unwrap().replicas, Upkeep::Replaced),
        WorkloadId::ReplicaSet(id) => (state.replica_sets.get(&id).unwrap().replicas, Upkeep::Replaced),
        WorkloadId::StatefulSet(id) => (state.stateful_sets.get(&id).unwrap().replicas, Upkeep::Kept),
        WorkloadId::DaemonSet(_) => (1, Upkeep::Fixed),
        WorkloadId::Job(_) => (0, Upkeep::Kept),
    };
    (u8::try_from(replicas).unwrap(), upkeep)
}

fn pending(pod: &Pod) -> Pod {
    Pod { node: None, phase: Phase::Pending, ready: false, started_at: None, ..pod.clone() }
}

fn running(pod: &Pod, node: NodeId) -> Pod {
    Pod { node: Some(node), phase: Phase::Running, ready: true, ..pod.clone() }
}

/// The owner of a pod that a StatefulSet makes for `ordinal`.
pub(crate) const fn with_ordinal(owner: Owner, ordinal: u32) -> Owner {
    match owner {
        Owner::StatefulSet { set, .. } => Owner::StatefulSet { set, ordinal },
        other => other,
    }
}

/// Whether an id is one of [`Ground::add_alive`].
pub(crate) const fn is_alive(id: PodId) -> bool {
    id.0 >= FIRST_ALIVE
}
