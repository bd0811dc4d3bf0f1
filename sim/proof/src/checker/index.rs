//! Nodes, shapes and workloads by number, and which nodes a shape may run on.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::node_set::{NodeSet, at, list};
use super::topology::Topology;
use crate::cluster::{Cluster, Kind, Workload};
use crate::input::{Labels, Node, NodeTerm, Pod, Toleration};
use crate::rules::{cordon, is_fleeting, node_matches, tolerates, tolerates_all, unreachable};

/// What stands for a shape that is not there: it can be proved nothing about.
static NO_SHAPE: LazyLock<Pod> = LazyLock::new(|| Pod { not_carried: vec!["everything".to_owned()], ..Pod::default() });

/// A cluster by numbers.
pub(crate) struct Index<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) nodes: Vec<&'a Node>,
    pub(crate) node_names: Vec<&'a str>,
    pub(crate) workloads: Vec<&'a Workload>,
    pub(crate) workload_names: Vec<&'a str>,
    /// Movable and fixed workloads of each shape.
    pub(crate) of_shape: Vec<Vec<usize>>,
    pub(crate) not_ready: NodeSet,
    /// Resources that some shape asks for.
    pub(crate) resources: Vec<&'a str>,
    requests: Requests,
    node_numbers: BTreeMap<&'a str, usize>,
    workload_numbers: BTreeMap<&'a str, usize>,
    classes: Vec<Class>,
    class_of_shape: Vec<usize>,
    topologies: BTreeMap<&'a str, Topology>,
    each_node: Topology,
}

/// Shapes with the same node selector, node affinity and tolerations.
#[derive(Default)]
pub(crate) struct Class {
    /// Nodes that node selector and node affinity match.
    pub(crate) affinity: NodeSet,
    /// Nodes all whose taints are tolerated.
    pub(crate) taints: NodeSet,
    /// Nodes of both.
    pub(crate) uncordoned: NodeSet,
    /// Nodes of both that are not cordoned, or whose cordon is tolerated.
    pub(crate) eligible: NodeSet,
    /// Nodes from which a pod would be evicted after some time.
    pub(crate) fleeting: NodeSet,
    /// Whether `unreachable:NoSchedule` is tolerated.
    pub(crate) schedules_unreachable: bool,
    /// Whether both taints of an unreachable node are tolerated.
    pub(crate) tolerates_unreachable: bool,
}

impl<'a> Index<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Index<'a> {
        let nodes: Vec<&Node> = cluster.nodes.values().collect();
        let node_names: Vec<&str> = cluster.nodes.keys().map(String::as_str).collect();
        let workloads: Vec<&Workload> = cluster.workloads.values().collect();
        let workload_names: Vec<&str> = cluster.workloads.keys().map(String::as_str).collect();
        let mut of_shape = vec![Vec::new(); cluster.shapes.len()];
        for (number, workload) in workloads.iter().enumerate() {
            if let Some(own) = of_shape.get_mut(workload.shape) {
                own.push(number);
            }
        }
        let (classes, class_of_shape) = classes(cluster, &nodes, &node_names);
        let not_ready = nodes.iter().enumerate().filter(|(_, node)| !node.ready).map(|(number, _)| number).collect();
        let (resources, requests) = requests(cluster);
        Index {
            cluster,
            of_shape,
            not_ready,
            resources,
            requests,
            node_numbers: node_names.iter().enumerate().map(|(number, name)| (*name, number)).collect(),
            workload_numbers: workload_names.iter().enumerate().map(|(number, name)| (*name, number)).collect(),
            topologies: topologies(cluster, &nodes),
            each_node: Topology::of_nodes(&node_names),
            nodes,
            node_names,
            workloads,
            workload_names,
            classes,
            class_of_shape,
        }
    }

    pub(crate) fn shape(&self, shape: usize) -> &'a Pod {
        self.cluster.shapes.get(shape).unwrap_or(&NO_SHAPE)
    }

    /// The shape of a workload's pods.
    pub(crate) fn shape_of(&self, workload: usize) -> usize {
        self.workloads.get(workload).map_or(usize::MAX, |workload| workload.shape)
    }

    pub(crate) fn pod_of(&self, workload: usize) -> &'a Pod {
        self.shape(self.shape_of(workload))
    }

    pub(crate) fn name(&self, workload: usize) -> &'a str {
        self.workload_names.get(workload).copied().unwrap_or("?")
    }

    pub(crate) fn node_name(&self, node: usize) -> &'a str {
        self.node_names.get(node).copied().unwrap_or("?")
    }

    pub(crate) fn node_number(&self, name: &str) -> Option<usize> {
        self.node_numbers.get(name).copied()
    }

    pub(crate) fn workload_number(&self, name: &str) -> Option<usize> {
        self.workload_numbers.get(name).copied()
    }

    /// Whether its pods are there first: static pods and those of DaemonSets.
    pub(crate) fn is_fixed(&self, workload: usize) -> bool {
        self.workloads.get(workload).is_some_and(|workload| match workload.kind {
            Kind::DaemonSet | Kind::Static(_) => true,
            Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::Job | Kind::Pod => false,
        })
    }

    pub(crate) fn movable(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.workloads.len()).filter(|workload| !self.is_fixed(*workload))
    }

    /// What a shape asks for: numbers of resources and amounts above 0.
    pub(crate) fn requests(&self, shape: usize) -> &[(usize, i64)] {
        list(&self.requests, shape)
    }

    pub(crate) fn request(&self, shape: usize, resource: usize) -> i64 {
        self.requests(shape).iter().find(|(own, _)| *own == resource).map_or(0, |(_, amount)| *amount)
    }

    pub(crate) fn class(&self, shape: usize) -> &Class {
        static NO_CLASS: LazyLock<Class> = LazyLock::new(Class::default);
        self.classes.get(at(&self.class_of_shape, shape)).unwrap_or(&NO_CLASS)
    }

    /// Shapes of one class have the same number.
    pub(crate) fn class_number(&self, shape: usize) -> usize {
        self.class_of_shape.get(shape).copied().unwrap_or(usize::MAX)
    }

    /// The domains of a label that some shape names.
    pub(crate) fn topology(&self, key: &str) -> &Topology {
        static NONE: LazyLock<Topology> = LazyLock::new(Topology::default);
        self.topologies.get(key).unwrap_or(&NONE)
    }

    pub(crate) fn known_topology(&self, key: &str) -> Option<&Topology> {
        self.topologies.get(key)
    }

    pub(crate) fn each_node(&self) -> &Topology {
        &self.each_node
    }

    pub(crate) fn namespace_labels(&self, namespace: &str) -> &Labels {
        static NONE: LazyLock<Labels> = LazyLock::new(Labels::new);
        self.cluster.namespaces.get(namespace).unwrap_or(&NONE)
    }
}

/// What each shape asks for, by the number of the resource; amounts above 0.
type Requests = Vec<Vec<(usize, i64)>>;

type ClassKey<'a> = (&'a Labels, &'a Option<Vec<NodeTerm>>, &'a Vec<Toleration>);

fn classes(cluster: &Cluster, nodes: &[&Node], names: &[&str]) -> (Vec<Class>, Vec<usize>) {
    let mut numbers: BTreeMap<ClassKey<'_>, usize> = BTreeMap::new();
    let mut affinities: BTreeMap<(&Labels, &Option<Vec<NodeTerm>>), NodeSet> = BTreeMap::new();
    let mut tolerated: BTreeMap<&Vec<Toleration>, NodeSet> = BTreeMap::new();
    let (mut classes, mut class_of_shape) = (Vec::new(), Vec::new());
    for shape in &cluster.shapes {
        let key = (&shape.node_selector, &shape.node_terms, &shape.tolerations);
        let number = *numbers.entry(key).or_insert_with(|| {
            let affinity = affinities.entry((key.0, key.1)).or_insert_with(|| {
                let matching = nodes.iter().zip(names).enumerate();
                let matching = matching.filter(|(_, (node, name))| node_matches(shape, name, &node.labels));
                matching.map(|(number, _)| number).collect()
            });
            let taints = tolerated.entry(key.2).or_insert_with(|| {
                let tolerated = nodes.iter().enumerate().filter(|(_, node)| tolerates_all(shape, &node.taints));
                tolerated.map(|(number, _)| number).collect()
            });
            classes.push(class(shape, affinity, taints, nodes));
            classes.len().saturating_sub(1)
        });
        class_of_shape.push(number);
    }
    (classes, class_of_shape)
}

fn class(shape: &Pod, affinity: &NodeSet, taints: &NodeSet, nodes: &[&Node]) -> Class {
    let uncordoned = affinity.both(taints);
    let bears_cordon = tolerates(shape, &cordon());
    let is_open = |node: &usize| bears_cordon || nodes.get(*node).is_some_and(|node| !node.unschedulable);
    let evicts = |node: &usize| nodes.get(*node).is_some_and(|node| is_fleeting(shape, &node.taints));
    let schedules_unreachable = tolerates(shape, &unreachable("NoSchedule"));
    Class {
        affinity: affinity.clone(),
        taints: taints.clone(),
        eligible: uncordoned.iter().filter(is_open).collect(),
        fleeting: uncordoned.iter().filter(evicts).collect(),
        uncordoned,
        schedules_unreachable,
        tolerates_unreachable: schedules_unreachable && tolerates(shape, &unreachable("NoExecute")),
    }
}

fn requests(cluster: &Cluster) -> (Vec<&str>, Requests) {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for name in cluster.shapes.iter().flat_map(|shape| shape.requests.keys()) {
        let next = numbers.len();
        numbers.entry(name).or_insert(next);
    }
    let of_shape = |shape: &Pod| {
        let wanted = shape.requests.iter().filter(|(_, amount)| **amount > 0);
        wanted.filter_map(|(name, amount)| Some((*numbers.get(name.as_str())?, *amount))).collect()
    };
    let requests = cluster.shapes.iter().map(of_shape).collect();
    let mut resources = vec![""; numbers.len()];
    for (name, number) in numbers {
        if let Some(slot) = resources.get_mut(number) {
            *slot = name;
        }
    }
    (resources, requests)
}

fn topologies<'a>(cluster: &'a Cluster, nodes: &[&Node]) -> BTreeMap<&'a str, Topology> {
    let keys = cluster.shapes.iter().flat_map(|shape| {
        let terms = shape.affinity.iter().chain(&shape.anti_affinity).map(|term| term.topology_key.as_str());
        terms.chain(shape.spread.iter().map(|spread| spread.topology_key.as_str()))
    });
    let mut topologies = BTreeMap::new();
    for key in keys {
        topologies.entry(key).or_insert_with(|| Topology::of_label(nodes, key));
    }
    topologies
}
