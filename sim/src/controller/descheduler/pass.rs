//! One pass. Source: `runProfiles` of `pkg/descheduler/descheduler.go`, `EvictPod` of `pkg/descheduler/evictions/evictions.go`.

use std::collections::BTreeMap;

use crate::cluster::{
    BalancePlugin, ClusterState, DefaultEvictor, DeschedulerPolicy, LabelSelector, Node, NodeId, NodeReady, Pod, PodId,
    Symbol,
};
use crate::simulation::Ties;

use super::{default_evictor, low_node_utilization, remove_duplicates, topology_spread};

/// A cluster in which pods are evicted.
pub trait Evicting {
    /// The cluster now.
    fn state(&self) -> &ClusterState;
    /// Settles what the descheduler leaves to the order of a map.
    fn ties(&mut self) -> &mut Ties;
    /// Asks the Eviction API; whether it was granted.
    fn evict(&mut self, pod: PodId, plugin: &'static str) -> bool;
}

/// Why an eviction was not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// So many are evicted from the node already.
    Node,
    /// So many are evicted from the namespace already.
    Namespace,
    /// So many are evicted already.
    Total,
    /// The Eviction API has refused.
    Refused,
}

/// A pass under way.
pub(super) struct Pass<'a> {
    pub cluster: &'a mut dyn Evicting,
    policy: &'a DeschedulerPolicy,
    evictor: &'a DefaultEvictor,
    plugin: &'static str,
    on_node: BTreeMap<NodeId, u64>,
    in_namespace: BTreeMap<Symbol, u64>,
    total: u64,
}

/// Makes one pass over `cluster`.
pub fn pass(cluster: &mut dyn Evicting, policy: &DeschedulerPolicy) {
    let nodes = ready_nodes(cluster.state(), policy.node_selector.as_ref());
    if nodes.len() < 2 {
        return;
    }
    let (on_node, in_namespace) = (BTreeMap::new(), BTreeMap::new());
    let Some(first) = policy.profiles.first() else { return };
    let mut pass = Pass { cluster, policy, evictor: &first.evictor, plugin: "", on_node, in_namespace, total: 0 };
    for profile in &policy.profiles {
        pass.evictor = &profile.evictor;
        for plugin in &profile.balance {
            pass.plugin = plugin.name();
            match plugin {
                BalancePlugin::RemoveDuplicates { namespaces, exclude_owner_kinds } => {
                    remove_duplicates::balance(&mut pass, &nodes, namespaces, exclude_owner_kinds);
                }
                BalancePlugin::TopologySpread { .. } => topology_spread::balance(&mut pass, &nodes, plugin),
                BalancePlugin::LowNodeUtilization { .. } => low_node_utilization::balance(&mut pass, &nodes, plugin),
            }
        }
    }
}

/// Nodes that are ready, cordoned ones among them.
pub(super) fn ready_nodes(state: &ClusterState, selector: Option<&LabelSelector>) -> Vec<NodeId> {
    let is_selected = |node: &Node| selector.is_none_or(|selector| selector.matches(&node.labels));
    let ready = state.nodes.iter().filter(|(_, node)| node.ready == NodeReady::True && is_selected(node));
    ready.map(|(id, _)| *id).collect()
}

/// Pods on a node that have not ended.
pub(super) fn pods_on(state: &ClusterState, node: NodeId) -> impl Iterator<Item = (PodId, &Pod)> {
    use crate::cluster::Phase;
    state.pods.on_node(Some(node)).filter(|(_, pod)| !matches!(pod.phase, Phase::Succeeded | Phase::Failed))
}

impl Pass<'_> {
    pub(super) fn state(&self) -> &ClusterState {
        self.cluster.state()
    }

    /// `Filter` of the evictor.
    pub(super) fn is_evictable(&self, pod: &Pod) -> bool {
        default_evictor::filter(self.state(), self.evictor, pod)
    }

    /// `PreEvictionFilter` of the evictor.
    pub(super) fn may_go(&self, id: PodId, pod: &Pod) -> bool {
        default_evictor::pre_eviction_filter(self.state(), self.evictor, id, pod)
    }

    /// Evicts a pod, as far as the limits allow.
    pub(super) fn evict(&mut self, id: PodId) -> Result<(), Stop> {
        let Some((node, namespace)) = self.state().pods.get(&id).map(|pod| (pod.node, pod.namespace)) else {
            return Err(Stop::Refused);
        };
        let limits = &self.policy.limits;
        let is_full = |limit: Option<u64>, count: u64| limit.is_some_and(|limit| count >= limit);
        let count = |counts: Option<&u64>| counts.copied().unwrap_or(0);
        if is_full(limits.total, self.total) {
            return Err(Stop::Total);
        }
        if node.is_some_and(|node| is_full(limits.per_node, count(self.on_node.get(&node)))) {
            return Err(Stop::Node);
        }
        if is_full(limits.per_namespace, count(self.in_namespace.get(&namespace))) {
            return Err(Stop::Namespace);
        }
        if !self.cluster.evict(id, self.plugin) {
            return Err(Stop::Refused);
        }
        let add = |counted: &mut u64| *counted = counted.saturating_add(1);
        node.into_iter().for_each(|node| add(self.on_node.entry(node).or_insert(0)));
        add(self.in_namespace.entry(namespace).or_insert(0));
        add(&mut self.total);
        Ok(())
    }

    /// Of `equal` pods `count`, in an arbitrary order.
    pub(super) fn some_of(&mut self, equal: &[PodId], count: usize) -> Vec<PodId> {
        if count >= equal.len() { equal.to_vec() } else { self.cluster.ties().pods(equal, count) }
    }

    /// `items` in the order of a map.
    pub(super) fn shuffled<T: Clone>(&mut self, items: &[T]) -> Vec<T> {
        let salt = self.state().now.milliseconds();
        let order = self.cluster.ties().order(items.len(), salt);
        order.into_iter().filter_map(|place| items.get(place).cloned()).collect()
    }

    /// Whether evictions can be refused or limited, so that their order decides which are granted.
    pub(super) fn is_order_heard(&self) -> bool {
        let limits = &self.policy.limits;
        !self.state().budgets.is_empty() || limits.total.is_some() || limits.per_namespace.is_some()
    }
}
