//! The scheduler's part: one attempt for one pod, with a [`Cache`] that follows the changes of the state.

use crate::cluster::{NodeId, PodId};
use crate::controller::scheduling::{self, Attempt};
use crate::scheduler::{Cache, Sampling};
use crate::transition::{Change, Created, NodeChange, PodChange, WorkloadChange};

use super::engine::Simulation;

impl Simulation {
    /// The scheduler tries one pod.
    pub(super) fn schedule(&mut self, pod: PodId) {
        let best = self.best_nodes(pod);
        if let Some(node) = self.ties.node(&best, pod) {
            return self.commit(&Change::Pod(pod, PodChange::Bind(node)));
        }
        // It fits nowhere: a whole cycle knows why, and which pods it may preempt.
        match scheduling::attempt(&self.state, pod, &mut self.ties) {
            Attempt::Bound(change) => self.commit(&change),
            Attempt::Failed(changes) => {
                self.scheduling.failed(pod, self.state.now);
                self.commit_all(&changes);
            }
        }
    }

    fn best_nodes(&mut self, pod: PodId) -> Vec<NodeId> {
        let cache = self.cache.get_or_insert_with(|| Cache::new(&self.state, Sampling::Adaptive));
        cache.best_nodes_of(&self.state, pod)
    }

    /// The cache learns of a change that has just been made.
    pub(super) fn tell_cache(&mut self, change: &Change, created: Created) {
        let Some(cache) = &mut self.cache else { return };
        match change {
            Change::AddNode { .. } => self.cache = None,
            Change::Pod(pod, _) => cache.pod_changed(&self.state, *pod),
            Change::CreatePod { .. } | Change::CreateJobPod { .. } => {
                if let Created::Pod(pod) = created {
                    cache.pod_changed(&self.state, pod);
                }
            }
            Change::Node(node, change) => match change {
                NodeChange::AddTaint(_)
                | NodeChange::RemoveTaint { .. }
                | NodeChange::Cordon
                | NodeChange::Uncordon => cache.node_changed(&self.state, *node),
                // The scheduler does not look at these.
                NodeChange::SetReady(_) | NodeChange::Crash | NodeChange::Recover => {}
                NodeChange::Delete => self.cache = None,
            },
            // With a ReplicaSet goes the selector that spreads its pods.
            Change::Workload(_, WorkloadChange::Delete) => self.cache = None,
            Change::Workload(
                _,
                WorkloadChange::SetTemplate(_)
                | WorkloadChange::SetReplicas(_)
                | WorkloadChange::CompleteRevision
                | WorkloadChange::SetRefusal(_)
                | WorkloadChange::Observe(_),
            )
            | Change::CreateJob { .. }
            | Change::CreateReplicaSet { .. }
            | Change::ScaleReplicaSet { .. }
            | Change::UpdateJob { .. }
            | Change::UpdateBudget { .. } => {}
        }
    }
}
