//! Domains: the values of a label on nodes, or the nodes themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::node_set::at;
use crate::input::Node;

/// A partition of nodes; nodes without the label are in no domain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Topology {
    /// The domain of each node.
    of_node: Vec<Option<usize>>,
    /// The nodes of each domain.
    members: Vec<Vec<usize>>,
    /// The name of each domain, sorted.
    names: Vec<String>,
    is_single: bool,
}

impl Topology {
    /// One domain for each value of a label.
    pub(crate) fn of_label(nodes: &[&Node], key: &str) -> Topology {
        let mut values: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, node) in nodes.iter().enumerate() {
            if let Some(value) = node.labels.get(key) {
                values.entry(value).or_default().push(number);
            }
        }
        let mut of_node = vec![None; nodes.len()];
        let mut topology = Topology::default();
        for (domain, (value, members)) in values.into_iter().enumerate() {
            for member in &members {
                if let Some(slot) = of_node.get_mut(*member) {
                    *slot = Some(domain);
                }
            }
            topology.names.push(value.to_owned());
            topology.members.push(members);
        }
        topology.is_single = topology.members.iter().all(|members| members.len() <= 1);
        topology.of_node = of_node;
        topology
    }

    /// Each node on its own.
    pub(crate) fn of_nodes(names: &[&str]) -> Topology {
        Topology {
            of_node: (0..names.len()).map(Some).collect(),
            members: (0..names.len()).map(|node| vec![node]).collect(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            is_single: true,
        }
    }

    pub(crate) fn domain(&self, node: usize) -> Option<usize> {
        at(&self.of_node, node)
    }

    pub(crate) fn members(&self) -> &[Vec<usize>] {
        &self.members
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether no domain has more than one node.
    pub(crate) fn is_single(&self) -> bool {
        self.is_single
    }
}

/// The sum of the `count` largest of `values`, which are not negative.
pub(crate) fn sum_of_largest(mut values: Vec<i128>, count: usize) -> i128 {
    if count == 0 {
        return 0;
    }
    if count < values.len() {
        values.select_nth_unstable_by(count, |left, right| right.cmp(left));
        values.truncate(count);
    }
    values.into_iter().fold(0, i128::saturating_add)
}

/// The sums of a value over the nodes of each domain; nodes in no domain are left out.
pub(crate) fn sums(topology: &Topology, nodes: &[usize], value: impl Fn(usize) -> i128) -> Vec<i128> {
    if topology.is_single() {
        return nodes.iter().filter(|node| topology.domain(**node).is_some()).map(|node| value(*node)).collect();
    }
    if nodes.len() < topology.len() / 8 {
        let mut sums: BTreeMap<usize, i128> = BTreeMap::new();
        for (domain, node) in nodes.iter().filter_map(|node| Some((topology.domain(*node)?, *node))) {
            let sum = sums.entry(domain).or_default();
            *sum = sum.saturating_add(value(node));
        }
        return sums.into_values().collect();
    }
    let mut sums = vec![0_i128; topology.len()];
    for (domain, node) in nodes.iter().filter_map(|node| Some((topology.domain(*node)?, *node))) {
        if let Some(sum) = sums.get_mut(domain) {
            *sum = sum.saturating_add(value(node));
        }
    }
    sums
}

/// The sum of the so many smallest numbers of these nodes that a domain has, those that have none aside.
pub(crate) fn smallest(topology: &Topology, nodes: &[usize], count: usize) -> usize {
    if count == 0 {
        return 0;
    }
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for domain in nodes.iter().filter_map(|node| topology.domain(*node)) {
        let size = sizes.entry(domain).or_insert(0);
        *size = size.saturating_add(1);
    }
    let mut sizes: Vec<usize> = sizes.into_values().collect();
    sizes.sort_unstable();
    sizes.iter().take(count).fold(0, |sum, size| sum.saturating_add(*size))
}

/// The most domains of a topology that one failure domain touches without holding all their nodes.
pub(crate) fn most_touched(topology: &Topology, failures: &Topology) -> usize {
    let mut touched = vec![0_usize; failures.len()];
    for nodes in topology.members() {
        let holders: BTreeSet<Option<usize>> = nodes.iter().map(|node| failures.domain(*node)).collect();
        if holders.len() < 2 {
            continue;
        }
        for holder in holders.into_iter().flatten() {
            if let Some(count) = touched.get_mut(holder) {
                *count = count.saturating_add(1);
            }
        }
    }
    touched.into_iter().max().unwrap_or(0)
}
