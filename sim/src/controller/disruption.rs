//! The disruption controller: a PodDisruptionBudget's status. Source: `pkg/controller/disruption/disruption.go`.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{
    BudgetId, BudgetStatus, BudgetTarget, ClusterState, Duration, IntOrPercent, Owner, Pod, PodDisruptionBudget, PodId,
    Time,
};
use crate::transition::Change;

use super::workload::{WorkloadId, workload_of};

/// How long a granted eviction counts as under way when no deletion is seen.
const DELETION_TIMEOUT: Duration = Duration::from_seconds(120);

/// A kind of controller that has no scale, so that the budget's sync fails.
struct NoScale;

/// Brings a budget's status up to date.
#[must_use]
pub fn sync(state: &ClusterState, id: BudgetId) -> Vec<Change> {
    let Some(budget) = state.budgets.get(&id) else { return Vec::new() };
    let status = status(state, budget);
    if status == budget.status { Vec::new() } else { vec![Change::UpdateBudget { budget: id, status }] }
}

/// When the status must be looked at again because a granted eviction expires.
#[must_use]
pub fn recheck_at(budget: &PodDisruptionBudget) -> Option<Time> {
    // The timeout must have passed strictly.
    let timeout = DELETION_TIMEOUT.milliseconds().saturating_add(1);
    budget.status.disrupted_pods.values().min().map(|since| since.after(Duration::from_milliseconds(timeout)))
}

/// The status that the controller computes for `budget` now.
#[must_use]
pub fn status(state: &ClusterState, budget: &PodDisruptionBudget) -> BudgetStatus {
    let selector = budget.selector.as_ref();
    let pods = selector.map_or_else(Vec::new, |selector| state.pods.selected(budget.namespace, selector));
    let Ok((expected_pods, desired_healthy)) = expected_and_desired(state, budget, &pods) else {
        return BudgetStatus { disruptions_allowed: 0, sync_failed: true, ..budget.status.clone() };
    };
    let disrupted_pods = still_disrupted(state, budget);
    let healthy =
        pods.iter().filter(|(id, pod)| pod.deletion.is_none() && pod.ready && !disrupted_pods.contains_key(id));
    let current_healthy = count(healthy.count());
    let disruptions_allowed =
        if expected_pods <= 0 { 0 } else { current_healthy.saturating_sub(desired_healthy).max(0) };
    BudgetStatus {
        expected_pods,
        current_healthy,
        desired_healthy,
        disruptions_allowed,
        disrupted_pods,
        sync_failed: false,
    }
}

fn expected_and_desired(
    state: &ClusterState,
    budget: &PodDisruptionBudget,
    pods: &[(PodId, &Pod)],
) -> Result<(i64, i64), NoScale> {
    match budget.target {
        BudgetTarget::MaxUnavailable(value) => {
            let expected = expected_scale(state, pods)?;
            Ok((expected, expected.saturating_sub(value.of_rounded_up(expected)).max(0)))
        }
        BudgetTarget::MinAvailable(IntOrPercent::Int(value)) => Ok((count(pods.len()), value)),
        BudgetTarget::MinAvailable(value @ IntOrPercent::Percent(_)) => {
            let expected = expected_scale(state, pods)?;
            Ok((expected, value.of_rounded_up(expected)))
        }
        // With neither field set the controller leaves both numbers at zero.
        BudgetTarget::None => Ok((0, 0)),
    }
}

/// The sum of `spec.replicas` over the distinct controllers of `pods`; pods without controller do not count.
fn expected_scale(state: &ClusterState, pods: &[(PodId, &Pod)]) -> Result<i64, NoScale> {
    let mut controllers = BTreeSet::new();
    for (_, pod) in pods {
        match pod.owner {
            Owner::None => {}
            Owner::DaemonSet(_) | Owner::Job(_) | Owner::Node | Owner::Other { .. } => return Err(NoScale),
            Owner::ReplicaSet(_) | Owner::StatefulSet { .. } => controllers.extend(workload_of(state, pod.owner)),
        }
    }
    let mut total: i64 = 0;
    for controller in controllers {
        total = total.saturating_add(scale(state, controller)?);
    }
    Ok(total)
}

fn scale(state: &ClusterState, workload: WorkloadId) -> Result<i64, NoScale> {
    let replicas = match workload {
        WorkloadId::Deployment(id) => state.deployments.get(&id).map(|deployment| deployment.replicas),
        WorkloadId::ReplicaSet(id) => state.replica_sets.get(&id).map(|set| set.replicas),
        WorkloadId::StatefulSet(id) => state.stateful_sets.get(&id).map(|set| set.replicas),
        WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => None,
    };
    replicas.ok_or(NoScale)
}

/// The granted evictions that are not yet seen as deletions and have not expired.
fn still_disrupted(state: &ClusterState, budget: &PodDisruptionBudget) -> BTreeMap<PodId, Time> {
    let mut disrupted = budget.status.disrupted_pods.clone();
    disrupted.retain(|id, since| {
        state.pods.get(id).is_some_and(|pod| pod.deletion.is_none()) && state.now.since(*since) <= DELETION_TIMEOUT
    });
    disrupted
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
