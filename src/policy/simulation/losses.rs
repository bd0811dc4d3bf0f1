//! Single-node losses, played once for all rules that ask about them.

use quorate_sim::cluster::NodeId;
use quorate_sim::failure::{Failure, FailureImpact, fail};
use rayon::prelude::*;

use super::context::AtRest;
use super::drains::MOST_NODES;

/// What the loss of each node alone comes to.
pub(super) fn play(at_rest: &AtRest<'_>) -> Vec<FailureImpact> {
    let nodes: Vec<NodeId> = at_rest.state().nodes.keys().copied().take(MOST_NODES).collect();
    nodes.par_iter().map(|node| fail(&at_rest.simulation, &[Failure::Node(*node)])).collect()
}
