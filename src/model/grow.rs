//! Clusters with one node more.

use quorate_sim::cluster::{ClusterState, NodeId, Symbol};

/// Adds a node of the same size, labels and taints as `like`, with a name and a host name of its own; `zone`, where that is
/// another. A node that is not there adds nothing.
pub fn add_node_like(state: &mut ClusterState, like: NodeId, name: &str, zone: Option<&str>) {
    let Some(mut node) = state.nodes.get(&like).cloned() else { return };
    let name = state.intern(name);
    node.name = name;
    node.labels.insert(Symbol::HOSTNAME, name);
    if let Some(zone) = zone {
        let (key, zone) = (state.intern("topology.kubernetes.io/zone"), state.intern(zone));
        node.labels.insert(key, zone);
    }
    let id = NodeId(state.nodes.keys().next_back().map_or(0, |last| last.0.saturating_add(1)));
    state.nodes.insert(id, node);
}
