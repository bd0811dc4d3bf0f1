//! The domains of each topology key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::slot::NodeSlot;
use crate::cluster::{ClusterState, Symbol};

/// Names the topology of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TopologyId(usize);

/// The domains of all topology keys that were asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Topologies {
    by_key: BTreeMap<Symbol, TopologyId>,
    all: Vec<Topology>,
}

/// The domains of one key.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    /// The domain of each node, by its position; `None` for a node without the label.
    pub(super) domains: Vec<Option<u32>>,
    /// How many domains there are.
    pub(super) size: usize,
}

impl Topologies {
    /// The topology of `key`, if it was asked for.
    pub(super) fn known(&self, key: Symbol) -> Option<TopologyId> {
        self.by_key.get(&key).copied()
    }

    /// Finds the domains of `key`.
    pub(super) fn add(&mut self, state: &ClusterState, slots: &[Arc<NodeSlot>], key: Symbol) -> TopologyId {
        let mut values: BTreeMap<Symbol, u32> = BTreeMap::new();
        let domains = slots
            .iter()
            .map(|slot| {
                let value = state.nodes.get(&slot.id)?.labels.get(key)?;
                let next = u32::try_from(values.len()).unwrap_or(u32::MAX);
                Some(*values.entry(value).or_insert(next))
            })
            .collect();
        let id = TopologyId(self.all.len());
        self.all.push(Topology { domains, size: values.len() });
        self.by_key.insert(key, id);
        id
    }

    /// The domain of the node at `position`.
    pub(super) fn domain(&self, id: TopologyId, position: usize) -> Option<usize> {
        self.all.get(id.0)?.domain(position)
    }

    /// How many domains a key has.
    pub(super) fn size(&self, id: TopologyId) -> usize {
        self.all.get(id.0).map_or(0, |topology| topology.size)
    }
}

impl Topology {
    pub(super) fn domain(&self, position: usize) -> Option<usize> {
        self.domains.get(position).copied().flatten().map(|domain| domain as usize)
    }
}
