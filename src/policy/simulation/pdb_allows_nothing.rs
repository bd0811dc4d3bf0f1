//! `pdb-allows-nothing`: a budget that never allows a disruption, whatever the nodes.

use quorate_sim::cluster::{
    BudgetId, BudgetTarget, PodDisruptionBudget, PodTemplate, Symbol, WorkloadKind, WorkloadName,
};

use super::context::{Context, finding_at};
use super::words;
use crate::finding::{Finding, Mend, Severity};
use crate::model::ReplicaRange;

/// The rule's id.
pub(super) const RULE: &str = "pdb-allows-nothing";

/// Reports budgets that ask for as many healthy pods as their workloads have. Needs no nodes.
///
/// Where an autoscaler moves a workload, the budget never allows anything only if that holds for every number of pods; one
/// that the autoscaler can grow out of is a warning about the numbers for which it holds.
pub(super) fn evaluate(context: &Context<'_>) -> Vec<Finding> {
    context.model.state.budgets.iter().filter_map(|(id, budget)| evaluate_one(context, *id, budget)).collect()
}

fn evaluate_one(context: &Context<'_>, id: BudgetId, budget: &PodDisruptionBudget) -> Option<Finding> {
    let Declared { range, replicas } = declared_pods(context, budget).filter(|own| own.range.most > 0)?;
    let name = words::budget(&context.model.state, id);
    let field = match budget.target {
        BudgetTarget::MaxUnavailable(_) => "spec.maxUnavailable",
        BudgetTarget::MinAvailable(_) => "spec.minAvailable",
        BudgetTarget::None => return None,
    };
    let object = context.budget_object(id);
    let mut finding = if allows_nothing(budget, range.most) {
        let pods = words::count(replicas, "pod", "pods");
        let message = format!("poddisruptionbudget {name} never allows a disruption of its {pods}");
        let mut finding = finding_at(RULE, Severity::Error, message, object, field);
        finding.then = vec!["every node that holds one of them can never be drained".to_owned()];
        finding
    } else {
        let enough = least_that_allows(budget, range);
        if enough == range.least {
            return None;
        }
        let or_fewer = if enough - 1 > range.least { " or fewer" } else { "" };
        let pods = format!("{}{or_fewer}", words::count(enough - 1, "pod", "pods"));
        let message = format!("poddisruptionbudget {name} allows no disruption while autoscaling keeps it at {pods}");
        let mut finding = finding_at(RULE, Severity::Warning, message, object, field);
        finding.then = vec![format!(
            "whenever load is low, down to {}, no node that holds one of them can be drained",
            words::count(range.least, "pod", "pods")
        )];
        finding.mends.push(Mend { change: format!("minReplicas: {enough} of the autoscaler"), price: None });
        finding
    };
    let number = if finding.severity == Severity::Error { replicas } else { range.least };
    finding.label = format!("{} of {number} must stay healthy", desired_healthy(budget, number));
    finding.why = Some("an eviction is granted only while more pods are healthy than must be".to_owned());
    finding.mends.push(if number == 1 && range.most == 1 && !allows_nothing(budget, 2) {
        Mend { change: "a second replica, or no budget".to_owned(), price: None }
    } else {
        Mend { change: "maxUnavailable: 1 in place of what stands here".to_owned(), price: None }
    });
    Some(finding)
}

/// How many of `pods` the budget wants healthy.
fn desired_healthy(budget: &PodDisruptionBudget, pods: i64) -> i64 {
    match budget.target {
        BudgetTarget::MinAvailable(value) => value.of_rounded_up(pods),
        BudgetTarget::MaxUnavailable(value) => (pods - value.of_rounded_up(pods)).max(0),
        BudgetTarget::None => 0,
    }
}

fn allows_nothing(budget: &PodDisruptionBudget, pods: i64) -> bool {
    desired_healthy(budget, pods) >= pods
}

/// The fewest pods of `range` with which a disruption is allowed; more pods never allow fewer, and its most do.
fn least_that_allows(budget: &PodDisruptionBudget, range: ReplicaRange) -> i64 {
    let (mut least, mut most) = (range.least, range.most);
    while least < most {
        let middle = least.midpoint(most);
        if allows_nothing(budget, middle) { least = middle + 1 } else { most = middle }
    }
    most
}

/// Whether an autoscaler can make so many pods that the budget allows a disruption.
pub(super) fn can_grow_out_of(context: &Context<'_>, budget: &PodDisruptionBudget) -> bool {
    declared_pods(context, budget)
        .is_some_and(|own| own.range.least < own.range.most && !allows_nothing(budget, own.range.most))
}

/// How many pods the workloads that a budget covers declare.
struct Declared {
    /// Between which numbers autoscalers move that.
    range: ReplicaRange,
    /// As they stand.
    replicas: i64,
}

/// `None` when it covers no workload.
fn declared_pods(context: &Context<'_>, budget: &PodDisruptionBudget) -> Option<Declared> {
    let state = &context.model.state;
    let covered = |namespace: Symbol, template: &PodTemplate| {
        namespace == budget.namespace
            && budget.selector.as_ref().is_some_and(|selector| selector.matches(&template.labels))
    };
    let named = |kind, namespace, name| WorkloadName { kind, namespace, name };
    let deployments = state.deployments.values().filter(|own| covered(own.namespace, &own.template));
    let sets = state.stateful_sets.values().filter(|own| covered(own.namespace, &own.template));
    let bare = state.replica_sets.values().filter(|own| own.owner.is_none() && covered(own.namespace, &own.template));
    let workloads: Vec<(WorkloadName, i64)> = deployments
        .map(|own| (named(WorkloadKind::Deployment, own.namespace, own.name), own.replicas))
        .chain(sets.map(|own| (named(WorkloadKind::StatefulSet, own.namespace, own.name), own.replicas)))
        .chain(bare.map(|own| (named(WorkloadKind::ReplicaSet, own.namespace, own.name), own.replicas)))
        .collect();
    let range = |(name, replicas): &(WorkloadName, i64)| {
        context.model.autoscaled.get(name).copied().unwrap_or(ReplicaRange { least: *replicas, most: *replicas })
    };
    (!workloads.is_empty()).then(|| Declared {
        range: ReplicaRange {
            least: workloads.iter().map(|own| range(own).least).sum(),
            most: workloads.iter().map(|own| range(own).most).sum(),
        },
        replicas: workloads.iter().map(|(_, replicas)| replicas).sum(),
    })
}
