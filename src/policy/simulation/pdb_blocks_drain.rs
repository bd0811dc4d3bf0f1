//! `pdb-blocks-drain`: a node that can never be drained.

use std::collections::BTreeMap;

use quorate_sim::cluster::BudgetId;
use quorate_sim::simulation::StepOutcome;
use serde_json::json;

use super::context::{AtRest, finding_at};
use super::drains::{BlockedDrain, Drains};
use super::{pdb_allows_nothing, words};
use crate::finding::{Finding, Mend, Severity};

/// The rule's id.
pub(super) const RULE: &str = "pdb-blocks-drain";

/// One finding for each budget, with the nodes whose drain it blocks; and for each node whose drain fails, because several
/// budgets cover one pod.
pub(super) fn evaluate(at_rest: &AtRest<'_>, drains: &Drains) -> Vec<Finding> {
    let mut by_budget: BTreeMap<BudgetId, Vec<&BlockedDrain>> = BTreeMap::new();
    for blocked in drains.alone.iter().filter(|blocked| is_by_budget(blocked.drain.outcome)) {
        for budget in blocked.budgets() {
            by_budget.entry(budget).or_default().push(blocked);
        }
    }
    by_budget.iter().map(|(budget, blocked)| finding(at_rest, *budget, blocked)).collect()
}

const fn is_by_budget(outcome: StepOutcome) -> bool {
    matches!(outcome, StepOutcome::Blocked | StepOutcome::Failed)
}

fn finding(at_rest: &AtRest<'_>, budget: BudgetId, blocked: &[&BlockedDrain]) -> Finding {
    let state = at_rest.state();
    let name = words::budget(state, budget);
    let nodes: Vec<String> = blocked.iter().map(|blocked| words::node(state, blocked.drain.node)).collect();
    let object = at_rest.context.budget_object(budget);
    let message = format!("poddisruptionbudget {name} keeps {} from being drained", words::list(&nodes));
    let mut finding = finding_at(RULE, Severity::Error, message, object, target_field(at_rest, budget));
    finding.label = "allows no disruption".to_owned();
    if let Some(own) = state.budgets.get(&budget) {
        let status = &own.status;
        finding.why = Some(format!(
            "{} of {} pods are healthy and {} must stay so: no eviction is allowed",
            status.current_healthy, status.expected_pods, status.desired_healthy
        ));
    }
    finding.then = vec!["kubectl drain retries every 5 s without end; the node stays cordoned".to_owned()];
    if state.budgets.get(&budget).is_some_and(|own| pdb_allows_nothing::can_grow_out_of(&at_rest.context, own)) {
        finding.severity = Severity::Warning;
        finding.then.push("unless load makes the autoscaler add pods, which then allow an eviction".to_owned());
    }
    finding.mends = vec![Mend { change: "maxUnavailable: 1 in place of what stands here".to_owned(), price: None }];
    let first = blocked.first();
    finding.evidence = json!({
        "nodes": nodes,
        "outcome": first.map(|blocked| blocked.drain.outcome),
        "trace": first.map(|blocked| words::trace(&blocked.drain.events)),
    });
    finding
}

/// The field that states the budget's number.
pub(super) fn target_field(at_rest: &AtRest<'_>, budget: BudgetId) -> &'static str {
    use quorate_sim::cluster::BudgetTarget;
    match at_rest.state().budgets.get(&budget).map(|own| own.target) {
        Some(BudgetTarget::MaxUnavailable(_)) => "spec.maxUnavailable",
        Some(BudgetTarget::MinAvailable(_)) => "spec.minAvailable",
        Some(BudgetTarget::None) | None => "spec",
    }
}
