//! Pods of nodes that are used much go, where others are used little. Source:
//! `pkg/framework/plugins/nodeutilization/lownodeutilization.go` of the descheduler.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{BalancePlugin, ClusterState, NamespaceFilter, NodeId, Pod, PodId, PodTemplate, QosClass};
use crate::scheduler::any_tolerates;

use super::node_usage::{Amounts, NodeUsage, amount, usages};
use super::pass::{Pass, Stop};

pub(super) fn balance(pass: &mut Pass<'_>, nodes: &[NodeId], plugin: &BalancePlugin) {
    let BalancePlugin::LowNodeUtilization { thresholds, uses_deviation, number_of_nodes, namespaces, per_node } =
        plugin
    else {
        return;
    };
    let state = pass.state();
    let all = usages(state, nodes, thresholds, *uses_deviation);
    let (low, others): (Vec<NodeUsage>, Vec<NodeUsage>) = all.into_iter().partition(|usage| usage.is_below(state));
    let high: Vec<NodeUsage> = others.into_iter().filter(NodeUsage::is_above).collect();
    let is_enough = u64::try_from(low.len()).is_ok_and(|count| count > *number_of_nodes);
    if !is_enough || low.len() == nodes.len() || high.is_empty() {
        return;
    }
    let mut available = Amounts::new();
    for usage in &low {
        for (resource, allowed) in usage.allowed(state) {
            let used = usage.used.get(&resource).copied().unwrap_or(0);
            let total = available.entry(resource).or_insert(0);
            *total = total.saturating_add(allowed.saturating_sub(used));
        }
    }
    let destinations: Vec<NodeId> = low.iter().map(|usage| usage.node).collect();
    for usage in by_usage(pass, high) {
        let source = Source { usage, destinations: &destinations, namespaces, per_node: *per_node };
        if source.relieve(pass, &mut available) == Err(Stop::Total) {
            return;
        }
    }
}

/// Those that are used most first; equal ones in the order of a map.
fn by_usage(pass: &mut Pass<'_>, nodes: Vec<NodeUsage>) -> Vec<NodeUsage> {
    let mut equal: BTreeMap<i64, Vec<NodeUsage>> = BTreeMap::new();
    for usage in nodes {
        equal.entry(usage.sum()).or_default().push(usage);
    }
    let mut sorted = Vec::new();
    for of_sum in equal.values().rev() {
        sorted.extend(pass.shuffled(of_sum));
    }
    sorted
}

/// A node that is used too much.
struct Source<'a> {
    usage: NodeUsage,
    destinations: &'a [NodeId],
    namespaces: &'a NamespaceFilter,
    per_node: Option<u64>,
}

impl Source<'_> {
    /// Evicts until it is used little enough, or the others are full.
    fn relieve(mut self, pass: &mut Pass<'_>, available: &mut Amounts) -> Result<(), Stop> {
        let allowed = self.usage.allowed(pass.state());
        let mut evicted = 0_u64;
        let mut left = self.removable(pass);
        while self.goes_on(&allowed, available) && self.per_node.is_none_or(|limit| evicted < limit) {
            let Some(pod) = next(pass, &mut left) else { break };
            if !self.may_move(pass, pod) {
                continue;
            }
            let requests = pass.state().pods.get(&pod).map(|pod| pod.template.spec.requests.clone());
            match pass.evict(pod) {
                Ok(()) => {}
                Err(Stop::Refused | Stop::Namespace) => continue,
                Err(stop @ (Stop::Node | Stop::Total)) => return Err(stop),
            }
            evicted = evicted.saturating_add(1);
            for amounts in [&mut self.usage.used, &mut *available] {
                for (resource, left) in amounts.iter_mut() {
                    let own = requests.as_ref().map_or(0, |requests| amount(requests, 1, *resource));
                    *left = left.saturating_sub(own);
                }
            }
        }
        Ok(())
    }

    fn goes_on(&self, allowed: &Amounts, available: &Amounts) -> bool {
        let limit = |resource| allowed.get(resource).copied().unwrap_or(0);
        self.usage.used.iter().any(|(resource, used)| limit(resource) < *used)
            && available.values().all(|amount| *amount > 0)
    }

    fn removable(&self, pass: &Pass<'_>) -> Vec<PodId> {
        let state = pass.state();
        let is_removable = |id: &&PodId| state.pods.get(id).is_some_and(|pod| pass.is_evictable(pod));
        self.usage.pods.iter().filter(is_removable).copied().collect()
    }

    fn may_move(&self, pass: &Pass<'_>, id: PodId) -> bool {
        let state = pass.state();
        let Some(pod) = state.pods.get(&id) else { return false };
        let tolerates = |node: &NodeId| state.nodes.get(node).is_some_and(|node| tolerates_all(pod, &node.taints));
        self.destinations.iter().any(tolerates) && pass.may_go(id, pod) && self.namespaces.has(pod.namespace)
    }
}

/// A pod with fewer tolerations than the node has taints tolerates nothing. Source: `PodToleratesTaints` of `pkg/utils/pod.go`.
fn tolerates_all(pod: &Pod, taints: &[crate::cluster::Taint]) -> bool {
    let tolerations = &pod.template.spec.tolerations;
    tolerations.len() >= taints.len() && taints.iter().all(|taint| any_tolerates(tolerations, taint))
}

/// Takes the next pod: the lowest priority first, then the quality of service, then those that do not ask to stay. Of equal ones any;
/// pods of one owner that are alike are not told apart.
fn next(pass: &mut Pass<'_>, left: &mut Vec<PodId>) -> Option<PodId> {
    let rank = |state: &ClusterState, id: &PodId| -> Option<(i32, QosClass, bool)> {
        let spec = &state.pods.get(id)?.template.spec;
        Some((spec.priority, spec.descheduling.qos, spec.descheduling.prefers_no_eviction))
    };
    let state = pass.state();
    let lowest = left.iter().filter_map(|id| rank(state, id)).min()?;
    let mut kinds: BTreeSet<(crate::cluster::Owner, bool)> = BTreeSet::new();
    let mut templates: Vec<&PodTemplate> = Vec::new();
    let mut equal = Vec::new();
    for id in left.iter().filter(|id| rank(state, id) == Some(lowest)) {
        let Some(pod) = state.pods.get(id) else { continue };
        let is_new_kind = kinds.insert((pod.owner, pod.ready));
        let is_new_template = !templates.contains(&&*pod.template);
        if is_new_kind || is_new_template {
            templates.push(&pod.template);
            equal.push(*id);
        }
    }
    let chosen = pass.some_of(&equal, 1).first().copied()?;
    left.retain(|id| *id != chosen);
    Some(chosen)
}
