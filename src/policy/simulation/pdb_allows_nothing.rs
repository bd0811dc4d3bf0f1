//! `pdb-allows-nothing`: a budget that never allows a disruption, whatever the nodes.

use quorate_sim::cluster::{BudgetTarget, ClusterState, PodDisruptionBudget, PodTemplate, Symbol};

use super::context::{Context, finding_at};
use super::words;
use crate::finding::{Finding, Mend, Severity};

/// The rule's id.
pub(super) const RULE: &str = "pdb-allows-nothing";

/// Reports budgets that ask for as many healthy pods as their workloads have. Needs no nodes.
pub(super) fn evaluate(context: &Context<'_>) -> Vec<Finding> {
    let state = &context.model.state;
    let mut findings = Vec::new();
    for (id, budget) in &state.budgets {
        let Some(expected) = declared_pods(state, budget).filter(|expected| *expected > 0) else { continue };
        let desired = match budget.target {
            BudgetTarget::MinAvailable(value) => value.of_rounded_up(expected),
            BudgetTarget::MaxUnavailable(value) => (expected - value.of_rounded_up(expected)).max(0),
            BudgetTarget::None => continue,
        };
        if desired < expected {
            continue;
        }
        let name = words::budget(state, *id);
        let pods = words::count(expected, "pod", "pods");
        let message = format!("poddisruptionbudget {name} never allows a disruption of its {pods}");
        let field = match budget.target {
            BudgetTarget::MaxUnavailable(_) => "spec.maxUnavailable",
            BudgetTarget::MinAvailable(_) | BudgetTarget::None => "spec.minAvailable",
        };
        let mut finding = finding_at(RULE, Severity::Error, message, context.budget_object(*id), field);
        finding.label = format!("{desired} of {expected} must stay healthy");
        finding.why = Some("an eviction is granted only while more pods are healthy than must be".to_owned());
        finding.then = vec!["every node that holds one of them can never be drained".to_owned()];
        finding.mends = vec![if expected == 1 {
            Mend { change: "a second replica, or no budget".to_owned(), price: None }
        } else {
            Mend { change: "maxUnavailable: 1 in place of what stands here".to_owned(), price: None }
        }];
        findings.push(finding);
    }
    findings
}

/// How many pods the workloads that the budget covers declare; `None` when it covers none.
fn declared_pods(state: &ClusterState, budget: &PodDisruptionBudget) -> Option<i64> {
    let covered = |namespace: Symbol, template: &PodTemplate| {
        namespace == budget.namespace
            && budget.selector.as_ref().is_some_and(|selector| selector.matches(&template.labels))
    };
    let deployments = state.deployments.values().filter(|own| covered(own.namespace, &own.template));
    let sets = state.stateful_sets.values().filter(|own| covered(own.namespace, &own.template));
    let bare = state.replica_sets.values().filter(|own| own.owner.is_none() && covered(own.namespace, &own.template));
    let replicas: Vec<i64> = deployments
        .map(|own| own.replicas)
        .chain(sets.map(|own| own.replicas))
        .chain(bare.map(|own| own.replicas))
        .collect();
    (!replicas.is_empty()).then(|| replicas.iter().sum())
}
