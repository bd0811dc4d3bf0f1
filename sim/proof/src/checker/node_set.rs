//! Sets of nodes, and values by number.

/// A set of nodes by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeSet {
    words: Vec<u64>,
}

impl NodeSet {
    pub(crate) fn insert(&mut self, node: usize) {
        let word = node / 64;
        if self.words.len() <= word {
            self.words.resize(word.saturating_add(1), 0);
        }
        if let Some(bits) = self.words.get_mut(word) {
            *bits |= bit(node);
        }
    }

    pub(crate) fn contains(&self, node: usize) -> bool {
        self.words.get(node / 64).is_some_and(|bits| bits & bit(node) != 0)
    }

    pub(crate) fn intersects(&self, other: &NodeSet) -> bool {
        self.words.iter().zip(&other.words).any(|(own, theirs)| own & theirs != 0)
    }

    pub(crate) fn both(&self, other: &NodeSet) -> NodeSet {
        NodeSet { words: self.words.iter().zip(&other.words).map(|(own, theirs)| own & theirs).collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|bits| *bits == 0)
    }

    /// In ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().filter(|(_, bits)| **bits != 0).flat_map(|(word, bits)| {
            (0..64_usize)
                .filter(move |place| bits & bit(*place) != 0)
                .map(move |place| word.saturating_mul(64).saturating_add(place))
        })
    }
}

impl FromIterator<usize> for NodeSet {
    fn from_iter<I: IntoIterator<Item = usize>>(nodes: I) -> Self {
        let mut set = NodeSet::default();
        nodes.into_iter().for_each(|node| set.insert(node));
        set
    }
}

fn bit(node: usize) -> u64 {
    1_u64.wrapping_shl(u32::try_from(node % 64).unwrap_or(0))
}

/// The value at a number that exists; the default for one that does not.
pub(crate) fn at<T: Copy + Default>(values: &[T], number: usize) -> T {
    values.get(number).copied().unwrap_or_default()
}

/// The list at a number; an empty one where there is none.
pub(crate) fn list<T>(lists: &[Vec<T>], number: usize) -> &[T] {
    lists.get(number).map_or(&[], Vec::as_slice)
}
