//! Nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::core::v1::Node as ApiNode;
use quorate_sim::cluster::{ClusterState, Effect, Node, NodeFeature, NodeId, NodePool, NodeReady, Symbol, Taint};

use super::{affinity, labels, requests};

/// Whether a Node says how much room it has. One without `status.capacity` and `status.allocatable`, as people write it by
/// hand, says nothing of it: its size is unknown, not zero.
#[must_use]
pub fn says_its_room(api: &ApiNode) -> bool {
    let status = api.status.as_ref();
    status.is_some_and(|status| {
        [&status.allocatable, &status.capacity].into_iter().flatten().any(|amounts| !amounts.is_empty())
    })
}

/// The node that `written`, which does not say its room, and `sized`, which does, describe together: labels and taints of
/// both (the written ones win), the room of `sized`.
#[must_use]
pub fn with_room_of(written: &ApiNode, sized: &ApiNode) -> ApiNode {
    let mut node = written.clone();
    let labels = node.metadata.labels.get_or_insert_default();
    for (key, value) in sized.metadata.labels.iter().flatten() {
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    let taints = node.spec.get_or_insert_default().taints.get_or_insert_default();
    for taint in sized.spec.iter().filter_map(|spec| spec.taints.as_ref()).flatten() {
        if !taints.iter().any(|own| own.key == taint.key && own.effect == taint.effect) {
            taints.push(taint.clone());
        }
    }
    let status = node.status.get_or_insert_default();
    if let Some(room) = &sized.status {
        status.capacity.clone_from(&room.capacity);
        status.allocatable.clone_from(&room.allocatable);
        if status.declared_features.is_none() {
            status.declared_features.clone_from(&room.declared_features);
        }
    }
    node
}

/// Adds a node to the state.
pub(super) fn add(state: &mut ClusterState, api: &ApiNode) -> NodeId {
    let name = state.intern(api.metadata.name.as_deref().unwrap_or_default());
    let status = api.status.clone().unwrap_or_default();
    let allocatable = status.allocatable.as_ref().or(status.capacity.as_ref());
    let allocatable_pods =
        allocatable.and_then(|amounts| amounts.get("pods")).map_or(0, |pods| requests::parse(pods).whole);
    let spec = api.spec.clone().unwrap_or_default();
    let unschedulable = spec.unschedulable == Some(true);
    let mut node = Node {
        name,
        labels: labels::labels(state, api.metadata.labels.as_ref()),
        taints: Vec::new(),
        unschedulable,
        allocatable: requests::resources(state, allocatable),
        allocatable_pods,
        images: images(state, &status),
        declared_features: features(status.declared_features.as_deref().unwrap_or_default()),
        ready: ready(&status),
        crashed_at: None,
    };
    for taint in spec.taints.iter().flatten() {
        let Some(effect) = affinity::effect(&taint.effect) else { continue };
        let key = state.intern(&taint.key);
        let value = state.intern(taint.value.as_deref().unwrap_or_default());
        node.taints.push(Taint { key, value, effect, added_at: None });
    }
    // The node controller's own taint, where a manifest carries only the field.
    let has_taint = node.taints.iter().any(|taint| taint.key == Symbol::UNSCHEDULABLE_TAINT);
    if unschedulable && !has_taint {
        let (key, value) = (Symbol::UNSCHEDULABLE_TAINT, Symbol::EMPTY);
        node.taints.push(Taint { key, value, effect: Effect::NoSchedule, added_at: None });
    }
    let id = NodeId(u32::try_from(state.nodes.len()).unwrap_or(u32::MAX));
    if node.ready != NodeReady::True {
        node.crashed_at = Some(state.now);
    }
    state.nodes.insert(id, node);
    id
}

/// A pool for the cluster autoscaler: `template` is one of its nodes. Nodes of the state whose names are the pool's with a number
/// are its members.
pub fn add_pool(state: &mut ClusterState, name: &str, (least, most): (usize, usize), template: &ApiNode) {
    let mut scratch = ClusterState { names: Arc::clone(&state.names), now: state.now, ..ClusterState::default() };
    add(&mut scratch, template);
    state.names = scratch.names;
    let Some(mut node) = scratch.nodes.remove(&NodeId(0)) else { return };
    node.name = Symbol::EMPTY;
    node.labels = node.labels.iter().filter(|(key, _)| *key != Symbol::HOSTNAME).collect();
    let number = |node: &Node| -> Option<u32> {
        state.names.text(node.name).strip_prefix(name)?.strip_prefix('-')?.parse().ok()
    };
    let numbered: Vec<(NodeId, u32)> = state.nodes.iter().filter_map(|(id, node)| Some((*id, number(node)?))).collect();
    let next_number = numbered.iter().map(|(_, number)| *number).max().unwrap_or(0) + 1;
    let members = numbered.into_iter().map(|(id, _)| id).collect();
    let name = state.intern(name);
    state.node_pools.push(NodePool { name, least, most, template: node, members, next_number });
}

/// Those of the declared features that pods may need.
fn features(declared: &[String]) -> BTreeSet<NodeFeature> {
    NodeFeature::ALL.into_iter().filter(|feature| declared.iter().any(|name| name == feature.as_str())).collect()
}

fn ready(status: &k8s_openapi::api::core::v1::NodeStatus) -> NodeReady {
    let condition = status.conditions.iter().flatten().find(|condition| condition.type_ == "Ready");
    match condition.map(|condition| condition.status.as_str()) {
        Some("False") => NodeReady::False,
        Some("Unknown") => NodeReady::Unknown,
        Some(_) | None => NodeReady::True,
    }
}

fn images(state: &mut ClusterState, status: &k8s_openapi::api::core::v1::NodeStatus) -> BTreeMap<Symbol, i64> {
    let mut images = BTreeMap::new();
    for image in status.images.iter().flatten() {
        for name in image.names.iter().flatten() {
            // Only the names that pods use are normalised.
            images.insert(state.intern(name), image.size_bytes.unwrap_or(0));
        }
    }
    images
}

/// An image's name with `:latest` where it has neither tag nor digest
/// (`pkg/scheduler/framework/plugins/imagelocality/image_locality.go`, `normalizedImageName`).
pub(super) fn normalised_image(name: &str) -> String {
    let after_slash = name.rfind('/').map_or(0, |slash| slash + 1);
    let has_tag = name.get(after_slash..).is_some_and(|last| last.contains(':'));
    if has_tag { name.to_owned() } else { format!("{name}:latest") }
}
