//! What controllers do when the API server refuses what they want to create.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::admission::{judge, next_release, next_retry, retries_of};
use crate::cluster::{AdmissionObjects, AdmissionWebhook, ClusterState, Refusal, RefusalCause, Symbol, Time};
use crate::controller::endpoint_slice::service_named;
use crate::controller::{WorkloadId, workload_name, workload_text};
use crate::event_queue::Event;
use crate::transition::{Change, WorkloadChange};

use super::engine::Simulation;
use super::outcome::Target;
use super::{StepOutcome, Ties};

impl Simulation {
    /// Makes the changes that a workload's controller wants, up to the first creation that is refused: the pods of a batch are
    /// alike. (`slowStartBatch` of `pkg/controller/controller_utils.go` ends there too.) Deletions go on.
    pub(super) fn commit_wanted(&mut self, workload: WorkloadId, changes: &[Change]) {
        let mut refused: Option<Refusal> = None;
        for change in changes {
            match judge(&self.state, change) {
                Err(refusal) => drop(refused.get_or_insert(refusal)),
                Ok(()) if refused.is_some() && creates_pod(change) => {}
                Ok(()) => self.commit(change),
            }
        }
        let before = self.state.refusals.get(&workload);
        if let (Some(refusal), Some(before)) = (&mut refused, before) {
            // The backoff goes on.
            refusal.since = before.since;
        }
        if refused.as_ref() != before {
            self.commit(&Change::Workload(workload, WorkloadChange::SetRefusal(refused)));
        }
    }

    /// A controller that is refused asks again and again, and nothing tells it when that helps. Only the retries that are
    /// let through are played, and those that may be because a pod has terminated for long.
    pub(super) fn schedule_creation_retries(&mut self) {
        let refused: Vec<(WorkloadId, Time)> =
            self.state.refusals.iter().map(|(workload, refusal)| (*workload, refusal.since)).collect();
        for (workload, since) in refused {
            let may_pass = if self.would_pass(workload) { Some(self.state.now) } else { self.release_for(workload) };
            if let Some(at) = may_pass.and_then(|from| next_retry(since, from, retries_of(workload))) {
                self.queue.schedule(at, Event::Workload(workload));
            }
        }
    }

    /// Webhooks of which the input shows no pod that could answer are not asked before the cluster has come to rest: they are
    /// taken to have been added once their pods ran. Gives what is in force then.
    pub(super) fn hold_webhooks_back(&mut self) -> Arc<AdmissionObjects> {
        let in_force = Arc::clone(&self.state.admission);
        let is_late = |webhook: &AdmissionWebhook| {
            let service = service_named(&self.state, webhook.service_namespace, webhook.service_name);
            let selector = service.and_then(|service| service.selector.as_ref());
            selector.is_some_and(|own| self.state.pods.selected(webhook.service_namespace, own).is_empty())
        };
        let late: BTreeSet<Symbol> =
            in_force.webhooks.iter().filter(|webhook| is_late(webhook)).map(|webhook| webhook.name).collect();
        if !late.is_empty() {
            Arc::make_mut(&mut self.state.admission).webhooks.retain(|webhook| !late.contains(&webhook.name));
            self.late_webhooks = late;
        }
        in_force
    }

    fn would_pass(&self, workload: WorkloadId) -> bool {
        // A controller that creates settles no tie.
        let wanted = self.changes_of_workload(workload, &mut Ties::Drawn(0));
        wanted.iter().any(|change| is_judged(change) && judge(&self.state, change).is_ok())
    }

    /// When quotas next count less in the workload's namespace by themselves.
    fn release_for(&self, workload: WorkloadId) -> Option<Time> {
        match self.state.refusals.get(&workload)?.cause {
            RefusalCause::Quota => next_release(&self.state, workload_name(&self.state, workload)?.namespace),
            RefusalCause::Template | RefusalCause::Webhook => None,
        }
    }
}

/// Whether a change is one that [`judge`] may refuse.
const fn is_judged(change: &Change) -> bool {
    match change {
        Change::CreatePod { .. } | Change::CreateReplicaSet { .. } | Change::ScaleReplicaSet { .. } => true,
        Change::Pod(..)
        | Change::Workload(..)
        | Change::UpdateBudget { .. }
        | Change::CreateJob { .. }
        | Change::CreateJobPod { .. }
        | Change::UpdateJob { .. }
        | Change::AddNode { .. }
        | Change::Node(..) => false,
    }
}

const fn creates_pod(change: &Change) -> bool {
    matches!(change, Change::CreatePod { .. })
}

/// Why a workload may not create what it wants to: of a Deployment, also why its ReplicaSets may not.
#[must_use]
pub fn refusal_of(state: &ClusterState, workload: WorkloadId) -> Option<&Refusal> {
    let own = state.refusals.get(&workload);
    own.or_else(|| {
        let WorkloadId::Deployment(id) = workload else { return None };
        let sets = state.replica_sets.at(id);
        sets.filter_map(|(set, _)| state.refusals.get(&WorkloadId::ReplicaSet(set))).last()
    })
}

/// What the API server refuses at the end of a step, and has not refused before it: part of why the step ended so. Where nobody
/// answers a webhook, time brings nobody: a step that has come to rest is stuck.
pub(super) fn tell(simulation: &Simulation, target: &Target, result: &mut super::outcome::Result) {
    let before = &simulation.refused_before;
    let is_new = |workload: &WorkloadId, refusal: &Refusal| {
        before.get(workload).is_none_or(|before| (before.since, before.cause) != (refusal.since, refusal.cause))
    };
    let new = simulation.state.refusals.iter().filter(|(workload, refusal)| is_new(workload, refusal));
    for (workload, refusal) in new {
        if !result.detail.contains(&refusal.reason) {
            let name = workload_text(&simulation.state, *workload);
            let separator = if result.detail.is_empty() { "" } else { "; " };
            result.detail.push_str(&format!("{separator}{name} is refused: {}", refusal.reason));
        }
        let is_over = refusal.cause == RefusalCause::Webhook && !matches!(target, Target::Waited);
        if is_over && result.outcome == StepOutcome::Completed {
            result.outcome = StepOutcome::Stuck;
        }
    }
}
