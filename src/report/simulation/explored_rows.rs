//! What `--explore` found of a step, in lines below its row.

use quorate_sim::explore::{Explored, ExploredStep, Likelihood, Range, TraceEvent};
use quorate_sim::simulation::StepOutcome;

use crate::report::printable::count;

use super::step_rows::{ShortNames, duration, without_preemption, without_repetition};

/// Events of a way that are shown, unless all are asked for.
const MOST_EVENTS: usize = 8;

/// What can happen, how the other outcomes come about, and how low readiness can fall: a key and a text each. `shown` is the
/// outcome that the step's own row tells.
pub(super) fn rows(
    step: &ExploredStep,
    shown: StepOutcome,
    names: &ShortNames,
    is_verbose: bool,
) -> Vec<(&'static str, String)> {
    let mut rows = vec![("can be", outcomes(step))];
    for (outcome, explored) in &step.outcomes {
        let can_happen = matches!(explored.likelihood, Some(Likelihood::Always | Likelihood::Sometimes));
        if can_happen && (is_verbose || *outcome != shown) {
            rows.extend(way(*outcome, explored, is_verbose));
        }
    }
    let wide = step.min_ready.iter().filter(|(_, range)| range.worst != range.best);
    let ranges: Vec<String> = wide.map(|(workload, range)| range_text(names.get(workload), *range)).collect();
    if !ranges.is_empty() {
        rows.push(("lowest", ranges.join(", ")));
    }
    rows
}

/// `completed sometimes, blocked sometimes; 1,204 states, 12 ways to end`.
fn outcomes(step: &ExploredStep) -> String {
    let known = step.outcomes.iter().filter_map(|(outcome, explored)| match explored.likelihood? {
        likelihood @ (Likelihood::Always | Likelihood::Sometimes) => {
            Some(format!("{} {}", outcome.as_str(), likelihood.as_str()))
        }
        Likelihood::Never => None,
    });
    let known: Vec<String> = known.collect();
    let states = count(step.states, "state", "states");
    let ends = count(step.ends, "way to end", "ways to end");
    let rest = if step.complete { "" } else { "; not every state was looked at: --max-states says how many" };
    let known = if known.is_empty() { "no end was found".to_owned() } else { known.join(", ") };
    format!("{known}; {states}, {ends}{rest}")
}

/// How an outcome comes about.
fn way(outcome: StepOutcome, explored: &Explored, is_verbose: bool) -> Vec<(&'static str, String)> {
    let name = outcome.as_str();
    let mut rows = Vec::new();
    let detail = explored.detail.split("; ").map(without_preemption).collect::<Vec<_>>().join("; ");
    match &explored.decision {
        Some(decision) => {
            let at = duration(decision.at.milliseconds());
            let event = without_preemption(&decision.event);
            let ways = if decision.ways > 1 { format!(", one of {} next moves", decision.ways) } else { String::new() };
            rows.push((name, format!("decided at {at} by: {event}{ways}")));
            if !detail.is_empty() {
                rows.push((name, detail));
            }
        }
        None => rows.push((name, detail)),
    }
    let last = explored.trace.iter().map(|event| event.step).max();
    let own: Vec<&TraceEvent> = explored.trace.iter().filter(|event| is_verbose || Some(event.step) == last).collect();
    let told: Vec<_> = own.iter().map(|event| (event.at, event.event.clone())).collect();
    let told = without_repetition(&told);
    let wanted = if is_verbose { usize::MAX } else { MOST_EVENTS };
    let skipped = told.len().saturating_sub(wanted);
    if skipped > 0 {
        rows.push((name, format!("its shortest way has {skipped} earlier events; -v lists all")));
    }
    rows.extend(told.into_iter().skip(skipped).map(|event| (name, without_preemption(&event).to_owned())));
    rows
}

/// `backend 1 to 2`.
fn range_text(workload: &str, range: Range) -> String {
    format!("{workload} {} to {}", range.worst, range.best)
}
