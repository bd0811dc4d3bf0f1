//! Whether the API server may refuse pods: then they are missing, wherever there is room.

use std::collections::BTreeMap;

use quorate_proof::cluster::Kind;

use super::groups::Group;
use crate::admission::{Operation, Request, Resource, quota_may_refuse, rests_on_pods};
use crate::cluster::{ClusterState, Labels, PodAdmission, PodSpec, Symbol};

/// The namespaces whose quotas may refuse a pod while all workloads have as many as they ever have.
pub(super) fn tight_quotas(state: &ClusterState, groups: &BTreeMap<String, Group<'_>>) -> Vec<Symbol> {
    let mut namespaces: Vec<Symbol> = state.admission.quotas.iter().map(|quota| quota.namespace).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let nodes = i64::try_from(state.nodes.len()).unwrap_or(i64::MAX);
    namespaces.retain(|namespace| {
        let own = groups.values().filter(|group| group.namespace == *namespace);
        let pods: Vec<(&PodAdmission, i64)> = own
            .map(|group| {
                let most = match group.kind {
                    // One a node, and one more where a rollout surges.
                    Kind::DaemonSet => nodes.saturating_mul(2),
                    _ => group.range.1.saturating_add(group.max_surge),
                };
                (&*group.template.spec.admission, most)
            })
            .collect();
        // How many pods a CronJob has at once is another question.
        state.cron_jobs.values().any(|own| own.namespace == *namespace) || quota_may_refuse(state, *namespace, &pods)
    });
    namespaces
}

/// What may refuse pods of a template.
pub(super) fn refusing(
    state: &ClusterState,
    tight: &[Symbol],
    (namespace, labels, spec): (Symbol, &Labels, &PodSpec),
) -> Vec<&'static str> {
    let rests = |operation, resource| {
        rests_on_pods(state, &Request { operation, resource, namespace: Some(namespace), labels })
    };
    // Without any of these a pod is not created, not placed, not ready, or not evicted.
    let needed = [
        (Operation::Create, Resource::Pods),
        (Operation::Create, Resource::ReplicaSets),
        (Operation::Update, Resource::ReplicaSets),
        (Operation::Create, Resource::PodBindings),
        (Operation::Update, Resource::PodStatuses),
        (Operation::Create, Resource::PodEvictions),
    ];
    let asks_pods = needed.into_iter().any(|(operation, resource)| rests(operation, resource));
    let facts = [
        (spec.admission.refusal.is_some(), "admission that refuses them"),
        (tight.contains(&namespace), "a ResourceQuota that may refuse them"),
        (asks_pods, "a webhook whose own pods have to answer first"),
    ];
    facts.into_iter().filter(|(holds, _)| *holds).map(|(_, what)| what).collect()
}
