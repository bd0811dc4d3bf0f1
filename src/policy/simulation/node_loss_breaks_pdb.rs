//! `node-loss-breaks-pdb`: the loss of one node alone takes more pods than a budget allows.

use quorate_sim::cluster::{BudgetId, NodeId, PodDisruptionBudget};
use quorate_sim::failure::FailureImpact;
use serde_json::json;

use super::context::{AtRest, finding_at};
use super::pdb_blocks_drain::target_field;
use super::words;
use crate::finding::{Finding, Severity};

/// The rule's id.
pub(super) const RULE: &str = "node-loss-breaks-pdb";

/// One finding for each budget, with the nodes whose loss breaks it before anything is replaced, as the pods stand at rest. A
/// budget that allows no disruption at all says nothing about failures and is left to `pdb-allows-nothing`.
pub(super) fn evaluate(at_rest: &AtRest<'_>, losses: &[FailureImpact]) -> Vec<Finding> {
    let budgets = at_rest.state().budgets.iter();
    budgets.filter_map(|(id, budget)| evaluate_one(at_rest, losses, *id, budget)).collect()
}

fn evaluate_one(
    at_rest: &AtRest<'_>,
    losses: &[FailureImpact],
    id: BudgetId,
    budget: &PodDisruptionBudget,
) -> Option<Finding> {
    let state = at_rest.state();
    let status = &budget.status;
    let says_something = !status.sync_failed
        && status.desired_healthy > 0
        && status.desired_healthy < status.expected_pods
        && status.current_healthy >= status.desired_healthy;
    if !says_something {
        return None;
    }
    let left_by = |loss: &FailureImpact| {
        let below = loss.instant.budgets_below.iter().find(|numbers| numbers.budget == id)?;
        Some((*loss.nodes.first()?, below.current_healthy))
    };
    let mut broken: Vec<(NodeId, i64)> = losses.iter().filter_map(left_by).collect();
    broken.sort_by_key(|(_, left)| *left);
    let (worst, left) = broken.first().copied()?;
    let worst = words::node(state, worst);
    let name = words::budget(state, id);
    let (expected, desired) = (status.expected_pods, status.desired_healthy);
    let message = format!(
        "the loss of {worst} leaves {left} of {expected} pods of poddisruptionbudget {name}, {desired} are promised"
    );
    let object = at_rest.context.budget_object(id);
    let mut finding = finding_at(RULE, Severity::Error, message, object, target_field(at_rest, id));
    finding.label = format!("{desired} promised");
    let taken = status.current_healthy - left;
    finding.why = Some(format!("{worst} holds {taken} of them"));
    finding.then = vec![
        "a budget binds evictions alone: a crash takes all pods of a node at once".to_owned(),
        "they are replaced elsewhere only after about 350 s (50 s until the node is unreachable, 300 s toleration)"
            .to_owned(),
    ];
    let nodes: Vec<_> =
        broken.iter().map(|(node, left)| json!({"node": words::node(state, *node), "healthyLeft": left})).collect();
    finding.evidence = json!({"nodes": nodes});
    Some(finding)
}
