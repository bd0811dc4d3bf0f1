//! Pools of equal nodes that a cluster autoscaler makes larger and smaller.

use std::collections::BTreeSet;

use super::name::Symbol;
use super::node::{Node, NodeId};

/// A pool of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePool {
    /// Its name; its nodes are called `NAME-1`, `NAME-2`, ….
    pub name: Symbol,
    /// The fewest nodes.
    pub least: usize,
    /// The most nodes.
    pub most: usize,
    /// What a new node is, but for its name and the label `kubernetes.io/hostname`.
    pub template: Node,
    /// Its nodes.
    pub members: BTreeSet<NodeId>,
    /// The number of the next node.
    pub next_number: u32,
}
