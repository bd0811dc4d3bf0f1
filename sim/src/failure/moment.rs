//! What a reader wants to know of a state: pending pods, budgets that are short.

use crate::cluster::{BudgetId, ClusterState, PodId, Time, WorkloadName};
use crate::controller::{is_terminal, workload_name, workload_of};
use crate::simulation::{Simulation, budget_text, owner_text, pod_text};

/// A state at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: Time,
    /// Pods that the scheduler finds no node for.
    pub pending: Vec<PendingPod>,
    /// Budgets with fewer healthy pods than desired.
    pub budgets_below: Vec<BudgetNumbers>,
}

/// A pod that the scheduler finds no node for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingPod {
    /// The pod.
    pub pod: PodId,
    /// `NS/NAME` of the pod.
    pub name: String,
    /// `deployment/NS/NAME`, or `pod/NS/NAME` of a bare pod.
    pub owner: String,
    /// The workload, if it has one.
    pub workload: Option<WorkloadName>,
    /// As the PodScheduled condition says it: `0/4 nodes are available: …`.
    pub reason: String,
}

/// A budget's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetNumbers {
    /// The budget.
    pub budget: BudgetId,
    /// `NS/NAME` of the budget.
    pub name: String,
    /// `status.expectedPods`.
    pub expected_pods: i64,
    /// `status.currentHealthy`.
    pub current_healthy: i64,
    /// `status.desiredHealthy`.
    pub desired_healthy: i64,
    /// `status.disruptionsAllowed`.
    pub disruptions_allowed: i64,
}

impl Moment {
    /// The present state of `simulation`.
    #[must_use]
    pub fn of(simulation: &Simulation) -> Self {
        let state = &simulation.state;
        Self { at: state.now, pending: pending(state), budgets_below: budgets_below(state) }
    }
}

/// Pods that the scheduler finds no node for, in the order of creation.
pub(super) fn pending(state: &ClusterState) -> Vec<PendingPod> {
    let waiting = state.pods.on_node(None).filter(|(_, pod)| !is_terminal(pod));
    waiting
        .filter_map(|(id, pod)| {
            Some(PendingPod {
                pod: id,
                name: pod_text(state, id),
                owner: owner_text(state, pod),
                workload: workload_of(state, pod.owner).and_then(|workload| workload_name(state, workload)),
                reason: pod.unschedulable.as_ref()?.message.clone(),
            })
        })
        .collect()
}

fn budgets_below(state: &ClusterState) -> Vec<BudgetNumbers> {
    let short = state.budgets.iter().filter(|(_, budget)| {
        budget.status.expected_pods > 0 && budget.status.current_healthy < budget.status.desired_healthy
    });
    short.map(|(id, _)| budget_numbers(state, *id)).collect()
}

/// A budget's numbers; zeros for one that does not exist.
pub(super) fn budget_numbers(state: &ClusterState, id: BudgetId) -> BudgetNumbers {
    let status = state.budgets.get(&id).map(|budget| budget.status.clone()).unwrap_or_default();
    BudgetNumbers {
        budget: id,
        name: budget_text(state, id),
        expected_pods: status.expected_pods,
        current_healthy: status.current_healthy,
        desired_healthy: status.desired_healthy,
        disruptions_allowed: status.disruptions_allowed,
    }
}
