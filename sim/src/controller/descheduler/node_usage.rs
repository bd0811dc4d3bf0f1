//! How much of a node is used, by requests. Source: `pkg/framework/plugins/nodeutilization` of the descheduler.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{ClusterState, Node, NodeId, PodId, Resources, UtilizationThreshold, UtilizedResource};

use super::pass::pods_on;

/// An amount of each resource: thousandths of CPU, whole units of others.
pub(super) type Amounts = BTreeMap<UtilizedResource, i64>;
/// Percent of each resource.
pub(super) type Percents = BTreeMap<UtilizedResource, f64>;

/// A node as it is compared.
#[derive(Clone, Debug)]
pub(super) struct NodeUsage {
    pub node: NodeId,
    pub pods: Vec<PodId>,
    pub used: Amounts,
    pub percent: Percents,
    /// Below this it is underutilised, above that overutilised; in percent.
    pub low: Percents,
    pub high: Percents,
}

/// The resources that count: CPU, memory and pods always.
pub(super) fn resources(thresholds: &[UtilizationThreshold]) -> BTreeSet<UtilizedResource> {
    let always = [UtilizedResource::Cpu, UtilizedResource::Memory, UtilizedResource::Pods];
    always.into_iter().chain(thresholds.iter().map(|threshold| threshold.resource)).collect()
}

pub(super) fn amount(of: &Resources, pods: i64, resource: UtilizedResource) -> i64 {
    match resource {
        UtilizedResource::Cpu => of.cpu_milli,
        UtilizedResource::Memory => of.memory_bytes,
        UtilizedResource::Pods => pods,
        UtilizedResource::Scalar(name) => of.scalar.get(&name).copied().unwrap_or(0),
    }
}

/// What the node has of `resource`; `None`: it does not say.
fn capacity(node: &Node, resource: UtilizedResource) -> Option<i64> {
    match resource {
        UtilizedResource::Scalar(name) => node.allocatable.scalar.get(&name).copied(),
        UtilizedResource::Cpu | UtilizedResource::Memory | UtilizedResource::Pods => {
            Some(amount(&node.allocatable, node.allocatable_pods, resource))
        }
    }
}

/// How far each node is used, and what it is compared with.
pub(super) fn usages(
    state: &ClusterState,
    nodes: &[NodeId],
    thresholds: &[UtilizationThreshold],
    uses_deviation: bool,
) -> Vec<NodeUsage> {
    let counted = resources(thresholds);
    let mut usages: Vec<NodeUsage> = nodes.iter().filter_map(|id| usage(state, *id, &counted)).collect();
    let named = |of: fn(&UtilizationThreshold) -> f64| -> Percents {
        thresholds.iter().map(|threshold| (threshold.resource, of(threshold))).collect()
    };
    let (mut low, mut high) = (named(|threshold| threshold.low), named(|threshold| threshold.high));
    if uses_deviation {
        for threshold in thresholds {
            let of_nodes: Vec<f64> =
                usages.iter().filter_map(|usage| usage.percent.get(&threshold.resource).copied()).collect();
            #[expect(clippy::cast_precision_loss, reason = "a number of nodes")]
            let average = if of_nodes.is_empty() { 0.0 } else { of_nodes.iter().sum::<f64>() / of_nodes.len() as f64 };
            low.insert(threshold.resource, (average - threshold.low).clamp(0.0, 100.0));
            high.insert(threshold.resource, (average + threshold.high).clamp(0.0, 100.0));
        }
    }
    for usage in &mut usages {
        usage.low.clone_from(&low);
        usage.high.clone_from(&high);
    }
    usages
}

fn usage(state: &ClusterState, id: NodeId, counted: &BTreeSet<UtilizedResource>) -> Option<NodeUsage> {
    let node = state.nodes.get(&id)?;
    let (mut requests, mut pods) = (Resources::default(), Vec::new());
    for (id, pod) in pods_on(state, id) {
        requests.add(&pod.template.spec.requests);
        pods.push(id);
    }
    let count = i64::try_from(pods.len()).unwrap_or(i64::MAX);
    let used: Amounts = counted.iter().map(|resource| (*resource, amount(&requests, count, *resource))).collect();
    let percent = used.iter().filter_map(|(resource, used)| {
        let total = capacity(node, *resource)?;
        Some((*resource, if total > 0 { float(*used) / float(total) * 100.0 } else { 0.0 }))
    });
    let percent = percent.collect();
    Some(NodeUsage { node: id, pods, used, percent, low: Percents::new(), high: Percents::new() })
}

impl NodeUsage {
    pub(super) fn is_below(&self, state: &ClusterState) -> bool {
        let is_schedulable = state.nodes.get(&self.node).is_some_and(|node| !node.unschedulable);
        is_schedulable && !self.low.iter().any(|(resource, low)| *low < self.percent_of(*resource))
    }

    pub(super) fn is_above(&self) -> bool {
        self.high.iter().any(|(resource, high)| *high < self.percent_of(*resource))
    }

    fn percent_of(&self, resource: UtilizedResource) -> f64 {
        self.percent.get(&resource).copied().unwrap_or(0.0)
    }

    /// How much of the node may be used; of a resource that no threshold names all.
    pub(super) fn allowed(&self, state: &ClusterState) -> Amounts {
        let of = |resource: &UtilizedResource| {
            let total = state.nodes.get(&self.node).and_then(|node| capacity(node, *resource)).unwrap_or(0);
            match self.high.get(resource) {
                Some(high) => whole(*high * 0.01 * float(total)),
                None => total,
            }
        };
        self.used.keys().map(|resource| (*resource, of(resource))).collect()
    }

    /// By which nodes are sorted: all that is used, whatever the units.
    pub(super) fn sum(&self) -> i64 {
        self.used.values().fold(0, |sum, used| sum.saturating_add(*used))
    }
}

#[expect(clippy::cast_precision_loss, reason = "as the descheduler computes, in float64")]
const fn float(number: i64) -> f64 {
    number as f64
}

fn whole(number: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "as the descheduler computes")]
    let whole = number as i64;
    whole
}
