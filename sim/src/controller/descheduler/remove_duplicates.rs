//! Pods of one owner, with the same images, that share a node. Source: `pkg/framework/plugins/removeduplicates` of the
//! descheduler.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{ClusterState, NamespaceFilter, Node, NodeId, Owner, Pod, PodId, PodTemplate, Symbol};
use crate::scheduler::{node_matches_affinity, untolerated_taint};

use super::pass::{Pass, Stop, pods_on};

/// An owner and what its pods run.
type Key = (Symbol, OwnerName, Vec<Symbol>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OwnerName {
    Model(Owner),
    Set(crate::cluster::StatefulSetId),
}

/// Evicts from each node what it has beyond its share of the pods of an owner.
pub(super) fn balance(
    pass: &mut Pass<'_>,
    nodes: &[NodeId],
    namespaces: &NamespaceFilter,
    exclude_owner_kinds: &BTreeSet<String>,
) {
    let mut found: BTreeMap<Key, BTreeMap<NodeId, Vec<PodId>>> = BTreeMap::new();
    let state = pass.state();
    for node in nodes {
        for (id, pod) in pods_on(state, *node) {
            if !namespaces.has(pod.namespace) || !pass.is_evictable(pod) || !pass.may_go(id, pod) {
                continue;
            }
            let Some((name, kind)) = owner_of(state, pod) else { continue };
            if exclude_owner_kinds.contains(kind) {
                continue;
            }
            let mut images = pod.template.spec.images.clone();
            images.sort_unstable();
            found.entry((pod.namespace, name, images)).or_default().entry(*node).or_default().push(id);
        }
    }
    let mut groups: Vec<(NodeId, Vec<PodId>, usize)> = Vec::new();
    for on_nodes in found.values() {
        groups.extend(of_owner(state, nodes, on_nodes));
    }
    if pass.is_order_heard() {
        groups = pass.shuffled(&groups);
    }
    for (_, pods, surplus) in groups {
        for pod in pass.some_of(&pods, surplus) {
            match pass.evict(pod) {
                Ok(()) | Err(Stop::Refused | Stop::Namespace) => {}
                Err(Stop::Node) => break,
                Err(Stop::Total) => return,
            }
        }
    }
}

/// From which nodes how many of an owner's pods go.
fn of_owner(
    state: &ClusterState,
    nodes: &[NodeId],
    on_nodes: &BTreeMap<NodeId, Vec<PodId>>,
) -> Vec<(NodeId, Vec<PodId>, usize)> {
    let duplicates = on_nodes.values().filter(|pods| pods.len() > 1).flatten();
    let targets = target_nodes(state, nodes, duplicates);
    if targets < 2 {
        return Vec::new();
    }
    let total: usize = on_nodes.values().map(Vec::len).fold(0, usize::saturating_add);
    let most = total.div_ceil(targets);
    let above = on_nodes.iter().filter(|(_, pods)| pods.len() > 1 && pods.len() > most);
    above.map(|(node, pods)| (*node, pods.clone(), pods.len().saturating_sub(most))).collect()
}

/// On how many nodes the pods could be; a pod that has one only does not count.
fn target_nodes<'a>(state: &ClusterState, nodes: &[NodeId], duplicates: impl Iterator<Item = &'a PodId>) -> usize {
    let mut templates: Vec<&PodTemplate> = Vec::new();
    for pod in duplicates.filter_map(|id| state.pods.get(id)) {
        if !templates.iter().any(|known| are_placed_alike(known, &pod.template)) {
            templates.push(&pod.template);
        }
    }
    let fits = |template: &PodTemplate, node: &Node| {
        untolerated_taint(&template.spec, node).is_none() && node_matches_affinity(&state.names, &template.spec, node)
    };
    let mut targets = BTreeSet::new();
    for template in templates {
        let matching = nodes.iter().filter(|id| state.nodes.get(id).is_some_and(|node| fits(template, node)));
        let matching: Vec<NodeId> = matching.copied().collect();
        if matching.len() > 1 {
            targets.extend(matching);
        }
    }
    targets.len()
}

fn are_placed_alike(one: &PodTemplate, other: &PodTemplate) -> bool {
    one.spec.tolerations == other.spec.tolerations
        && one.spec.required_node_terms == other.spec.required_node_terms
        && one.spec.node_selector == other.spec.node_selector
}

/// The owner and its kind; `None`: it has none.
fn owner_of<'a>(state: &'a ClusterState, pod: &Pod) -> Option<(OwnerName, &'a str)> {
    let (name, kind) = match pod.owner {
        Owner::None => return None,
        Owner::StatefulSet { set, .. } => (OwnerName::Set(set), "StatefulSet"),
        Owner::ReplicaSet(_) => (OwnerName::Model(pod.owner), "ReplicaSet"),
        Owner::DaemonSet(_) => (OwnerName::Model(pod.owner), "DaemonSet"),
        Owner::Job(_) => (OwnerName::Model(pod.owner), "Job"),
        Owner::Node => (OwnerName::Model(pod.owner), "Node"),
        Owner::Other { kind, .. } => (OwnerName::Model(pod.owner), state.names.text(kind)),
    };
    Some((name, kind))
}
