//! Whether a change is let through: a template that is always refused, webhooks, quotas, in the order of
//! `pkg/kubeapiserver/options/plugins.go`.

use crate::cluster::{ClusterState, Labels, Owner, PodSpec, Refusal, RefusalCause, Symbol};
use crate::transition::Change;

use super::webhook::{Operation, Request, Resource};
use super::{quota, webhook};

/// Whether the API server lets a controller make `change`.
///
/// # Errors
/// Why it does not.
pub fn judge(state: &ClusterState, change: &Change) -> Result<(), Refusal> {
    match change {
        Change::CreatePod { owner, template } => {
            let Some(namespace) = namespace_of(state, *owner) else { return Ok(()) };
            let mut labels = template.labels.clone();
            if let Owner::ReplicaSet(id) = owner
                && let Some(hash) = state.replica_sets.get(id).and_then(|set| set.template_hash)
            {
                labels.insert(Symbol::POD_TEMPLATE_HASH, hash);
            }
            judge_pod(state, namespace, &labels, &template.spec)
        }
        Change::CreateReplicaSet { deployment, .. } => {
            let Some(own) = state.deployments.get(deployment) else { return Ok(()) };
            let (operation, resource) = (Operation::Create, Resource::ReplicaSets);
            let labels = &own.template.labels;
            asked(state, &Request { operation, resource, namespace: Some(own.namespace), labels })
        }
        Change::ScaleReplicaSet { replica_set, .. } => {
            let Some(own) = state.replica_sets.get(replica_set) else { return Ok(()) };
            let (operation, resource) = (Operation::Update, Resource::ReplicaSets);
            let labels = &own.template.labels;
            asked(state, &Request { operation, resource, namespace: Some(own.namespace), labels })
        }
        // Not asked for by a controller of workloads, or a pod's deletion: those are let through, and that is said.
        Change::Pod(..)
        | Change::Workload(..)
        | Change::UpdateBudget { .. }
        | Change::CreateJob { .. }
        | Change::CreateJobPod { .. }
        | Change::UpdateJob { .. }
        | Change::AddNode { .. }
        | Change::Node(..) => Ok(()),
    }
}

/// Whether the API server lets anybody create such a pod.
///
/// # Errors
/// Why it does not.
pub fn judge_pod(state: &ClusterState, namespace: Symbol, labels: &Labels, spec: &PodSpec) -> Result<(), Refusal> {
    if let Some(reason) = &spec.admission.refusal {
        let reason = reason.to_string();
        return Err(Refusal { since: state.now, cause: RefusalCause::Template, reason });
    }
    let (operation, resource) = (Operation::Create, Resource::Pods);
    asked(state, &Request { operation, resource, namespace: Some(namespace), labels })?;
    quota::judge(state, namespace, &spec.admission).map_err(|reason| Refusal {
        since: state.now,
        cause: RefusalCause::Quota,
        reason,
    })
}

fn asked(state: &ClusterState, request: &Request<'_>) -> Result<(), Refusal> {
    webhook::judge(state, request).map_err(|reason| Refusal { since: state.now, cause: RefusalCause::Webhook, reason })
}

fn namespace_of(state: &ClusterState, owner: Owner) -> Option<Symbol> {
    match owner {
        Owner::ReplicaSet(id) => state.replica_sets.get(&id).map(|own| own.namespace),
        Owner::StatefulSet { set, .. } => state.stateful_sets.get(&set).map(|own| own.namespace),
        Owner::DaemonSet(id) => state.daemon_sets.get(&id).map(|own| own.namespace),
        Owner::None | Owner::Job(_) | Owner::Node | Owner::Other { .. } => None,
    }
}
