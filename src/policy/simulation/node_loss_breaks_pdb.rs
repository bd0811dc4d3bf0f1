//! `node-loss-breaks-pdb`: the loss of one node alone takes more pods than a budget allows.

use quorate_sim::cluster::{BudgetId, ClusterState, NodeId, Pod, PodDisruptionBudget};
use quorate_sim::eviction::covers;
use serde_json::json;

use super::context::{AtRest, finding_at};
use super::pdb_blocks_drain::target_field;
use super::words;
use crate::finding::{Finding, Severity};

/// The rule's id.
pub(super) const RULE: &str = "node-loss-breaks-pdb";

/// One finding for each budget, with the nodes whose loss breaks it, as the pods stand at rest. A budget that allows no
/// disruption at all says nothing about failures and is left to `pdb-allows-nothing`.
pub(super) fn evaluate(at_rest: &AtRest<'_>) -> Vec<Finding> {
    let budgets = at_rest.state().budgets.iter();
    budgets.filter_map(|(id, budget)| evaluate_one(at_rest, *id, budget)).collect()
}

fn evaluate_one(at_rest: &AtRest<'_>, id: BudgetId, budget: &PodDisruptionBudget) -> Option<Finding> {
    let state = at_rest.state();
    let status = &budget.status;
    let says_something = !status.sync_failed
        && status.desired_healthy > 0
        && status.desired_healthy < status.expected_pods
        && status.current_healthy >= status.desired_healthy;
    if !says_something {
        return None;
    }
    let mut broken: Vec<(NodeId, i64)> = state
        .nodes
        .keys()
        .map(|node| (*node, status.current_healthy - healthy_on(state, budget, *node)))
        .filter(|(_, left)| *left < status.desired_healthy)
        .collect();
    broken.sort_by_key(|(_, left)| *left);
    let (worst, left) = broken.first().copied()?;
    let worst = words::node(state, worst);
    let name = words::budget(state, id);
    let message = format!(
        "the loss of {worst} leaves {left} of {} pods of poddisruptionbudget {name}, {} are promised",
        status.expected_pods, status.desired_healthy
    );
    let object = at_rest.context.budget_object(id);
    let mut finding = finding_at(RULE, Severity::Error, message, object, target_field(at_rest, id));
    finding.label = format!("{} promised", status.desired_healthy);
    let taken = status.current_healthy - left;
    let runs = words::count(taken, "of its pods runs", "of its pods run");
    finding.why = Some(format!("{taken} {runs} on {worst}", runs = runs.split_once(' ').map_or("", |(_, rest)| rest)));
    finding.then = vec![
        "a budget binds evictions alone: a crash takes all pods of a node at once".to_owned(),
        "they are replaced elsewhere only after about 350 s (50 s until the node is unreachable, 300 s toleration)"
            .to_owned(),
    ];
    finding.evidence = json!({
        "nodes": broken.iter().map(|(node, left)| json!({"node": words::node(state, *node), "healthyLeft": left})).collect::<Vec<_>>(),
    });
    Some(finding)
}

fn healthy_on(state: &ClusterState, budget: &PodDisruptionBudget, node: NodeId) -> i64 {
    let lost = |pod: &&Pod| pod.node == Some(node) && pod.ready && pod.deletion.is_none() && covers(budget, pod);
    i64::try_from(state.pods.values().filter(lost).count()).unwrap_or(i64::MAX)
}
