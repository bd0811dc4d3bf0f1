//! What other pods can hold of some nodes.

use super::question::Question;

/// Pods of other groups that may take room.
#[derive(Default)]
pub(super) struct Others {
    /// How many resources there are.
    resources: usize,
    /// What a pod asks for, one kind of groups after the other.
    requests: Vec<i64>,
    kinds: Vec<Kind>,
    areas: Vec<Area>,
}

/// Groups that ask for the same.
pub(super) struct Kind {
    /// How many pods one of them has at most, and how many of these one node holds.
    pub(super) most: i128,
    pub(super) cap: i128,
    /// How many groups there are.
    pub(super) groups: i128,
}

/// Nodes that are alike to others.
struct Area {
    /// By kind: how many pods one group has there at most.
    most: Vec<i128>,
    /// More nodes than this hold no more of them.
    enough_nodes: i128,
}

/// The number of the area that is all nodes, where nothing is known of domains.
pub(super) const ANYWHERE: usize = 0;

impl Others {
    /// Those that ask for so many resources.
    pub(super) fn new(resources: usize, kinds: Vec<(&[i64], Kind)>) -> Self {
        let mut others = Self { resources, ..Self::default() };
        for (request, kind) in kinds {
            others.requests.extend(request.iter().copied());
            others.kinds.push(kind);
        }
        others.add_area(others.kinds.iter().map(|kind| kind.most).collect());
        others
    }

    /// Adds nodes of which the kinds have at most so many pods each: gives their number.
    pub(super) fn add_area(&mut self, most: Vec<i128>) -> usize {
        let most: Vec<i128> = self.kinds.iter().zip(most).map(|(kind, most)| kind.most.min(most)).collect();
        let enough = self.kinds.iter().zip(&most).map(|(kind, most)| enough_nodes(*most, kind.cap));
        let enough_nodes = enough.max().unwrap_or(0);
        self.areas.push(Area { most, enough_nodes });
        self.areas.len().saturating_sub(1)
    }
}

/// Some of the nodes that take a pod.
#[derive(Clone, Copy)]
pub(super) struct Within<'w> {
    pub(super) nodes: &'w [usize],
    /// The classes of these, and how many nodes of each there are.
    pub(super) classes: &'w [(usize, i128)],
    /// Their area.
    pub(super) area: usize,
}

/// By how much room is more than what others can hold.
#[derive(Clone, Copy)]
pub(super) struct Margin {
    pub(super) by: i128,
    /// What others can hold.
    pub(super) of: i128,
}

impl Margin {
    /// Whether there is always room.
    pub(super) const fn is_positive(self) -> bool {
        self.by > 0
    }

    /// In millionths of what others can hold: tells which weights say more.
    pub(super) fn relative(self) -> i128 {
        self.by.saturating_mul(1_000_000).checked_div(self.of).unwrap_or(0)
    }
}

/// With some weights: what others can hold of so many nodes.
///
/// A pod is on one node, and keeps others off no more than that: it weighs `most` at most.
pub(super) struct Holding<'q> {
    others: &'q Others,
    /// What all groups of a kind weigh, one pod of each.
    each: Vec<i128>,
    /// By area: what those of other groups hold of as many nodes as they like.
    full: Vec<i128>,
    /// What one of its own holds, and how many of these are on one node.
    mine: i128,
    cap: i128,
}

impl<'q> Holding<'q> {
    pub(super) fn new(question: &'q Question<'_, '_>, weights: &[i128], most: i128) -> Self {
        let weights: Vec<i64> = weights.iter().map(|weight| i64::try_from(*weight).unwrap_or(i64::MAX)).collect();
        // What keeps a pod off a node is one resource: another counts with the one of which it weighs most.
        let weigh = |request: &[i64]| {
            let amounts = request.iter().zip(&weights);
            // A product of two numbers of 64 bits has 128: nothing is lost.
            let weighed = amounts.map(|(asked, weight)| i128::from(*weight).wrapping_mul(i128::from(*asked)));
            weighed.max().unwrap_or(0).min(most)
        };
        let others = &question.others;
        let requests = others.requests.chunks_exact(others.resources.max(1));
        let each = requests.zip(&others.kinds).map(|(request, kind)| weigh(request).saturating_mul(kind.groups));
        let mine = weigh(&question.group.request);
        let mut holding = Self { others, each: each.collect(), full: Vec::new(), mine, cap: question.own.1 };
        holding.full = others.areas.iter().map(|area| holding.others(area, i128::MAX)).collect();
        holding
    }

    fn others(&self, area: &Area, nodes: i128) -> i128 {
        let kinds = self.each.iter().zip(&self.others.kinds).zip(&area.most);
        let held = kinds.map(|((each, kind), most)| each.saturating_mul(hold(*most, kind.cap, nodes)));
        held.fold(0, i128::saturating_add)
    }

    /// The most that `nodes` nodes of an area hold, `own` pods of the same group among them.
    pub(super) fn on(&self, area: usize, nodes: usize, own: i128) -> i128 {
        let nodes = i128::try_from(nodes).unwrap_or(i128::MAX);
        let others = match (self.others.areas.get(area), self.full.get(area)) {
            (Some(area), Some(full)) if nodes >= area.enough_nodes => *full,
            (Some(area), _) => self.others(area, nodes),
            (None, _) => i128::MAX,
        };
        others.saturating_add(self.mine.saturating_mul(hold(own, self.cap, nodes)))
    }

    /// Whether more nodes than this hold no more.
    pub(super) fn is_full_on(&self, area: usize, nodes: usize, own: i128) -> bool {
        let nodes = i128::try_from(nodes).unwrap_or(i128::MAX);
        let enough = self.others.areas.get(area).map_or(i128::MAX, |area| area.enough_nodes);
        nodes >= enough.max(enough_nodes(own, self.cap))
    }
}

/// How many of `most` pods are on `nodes` nodes, at most `cap` on each.
fn hold(most: i128, cap: i128, nodes: i128) -> i128 {
    most.min(cap.saturating_mul(nodes))
}

/// More nodes than this hold no more of `most` pods, at most `cap` on each.
fn enough_nodes(most: i128, cap: i128) -> i128 {
    match most.checked_div(cap) {
        Some(nodes) if nodes.saturating_mul(cap) < most => nodes.saturating_add(1),
        Some(nodes) => nodes,
        None => 0,
    }
}
