//! The shortest way to an outcome, played again from the beginning.
//!
//! The search meets each state once, whichever of several equal nodes is which. A way through its states is therefore played
//! again on the cluster itself, at every state with the move that leads to the next one.

use crate::cluster::Time;
use crate::simulation::{Made, Simulation, Step, StepOutcome, words_of_move};

use super::canonical::{Canonical, Digest};
use super::exploration::{Decision, TraceEvent};
use super::graph::{Graph, VertexId};
use super::search::{Found, next_moves};

/// The way through the states of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    states: Vec<Digest>,
    /// The first state from which only the outcome in question can follow; `None`: all of them.
    decided: Option<usize>,
}

/// The shortest way to `end` in `found`, and the state at rest in which it begins.
pub(super) fn way_to(found: &Found, end: VertexId, outcome: Option<StepOutcome>) -> Option<(Way, Digest)> {
    let shortest = found.graph.shortest();
    let possible = found.graph.possible();
    let mut vertices = vec![end];
    let mut at = end;
    while let Some((_, Some(from))) = shortest.get(&at) {
        vertices.push(*from);
        at = *from;
    }
    vertices.reverse();
    let root = found.graph.roots.iter().filter(|root| root.vertex == at).min_by_key(|root| root.moves_before)?;
    let is_decided = |id: &VertexId| {
        let outcomes = Graph::possible_from(&possible, *id);
        outcome.is_none_or(|outcome| outcomes.is_some_and(|set| set.len() == 1 && set.contains(&outcome)))
    };
    let decided = vertices.iter().position(is_decided).filter(|position| *position > 0);
    let states = vertices.iter().filter_map(|id| Some(found.graph.get(*id)?.digest)).collect();
    Some((Way { states, decided }, root.rest))
}

/// Plays `ways`, one for each of the first steps, from `initial`.
pub(super) fn play(
    initial: &Simulation,
    steps: &[Step],
    ways: &[Way],
    canonical: &mut Canonical,
) -> Option<(Vec<TraceEvent>, Option<Decision>)> {
    let mut simulation = initial.clone();
    let (mut events, mut decision) = (Vec::new(), None);
    for (index, (step, way)) in steps.iter().zip(ways).enumerate() {
        let until = step.action.ends_at(simulation.state.now);
        let _ = simulation.begin_moves(&step.action);
        let mut moves = next_moves(&mut simulation, until);
        events.extend(told(index, &simulation, 1));
        for (position, state) in way.states.iter().enumerate().skip(1) {
            let count = moves.len();
            let (words, next, next_moves) = take(&simulation, moves, until, *state, canonical)?;
            (simulation, moves) = (next, next_moves);
            let mut new = told(index, &simulation, count);
            let decides = way.decided == Some(position) && index.saturating_add(1) == ways.len();
            if decides && new.is_empty() {
                new.push(TraceEvent { step: index, at: simulation.state.now, event: words, ways: count });
            }
            if let (true, Some(first)) = (decides, new.first()) {
                decision = Some(Decision { at: first.at, event: first.event.clone(), ways: count });
            }
            events.extend(new);
        }
        simulation.end_moves();
    }
    Some((events, decision))
}

/// Makes the one of `moves` that leads to `state`: its words, the cluster after it, and the next moves.
fn take(
    before: &Simulation,
    moves: Vec<Made>,
    until: Option<Time>,
    state: Digest,
    canonical: &mut Canonical,
) -> Option<(String, Simulation, Vec<Made>)> {
    moves.into_iter().find_map(|made| {
        let mut after = made.after;
        let next = next_moves(&mut after, until);
        (canonical.digest(&after, until) == state).then(|| (words_of_move(made.way, &before.state), after, next))
    })
}

/// What a move, one of `ways`, leaves behind.
fn told(step: usize, simulation: &Simulation, ways: usize) -> Vec<TraceEvent> {
    let events = simulation.recorder.events.iter().enumerate();
    let told = events.map(|(number, (at, event))| {
        let ways = if number == 0 { ways } else { 1 };
        TraceEvent { step, at: *at, event: event.clone(), ways }
    });
    told.collect()
}
