//! The states in which a single step can come to rest, whole: to see whether what happened elsewhere is among them, and to go
//! on from there.

use std::collections::BTreeMap;

use crate::simulation::{Simulation, Step, StepOutcome, TargetReport};

use super::canonical::Canonical;
use super::exploration::{Range, SearchLimits, begin, ranges};
use super::naming::Naming;
use super::search::search;

/// Everything in which a step can end.
#[derive(Clone, Debug)]
pub struct StepEnds {
    /// The states; a livelock has none.
    pub ends: Vec<StepEnd>,
    /// Of each workload the lowest readiness of the step.
    pub min_ready: BTreeMap<String, Range>,
    /// Whether every state was found.
    pub complete: bool,
}

/// One way in which a step can end.
#[derive(Clone, Debug)]
pub struct StepEnd {
    /// How it ended.
    pub outcome: StepOutcome,
    /// Its targets.
    pub targets: Vec<TargetReport>,
    /// The cluster at rest; the next step can begin here.
    pub simulation: Simulation,
}

/// Finds every state in which `step` can end when it is played on `initial`. Every node is known by its name, and equal pods
/// by their age.
#[must_use]
pub fn step_ends(initial: &Simulation, step: &Step, limits: &SearchLimits) -> StepEnds {
    let mut canonical = Canonical::new(Naming::everything());
    let rest = canonical.digest(initial, None);
    let root = begin(initial.clone(), step, 0, rest);
    let found = search(vec![root], &mut canonical, limits, initial.settings.seed);
    let ends = found.graph.ids().filter_map(|id| {
        let end = found.graph.get(id)?.end?;
        let simulation = found.rests.get(&end.rest?)?.clone();
        let targets = found.said.get(&id).map(|said| said.targets.clone()).unwrap_or_default();
        Some(StepEnd { outcome: end.outcome, targets, simulation })
    });
    StepEnds { ends: ends.collect(), min_ready: ranges(initial, &found), complete: found.complete }
}
