//! What is alike is looked at once: nodes with the same room, failure domains, groups that ask for the same.

use std::collections::BTreeMap;

use quorate_proof::claim::Placement;

use super::even::Even;
use super::lost::most_on_a_node;
use super::problem::{Domains, Group, Over, Problem};

/// What nodes have of each resource; nodes that have the same are of one class.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The class of each node.
    class: Vec<usize>,
    amounts: Vec<Vec<i64>>,
}

impl Room {
    /// Of what each node has.
    pub(super) fn new(rows: Vec<Vec<i64>>) -> Self {
        let mut known: BTreeMap<Vec<i64>, usize> = BTreeMap::new();
        let mut room = Self::default();
        for row in rows {
            let class = known.get(&row).copied().unwrap_or_else(|| {
                let class = room.amounts.len();
                room.amounts.push(row.clone());
                known.insert(row, class);
                class
            });
            room.class.push(class);
        }
        room
    }

    /// What a node has.
    pub(super) fn get(&self, node: usize) -> Option<&Vec<i64>> {
        self.amounts.get(self.class(node))
    }

    /// The class of a node.
    pub(super) fn class(&self, node: usize) -> usize {
        self.class.get(node).copied().unwrap_or(usize::MAX)
    }

    /// What a node of each class has.
    pub(super) fn classes(&self) -> &[Vec<i64>] {
        &self.amounts
    }

    /// What each node has.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Vec<i64>> {
        self.class.iter().filter_map(|class| self.amounts.get(*class))
    }
}

/// How the nodes fall into domains of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Split<'p> {
    /// Every one is a domain.
    Nodes(usize),
    /// By the values of a label.
    Label(&'p Domains),
    /// None is in any: nobody asks for that label.
    Nothing,
}

impl Split<'_> {
    /// The domain of a node.
    pub(super) fn of(self, node: usize) -> Option<usize> {
        match self {
            Self::Nodes(_) => Some(node),
            Self::Label(domains) => domains.of_node.get(node).copied().flatten(),
            Self::Nothing => None,
        }
    }

    /// How many domains there are.
    pub(super) fn count(self) -> usize {
        match self {
            Self::Nodes(count) => count,
            Self::Label(domains) => domains.count,
            Self::Nothing => 0,
        }
    }

    /// Whether every node is in one, and no two share one.
    pub(super) fn is_whole(self) -> bool {
        match self {
            Self::Nodes(_) => true,
            Self::Label(domains) => domains.are_single && domains.are_whole,
            Self::Nothing => false,
        }
    }

    /// Whether no two nodes share one.
    pub(super) fn is_single(self) -> bool {
        match self {
            Self::Nodes(_) => true,
            Self::Nothing => false,
            Self::Label(domains) => domains.are_single,
        }
    }
}

/// Movable groups that ask for the same, on the same nodes, for the same number of pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alike {
    /// Their class of eligibility.
    pub(super) class: usize,
    /// The priority of their pods.
    pub(super) priority: i32,
    /// What one pod asks for.
    pub(super) request: Vec<i64>,
    /// How many pods one of them has at most: in `fresh`, in `reachable`, in `current`.
    most: [i64; 3],
    /// How many pods of one of them a node holds at most, in `fresh` and always.
    cap: [i128; 2],
    /// How they spread themselves.
    pub(super) evens: Vec<Even>,
    /// Whether some are now where they would not be placed.
    pub(super) is_astray: bool,
}

impl Alike {
    /// How many pods one of them has at most.
    pub(super) const fn most(&self, placement: Placement) -> i64 {
        let [fresh, reachable, current] = self.most;
        match placement {
            Placement::Fresh | Placement::Scheduled => fresh,
            Placement::Reachable => reachable,
            Placement::Current => current,
        }
    }

    /// How many pods of one of them a node holds at most.
    pub(super) const fn cap(&self, placement: Placement) -> i128 {
        let [fresh, always] = self.cap;
        match placement {
            Placement::Fresh | Placement::Scheduled => fresh,
            Placement::Reachable | Placement::Current => always,
        }
    }
}

/// Which groups are alike.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    /// Each kind, and how many groups are of it.
    pub(super) all: Vec<(Alike, i128)>,
    /// The kind of each group; none of those that are not movable.
    pub(super) of_group: Vec<Option<usize>>,
}

impl Kinds {
    /// Finds them.
    pub(super) fn find(problem: &Problem<'_>) -> Self {
        let mut known: BTreeMap<Alike, usize> = BTreeMap::new();
        let mut kinds = Self::default();
        for (number, group) in problem.groups.iter().enumerate() {
            let alike = Group::is_movable(group).then(|| Alike {
                class: group.class,
                priority: group.shape.priority,
                request: group.request.clone(),
                most: [Placement::Fresh, Placement::Reachable, Placement::Current].map(|own| problem.most(number, own)),
                cap: [Placement::Fresh, Placement::Reachable].map(|own| most_on_a_node(problem, group, own)),
                evens: problem.evens.of_group(number).to_vec(),
                is_astray: problem.is_astray(number, group),
            });
            let kind = alike.map(|alike| match known.get(&alike) {
                Some(kind) => *kind,
                None => {
                    let kind = kinds.all.len();
                    kinds.all.push((alike.clone(), 0));
                    known.insert(alike, kind);
                    kind
                }
            });
            if let Some((_, groups)) = kind.and_then(|kind| kinds.all.get_mut(kind)) {
                *groups = groups.saturating_add(1);
            }
            kinds.of_group.push(kind);
        }
        kinds
    }
}

impl Problem<'_> {
    /// Whether a pod of a group is on a node that would not take it.
    fn is_astray(&self, number: usize, group: &Group<'_>) -> bool {
        let homes = self.homes(group.class, Placement::Current);
        let bound = self.bound.get(number).into_iter().flatten();
        bound.into_iter().any(|(node, _)| !homes.get(*node).copied().unwrap_or(false))
    }

    /// How the nodes fall into domains of one kind.
    pub(super) fn split(&self, over: Over<'_>) -> Split<'_> {
        match over {
            Over::Node => Split::Nodes(self.nodes.len()),
            Over::Key(key) => self.domains.get(key).map_or(Split::Nothing, Split::Label),
        }
    }

    /// The domain of `node` for conflicts over `over`: domains are numbered, nodes without the key are in none.
    pub(super) fn domain(&self, over: Over<'_>, node: usize) -> Option<usize> {
        self.split(over).of(node)
    }

    /// How many domains there are.
    pub(super) fn domain_count(&self, over: Over<'_>) -> usize {
        self.split(over).count()
    }

    /// Whether every domain is one node.
    pub(super) fn is_single(&self, over: Over<'_>) -> bool {
        self.split(over).is_single()
    }
}
