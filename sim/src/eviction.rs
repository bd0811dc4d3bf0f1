//! The Eviction API's decision. Source: `pkg/registry/core/pod/storage/eviction.go`.

use std::collections::BTreeMap;

use crate::admission::{Operation, Request, Resource, judge_request};
use crate::cluster::{
    BudgetId, BudgetStatus, ClusterState, DeletionCause, Labels, Phase, Pod, PodDisruptionBudget, PodId, SelectorPlace,
    UnhealthyPodEvictionPolicy,
};
use crate::transition::{Change, PodChange};

/// More granted evictions than this that are not seen as deleted yet, and the API refuses more.
const MAX_DISRUPTED_PODS: usize = 2000;

/// What the Eviction API answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvictionDecision {
    /// 201: the pod is deleted.
    Granted(GrantReason),
    /// 429: the budget allows no disruption now.
    TooManyRequests {
        /// The budget.
        budget: BudgetId,
        /// `status.desiredHealthy`.
        desired_healthy: i64,
        /// `status.currentHealthy`.
        current_healthy: i64,
    },
    /// 500: more than one budget covers the pod; no eviction of it can ever be granted.
    SeveralBudgets(Vec<BudgetId>),
    /// 403: the budget's status cannot be used.
    Forbidden {
        /// The budget.
        budget: BudgetId,
        /// Why.
        reason: ForbiddenReason,
    },
    /// 500: a webhook that wants to see evictions does not answer.
    Webhook(String),
    /// 404: there is no such pod.
    NotFound,
}

/// Why an eviction is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantReason {
    /// The pod has ended, has not started or already terminates: budgets are not asked.
    NotRunning,
    /// No budget covers it.
    NoBudget,
    /// It is not ready, and the budget lets such pods go without counting them.
    Unhealthy(BudgetId),
    /// The budget allows it; its `disruptionsAllowed` goes down by one.
    Budget(BudgetId),
}

/// Why a budget's status forbids evictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForbiddenReason {
    /// `disruptionsAllowed` is negative.
    NegativeDisruptionsAllowed,
    /// Too many evictions are under way.
    TooManyDisruptedPods,
}

/// The budgets whose selector matches `pod`, in the order of their ids.
pub fn budgets_of<'a>(
    state: &'a ClusterState,
    pod: &'a Pod,
) -> impl Iterator<Item = (BudgetId, &'a PodDisruptionBudget)> + 'a {
    let places = SelectorPlace::of_pod(pod.namespace, &pod.labels);
    let found = places.flat_map(|place| state.budgets.at(place)).filter(|(_, budget)| covers(budget, pod));
    let by_id: BTreeMap<BudgetId, &PodDisruptionBudget> = found.collect();
    by_id.into_iter()
}

/// Whether `budget` covers `pod`: same namespace, and the selector matches (none matches nothing, an empty one everything).
#[must_use]
pub fn covers(budget: &PodDisruptionBudget, pod: &Pod) -> bool {
    budget.namespace == pod.namespace && budget.selector.as_ref().is_some_and(|selector| selector.matches(&pod.labels))
}

/// What the Eviction API would answer now. Changes nothing.
#[must_use]
pub fn decide(state: &ClusterState, pod: PodId) -> EvictionDecision {
    let Some(pod) = state.pods.get(&pod) else { return EvictionDecision::NotFound };
    let (operation, resource) = (Operation::Create, Resource::PodEvictions);
    let request = Request { operation, resource, namespace: Some(pod.namespace), labels: &Labels::default() };
    if let Err(reason) = judge_request(state, &request) {
        return EvictionDecision::Webhook(reason);
    }
    if pod.deletion.is_some() || pod.phase != Phase::Running {
        return EvictionDecision::Granted(GrantReason::NotRunning);
    }
    let mut budgets = budgets_of(state, pod);
    let Some((id, budget)) = budgets.next() else { return EvictionDecision::Granted(GrantReason::NoBudget) };
    let others: Vec<BudgetId> = budgets.map(|(other, _)| other).collect();
    if !others.is_empty() {
        return EvictionDecision::SeveralBudgets(std::iter::once(id).chain(others).collect());
    }
    if !pod.ready && lets_unhealthy_go(budget) {
        return EvictionDecision::Granted(GrantReason::Unhealthy(id));
    }
    ask_budget(id, &budget.status)
}

const fn lets_unhealthy_go(budget: &PodDisruptionBudget) -> bool {
    match budget.unhealthy_pod_eviction_policy {
        UnhealthyPodEvictionPolicy::AlwaysAllow => true,
        UnhealthyPodEvictionPolicy::IfHealthyBudget => {
            budget.status.current_healthy >= budget.status.desired_healthy && budget.status.desired_healthy > 0
        }
    }
}

fn ask_budget(id: BudgetId, status: &BudgetStatus) -> EvictionDecision {
    if status.disruptions_allowed < 0 {
        let reason = ForbiddenReason::NegativeDisruptionsAllowed;
        return EvictionDecision::Forbidden { budget: id, reason };
    }
    if status.disrupted_pods.len() > MAX_DISRUPTED_PODS {
        return EvictionDecision::Forbidden { budget: id, reason: ForbiddenReason::TooManyDisruptedPods };
    }
    if status.disruptions_allowed == 0 {
        return EvictionDecision::TooManyRequests {
            budget: id,
            desired_healthy: status.desired_healthy,
            current_healthy: status.current_healthy,
        };
    }
    EvictionDecision::Granted(GrantReason::Budget(id))
}

/// The changes that a granted eviction makes: the budget's count first, then the deletion. None for any other answer.
#[must_use]
pub fn changes(state: &ClusterState, pod: PodId, decision: &EvictionDecision) -> Vec<Change> {
    let EvictionDecision::Granted(reason) = decision else { return Vec::new() };
    let mut changes = Vec::new();
    if let GrantReason::Budget(id) = reason
        && let Some(budget) = state.budgets.get(id)
    {
        let mut status = budget.status.clone();
        status.disruptions_allowed = status.disruptions_allowed.saturating_sub(1);
        status.disrupted_pods.insert(pod, state.now);
        changes.push(Change::UpdateBudget { budget: *id, status });
    }
    if state.pods.get(&pod).is_some_and(|pod| pod.deletion.is_none()) {
        changes.push(Change::Pod(pod, PodChange::Delete(DeletionCause::Eviction)));
    }
    changes
}
