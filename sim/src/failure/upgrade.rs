//! A rolling upgrade of nodes: some new ones first, then old ones drained and replaced a few at a time, in an order in which no
//! drain blocks.

use std::sync::Arc;

use crate::cluster::{ClusterState, Labels, Node, NodeId, NodeReady, Symbol, Table};
use crate::simulation::{ObjectChange, Simulation, StepAction, StepOutcome};

/// How nodes are upgraded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The nodes.
    pub nodes: Vec<NodeId>,
    /// How many new nodes there are before the first old one goes.
    pub max_surge: usize,
    /// How many nodes may be missing beyond that.
    pub max_unavailable: usize,
}

/// An order of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeOrder {
    /// The nodes, in the order in which they are replaced.
    pub nodes: Vec<NodeId>,
    /// Whether every drain of it ends; `false`: no order was found in which all do, and this is the one that was given.
    pub works: bool,
    /// Whether every order was looked at, if none works.
    pub complete: bool,
}

/// So many drains are played in search of an order.
const MOST_DRAINS: usize = 2000;

impl Upgrade {
    /// How many nodes are drained at the same time.
    const fn batch(&self) -> usize {
        let both = self.max_surge.saturating_add(self.max_unavailable);
        if both == 0 { 1 } else { both }
    }

    /// What is done in this order, with a text for each step.
    #[must_use]
    pub fn steps(&self, state: &ClusterState, order: &[NodeId]) -> Vec<(StepAction, String)> {
        let text = |nodes: &[NodeId]| {
            let names = nodes.iter().filter_map(|id| state.nodes.get(id)).map(|node| state.names.text(node.name));
            names.collect::<Vec<_>>().join(", ")
        };
        let mut replaced = self.max_surge.min(order.len());
        let mut steps = Vec::new();
        let first = order.get(..replaced).unwrap_or_default();
        if !first.is_empty() {
            steps.push((successors(first, state), format!("add upgraded {}", text(first))));
        }
        for batch in order.chunks(self.batch()) {
            steps.push((StepAction::Drain { nodes: batch.to_vec() }, format!("drain {}", text(batch))));
            steps.push((StepAction::DeleteNode { nodes: batch.to_vec() }, format!("delete node {}", text(batch))));
            let until = replaced.saturating_add(batch.len()).min(order.len());
            let next = order.get(replaced..until).unwrap_or_default();
            if !next.is_empty() {
                steps.push((successors(next, state), format!("add upgraded {}", text(next))));
            }
            replaced = until;
        }
        steps
    }

    /// An order in which every drain ends, the given one first: nodes whose drain would block come later.
    #[must_use]
    pub fn find_order(&self, simulation: &Simulation) -> UpgradeOrder {
        let mut search = Search { upgrade: self, drains: 0 };
        let mut start = simulation.clone();
        let surge = self.nodes.get(..self.max_surge.min(self.nodes.len())).unwrap_or_default();
        if !surge.is_empty() {
            start.perform(&successors(surge, &simulation.state));
        }
        let found = search.from(&start, &mut Vec::new(), &self.nodes);
        let complete = search.drains < MOST_DRAINS;
        match found {
            // In the search a new node is like the one that it follows at once, in the upgrade like the next of the order.
            Some(nodes) if self.works(simulation, &nodes) => UpgradeOrder { nodes, works: true, complete },
            Some(nodes) => UpgradeOrder { nodes, works: false, complete: false },
            None => UpgradeOrder { nodes: self.nodes.clone(), works: false, complete },
        }
    }
}

impl Upgrade {
    /// Whether every step of this order is completed.
    fn works(&self, simulation: &Simulation, order: &[NodeId]) -> bool {
        let mut simulation = simulation.clone();
        let steps = self.steps(&simulation.state, order);
        steps.iter().all(|(action, _)| simulation.perform(action).outcome == StepOutcome::Completed)
    }
}

struct Search<'a> {
    upgrade: &'a Upgrade,
    drains: usize,
}

impl Search<'_> {
    /// Goes on with the nodes that are left: the first batch whose drain ends, from which the rest can be upgraded, too.
    fn from(&mut self, simulation: &Simulation, done: &mut Vec<NodeId>, left: &[NodeId]) -> Option<Vec<NodeId>> {
        if left.is_empty() {
            return Some(done.clone());
        }
        for batch in batches(left, self.upgrade.batch()) {
            if self.drains >= MOST_DRAINS {
                return None;
            }
            self.drains = self.drains.saturating_add(1);
            let mut branch = simulation.clone();
            let report = branch.perform(&StepAction::Drain { nodes: batch.clone() });
            if report.outcome != StepOutcome::Completed {
                continue;
            }
            branch.perform(&StepAction::DeleteNode { nodes: batch.clone() });
            let missing = left.len().saturating_sub(self.upgrade.max_surge).min(batch.len());
            let next = batch.get(..missing).unwrap_or_default();
            if !next.is_empty() {
                branch.perform(&successors(next, &simulation.state));
            }
            let rest: Vec<NodeId> = left.iter().filter(|node| !batch.contains(node)).copied().collect();
            let length = done.len();
            done.extend(&batch);
            if let Some(order) = self.from(&branch, done, &rest) {
                return Some(order);
            }
            done.truncate(length);
        }
        None
    }
}

/// Sets of `size` nodes, in the order given; no more than can be looked at.
fn batches(nodes: &[NodeId], size: usize) -> Vec<Vec<NodeId>> {
    if nodes.len() <= size {
        return vec![nodes.to_vec()];
    }
    let mut found = Vec::new();
    collect_batches(nodes, size, &mut Vec::new(), &mut found);
    found
}

fn collect_batches(left: &[NodeId], missing: usize, chosen: &mut Vec<NodeId>, found: &mut Vec<Vec<NodeId>>) {
    if missing == 0 {
        return found.push(chosen.clone());
    }
    for (index, node) in left.iter().enumerate() {
        if found.len() >= MOST_DRAINS {
            return;
        }
        chosen.push(*node);
        let rest = left.get(index.saturating_add(1)..).unwrap_or_default();
        collect_batches(rest, missing.saturating_sub(1), chosen, found);
        chosen.pop();
    }
}

/// New nodes, each like one of `nodes` in `before`.
fn successors(nodes: &[NodeId], before: &ClusterState) -> StepAction {
    let (nodes, before) = (nodes.to_vec(), before.nodes.clone());
    StepAction::Apply {
        change: ObjectChange(Arc::new(move |state| {
            add(state, &nodes, &before);
            Vec::new()
        })),
    }
}

fn add(state: &mut ClusterState, nodes: &[NodeId], before: &Table<NodeId, Node>) {
    for id in nodes {
        let Some(old) = before.get(id) else { continue };
        let name = format!("{}-upgraded", state.names.text(old.name));
        let name = state.intern(&name);
        let labels = old
            .labels
            .iter()
            .map(|(key, value)| (key, if key == Symbol::HOSTNAME || value == old.name { name } else { value }));
        let labels = Labels::from_iter(labels.collect::<Vec<_>>());
        let kept = old.taints.iter().filter(|taint| {
            ![Symbol::UNSCHEDULABLE_TAINT, Symbol::NOT_READY_TAINT, Symbol::UNREACHABLE_TAINT].contains(&taint.key)
        });
        let node = Node {
            name,
            labels,
            taints: kept.copied().collect(),
            unschedulable: false,
            ready: NodeReady::True,
            crashed_at: None,
            ..old.clone()
        };
        // Ids of nodes that are gone are not given again.
        let last = state.nodes.keys().next_back().max(before.keys().next_back());
        let next = last.map_or(0, |last| last.0.saturating_add(1));
        if let Some(drivers) = state.storage.csi_nodes.get(&old.name).cloned() {
            Arc::make_mut(&mut state.storage).csi_nodes.insert(name, drivers);
        }
        state.nodes.insert(NodeId(next), node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_in_order_and_never_without_end() {
        let nodes: Vec<NodeId> = (0..4).map(NodeId).collect();
        let pairs: Vec<Vec<u32>> =
            batches(&nodes, 2).into_iter().map(|batch| batch.into_iter().map(|node| node.0).collect()).collect();
        assert_eq!(pairs, [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        assert_eq!(batches(&nodes, 9), std::slice::from_ref(&nodes));
        let many: Vec<NodeId> = (0..1000).map(NodeId).collect();
        assert_eq!(batches(&many, 3).len(), MOST_DRAINS);
    }
}
