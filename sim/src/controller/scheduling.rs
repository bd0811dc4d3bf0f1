//! The scheduler's part of a step: one attempt for one pod, as changes.

use crate::cluster::{ClusterState, DeletionCause, NodeId, PodId};
use crate::scheduler::{Candidate, Preemption, Snapshot, preempt_candidate, schedule_candidate, unschedulable_message};
use crate::simulation::Ties;
use crate::transition::{Change, PodChange};

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The pod is bound by this change.
    Bound(Change),
    /// It found no node; the changes of its status and of the pods it preempts.
    Failed(Vec<Change>),
}

/// Tries to place `pod`.
#[must_use]
pub fn attempt(state: &ClusterState, pod: PodId, ties: &mut Ties) -> Attempt {
    let Some(of_state) = state.pods.get(&pod) else { return Attempt::Failed(Vec::new()) };
    let snapshot = Snapshot::new(state);
    let candidate = Candidate::of_pod(pod, of_state);
    let result = schedule_candidate(&snapshot, &candidate);
    if let Some(node) = ties.node(&result.best, pod) {
        return Attempt::Bound(Change::Pod(pod, PodChange::Bind(node)));
    }
    let preemption = preempt_candidate(&snapshot, &candidate, &result);
    let message = unschedulable_message(state, &result, &preemption);
    let mut changes = Vec::new();
    if of_state.unschedulable.as_ref().is_none_or(|last| last.message != message) {
        changes.push(Change::Pod(pod, PodChange::MarkUnschedulable(message)));
    }
    match preemption {
        Preemption::NotTried | Preemption::NotEnabled | Preemption::PolicyNever | Preemption::VictimsTerminating => {}
        Preemption::NoCandidate { .. } => changes.extend(nominate(state, pod, None)),
        Preemption::Candidates { victims, best, .. } => {
            let node = ties.node(&best, pod);
            changes.extend(nominate(state, pod, node));
            let victims = node.and_then(|node| victims.get(&node)).map_or(&[][..], |victims| victims.pods.as_slice());
            let running = victims.iter().filter(|id| state.pods.get(id).is_some_and(|pod| pod.deletion.is_none()));
            let delete = |id: &PodId| Change::Pod(*id, PodChange::Delete(DeletionCause::Preemption));
            changes.extend(running.map(delete));
        }
    }
    Attempt::Failed(changes)
}

fn nominate(state: &ClusterState, pod: PodId, node: Option<NodeId>) -> Option<Change> {
    let nominated = state.pods.get(&pod)?.nominated_node;
    (nominated != node).then_some(Change::Pod(pod, PodChange::Nominate(node)))
}
