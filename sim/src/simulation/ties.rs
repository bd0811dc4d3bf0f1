//! What Kubernetes leaves open: which of several equally good nodes, which of several equal pods, who wins a race.

use crate::cluster::{NodeId, PodId, Time};

/// Settles what Kubernetes leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ties {
    /// By the first for seed 0, else by one drawn from the seed.
    Drawn(u64),
    /// As a script says.
    Scripted(Script),
}

/// So many ways of one choice are told apart; of more the rest is left out, and that is remembered.
const MOST_WAYS: u64 = 1024;

/// One way through all choices of a piece of a simulation: those given, then the first of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    given: Vec<u64>,
    /// What was chosen, of how many.
    taken: Vec<(u64, u64)>,
    /// Whether a choice had more ways than are told apart.
    pub left_out: bool,
}

impl Script {
    /// The next way: the last choice that has another one takes it. `None`: all ways were gone.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        let last = self.taken.iter().rposition(|(taken, of)| taken.saturating_add(1) < *of)?;
        let before = self.taken.iter().take(last).map(|(taken, _)| *taken);
        let other = self.taken.get(last).map(|(taken, _)| taken.saturating_add(1));
        Some(Self { given: before.chain(other).collect(), ..Self::default() })
    }

    /// The same way again.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { given: self.taken.iter().map(|(taken, _)| *taken).collect(), ..Self::default() }
    }

    fn choose(&mut self, ways: u64) -> u64 {
        let told_apart = ways.min(MOST_WAYS);
        self.left_out |= ways > told_apart;
        let way = self.given.get(self.taken.len()).copied().unwrap_or(0);
        if told_apart > 1 {
            self.taken.push((way, told_apart));
            way
        } else {
            0
        }
    }
}

impl Ties {
    /// One of several equally good nodes for a pod; `None`: there is none.
    pub fn node(&mut self, best: &[NodeId], pod: PodId) -> Option<NodeId> {
        let ways = number(best.len());
        let way = match self {
            Self::Drawn(0) => 0,
            Self::Drawn(seed) => {
                let mixed = *seed ^ u64::from(pod.0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xd6e8_feb8_6659_fd93);
                (mixed >> 8).checked_rem(ways).unwrap_or(0)
            }
            Self::Scripted(script) => script.choose(ways),
        };
        best.get(usize::try_from(way).unwrap_or(0)).copied()
    }

    /// `count` of several pods that stand equal, in the order of their UIDs, which Kubernetes draws at random.
    pub fn pods(&mut self, equal: &[PodId], count: usize) -> Vec<PodId> {
        match self {
            Self::Drawn(seed) => {
                let mut drawn = equal.to_vec();
                drawn.sort_by_key(|pod| arbitrary_order(*pod, *seed));
                drawn.truncate(count);
                drawn
            }
            Self::Scripted(script) => {
                let way = script.choose(combinations(number(equal.len()), number(count)));
                combination(equal, count, way)
            }
        }
    }

    /// The order in which `count` things happen that are begun together; `salt` tells one such moment from another.
    pub fn order(&mut self, count: usize, salt: u64) -> Vec<usize> {
        let all: Vec<usize> = (0..count).collect();
        match self {
            Self::Drawn(0) => all,
            Self::Drawn(seed) => {
                let mut drawn = all;
                drawn.sort_by_key(|index| {
                    let place = u32::try_from(*index).unwrap_or(u32::MAX);
                    arbitrary_order(PodId(place), seed.wrapping_add(salt) | 1)
                });
                drawn
            }
            Self::Scripted(script) => {
                let ways = (1..=number(count)).fold(1_u64, u64::saturating_mul);
                permutation(all, script.choose(ways))
            }
        }
    }

    /// Whether a race for a node goes the unlikely way: never for seed 0.
    pub fn is_met(&mut self, node: NodeId, now: Time) -> bool {
        match self {
            Self::Drawn(0) => false,
            Self::Drawn(seed) => {
                let salt = now.milliseconds().wrapping_add(u64::from(node.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let mixed = *seed ^ salt;
                let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                (mixed >> 31) & 1 == 1
            }
            Self::Scripted(script) => script.choose(2) == 1,
        }
    }
}

/// Stands for the order of UIDs: the order of creation for seed 0, else one drawn from the seed.
fn arbitrary_order(pod: PodId, seed: u64) -> u64 {
    if seed == 0 {
        return u64::from(pod.0);
    }
    let mut value = seed.wrapping_add(u64::from(pod.0).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// In how many ways `count` of `total` can be chosen; saturates.
fn combinations(total: u64, count: u64) -> u64 {
    let Some(rest) = total.checked_sub(count) else { return 0 };
    let mut ways: u128 = 1;
    for index in 0..count.min(rest) {
        // Exact: so many consecutive numbers are divisible by the factorial.
        ways = ways
            .saturating_mul(u128::from(total.saturating_sub(index)))
            .div_euclid(u128::from(index).saturating_add(1));
        if ways > u128::from(u64::MAX) {
            return u64::MAX;
        }
    }
    u64::try_from(ways).unwrap_or(u64::MAX)
}

/// The `way`th combination, in the order in which those with the first items come first.
fn combination(items: &[PodId], count: usize, way: u64) -> Vec<PodId> {
    let (mut chosen, mut way) = (Vec::with_capacity(count), way);
    for (index, item) in items.iter().enumerate() {
        let missing = count.saturating_sub(chosen.len());
        if missing == 0 {
            break;
        }
        let left = items.len().saturating_sub(index).saturating_sub(1);
        let with = combinations(number(left), number(missing.saturating_sub(1)));
        if way < with {
            chosen.push(*item);
        } else {
            way = way.saturating_sub(with);
        }
    }
    chosen
}

/// The `way`th order of `items`, the given one first.
fn permutation(items: Vec<usize>, way: u64) -> Vec<usize> {
    let (mut left, mut way, mut order) = (items, way, Vec::new());
    while !left.is_empty() {
        let of = number(left.len());
        let index = usize::try_from(way.checked_rem(of).unwrap_or(0)).unwrap_or(0);
        way = way.checked_div(of).unwrap_or(0);
        order.push(left.remove(index));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every way through `choices` gives.
    fn every_way<T>(mut choices: impl FnMut(&mut Ties) -> T) -> Vec<T> {
        let mut results = Vec::new();
        let mut script = Some(Script::default());
        while let Some(way) = script {
            let mut ties = Ties::Scripted(way);
            results.push(choices(&mut ties));
            let Ties::Scripted(taken) = ties else { unreachable!() };
            script = taken.next();
        }
        results
    }

    #[test]
    fn every_way_is_gone_once() {
        let nodes = [NodeId(3), NodeId(5), NodeId(7)];
        let pods = [PodId(0), PodId(1), PodId(2), PodId(3)];
        let mut ways = every_way(|ties| {
            let node = ties.node(&nodes, PodId(9));
            // What depends on an earlier choice is asked for only then.
            let victims = if node == Some(NodeId(5)) { ties.pods(&pods, 2) } else { Vec::new() };
            (node, victims, ties.is_met(NodeId(1), Time::ZERO))
        });
        assert_eq!(ways.len(), 2 + 6 * 2 + 2);
        let count = ways.len();
        ways.sort();
        ways.dedup();
        assert_eq!(ways.len(), count);
    }

    #[test]
    fn combinations_are_counted_and_named() {
        let items: Vec<PodId> = (0..6).map(PodId).collect();
        for count in 0..=6 {
            let ways = combinations(6, number(count));
            let all: std::collections::BTreeSet<Vec<PodId>> =
                (0..ways).map(|way| combination(&items, count, way)).collect();
            assert_eq!(number(all.len()), ways);
            assert!(all.iter().all(|chosen| chosen.len() == count && chosen.is_sorted()));
        }
        assert_eq!(combinations(200, 100), u64::MAX);
        assert_eq!(combinations(3, 4), 0);
    }

    #[test]
    fn every_order_is_one_of_the_ways() {
        let mut orders = every_way(|ties| ties.order(4, 0));
        assert_eq!(orders.first(), Some(&vec![0, 1, 2, 3]));
        orders.sort();
        orders.dedup();
        assert_eq!(orders.len(), 24);
        assert_eq!(Ties::Drawn(0).order(3, 7), [0, 1, 2]);
        let drawn: std::collections::BTreeSet<Vec<usize>> = (1..60).map(|seed| Ties::Drawn(seed).order(3, 7)).collect();
        assert_eq!(drawn.len(), 6);
    }

    #[test]
    fn more_ways_than_are_told_apart_are_said() {
        let items: Vec<PodId> = (0..40).map(PodId).collect();
        let mut ties = Ties::Scripted(Script::default());
        assert_eq!(ties.pods(&items, 20).len(), 20);
        let Ties::Scripted(script) = ties else { unreachable!() };
        assert!(script.left_out);
    }

    #[test]
    fn a_choice_of_one_is_none() {
        let mut ties = Ties::Scripted(Script::default());
        assert_eq!(ties.node(&[NodeId(4)], PodId(0)), Some(NodeId(4)));
        assert_eq!(ties.node(&[], PodId(0)), None);
        assert_eq!(ties.pods(&[PodId(1), PodId(2)], 2), [PodId(1), PodId(2)]);
        let Ties::Scripted(script) = ties else { unreachable!() };
        assert_eq!(script.next(), None);
    }
}
