//! `drains-exhaust-pdb`: after one node was drained, a second one cannot be.

use std::collections::BTreeMap;

use quorate_sim::cluster::{BudgetId, WorkloadName};
use quorate_sim::simulation::{Simulation, StepAction, StepOutcome};
use serde_json::json;

use super::context::{AtRest, finding_at, pending_pods, related, workload_of};
use super::drains::{BlockedDrain, Drains};
use super::mend::another_node;
use super::pdb_blocks_drain::target_field;
use super::rollout_deadlock::cause;
use super::words;
use crate::finding::{Finding, Severity};

/// The rule's id.
pub(super) const RULE: &str = "drains-exhaust-pdb";

/// One finding for each budget that some order of two single-node drains, the first node staying cordoned, uses up; with
/// the first such order as its example. Budgets that block a drain alone are the matter of `pdb-blocks-drain`.
pub(super) fn evaluate(at_rest: &AtRest<'_>, drains: &Drains) -> Vec<Finding> {
    let mut by_budget: BTreeMap<BudgetId, Vec<&BlockedDrain>> = BTreeMap::new();
    let blocks_alone = |budget: &BudgetId| drains.alone.iter().any(|blocked| blocked.budgets().contains(budget));
    for blocked in drains.pairs.iter().filter(|blocked| blocked.drain.outcome == StepOutcome::Blocked) {
        for budget in blocked.budgets().into_iter().filter(|budget| !blocks_alone(budget)) {
            by_budget.entry(budget).or_default().push(blocked);
        }
    }
    by_budget.iter().filter_map(|(budget, blocked)| finding(at_rest, *budget, blocked, drains)).collect()
}

fn finding(at_rest: &AtRest<'_>, budget: BudgetId, blocked: &[&BlockedDrain], drains: &Drains) -> Option<Finding> {
    let state = at_rest.state();
    let example = blocked.first()?;
    let first_drain = example.first.as_ref()?;
    let first = words::node(state, first_drain.node);
    let second = words::node(state, example.drain.node);
    let name = words::budget(state, budget);
    let message = format!("once {first} is drained, {second} cannot be: poddisruptionbudget {name} is used up");
    let object = at_rest.context.budget_object(budget);
    let mut finding = finding_at(RULE, Severity::Warning, message, object, target_field(at_rest, budget));
    let after_first = replay(at_rest, &[first_drain.node]);
    let workload = covered_workload(at_rest, budget);
    let pending = workload.and_then(|workload| pending_pods(&after_first.state, workload).first().copied());
    if let Some(own) = after_first.state.budgets.get(&budget) {
        let status = &own.status;
        finding.label = format!("{} must stay healthy", status.desired_healthy);
        let lost =
            format!("after the first drain {} of {} pods are healthy", status.current_healthy, status.expected_pods);
        finding.why = Some(match pending {
            Some(pod) => {
                let nowhere = words::why_nowhere(&after_first.state, pod);
                format!("{lost}; the replacement fits none: {nowhere}")
            }
            None => lost,
        });
    }
    if let (Some(pod), Some(object)) =
        (pending, workload.and_then(|workload| at_rest.context.workload_object(workload)))
    {
        let plugins = words::deciding_plugins(&after_first.state, pod);
        let cause = plugins.into_iter().find_map(|plugin| cause(plugin, object));
        finding.related.extend(cause.map(|own| {
            let path = own.path.to_string();
            related(object, &path, "keeps the replacement of the first drain pending")
        }));
    }
    finding.then = vec![
        format!("drain {first}: completes, the replacement stays Pending"),
        format!("drain {second}: every eviction is refused with 429 until {first} is uncordoned"),
    ];
    finding.mends = workload.and_then(|workload| mend(at_rest, workload, example)).into_iter().collect();
    finding.evidence = json!({
        "ordersBlocked": blocked.len(),
        "ordersPlayed": drains.pairs_played,
        "ordersPossible": drains.pairs_possible,
        "trace": [words::trace(&first_drain.events), words::trace(&example.drain.events)],
    });
    Some(finding)
}

/// The cluster after `nodes` were drained one after the other.
fn replay(at_rest: &AtRest<'_>, nodes: &[quorate_sim::cluster::NodeId]) -> Simulation {
    let mut simulation = at_rest.simulation.branch();
    for node in nodes {
        simulation.perform(&(StepAction::Drain { nodes: vec![*node] }));
    }
    simulation
}

/// A workload whose pods the budget covers.
fn covered_workload(at_rest: &AtRest<'_>, budget: BudgetId) -> Option<WorkloadName> {
    let state = at_rest.state();
    let own = state.budgets.get(&budget)?;
    let covered = state.pods.values().find(|pod| quorate_sim::eviction::covers(own, pod))?;
    workload_of(state, covered)
}

/// One more node, when the same order of drains then completes.
fn mend(at_rest: &AtRest<'_>, workload: WorkloadName, example: &BlockedDrain) -> Option<crate::finding::Mend> {
    let (first, second) = (example.first.as_ref()?.node, example.drain.node);
    another_node(at_rest, workload, |changed| {
        let mut simulation = changed.simulation.branch();
        let completes = [first, second].into_iter().all(|node| {
            simulation.perform(&(StepAction::Drain { nodes: vec![node] })).outcome == StepOutcome::Completed
        });
        completes.then(|| "both drains complete".to_owned())
    })
}
