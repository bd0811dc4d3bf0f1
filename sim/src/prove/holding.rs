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
    /// More nodes than this hold no more of them.
    enough_nodes: i128,
}

/// Groups that ask for the same.
struct Kind {
    /// How many pods one of them has at most, and how many of these one node holds.
    most: i128,
    cap: i128,
    /// How many groups there are.
    groups: i128,
}

impl Others {
    /// None of them yet.
    pub(super) fn of(resources: usize) -> Self {
        Self { resources, ..Self::default() }
    }

    pub(super) fn push(&mut self, request: &[i64], (most, cap): (i128, i128), groups: i128) {
        self.requests.extend(request.iter().copied());
        self.enough_nodes = self.enough_nodes.max(enough_nodes(most, cap));
        self.kinds.push(Kind { most, cap, groups });
    }
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
    weights: Vec<i64>,
    most: i128,
    /// What those of other groups hold of as many nodes as they like.
    full: i128,
    /// What one of its own holds, and how many of these are on one node.
    mine: i128,
    cap: i128,
}

impl<'q> Holding<'q> {
    pub(super) fn new(question: &'q Question<'_, '_>, weights: &[i128], most: i128) -> Self {
        let weights = weights.iter().map(|weight| i64::try_from(*weight).unwrap_or(i64::MAX)).collect();
        let mut holding = Self { others: &question.others, weights, most, full: 0, mine: 0, cap: question.own.1 };
        holding.full = holding.others(i128::MAX);
        holding.mine = holding.weigh(&question.group.request);
        holding
    }

    /// What keeps a pod off a node is one resource: another counts with the one of which it weighs most.
    fn weigh(&self, request: &[i64]) -> i128 {
        let amounts = request.iter().zip(&self.weights);
        // A product of two numbers of 64 bits has 128: nothing is lost.
        let weighed = amounts.map(|(asked, weight)| i128::from(*weight).wrapping_mul(i128::from(*asked)));
        weighed.max().unwrap_or(0).min(self.most)
    }

    fn others(&self, nodes: i128) -> i128 {
        let requests = self.others.requests.chunks_exact(self.others.resources.max(1));
        let held = |(request, kind): (&[i64], &Kind)| {
            let pods = hold(kind.most, kind.cap, nodes).saturating_mul(kind.groups);
            self.weigh(request).saturating_mul(pods)
        };
        requests.zip(&self.others.kinds).map(held).fold(0, i128::saturating_add)
    }

    /// The most that `nodes` nodes hold, `own` pods of the same group among them.
    pub(super) fn on(&self, nodes: usize, own: i128) -> i128 {
        let nodes = i128::try_from(nodes).unwrap_or(i128::MAX);
        let others = if nodes >= self.others.enough_nodes { self.full } else { self.others(nodes) };
        others.saturating_add(self.mine.saturating_mul(hold(own, self.cap, nodes)))
    }

    /// Whether more nodes than this hold no more.
    pub(super) fn is_full_on(&self, nodes: usize, own: i128) -> bool {
        let nodes = i128::try_from(nodes).unwrap_or(i128::MAX);
        nodes >= self.others.enough_nodes.max(enough_nodes(own, self.cap))
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
