//! In which order nodes are examined, and how many.
//!
//! Source: `pkg/scheduler/backend/cache/node_tree.go`; `numFeasibleNodesToFind` and `findNodesThatPassFilters` in
//! `pkg/scheduler/schedule_one.go`. Upstream's sixteen workers race for the nodes of one examination; here they are examined
//! one by one, which is one of the ways in which that race can end.

use std::collections::BTreeMap;

use crate::cluster::{ClusterState, Labels, NodeId, Symbol};
use crate::scheduler::configuration::Profile;

/// With fewer nodes all are examined.
const MIN_FEASIBLE_NODES: usize = 100;
/// The least share of the nodes, in hundredths.
const MIN_PERCENTAGE: usize = 5;

/// How many nodes are examined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// All of them.
    AllNodes,
    /// As many as kube-scheduler examines: what the pod's profile says, by default half of the nodes in a cluster of 100 and less
    /// the larger it is.
    #[default]
    Adaptive,
    /// `percentageOfNodesToScore`, from 1 to 100.
    Percentage(u8),
}

impl Sampling {
    /// The same for pods of `profile`.
    pub(super) fn of(self, profile: &Profile) -> Self {
        match (self, profile.percentage_of_nodes_to_score) {
            (Self::Adaptive, Some(percentage)) => Self::Percentage(percentage),
            (Self::AllNodes | Self::Adaptive | Self::Percentage(_), _) => self,
        }
    }

    /// With how many feasible nodes of `nodes` the examination ends.
    pub(super) fn feasible_nodes(self, nodes: usize) -> usize {
        let percentage = match self {
            Self::AllNodes => return nodes,
            Self::Adaptive => 50_usize.saturating_sub(nodes.div_euclid(125)).max(MIN_PERCENTAGE),
            Self::Percentage(percentage) => usize::from(percentage),
        };
        if nodes < MIN_FEASIBLE_NODES {
            return nodes;
        }
        nodes.saturating_mul(percentage).div_euclid(100).clamp(MIN_FEASIBLE_NODES, nodes)
    }
}

/// The nodes of `state` as kube-scheduler lists them: the first of every zone, then the second of every zone, and so on;
/// zones and nodes in the order in which they were added.
pub(crate) fn node_order(state: &ClusterState) -> Vec<NodeId> {
    let mut zones: Vec<Vec<NodeId>> = Vec::new();
    let mut positions = BTreeMap::new();
    for (id, node) in state.nodes.iter() {
        let position = *positions.entry(zone(&node.labels)).or_insert_with(|| {
            zones.push(Vec::new());
            zones.len().saturating_sub(1)
        });
        if let Some(zone) = zones.get_mut(position) {
            zone.push(*id);
        }
    }
    let longest = zones.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|index| zones.iter().filter_map(move |zone| zone.get(index).copied())).collect()
}

/// Region and zone; of two labels for the same the older one counts.
fn zone(labels: &Labels) -> (Symbol, Symbol) {
    let either = |beta, stable| labels.get(beta).or_else(|| labels.get(stable)).unwrap_or(Symbol::EMPTY);
    (either(Symbol::BETA_REGION, Symbol::REGION), either(Symbol::BETA_ZONE, Symbol::ZONE))
}

#[cfg(test)]
mod tests {
    use super::Sampling;

    #[test]
    fn as_many_nodes_as_upstream() {
        let adaptive = |nodes| Sampling::Adaptive.feasible_nodes(nodes);
        assert_eq!([3, 99, 100, 125, 1000, 5000, 6000, 10_000].map(adaptive), [3, 99, 100, 100, 420, 500, 300, 500]);
        assert_eq!(Sampling::Percentage(40).feasible_nodes(1000), 400);
        assert_eq!(Sampling::Percentage(100).feasible_nodes(1000), 1000);
        assert_eq!(Sampling::Percentage(1).feasible_nodes(1000), 100);
        assert_eq!(Sampling::AllNodes.feasible_nodes(1000), 1000);
    }
}
