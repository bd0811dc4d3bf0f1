//! A change that may repair a guarantee.

use quorate_sim::cluster::NodeId;

use crate::environment::Money;
use crate::manifest::edit::Edit;
use crate::manifest::{ObjectId, SourceId};

/// A change that may repair a guarantee.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidate {
    /// In the field's words: `maxSurge: 0, maxUnavailable: 1`.
    pub(super) change: String,
    /// Changes of texts, in order.
    pub(super) edits: Vec<TextEdit>,
    /// Nodes that are added.
    pub(super) nodes: Vec<NewNode>,
    /// Whether it promises less instead of keeping the promise.
    pub(super) weakens: bool,
}

/// A change of one of the texts that were read.
#[derive(Clone, Debug)]
pub(super) struct TextEdit {
    pub(super) source: SourceId,
    /// The object that it changes; `None` for quorate.yaml.
    pub(super) object: Option<ObjectId>,
    pub(super) edit: Edit,
}

/// A node that is added.
#[derive(Clone, Debug)]
pub(super) struct NewNode {
    /// It is like this one.
    pub(super) like: NodeId,
    pub(super) name: String,
    /// Its zone, where that is another.
    pub(super) zone: Option<String>,
    /// What it costs a month; `None`: nobody says.
    pub(super) monthly: Option<Money>,
    /// What adds it, in quorate.yaml; `None` where nodes come from elsewhere.
    pub(super) edit: Option<TextEdit>,
}

impl Candidate {
    /// A change of texts alone.
    pub(super) fn of_edits(change: impl Into<String>, edits: Vec<TextEdit>) -> Self {
        Self { change: change.into(), edits, ..Self::default() }
    }

    /// What it adds to the monthly cost; `None`: nobody says.
    pub(super) fn monthly(&self) -> Option<Money> {
        self.nodes.iter().map(|node| node.monthly).sum()
    }

    /// A first guess at how large it is.
    pub(super) fn parts(&self) -> usize {
        self.edits.len() + self.nodes.len()
    }

    /// All changes of texts, those that add nodes included.
    pub(super) fn all_edits(&self) -> impl Iterator<Item = &TextEdit> {
        self.edits.iter().chain(self.nodes.iter().filter_map(|node| node.edit.as_ref()))
    }

    /// Both; `None` where they change the same thing.
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let place = |own: &TextEdit| (own.source, own.edit.position.clone(), own.edit.path.clone());
        let clashes = self.all_edits().any(|own| other.all_edits().any(|theirs| place(own) == place(theirs)));
        if clashes || (!self.nodes.is_empty() && !other.nodes.is_empty()) {
            return None;
        }
        let mut both = self.clone();
        both.change = format!("{}; {}", self.change, other.change);
        both.edits.extend(other.edits.iter().cloned());
        both.nodes.extend(other.nodes.iter().cloned());
        both.weakens |= other.weakens;
        Some(both)
    }

    /// By price, then by how much of the promise is kept, then by size.
    pub(super) fn rank(&self, size: usize) -> (u64, bool, usize) {
        (self.monthly().map_or(u64::MAX, Money::cents), self.weakens, size)
    }
}
