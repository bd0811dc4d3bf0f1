//! Values of nodes, and what failures and conflicts take of them.

use super::classes::{Room, Split};

/// A value for each of some nodes, by their class.
pub(super) struct Values<'q> {
    /// The value of a node of each class.
    pub(super) of_class: &'q [i128],
    /// The class of each node.
    pub(super) free: &'q Room,
    /// The nodes.
    pub(super) nodes: &'q [usize],
    /// The classes of the nodes, and how many nodes of each there are.
    pub(super) classes: Vec<(usize, i128)>,
}

impl Values<'_> {
    fn of(&self, class: usize) -> i128 {
        self.of_class.get(class).copied().unwrap_or(0)
    }

    /// The sum over all nodes.
    pub(super) fn sum(&self) -> i128 {
        self.classes.iter().map(|(class, nodes)| self.of(*class).saturating_mul(*nodes)).sum()
    }

    /// For every number up to `most` the sum of so many of the largest sums over a domain.
    pub(super) fn largest(&self, split: Split<'_>, most: usize) -> Vec<i128> {
        if most == 0 {
            return vec![0];
        }
        let ranked =
            if split.is_single() { self.largest_nodes(split, most) } else { self.largest_domains(split, most) };
        let sums = ranked.into_iter().scan(0_i128, |sum, value| {
            *sum = sum.saturating_add(value);
            Some(*sum)
        });
        std::iter::once(0).chain(sums).collect()
    }

    /// The `count` largest sums over a domain.
    fn largest_domains(&self, split: Split<'_>, count: usize) -> Vec<i128> {
        let mut sums = vec![0_i128; split.count()];
        for node in self.nodes {
            if let Some(sum) = split.of(*node).and_then(|domain| sums.get_mut(domain)) {
                *sum = sum.saturating_add(self.of(self.free.class(*node)));
            }
        }
        if count < sums.len() {
            sums.select_nth_unstable_by(count, |one, other| other.cmp(one));
            sums.truncate(count);
        }
        sums.sort_unstable_by(|one, other| other.cmp(one));
        sums
    }

    /// The `count` largest values of nodes that are in a domain.
    fn largest_nodes(&self, split: Split<'_>, count: usize) -> Vec<i128> {
        let are_all_in = split.is_whole();
        let mut classes: Vec<(i128, usize)> = self.classes.iter().map(|(class, _)| (self.of(*class), *class)).collect();
        classes.sort_unstable_by(|one, other| other.cmp(one));
        let mut ranked: Vec<i128> = Vec::new();
        for (value, class) in classes {
            let nodes = if are_all_in {
                self.classes.iter().find(|(own, _)| *own == class).map_or(0, |(_, nodes)| *nodes)
            } else {
                let own =
                    self.nodes.iter().filter(|node| self.free.class(**node) == class && split.of(**node).is_some());
                i128::try_from(own.take(count).count()).unwrap_or(i128::MAX)
            };
            let nodes = usize::try_from(nodes).unwrap_or(usize::MAX).min(count.saturating_sub(ranked.len()));
            ranked.extend(std::iter::repeat_n(value, nodes));
            if ranked.len() >= count {
                break;
            }
        }
        ranked
    }
}

/// For every number up to `most` the sum of so many of the smallest numbers of nodes that a domain has of `nodes`.
pub(super) fn smallest(nodes: &[usize], split: Split<'_>, most: usize) -> Vec<usize> {
    if most == 0 {
        return vec![0];
    }
    if split.is_whole() {
        return (0..=most.min(nodes.len())).collect();
    }
    let mut sizes = vec![0_usize; split.count()];
    for node in nodes {
        if let Some(size) = split.of(*node).and_then(|domain| sizes.get_mut(domain)) {
            *size = size.saturating_add(1);
        }
    }
    sizes.retain(|size| *size > 0);
    sizes.sort_unstable();
    let sums = sizes.into_iter().take(most).scan(0_usize, |sum, size| {
        *sum = sum.saturating_add(size);
        Some(*sum)
    });
    std::iter::once(0).chain(sums).collect()
}

/// The sum of so many; of all, where there are fewer.
pub(super) fn at<T: Copy + Default>(sums: &[T], count: usize) -> T {
    sums.get(count).or(sums.last()).copied().unwrap_or_default()
}
