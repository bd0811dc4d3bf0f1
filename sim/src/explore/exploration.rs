//! What is asked of an exploration, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::cluster::Time;
use crate::controller::workload_text;
use crate::simulation::{Simulation, Step, StepAction, StepOutcome, TargetReport};

use super::canonical::{Canonical, Digest};
use super::graph::VertexId;
use super::naming::Naming;
use super::search::{Found, Root, search};
use super::trace::{self, Way};

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// At most about so many states of each step.
    pub states: usize,
    /// Whether orders that make no difference are followed all the same: the same answer, later.
    pub every_order: bool,
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self { states: 100_000, every_order: false }
    }
}

/// Everything that can happen in a scenario.
#[derive(Clone, Debug)]
pub struct Exploration {
    /// The steps, in order.
    pub steps: Vec<ExploredStep>,
}

/// Everything that can happen in a step.
#[derive(Clone, Debug)]
pub struct ExploredStep {
    /// Every outcome that such a step can have.
    pub outcomes: BTreeMap<StepOutcome, Explored>,
    /// Of each workload the lowest readiness of the step.
    pub min_ready: BTreeMap<String, Range>,
    /// How many states were found.
    pub states: usize,
    /// In how many states it can come to rest, equal pods and equal nodes not told apart.
    pub ends: usize,
    /// Whether every state was found, of this step and of those before it.
    pub complete: bool,
}

/// How a step can have an outcome.
#[derive(Clone, Debug)]
pub struct Explored {
    /// How often; `None`: it was not found, and not everything was looked at.
    pub likelihood: Option<Likelihood>,
    /// What is said of it, in the shortest way.
    pub detail: String,
    /// Its targets, in the shortest way.
    pub targets: Vec<TargetReport>,
    /// The shortest way to it, from the scenario's beginning; empty when it was not found.
    pub trace: Vec<TraceEvent>,
    /// Where that way became one that has no other outcome any more; `None`: this step has no other, or earlier steps decided.
    pub decision: Option<Decision>,
}

/// How often an outcome comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Likelihood {
    /// Whatever the order.
    Always,
    /// In some orders.
    Sometimes,
    /// In none.
    Never,
}

impl Likelihood {
    /// Its name in every output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Sometimes => "sometimes",
            Self::Never => "never",
        }
    }
}

/// The lowest readiness of a workload in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Range {
    /// In the worst order.
    pub worst: i64,
    /// In the best one.
    pub best: i64,
}

/// Something that happens on a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    /// In which step, counted from 0.
    pub step: usize,
    /// When.
    pub at: Time,
    /// What, in one sentence.
    pub event: String,
    /// How many different things could have come next instead, this one included.
    pub ways: usize,
}

/// Where a way became one that has no other outcome any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When.
    pub at: Time,
    /// By what.
    pub event: String,
    /// How many different things could have come next instead, this one included.
    pub ways: usize,
}

/// Finds everything that can happen when `steps` are played on `initial`, which should be at rest.
#[must_use]
pub fn explore(initial: &Simulation, steps: &[Step], limits: &SearchLimits) -> Exploration {
    let mut canonical = Canonical::new(Naming::of(&initial.state, steps));
    let start = canonical.digest(initial, None);
    let mut starts: Vec<(Digest, Simulation, u32)> = vec![(start, initial.clone(), 0)];
    let mut all_found: Vec<Found> = Vec::new();
    let mut complete = true;
    let mut explored = Vec::new();
    for step in steps {
        let roots = starts.into_iter().map(|(rest, simulation, moves)| begin(simulation, step, moves, rest)).collect();
        let found = search(roots, &mut canonical, limits, initial.settings.seed);
        complete &= found.complete;
        starts = ends_of(&found);
        all_found.push(found);
        explored.push(report(initial, steps, &all_found, complete, &mut canonical));
    }
    Exploration { steps: explored }
}

pub(super) fn begin(mut simulation: Simulation, step: &Step, moves_before: u32, rest: Digest) -> Root {
    let until = step.action.ends_at(simulation.state.now);
    let target = Arc::new(simulation.begin_moves(&step.action));
    Root { simulation, target, until, moves_before, rest }
}

/// Where the next step can begin, each with the number of moves that lead there.
fn ends_of(found: &Found) -> Vec<(Digest, Simulation, u32)> {
    let shortest = found.graph.shortest();
    let mut moves: BTreeMap<Digest, u32> = BTreeMap::new();
    for (id, (count, _)) in shortest {
        if let Some(rest) = found.graph.get(id).and_then(|vertex| vertex.end).and_then(|end| end.rest) {
            let least = moves.entry(rest).or_insert(count);
            *least = (*least).min(count);
        }
    }
    moves.into_iter().filter_map(|(rest, count)| Some((rest, found.rests.get(&rest)?.clone(), count))).collect()
}

fn report(
    initial: &Simulation,
    steps: &[Step],
    all_found: &[Found],
    complete: bool,
    canonical: &mut Canonical,
) -> ExploredStep {
    let empty = Found::default();
    let found = all_found.last().unwrap_or(&empty);
    let action = steps.get(all_found.len().saturating_sub(1)).map(|step| &step.action);
    let ends = nearest_ends(found);
    let mut outcomes = BTreeMap::new();
    for outcome in possible_outcomes(action).into_iter().chain(ends.keys().copied()).collect::<BTreeSet<_>>() {
        let Some(end) = ends.get(&outcome) else {
            outcomes.insert(outcome, Explored::not_found(complete));
            continue;
        };
        let likelihood = if complete && ends.len() == 1 { Likelihood::Always } else { Likelihood::Sometimes };
        let (trace, decision) = trace_to(initial, steps, all_found, *end, outcome, canonical).unwrap_or_default();
        let said = found.said.get(end);
        let explored = Explored {
            likelihood: Some(likelihood),
            detail: said.map(|said| said.detail.clone()).unwrap_or_default(),
            targets: said.map(|said| said.targets.clone()).unwrap_or_default(),
            trace,
            decision: decision.filter(|_| ends.len() > 1),
        };
        outcomes.insert(outcome, explored);
    }
    ExploredStep {
        outcomes,
        min_ready: ranges(initial, found),
        states: found.graph.len(),
        ends: found.rests.len(),
        complete,
    }
}

impl Explored {
    const fn not_found(complete: bool) -> Self {
        Self {
            likelihood: if complete { Some(Likelihood::Never) } else { None },
            detail: String::new(),
            targets: Vec::new(),
            trace: Vec::new(),
            decision: None,
        }
    }
}

/// Of each outcome the state that is reached with the fewest moves.
fn nearest_ends(found: &Found) -> BTreeMap<StepOutcome, VertexId> {
    let mut nearest: BTreeMap<StepOutcome, (u32, VertexId)> = BTreeMap::new();
    for (id, (moves, _)) in found.graph.shortest() {
        if let Some(end) = found.graph.get(id).and_then(|vertex| vertex.end) {
            let least = nearest.entry(end.outcome).or_insert((moves, id));
            *least = (*least).min((moves, id));
        }
    }
    nearest.into_iter().map(|(outcome, (_, id))| (outcome, id)).collect()
}

/// The way to `end` through all steps, played again.
fn trace_to(
    initial: &Simulation,
    steps: &[Step],
    all_found: &[Found],
    end: VertexId,
    outcome: StepOutcome,
    canonical: &mut Canonical,
) -> Option<(Vec<TraceEvent>, Option<Decision>)> {
    let mut ways: Vec<Way> = Vec::new();
    let (mut end, mut outcome) = (end, Some(outcome));
    for (index, found) in all_found.iter().enumerate().rev() {
        let (way, rest) = trace::way_to(found, end, outcome)?;
        ways.push(way);
        if let Some(before) = index.checked_sub(1).and_then(|before| all_found.get(before)) {
            let shortest = before.graph.shortest();
            let ends = shortest.iter().filter(|(id, _)| {
                before.graph.get(**id).and_then(|vertex| vertex.end).is_some_and(|end| end.rest == Some(rest))
            });
            end = ends.min_by_key(|(_, (moves, _))| *moves).map(|(id, _)| *id)?;
            outcome = None;
        }
    }
    ways.reverse();
    trace::play(initial, steps, &ways, canonical)
}

/// The outcomes that a step of this kind can have at all.
fn possible_outcomes(action: Option<&StepAction>) -> Vec<StepOutcome> {
    let own: &[StepOutcome] = match action {
        Some(StepAction::Drain { .. }) => {
            &[StepOutcome::Completed, StepOutcome::Refused, StepOutcome::Failed, StepOutcome::Blocked]
        }
        Some(StepAction::Evict { .. }) => &[StepOutcome::Allowed, StepOutcome::Denied429, StepOutcome::Denied500],
        Some(
            StepAction::SetImage { .. }
            | StepAction::Restart { .. }
            | StepAction::Scale { .. }
            | StepAction::SetMetric { .. },
        ) => &[StepOutcome::Completed, StepOutcome::Stuck],
        // A pod that is to be bound may not come.
        Some(StepAction::Bind { .. }) => &[StepOutcome::Completed, StepOutcome::Failed],
        // The API server may refuse what is applied.
        Some(StepAction::Apply { .. }) => &[StepOutcome::Completed, StepOutcome::Stuck, StepOutcome::Failed],
        Some(
            StepAction::DeletePod { .. }
            | StepAction::DeleteWorkload { .. }
            | StepAction::Cordon { .. }
            | StepAction::Uncordon { .. }
            | StepAction::SetReady { .. }
            | StepAction::FailNode { .. }
            | StepAction::RecoverNode { .. }
            | StepAction::DeleteNode { .. }
            | StepAction::Wait { .. },
        )
        | None => &[StepOutcome::Completed],
    };
    own.iter().copied().chain([StepOutcome::Livelock]).collect()
}

/// The lowest readiness of each workload, in the worst order and in the best.
pub(super) fn ranges(initial: &Simulation, found: &Found) -> BTreeMap<String, Range> {
    let names = found.rests.values().next().map_or(&initial.state, |rest| &rest.state);
    let mut ranges = BTreeMap::new();
    for (index, workload) in found.workloads.iter().enumerate() {
        let name = workload_text(names, *workload);
        let worst = found.graph.worst(index);
        if let (Some(worst), Some(best), false) = (worst, found.graph.best(index), name.is_empty()) {
            ranges.insert(name, Range { worst: i64::from(worst), best: i64::from(best) });
        }
    }
    ranges
}
