//! A canonical cluster prepared for many questions: numbers instead of names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};

use quorate_proof::claim::Placement;
use quorate_proof::cluster::{Cluster, Kind, Workload};
use quorate_proof::evidence::Weights;
use quorate_proof::input::{Node, NodeTerm, ONCE_BOUND, Pod, Toleration};

use super::adversary::AskedAttack;
use super::classes::{Kinds, Room};
use super::even::Evens;
use super::lost::{AskedLoss, Lost};
use super::matching::{is_eligible, matches_affinity, tolerates, tolerates_all, tolerates_for_ever, unreachable};
use super::packing::{OnNodes, Packing};
use super::placed::{Asked, Obstacle, is_counted};
use super::relations::{ports_clash, relate};
use super::search::Broken;

/// The name of the resource that a pod takes one of.
pub(super) const SLOTS: &str = "pods";

/// A cluster with everything that bounds ask for again and again.
#[derive(Debug)]
pub struct Problem<'a> {
    pub(super) cluster: &'a Cluster,
    /// Nodes in the order of their names.
    pub(super) nodes: Vec<(&'a str, &'a Node)>,
    /// Resources that anything asks for; slots are one of them.
    pub(super) resources: Vec<&'a str>,
    /// For each node and resource: what is allocatable less fixed pods.
    pub(super) free: Room,
    /// The same with the pods of DaemonSets that surge counted twice.
    pub(super) free_in_rollouts: Room,
    /// What is allocatable less fixed pods that nobody can evict.
    pub(super) free_beside_safe: Room,
    /// The same without the pods of DaemonSets.
    pub(super) free_of_static: Room,
    /// Groups in the order of their names.
    pub(super) groups: Vec<Group<'a>>,
    /// Fixed groups with the nodes on which they have a pod.
    pub(super) fixed: Vec<(usize, Vec<usize>)>,
    /// For each group its fixed pods.
    pub(super) fixed_pods: Vec<Arc<OnNodes>>,
    /// For each group and spread constraint: what it counts.
    pub(super) counted: BTreeMap<(usize, usize), Counted>,
    /// For each class of eligibility and node.
    pub(super) eligible: Vec<Vec<bool>>,
    /// The same whether a node is cordoned or not: it may not have been so.
    pub(super) open: Vec<Vec<bool>>,
    /// Domains of every topology key that anybody asks for: for each node the number of its domain.
    pub(super) domains: BTreeMap<&'a str, Domains>,
    /// For each group: its pods that are in the cluster now.
    pub(super) existing: Vec<Existing>,
    /// For each group: the nodes of its pods that are bound now, and whether each is available.
    pub(super) bound: Vec<Vec<(usize, bool)>>,
    /// For each node how many pods are bound to it now.
    pub(super) bound_to: Vec<usize>,
    /// The nodes that have a terminating pod.
    pub(super) terminating_on: BTreeSet<usize>,
    /// A movable pod of an earlier revision: bounds know only the present ones.
    pub(super) earlier_pod: Option<&'a str>,
    /// A pod of a DaemonSet, or a static one, that is not where it is expected, or terminates.
    pub(super) misplaced: Option<&'a str>,
    /// Whether a node is not ready.
    pub(super) has_unready: bool,
    /// The highest priority of movable pods that preempt.
    pub(super) highest_preempting: Option<i32>,
    /// How groups spread themselves.
    pub(super) evens: Evens<'a>,
    /// Which groups are alike.
    pub(super) kinds: Kinds,
    /// For each group the first that can take its part.
    pub(super) twins: Vec<usize>,
    /// What was asked about pods that may stay pending.
    pub(super) answers: Mutex<BTreeMap<Asked, Result<Weights, Obstacle>>>,
    /// What was asked about how many pods a failure takes.
    pub(super) losses: Mutex<BTreeMap<AskedLoss, Lost>>,
    /// For each node whether all pods that may come there do not fit together, in an empty cluster and as it is now; found when first
    /// asked for.
    pub(super) tight: [OnceLock<Vec<bool>>; 2],
    /// The groups that budgets select.
    pub(super) subjects: Mutex<BTreeMap<String, Vec<usize>>>,
    /// The pods that are there now, where nothing is under way; worked out when first asked for.
    pub(super) present: OnceLock<Option<Packing>>,
    /// Ways to break claims that were looked for.
    pub(super) attacks: Mutex<BTreeMap<AskedAttack, Arc<Option<Broken>>>>,
    /// How many domains of one kind a domain of another touches.
    pub(super) touched: Mutex<BTreeMap<(String, String), usize>>,
    /// Why nothing about placing can be said; `None`: it can.
    pub(super) obstacle: Option<String>,
}

/// A workload.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) name: &'a str,
    pub(super) workload: &'a Workload,
    pub(super) shape: &'a Pod,
    /// What a pod asks for, by resource.
    pub(super) request: Vec<i64>,
    /// Its class of eligibility.
    pub(super) class: usize,
    /// Whether its pods stay on a node that is unreachable.
    pub(super) stays: bool,
    /// Whether nothing keeps its pods off a node that is unreachable.
    pub(super) returns: bool,
    /// By topology key (or the node, for host ports): groups whose pods may keep a pod of this one out of their domain.
    pub(super) conflicts: BTreeMap<Over<'a>, BTreeSet<usize>>,
    /// Those of them that do so whatever revision they are of.
    pub(super) surely: BTreeMap<Over<'a>, BTreeSet<usize>>,
    /// For each of its spread constraints: the groups that it may count.
    pub(super) counted: Vec<BTreeSet<usize>>,
}

/// What a spread constraint counts while nothing has failed.
#[derive(Debug)]
pub(super) struct Counted {
    /// Whether it counts each node.
    pub(super) nodes: Vec<bool>,
    /// How many of these each domain has.
    pub(super) sizes: Vec<usize>,
    /// How many domains these lie in.
    pub(super) domains: usize,
}

/// How many pods of a group are in the cluster now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Existing {
    /// Not terminating.
    pub(super) alive: i64,
    /// Terminating.
    pub(super) terminating: i64,
    /// Not ready, terminating, or of another revision.
    pub(super) unsettled: i64,
}

/// Over what two pods are in conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Over<'a> {
    /// One node: a host port.
    Node,
    /// A domain of a topology key.
    Key(&'a str),
}

/// How the nodes fall into domains.
#[derive(Debug)]
pub(super) struct Domains {
    /// The domain of each node.
    pub(super) of_node: Vec<Option<usize>>,
    /// How many there are.
    pub(super) count: usize,
    /// Whether no two nodes share one.
    pub(super) are_single: bool,
    /// Whether every node is in one.
    pub(super) are_whole: bool,
}

impl Group<'_> {
    /// Whether the scheduler places its pods.
    pub(super) const fn is_movable(&self) -> bool {
        !matches!(self.workload.kind, Kind::DaemonSet | Kind::Static(_))
    }

    /// The most pods of it at any moment of any history.
    pub(super) const fn most(&self) -> i64 {
        self.workload.max_replicas.saturating_add(self.workload.max_surge)
    }
}

impl<'a> Problem<'a> {
    /// Prepares `cluster`; `labels` are those whose domains fail.
    #[must_use]
    pub fn new(cluster: &'a Cluster, labels: &[&'a str]) -> Self {
        let nodes: Vec<(&str, &Node)> = cluster.nodes.iter().map(|(name, node)| (name.as_str(), node)).collect();
        let resources = resources(cluster);
        let (mut eligible, mut open) = (Vec::new(), Vec::new());
        let mut groups = indexed_groups(cluster, &nodes, &resources, (&mut eligible, &mut open));
        relate(cluster, &mut groups);
        let mut domains = BTreeMap::new();
        let keys = groups.iter().flat_map(|group| keys_of(group.shape)).chain(labels.iter().copied());
        for key in keys {
            domains.entry(key).or_insert_with(|| Domains::of(key, &nodes));
        }
        let fixed = fixed(&nodes, &groups, &open);
        let mut problem = Problem {
            cluster,
            nodes,
            resources,
            free: Room::default(),
            free_in_rollouts: Room::default(),
            free_beside_safe: Room::default(),
            free_of_static: Room::default(),
            groups,
            fixed,
            fixed_pods: Vec::new(),
            counted: BTreeMap::new(),
            eligible,
            open,
            domains,
            existing: Vec::new(),
            bound: Vec::new(),
            bound_to: Vec::new(),
            terminating_on: BTreeSet::new(),
            earlier_pod: None,
            misplaced: None,
            has_unready: cluster.nodes.values().any(|node| !node.ready),
            highest_preempting: None,
            evens: Evens::default(),
            kinds: Kinds::default(),
            twins: Vec::new(),
            answers: Mutex::default(),
            losses: Mutex::default(),
            tight: Default::default(),
            subjects: Mutex::default(),
            present: OnceLock::new(),
            attacks: Mutex::default(),
            touched: Mutex::default(),
            obstacle: None,
        };
        problem.count_existing();
        problem.take_fixed();
        problem.find_counted();
        problem.evens = Evens::find(&problem);
        problem.kinds = Kinds::find(&problem);
        problem.twins = problem.find_twins();
        problem.obstacle = problem.find_obstacle();
        problem
    }

    fn count_existing(&mut self) {
        let numbers: BTreeMap<&str, usize> =
            self.nodes.iter().enumerate().map(|(number, (name, _))| (*name, number)).collect();
        self.existing = vec![Existing::default(); self.groups.len()];
        self.bound = vec![Vec::new(); self.groups.len()];
        self.bound_to = vec![0; self.nodes.len()];
        for (name, pod) in &self.cluster.pods {
            let node = pod.node.as_ref().and_then(|name| numbers.get(name.as_str()));
            self.terminating_on.extend(node.filter(|_| pod.terminating));
            if let Some(pods) = node.and_then(|node| self.bound_to.get_mut(*node)) {
                *pods = pods.saturating_add(1);
            }
            let Some(group) = self.group(&pod.workload) else { continue };
            if let Some((_, on)) = self.fixed.iter().find(|(fixed, _)| *fixed == group)
                && (pod.terminating || node.is_none_or(|node| on.binary_search(node).is_err()))
            {
                self.misplaced = Some(name);
            }
            let is_earlier =
                self.groups.get(group).is_some_and(|own| own.is_movable() && own.workload.shape != pod.shape);
            if is_earlier && self.earlier_pod.is_none() {
                self.earlier_pod = Some(name);
            }
            if let Some(own) = self.existing.get_mut(group) {
                let count = if pod.terminating { &mut own.terminating } else { &mut own.alive };
                *count = count.saturating_add(1);
                if is_earlier || pod.terminating || !pod.ready {
                    own.unsettled = own.unsettled.saturating_add(1);
                }
            }
            if let (Some(node), Some(bound)) = (node, self.bound.get_mut(group)) {
                bound.push((*node, pod.ready && !pod.terminating));
            }
        }
    }

    fn find_counted(&mut self) {
        self.fixed_pods = vec![Arc::default(); self.groups.len()];
        for (fixed, on) in &self.fixed {
            if let Some(pods) = self.fixed_pods.get_mut(*fixed) {
                *pods = Arc::new(on.iter().map(|node| (*node, 1)).collect());
            }
        }
        for (number, group) in self.groups.iter().enumerate() {
            for (position, spread) in group.shape.spread.iter().enumerate() {
                let counts = |(name, node): &(&str, &Node)| is_counted(spread, group, name, node);
                let nodes: Vec<bool> = self.nodes.iter().map(counts).collect();
                let split = self.split(Over::Key(&spread.topology_key));
                let mut sizes = vec![0_usize; split.count()];
                for (node, _) in nodes.iter().enumerate().filter(|(_, counted)| **counted) {
                    if let Some(size) = split.of(node).and_then(|domain| sizes.get_mut(domain)) {
                        *size = size.saturating_add(1);
                    }
                }
                let domains = sizes.iter().filter(|size| **size > 0).count();
                self.counted.insert((number, position), Counted { nodes, sizes, domains });
            }
        }
    }

    /// What nodes have beside fixed pods.
    fn take_fixed(&mut self) {
        let preemptors = self.groups.iter().filter(|group| group.is_movable() && group.shape.preempts);
        let highest = preemptors.map(|group| group.shape.priority).max();
        self.highest_preempting = highest;
        let mut free: Vec<Vec<i64>> = self.nodes.iter().map(|(_, node)| allocatable(node, &self.resources)).collect();
        let (mut in_rollouts, mut beside_safe, mut of_static) = (free.clone(), free.clone(), free.clone());
        for (number, on) in &self.fixed {
            let Some(group) = self.groups.get(*number) else { continue };
            let is_daemon = group.workload.kind == Kind::DaemonSet;
            let surges = is_daemon && group.workload.max_surge > 0;
            for node in on {
                take(free.get_mut(*node), &group.request, 1);
                take(in_rollouts.get_mut(*node), &group.request, if surges { 2 } else { 1 });
                let is_safe = highest.is_none_or(|highest| group.shape.priority >= highest);
                if is_safe {
                    take(beside_safe.get_mut(*node), &group.request, 1);
                }
                if is_safe && !is_daemon {
                    take(of_static.get_mut(*node), &group.request, 1);
                }
            }
        }
        [self.free, self.free_in_rollouts, self.free_beside_safe, self.free_of_static] =
            [free, in_rollouts, beside_safe, of_static].map(Room::new);
    }

    fn find_obstacle(&self) -> Option<String> {
        for (number, _) in &self.fixed {
            let group = self.groups.get(*number)?;
            let is_daemon = group.workload.kind == Kind::DaemonSet;
            let shape = group.shape;
            let is_plain = shape.affinity.is_empty() && shape.anti_affinity.is_empty() && shape.spread.is_empty();
            if is_daemon && !(is_plain && shape.not_carried.is_empty()) {
                return Some(format!("{} has constraints beyond its own node", group.name));
            }
        }
        let short = self.free.iter().zip(&self.nodes).find(|(free, _)| free.iter().any(|amount| *amount < 0));
        if let Some((_, (name, _))) = short {
            return Some(format!("the pods of DaemonSets and static pods do not fit on {name} together"));
        }
        let ports = |node: usize| {
            let here = self.fixed.iter().filter(move |(_, on)| on.contains(&node));
            here.filter_map(|(number, _)| self.groups.get(*number)).map(|group| group.shape)
        };
        for (node, (name, _)) in self.nodes.iter().enumerate() {
            let shapes: Vec<&Pod> = ports(node).filter(|shape| !shape.host_ports.is_empty()).collect();
            let clash = shapes.iter().enumerate().any(|(index, one)| {
                shapes.iter().skip(index.saturating_add(1)).any(|other| ports_clash(&one.host_ports, &other.host_ports))
            });
            if clash {
                return Some(format!("the host ports of DaemonSets and static pods clash on {name}"));
            }
        }
        None
    }

    /// What decides where pods of `group` may run and is not known here. `first`: they are placed for the first time, in a cluster that
    /// was empty; what they are bound to afterwards does not matter then, unless they are evicted and placed again.
    pub(super) fn unknown(&self, group: &Group<'a>, first: bool) -> Option<&'a str> {
        let evicted = || self.outranks(group);
        let matters = |what: &&String| !(first && *what == ONCE_BOUND && !evicted());
        group.shape.not_carried.iter().find(matters).map(String::as_str)
    }

    /// Whether a movable workload that preempts has a higher priority.
    pub(super) fn outranks(&self, group: &Group<'_>) -> bool {
        self.highest_preempting.is_some_and(|highest| highest > group.shape.priority)
    }

    /// The group named `name`.
    pub(super) fn group(&self, name: &str) -> Option<usize> {
        self.groups.binary_search_by(|group| group.name.cmp(name)).ok()
    }

    /// Whether `node` is eligible for pods of `group`.
    pub(super) fn is_eligible(&self, group: &Group<'_>, node: usize) -> bool {
        self.eligible.get(group.class).and_then(|own| own.get(node)).copied().unwrap_or(false)
    }

    /// The nodes that are eligible for pods of `group`.
    pub(super) fn eligible_nodes(&self, group: &Group<'_>) -> impl Iterator<Item = usize> + use<'_> {
        let own = self.eligible.get(group.class).map_or(&[][..], Vec::as_slice);
        own.iter().enumerate().filter(|(_, is_eligible)| **is_eligible).map(|(node, _)| node)
    }

    /// The nodes that pods of a class of eligibility may be on in some history: those that are cordoned now may not have been so.
    pub(super) fn homes(&self, class: usize, placement: Placement) -> &[bool] {
        let of_class = match placement {
            Placement::Reachable | Placement::Current => &self.open,
            Placement::Fresh | Placement::Scheduled => &self.eligible,
        };
        of_class.get(class).map_or(&[], Vec::as_slice)
    }
}

fn take(free: Option<&mut Vec<i64>>, request: &[i64], times: i64) {
    for (free, asked) in free.into_iter().flatten().zip(request) {
        *free = free.saturating_sub(asked.saturating_mul(times));
    }
}

impl Domains {
    fn of(key: &str, nodes: &[(&str, &Node)]) -> Self {
        let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
        let of_node: Vec<Option<usize>> = nodes
            .iter()
            .map(|(_, node)| {
                let value = node.labels.get(key)?;
                let next = numbers.len();
                Some(*numbers.entry(value).or_insert(next))
            })
            .collect();
        let labelled = of_node.iter().flatten().count();
        Self {
            count: numbers.len(),
            are_single: labelled == numbers.len(),
            are_whole: labelled == nodes.len(),
            of_node,
        }
    }
}

/// Every topology key that a pod asks for.
fn keys_of(shape: &Pod) -> impl Iterator<Item = &str> {
    let terms = shape.affinity.iter().chain(&shape.anti_affinity).map(|term| term.topology_key.as_str());
    terms.chain(shape.spread.iter().map(|spread| spread.topology_key.as_str()))
}

fn resources(cluster: &Cluster) -> Vec<&str> {
    let asked = cluster.shapes.iter().flat_map(|shape| shape.requests.iter());
    let names: BTreeSet<&str> = asked.filter(|(_, amount)| **amount > 0).map(|(name, _)| name.as_str()).collect();
    names.into_iter().chain(std::iter::once(SLOTS)).collect()
}

fn allocatable(node: &Node, resources: &[&str]) -> Vec<i64> {
    let amount = |name: &&str| match *name {
        SLOTS => node.allocatable_pods,
        name => node.allocatable.get(name).copied().unwrap_or(0),
    };
    resources.iter().map(amount).collect()
}

fn request(shape: &Pod, resources: &[&str]) -> Vec<i64> {
    let amount = |name: &&str| match *name {
        SLOTS => 1,
        name => shape.requests.get(name).copied().unwrap_or(0).max(0),
    };
    resources.iter().map(amount).collect()
}

fn indexed_groups<'a>(
    cluster: &'a Cluster,
    nodes: &[(&str, &Node)],
    resources: &[&str],
    (eligible, open): (&mut Vec<Vec<bool>>, &mut Vec<Vec<bool>>),
) -> Vec<Group<'a>> {
    type Class<'a> = (Vec<(&'a String, &'a String)>, Option<&'a Vec<NodeTerm>>, &'a Vec<Toleration>);
    let mut classes: BTreeMap<Class<'a>, usize> = BTreeMap::new();
    let mut groups = Vec::new();
    for (name, workload) in &cluster.workloads {
        let Some(shape) = cluster.shapes.get(workload.shape) else { continue };
        let class: Class<'a> = (shape.node_selector.iter().collect(), shape.node_terms.as_ref(), &shape.tolerations);
        let class = *classes.entry(class).or_insert_with(|| {
            eligible.push(nodes.iter().map(|(name, node)| is_eligible(shape, name, node)).collect());
            let is_open = |name: &str, node: &Node| tolerates_all(shape, node) && matches_affinity(shape, name, node);
            open.push(nodes.iter().map(|(name, node)| is_open(name, node)).collect());
            eligible.len().saturating_sub(1)
        });
        groups.push(Group {
            name,
            workload,
            shape,
            request: request(shape, resources),
            class,
            stays: tolerates_for_ever(&shape.tolerations, &unreachable("NoExecute")),
            returns: ["NoSchedule", "NoExecute"]
                .iter()
                .all(|effect| tolerates(&shape.tolerations, &unreachable(effect))),
            conflicts: BTreeMap::new(),
            surely: BTreeMap::new(),
            counted: Vec::new(),
        });
    }
    groups
}

fn fixed(nodes: &[(&str, &Node)], groups: &[Group<'_>], open: &[Vec<bool>]) -> Vec<(usize, Vec<usize>)> {
    let on = |group: &Group<'_>| -> Option<Vec<usize>> {
        match &group.workload.kind {
            Kind::DaemonSet => {
                let own = open.get(group.class)?;
                Some(own.iter().enumerate().filter(|(_, runs)| **runs).map(|(node, _)| node).collect())
            }
            Kind::Static(name) => Some(nodes.iter().position(|(node, _)| node == name).into_iter().collect()),
            Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::Job | Kind::Pod => None,
        }
    };
    groups.iter().enumerate().filter_map(|(number, group)| Some((number, on(group)?))).collect()
}
