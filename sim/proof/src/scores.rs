//! The one thing that the checker does not know: which of the nodes that a pod fits kube-scheduler likes best.

use std::collections::BTreeSet;

use crate::evidence::State;

/// Somebody who knows the scheduler's scores.
pub trait Scores: Sync {
    /// The nodes, by name, that have the highest score for the pod in question, of those that it fits.
    ///
    /// # Errors
    /// Why that is not known.
    fn best(&self, moment: &Moment<'_>) -> Result<BTreeSet<String>, String>;
}

/// A pending pod, and where all other pods are.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'s> {
    /// The workloads of the state, in its order.
    pub workloads: &'s [String],
    /// Where their pods are.
    pub state: &'s State,
    /// The nodes that have failed, those that are removed included.
    pub failed: &'s BTreeSet<String>,
    /// Whose pod is to be placed, by its place among the workloads.
    pub pending: usize,
}
