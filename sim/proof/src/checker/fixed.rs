//! Pods that are there first: static pods, and one pod of each DaemonSet on each node that its affinity and tolerations allow.

use std::collections::BTreeMap;

use super::index::Index;
use super::node_set::{at, list};
use crate::cluster::Kind;
use crate::rules::clash;

/// What is allocatable on each node, less what is there.
#[derive(Clone, Default)]
pub(crate) struct Room {
    /// By resource and node.
    amounts: Vec<Vec<i128>>,
    slots: Vec<i128>,
}

impl Room {
    pub(crate) fn amount(&self, resource: usize, node: usize) -> i128 {
        at(list(&self.amounts, resource), node)
    }

    pub(crate) fn column(&self, resource: usize) -> &[i128] {
        list(&self.amounts, resource)
    }

    pub(crate) fn slots(&self) -> &[i128] {
        &self.slots
    }

    fn allocatable(index: &Index<'_>) -> Room {
        let column = |resource: &&str| {
            let amount = |node: &&crate::input::Node| node.allocatable.get(*resource).copied().map_or(0, i128::from);
            index.nodes.iter().map(amount).collect()
        };
        Room {
            amounts: index.resources.iter().map(column).collect(),
            slots: index.nodes.iter().map(|node| i128::from(node.allocatable_pods)).collect(),
        }
    }

    /// Takes one pod of a shape off a node's room.
    pub(crate) fn take(&mut self, index: &Index<'_>, shape: usize, node: usize) {
        self.take_many(index, shape, node, 1);
    }

    /// Takes so many pods of a shape off a node's room.
    pub(crate) fn take_many(&mut self, index: &Index<'_>, shape: usize, node: usize, count: i128) {
        for (resource, amount) in index.requests(shape) {
            if let Some(free) = self.amounts.get_mut(*resource).and_then(|column| column.get_mut(node)) {
                *free = free.saturating_sub(i128::from(*amount).saturating_mul(count));
            }
        }
        if let Some(free) = self.slots.get_mut(node) {
            *free = free.saturating_sub(count);
        }
    }

    fn overfull(&self) -> Option<usize> {
        let below = |column: &[i128]| column.iter().position(|free| *free < 0);
        self.amounts.iter().find_map(|column| below(column)).or_else(|| below(&self.slots))
    }
}

/// The fixed pods, and the room beside them.
pub(crate) struct Fixed {
    /// The fixed workloads with a pod on each node.
    on_node: Vec<Vec<usize>>,
    /// The nodes of each fixed workload.
    nodes_of: BTreeMap<usize, Vec<usize>>,
    /// Why nothing is proved beside them.
    pub(crate) problem: Option<String>,
    /// Room on empty nodes.
    pub(crate) empty: Room,
    /// Room beside all fixed pods.
    pub(crate) beside: Room,
    /// Room beside them while DaemonSets that surge are rolled out.
    pub(crate) beside_surge: Room,
    /// Room beside those that nothing movable can evict.
    pub(crate) beside_safe: Room,
    /// Room beside static pods that nothing movable can evict: pods of DaemonSets may be missing.
    pub(crate) beside_static: Room,
}

impl Fixed {
    pub(crate) fn new(index: &Index<'_>) -> Fixed {
        let allocatable = Room::allocatable(index);
        let mut fixed = Fixed {
            on_node: vec![Vec::new(); index.nodes.len()],
            nodes_of: BTreeMap::new(),
            problem: None,
            beside: allocatable.clone(),
            beside_surge: allocatable.clone(),
            beside_safe: allocatable.clone(),
            beside_static: allocatable.clone(),
            empty: allocatable,
        };
        let preemptors = index.movable().map(|workload| index.pod_of(workload)).filter(|pod| pod.preempts);
        let highest = preemptors.map(|pod| pod.priority).max();
        for (number, workload) in index.workloads.iter().enumerate() {
            let pod = index.shape(workload.shape);
            let (nodes, is_static): (Vec<usize>, bool) = match &workload.kind {
                Kind::DaemonSet => (index.class(workload.shape).uncordoned.iter().collect(), false),
                Kind::Static(node) => (index.node_number(node).into_iter().collect(), true),
                Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::Job | Kind::Pod => continue,
            };
            let is_plain = pod.affinity.is_empty() && pod.anti_affinity.is_empty() && pod.spread.is_empty();
            let is_known = is_static || (is_plain && pod.not_carried.is_empty());
            if !is_known {
                fixed.problem = Some(format!(
                    "{} has affinity, a hard spread constraint or something that is not carried: its nodes are not known",
                    index.name(number)
                ));
            }
            let is_safe = highest.is_none_or(|highest| pod.priority >= highest);
            for node in &nodes {
                fixed.beside.take(index, workload.shape, *node);
                fixed.beside_surge.take(index, workload.shape, *node);
                if !is_static && workload.max_surge > 0 {
                    fixed.beside_surge.take(index, workload.shape, *node);
                }
                if is_safe {
                    fixed.beside_safe.take(index, workload.shape, *node);
                }
                if is_safe && is_static {
                    fixed.beside_static.take(index, workload.shape, *node);
                }
                if let Some(here) = fixed.on_node.get_mut(*node) {
                    here.push(number);
                }
            }
            fixed.nodes_of.insert(number, nodes);
        }
        fixed.problem = fixed.problem.take().or_else(|| fixed.clash(index));
        fixed
    }

    fn clash(&self, index: &Index<'_>) -> Option<String> {
        if let Some(node) = self.beside.overfull() {
            return Some(format!("static pods and pods of DaemonSets do not fit on node {}", index.node_name(node)));
        }
        let clashing = self.on_node.iter().position(|here| {
            let ports = |workload: &usize| &index.pod_of(*workload).host_ports;
            let with_ports: Vec<&usize> = here.iter().filter(|workload| !ports(workload).is_empty()).collect();
            with_ports.iter().enumerate().any(|(place, first)| {
                let others = with_ports.iter().skip(place.saturating_add(1));
                others
                    .into_iter()
                    .any(|other| ports(first).iter().any(|own| ports(other).iter().any(|port| clash(own, port))))
            })
        });
        clashing.map(|node| format!("host ports of fixed pods clash on node {}", index.node_name(node)))
    }

    /// The nodes with a pod of a fixed workload; none of a movable one.
    pub(crate) fn nodes_of(&self, workload: usize) -> &[usize] {
        self.nodes_of.get(&workload).map_or(&[], Vec::as_slice)
    }

    /// The nodes with a fixed pod of a shape, once for each such pod.
    pub(crate) fn nodes_of_shape<'s>(&'s self, index: &'s Index<'_>, shape: usize) -> impl Iterator<Item = usize> + 's {
        list(&index.of_shape, shape).iter().flat_map(|workload| self.nodes_of(*workload)).copied()
    }
}
