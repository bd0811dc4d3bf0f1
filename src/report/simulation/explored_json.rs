//! JSON: what `--explore` adds to each step.

use std::collections::BTreeMap;

use quorate_sim::explore::{Decision, Explored, ExploredStep, Likelihood, Range, TraceEvent};
use quorate_sim::simulation::{StepOutcome, TargetReport};
use serde::Serialize;
use serde_json::Number;

use super::json::seconds;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExploredJson<'a> {
    /// What was found, and what was ruled out.
    outcomes: BTreeMap<&'static str, Likelihood>,
    /// The shortest way to each outcome that can happen.
    traces: BTreeMap<&'static str, TraceJson<'a>>,
    lowest_ready: &'a BTreeMap<String, Range>,
    states: usize,
    ends: usize,
    complete: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TraceJson<'a> {
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    targets: &'a [TargetReport],
    /// Where the outcome was decided; `null` where the step has no other.
    decided_by: Option<DecisionJson<'a>>,
    events: Vec<TraceEventJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DecisionJson<'a> {
    at: Number,
    event: &'a str,
    ways: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TraceEventJson<'a> {
    step: usize,
    at: Number,
    event: &'a str,
    /// How many different things could have come next, this one included.
    ways: usize,
}

impl<'a> ExploredJson<'a> {
    pub(super) fn of(step: &'a ExploredStep) -> Self {
        let known = step.outcomes.iter();
        let outcomes = known.filter_map(|(outcome, explored)| Some((outcome.as_str(), explored.likelihood?)));
        let traces = step.outcomes.iter().filter(|(_, explored)| can_happen(explored));
        let trace = |(outcome, explored): (&StepOutcome, &'a Explored)| (outcome.as_str(), TraceJson::of(explored));
        Self {
            outcomes: outcomes.collect(),
            traces: traces.map(trace).collect(),
            lowest_ready: &step.min_ready,
            states: step.states,
            ends: step.ends,
            complete: step.complete,
        }
    }
}

const fn can_happen(explored: &Explored) -> bool {
    matches!(explored.likelihood, Some(Likelihood::Always | Likelihood::Sometimes))
}

impl<'a> TraceJson<'a> {
    fn of(explored: &'a Explored) -> Self {
        let decision = |decision: &'a Decision| DecisionJson {
            at: seconds(decision.at),
            event: &decision.event,
            ways: decision.ways,
        };
        let event = |event: &'a TraceEvent| TraceEventJson {
            step: event.step + 1,
            at: seconds(event.at),
            event: &event.event,
            ways: event.ways,
        };
        Self {
            detail: &explored.detail,
            targets: &explored.targets,
            decided_by: explored.decision.as_ref().map(decision),
            events: explored.trace.iter().map(event).collect(),
        }
    }
}
