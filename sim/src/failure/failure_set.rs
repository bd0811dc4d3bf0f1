//! Failures, failure domains and sets of them.

use std::collections::BTreeSet;

use crate::cluster::{ClusterState, NodeId, Symbol};

/// One failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// A node crashes.
    Node(NodeId),
    /// Every node with this label value crashes: a rack, a zone.
    Domain {
        /// The label's key.
        key: Symbol,
        /// Its value.
        value: Symbol,
    },
}

/// Which kind of failure is considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureScope {
    /// Single nodes.
    Nodes,
    /// All nodes of one value of this label.
    Domains(Symbol),
}

impl Failure {
    /// The nodes that it takes.
    #[must_use]
    pub fn nodes(self, state: &ClusterState) -> Vec<NodeId> {
        match self {
            Self::Node(node) => vec![node],
            Self::Domain { key, value } => {
                let hit = state.nodes.iter().filter(|(_, node)| node.labels.get(key) == Some(value));
                hit.map(|(id, _)| *id).collect()
            }
        }
    }

    /// As users write it: `node/worker-2`, `zone/fsn1`, `LABEL/VALUE`.
    #[must_use]
    pub fn text(self, state: &ClusterState) -> String {
        match self {
            Self::Node(node) => {
                let name = state.nodes.get(&node).map_or("", |node| state.names.text(node.name));
                format!("node/{name}")
            }
            Self::Domain { key, value } => {
                let kind = if key == Symbol::ZONE { "zone" } else { state.names.text(key) };
                format!("{kind}/{}", state.names.text(value))
            }
        }
    }
}

/// All single failures of a scope, in the order of nodes.
#[must_use]
pub fn failures_of(state: &ClusterState, scope: FailureScope) -> Vec<Failure> {
    match scope {
        FailureScope::Nodes => state.nodes.keys().map(|id| Failure::Node(*id)).collect(),
        FailureScope::Domains(key) => {
            let mut seen = BTreeSet::new();
            let values = state.nodes.values().filter_map(|node| node.labels.get(key));
            values.filter(|value| seen.insert(*value)).map(|value| Failure::Domain { key, value }).collect()
        }
    }
}

/// Every set of exactly `size` of `failures`, in order.
#[must_use]
pub fn sets_of(failures: &[Failure], size: usize) -> Vec<Vec<Failure>> {
    let Some(smaller) = size.checked_sub(1) else { return vec![Vec::new()] };
    let mut sets = Vec::new();
    for (index, first) in failures.iter().enumerate() {
        let later = failures.get(index.saturating_add(1)..).unwrap_or(&[]);
        for rest in sets_of(later, smaller) {
            sets.push(std::iter::once(*first).chain(rest).collect());
        }
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_counted_by_the_binomial() {
        let failures: Vec<Failure> = (0..5).map(|id| Failure::Node(NodeId(id))).collect();
        let sizes: Vec<usize> = (0..=6).map(|size| sets_of(&failures, size).len()).collect();
        assert_eq!(sizes, [1, 5, 10, 10, 5, 1, 0]);
        let distinct: BTreeSet<Vec<Failure>> = sets_of(&failures, 3).into_iter().collect();
        assert_eq!(distinct.len(), 10);
    }
}
