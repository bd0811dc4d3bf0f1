//! The scheduler's part of a step: one attempt for one pod, as changes.

use crate::cluster::{ClusterState, DeletionCause, NodeId, PodId};
use crate::scheduler::{Candidate, Preemption, Snapshot, preempt_candidate, schedule_candidate, unschedulable_message};
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
pub fn attempt(state: &ClusterState, pod: PodId, seed: u64) -> Attempt {
    let Some(of_state) = state.pods.get(&pod) else { return Attempt::Failed(Vec::new()) };
    let snapshot = Snapshot::new(state);
    let candidate = Candidate::of_pod(pod, of_state);
    let result = schedule_candidate(&snapshot, &candidate);
    if let Some(node) = choose(&result.best, pod, seed) {
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
            let node = choose(&best, pod, seed);
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

/// Which of several equally good nodes is taken: Kubernetes' own choice depends on a race; here the first for seed 0, else
/// one drawn from the seed.
#[must_use]
pub fn choose(best: &[NodeId], pod: PodId, seed: u64) -> Option<NodeId> {
    if seed == 0 {
        return best.first().copied();
    }
    let mut mixed = seed ^ u64::from(pod.0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let length = u64::try_from(best.len()).unwrap_or(1).max(1);
    let index = usize::try_from((mixed >> 8).checked_rem(length).unwrap_or(0)).unwrap_or(0);
    best.get(index).copied()
}
