//! Every workload restarted alone.

use std::collections::BTreeMap;

use crate::cluster::{Time, WorkloadKind, WorkloadName};
use crate::controller::{WorkloadId, all_workloads, workload_name};
use crate::simulation::{Simulation, StepAction, StepOutcome, WorkloadSummary, workload_numbers};

use super::moment::{Moment, PendingPod, pending};

/// What restarting one workload does.
#[derive(Clone, Debug)]
pub struct RolloutImpact {
    /// The workload.
    pub workload: WorkloadName,
    /// Its id.
    pub id: WorkloadId,
    /// How the rollout ended: `Completed`, `Stuck` or `Livelock`.
    pub outcome: StepOutcome,
    /// Its numbers, and why it is stuck.
    pub detail: String,
    /// Its numbers before.
    pub before: WorkloadSummary,
    /// Its numbers at rest afterwards.
    pub numbers: WorkloadSummary,
    /// Pods of this workload that find no node.
    pub pending: Vec<PendingPod>,
    /// The lowest readiness of each workload.
    pub min_ready: BTreeMap<String, i64>,
    /// The state at rest afterwards.
    pub after: Moment,
    /// What happened, oldest first.
    pub events: Vec<(Time, String)>,
}

/// Restarts every Deployment, StatefulSet and DaemonSet alone, each from the present state, which should be at rest.
#[must_use]
pub fn sweep_rollouts(simulation: &Simulation) -> Vec<RolloutImpact> {
    let workloads = all_workloads(&simulation.state).into_iter();
    let named = workloads.filter_map(|workload| Some((workload, workload_name(&simulation.state, workload)?)));
    let rolled = named.filter(|(_, name)| match name.kind {
        WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => true,
        // A ReplicaSet of its own does not replace its pods, a Job's template never changes.
        WorkloadKind::ReplicaSet | WorkloadKind::Job => false,
    });
    rolled.map(|(id, name)| restart(simulation, id, name)).collect()
}

/// Restarts one workload.
#[must_use]
pub fn restart(simulation: &Simulation, id: WorkloadId, workload: WorkloadName) -> RolloutImpact {
    let mut branch = simulation.branch();
    let end = branch.perform(&StepAction::Restart { workload });
    let own = |pod: &PendingPod| pod.workload == Some(workload);
    RolloutImpact {
        workload,
        id,
        outcome: end.outcome,
        detail: end.detail,
        before: workload_numbers(&simulation.state, id),
        numbers: workload_numbers(&branch.state, id),
        pending: pending(&branch.state).into_iter().filter(own).collect(),
        min_ready: branch.lowest_ready(),
        after: Moment::of(&branch),
        events: branch.events().to_vec(),
    }
}
