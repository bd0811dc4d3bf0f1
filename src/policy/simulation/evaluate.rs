//! All rules on one configuration.

use std::sync::Arc;

use super::context::{AtRest, Context};
use super::drains::{self, Drains};
use super::{
    drains_exhaust_pdb, losses, node_loss_breaks_pdb, node_loss_leaves_pods_pending, pdb_allows_nothing,
    pdb_blocks_drain, pods_refused_by_admission, pods_stay_pending, replicas_share_a_node, requirement,
    rollout_deadlock, single_point_of_failure, volume_blocks_surge, webhook_blocks_its_own_pods, words,
};
use crate::finding::{Finding, NotEvaluated};
use crate::policy::Evaluation;

/// The three ways to give nodes.
const NEEDS_NODES: &str =
    "nodes: Node manifests (kubectl get nodes -o yaml), spec.nodes in quorate.yaml, or --nodes 3x4cpu,8Gi";

/// Rules that need nodes.
const OF_NODES: [&str; 8] = [
    drains_exhaust_pdb::RULE,
    node_loss_breaks_pdb::RULE,
    node_loss_leaves_pods_pending::RULE,
    pdb_blocks_drain::RULE,
    pods_stay_pending::RULE,
    replicas_share_a_node::RULE,
    rollout_deadlock::RULE,
    single_point_of_failure::RULE,
];

/// The rule about guarantees that do not hold; `quorate prove` evaluates it.
pub const GUARANTEE_VIOLATED: &str = "guarantee-violated";
/// The rule about declared guarantees of which nothing is known.
pub const GUARANTEE_UNDECIDED: &str = "guarantee-undecided";

/// Rules that need nodes, and are evaluated by proofs.
const OF_PROOFS: [&str; 2] = [GUARANTEE_VIOLATED, GUARANTEE_UNDECIDED];

/// Evaluates the rules for which `runs` is true. Without nodes those that need them become requirements, and are named as
/// not evaluated.
#[must_use]
pub fn evaluate(context: &Context<'_>, runs: &(dyn Fn(&str) -> bool + Sync)) -> Evaluation {
    let mut evaluation = Evaluation::default();
    if runs(pdb_allows_nothing::RULE) {
        evaluation.findings.extend(pdb_allows_nothing::evaluate(context));
    }
    if runs(volume_blocks_surge::RULE) {
        evaluation.findings.extend(volume_blocks_surge::evaluate(context));
    }
    if runs(pods_refused_by_admission::RULE) {
        evaluation.findings.extend(pods_refused_by_admission::evaluate(context));
    }
    if runs(webhook_blocks_its_own_pods::RULE) {
        evaluation.findings.extend(webhook_blocks_its_own_pods::evaluate(context));
    }
    let has_nodes = !context.model.state.nodes.is_empty() || !context.model.nodes_without_room.is_empty();
    if context.model.workloads.is_empty() && !has_nodes {
        return evaluation;
    }
    if context.model.state.nodes.is_empty() {
        without_nodes(context, runs, &mut evaluation);
    } else {
        with_nodes(context, runs, &mut evaluation);
    }
    evaluation
}

fn without_nodes(context: &Context<'_>, runs: &(dyn Fn(&str) -> bool + Sync), evaluation: &mut Evaluation) {
    if runs(single_point_of_failure::RULE) {
        evaluation.findings.extend(single_point_of_failure::declared(context));
    }
    let needs = match nodes_without_room(context) {
        Some(nodes) => format!("nodes: {}", room_of(&nodes)),
        None => NEEDS_NODES.to_owned(),
    };
    for rule in OF_NODES.into_iter().chain(OF_PROOFS).filter(|rule| runs(rule)) {
        evaluation.not_evaluated.push(NotEvaluated { rule: Arc::from(rule), needs: needs.clone() });
    }
    let required = requirement::evaluate(context);
    evaluation.findings.extend(required.findings.into_iter().filter(|finding| runs(&finding.rule)));
    evaluation.not_evaluated.extend(required.not_evaluated.into_iter().filter(|own| runs(&own.rule)));
}

/// The names of the nodes that are left out, because nothing says how much room they have.
fn nodes_without_room(context: &Context<'_>) -> Option<String> {
    let nodes = &context.model.nodes_without_room;
    let mut names: Vec<String> =
        nodes.iter().map(|node| context.inventory.get(*node).reference.name.to_string()).collect();
    names.sort();
    (!names.is_empty()).then(|| words::list(&names))
}

/// What makes a node without a size one that pods can be placed on.
fn room_of(nodes: &str) -> String {
    format!(
        "status.allocatable of {nodes} (kubectl get nodes -o yaml), a pool in quorate.yaml whose nodes have these names, or \
         --nodes 3x4cpu,8Gi in their place"
    )
}

fn with_nodes(context: &Context<'_>, runs: &(dyn Fn(&str) -> bool + Sync), evaluation: &mut Evaluation) {
    let at_rest = AtRest::new(*context);
    let drains = if runs(pdb_blocks_drain::RULE) || runs(drains_exhaust_pdb::RULE) {
        drains::play(&at_rest)
    } else {
        Drains::default()
    };
    let of_losses = [node_loss_breaks_pdb::RULE, node_loss_leaves_pods_pending::RULE];
    let losses = if of_losses.into_iter().any(runs) { losses::play(&at_rest) } else { Vec::new() };
    type Rule<'a> = (&'static str, Box<dyn Fn() -> Vec<Finding> + 'a>);
    let rules: [Rule<'_>; 8] = [
        (pods_refused_by_admission::RULE, Box::new(|| pods_refused_by_admission::evaluate_at_rest(&at_rest))),
        (pods_stay_pending::RULE, Box::new(|| pods_stay_pending::evaluate(&at_rest))),
        (pdb_blocks_drain::RULE, Box::new(|| pdb_blocks_drain::evaluate(&at_rest, &drains))),
        (drains_exhaust_pdb::RULE, Box::new(|| drains_exhaust_pdb::evaluate(&at_rest, &drains))),
        (node_loss_breaks_pdb::RULE, Box::new(|| node_loss_breaks_pdb::evaluate(&at_rest, &losses))),
        (node_loss_leaves_pods_pending::RULE, Box::new(|| node_loss_leaves_pods_pending::evaluate(&at_rest, &losses))),
        (replicas_share_a_node::RULE, Box::new(|| replicas_share_a_node::evaluate(&at_rest))),
        (single_point_of_failure::RULE, Box::new(|| single_point_of_failure::evaluate(&at_rest))),
    ];
    for (_, rule) in rules.iter().filter(|(id, _)| runs(id)) {
        evaluation.findings.extend(rule());
    }
    if runs(rollout_deadlock::RULE) {
        let of_rollouts = rollout_deadlock::evaluate(&at_rest);
        evaluation.findings.extend(of_rollouts.findings);
        evaluation.not_evaluated.extend(of_rollouts.not_evaluated);
    }
    note_limits(&at_rest, &drains, runs, evaluation);
}

/// What was left out, because of its size or for want of one, is said.
fn note_limits(
    at_rest: &AtRest<'_>,
    drains: &Drains,
    runs: &(dyn Fn(&str) -> bool + Sync),
    evaluation: &mut Evaluation,
) {
    let nodes = at_rest.state().nodes.len();
    if let Some(left_out) = nodes_without_room(&at_rest.context) {
        for rule in OF_NODES.into_iter().chain(OF_PROOFS).filter(|rule| runs(rule)) {
            let needs = format!("the room of nodes that are left out: {}", room_of(&left_out));
            evaluation.not_evaluated.push(NotEvaluated { rule: Arc::from(rule), needs });
        }
    }
    if !at_rest.restless.is_empty() {
        let why = words::restless(&at_rest.context.model.state, &at_rest.restless);
        for rule in OF_NODES.into_iter().filter(|rule| runs(rule)) {
            let needs = format!("a cluster that comes to rest: {why}; they are left out");
            evaluation.not_evaluated.push(NotEvaluated { rule: Arc::from(rule), needs });
        }
    }
    if drains.pairs_played < drains.pairs_possible && runs(drains_exhaust_pdb::RULE) {
        let needs = format!(
            "fewer nodes: {} of {} orders of two drains were played",
            drains.pairs_played, drains.pairs_possible
        );
        evaluation.not_evaluated.push(NotEvaluated { rule: Arc::from(drains_exhaust_pdb::RULE), needs });
    }
    for rule in [pdb_blocks_drain::RULE, node_loss_leaves_pods_pending::RULE] {
        if nodes > drains::MOST_NODES && runs(rule) {
            let needs = format!("fewer nodes: {} of {nodes} were played", drains::MOST_NODES);
            evaluation.not_evaluated.push(NotEvaluated { rule: Arc::from(rule), needs });
        }
    }
}
