//! Where the pods of each class are.

use imbl::OrdMap;

use super::class::ClassId;
use super::keeping::{Life, Step};

/// The placed pods of each class by the position of their node.
#[derive(Clone, Debug, Default)]
pub(super) struct Placements {
    held: OrdMap<(ClassId, usize), Held>,
}

/// The pods of one class on one node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub(super) alive: i64,
    pub(super) terminating: i64,
}

impl Placements {
    /// A pod of `class` comes to or goes from the node at `position`.
    pub(super) fn change(&mut self, class: ClassId, position: usize, life: Life, step: Step) {
        let held = self.held.entry((class, position)).or_default();
        let count = match life {
            Life::Alive => &mut held.alive,
            Life::Terminating => &mut held.terminating,
        };
        *count = count.saturating_add(step.sign());
        if held.alive == 0 && held.terminating == 0 {
            self.held.remove(&(class, position));
        }
    }

    /// The positions that hold pods of `class`.
    pub(super) fn of(&self, class: ClassId) -> impl Iterator<Item = (usize, Held)> + '_ {
        let range = self.held.range((class, 0)..=(class, usize::MAX));
        range.map(|((_, position), held)| (*position, *held))
    }
}
