//! Whether what happened on a real control plane is among what can happen.

use quorate_sim::explore::{SearchLimits, StepEnd, step_ends};
use quorate_sim::simulation::{ObjectChange, Simulation, Step, StepAction};
use serde_json::Value;

use crate::case::Case;
use crate::facts::{Difference, Run, StepFacts, lag, past_deadline, summary, without_overlapping};

/// A state may be reached with different pods' ages; so many are gone on from.
const MOST_WAYS: usize = 8;

/// How following a run went.
#[derive(Debug)]
pub(crate) enum Followed {
    /// It can happen.
    Possible,
    /// This far it can happen, and not further, though everything was looked at.
    Impossible(Difference),
    /// This far it can happen; the search was given up there.
    Unknown(Difference),
}

/// Follows a real run step by step through everything that can happen, looking at most at so many states of a step.
pub(crate) fn follow(case: &Case, real: &Run, overlapping: &[Vec<String>], states: usize) -> Followed {
    let (mut initial, steps) = case.load(0).unwrap();
    if !initial.state.admission.webhooks.is_empty() {
        // Webhooks come once their pods run: until then one order is played.
        initial.settle();
    }
    let limits = SearchLimits { states, every_order: false };
    let begin = nothing();
    let ends = step_ends(&initial, &begin, &limits);
    let mut complete = ends.complete;
    let matching = |end: &StepEnd| is_seen(end, &real.initial, overlapping);
    let mut frontier: Vec<Simulation> =
        ends.ends.into_iter().filter(matching).map(|end| end.simulation).take(MOST_WAYS).collect();
    if frontier.is_empty() {
        return given_up(complete, 0, "the state at the beginning");
    }
    for (index, (step, wanted)) in steps.iter().zip(&real.steps).enumerate() {
        let mut next = Vec::new();
        for before in frontier {
            let ends = step_ends(&before, step, &limits);
            complete &= ends.complete;
            if !is_in_range(&wanted.min_ready, &serde_json::to_value(&ends.min_ready).unwrap()) {
                continue;
            }
            next.extend(
                ends.ends.into_iter().filter(|end| is_as_seen(end, wanted, overlapping)).map(|end| end.simulation),
            );
            next.truncate(MOST_WAYS);
        }
        if next.is_empty() {
            return given_up(complete, index + 1, &wanted.action);
        }
        frontier = next;
    }
    Followed::Possible
}

fn given_up(complete: bool, step: usize, action: &str) -> Followed {
    let looked =
        if complete { "it is not among what can happen" } else { "it was not found, and not everything was looked at" };
    let text = format!("step {step}, {action}: what really happened: {looked}");
    let difference = Difference { step, text };
    if complete { Followed::Impossible(difference) } else { Followed::Unknown(difference) }
}

/// A step that does nothing: what is pending goes on.
fn nothing() -> Step {
    let change = ObjectChange(std::sync::Arc::new(|_| Vec::new()));
    Step {
        name: None,
        description: String::new(),
        action: StepAction::Apply { change },
        expected_outcome: None,
        expected_min_ready: std::collections::BTreeMap::new(),
        expected_available: std::collections::BTreeMap::new(),
    }
}

/// Whether this is the state that was seen, but for what exploration does not tell apart.
fn is_seen(end: &StepEnd, wanted: &Value, overlapping: &[Vec<String>]) -> bool {
    let state = summary(&end.simulation);
    let compared = |state: &Value| without_reasons(&without_overlapping(state, overlapping));
    compared(&state) == compared(wanted) && lag(wanted, &state, overlapping).is_none()
}

/// The state, of a pod without a node only that it found none: states that differ in the scheduler's words alone are one to
/// exploration, and the real scheduler does not try a pod again when its plugins' hints say that it would not help.
fn without_reasons(state: &Value) -> Value {
    let mut state = state.clone();
    let mut pods: Vec<Value> = state["pods"].as_array().cloned().unwrap_or_default();
    for pod in &mut pods {
        if let Some(reason) = pod.get_mut("unschedulableReason") {
            *reason = Value::Bool(true);
        }
    }
    pods.sort_by_key(Value::to_string);
    state["pods"] = Value::Array(pods);
    state
}

fn is_as_seen(end: &StepEnd, wanted: &StepFacts, overlapping: &[Vec<String>]) -> bool {
    let mut targets: Vec<String> = end.targets.iter().map(|target| target.outcome.as_str().to_owned()).collect();
    targets.sort();
    end.outcome.as_str() == wanted.outcome
        && (wanted.targets.is_empty() || wanted.targets == targets)
        && wanted.past_deadline == past_deadline(&end.simulation)
        && is_seen(end, &wanted.after, overlapping)
}

/// Whether each workload's lowest readiness is one that can be.
fn is_in_range(real: &Value, ranges: &Value) -> bool {
    let lowest = real.as_object().unwrap();
    lowest.iter().all(|(workload, lowest)| match ranges.get(workload) {
        Some(range) => range["worst"].as_i64() <= lowest.as_i64() && lowest.as_i64() <= range["best"].as_i64(),
        // A workload that the step itself has made.
        None => lowest == 0,
    })
}
