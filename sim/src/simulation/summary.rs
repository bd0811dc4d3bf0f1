//! A state as reports show it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{ClusterState, DeploymentId, NodeId, Owner, Phase, Pod, Service, Symbol};
use crate::controller::attach_detach;
use crate::controller::deployment::Revisions;
use crate::controller::endpoint_slice::{self, EndpointCounts};
use crate::controller::{WorkloadId, all_workloads, daemon_set, is_active, is_available, workload_of, workload_text};
use crate::transition::same_revision;

use super::jobs;
use super::{BudgetSummary, PodSummary, Revision, StateSummary, WorkloadSummary};

/// Summarises `state`; `gone_nodes` names nodes that pods are still bound to though they do not exist any more.
#[must_use]
pub fn summarize(state: &ClusterState, gone_nodes: impl Fn(NodeId) -> Option<Symbol>) -> StateSummary {
    let revisions = PodRevisions::of(state);
    let numbers = numbers(state, &revisions, &all_workloads(state));
    let workloads = numbers.into_iter().map(|(workload, numbers)| (workload_text(state, workload), numbers)).collect();
    let mut by_owner: BTreeMap<String, Vec<PodSummary>> = BTreeMap::new();
    for pod in state.pods.values() {
        let name = |node| state.nodes.get(&node).map(|node| node.name).or_else(|| gone_nodes(node));
        let node = pod.node.map(|node| name(node).map_or_else(String::new, |name| state.names.text(name).to_owned()));
        let pod = summarize_pod(state, &revisions, pod, node);
        match by_owner.get_mut(&pod.owner) {
            Some(pods) => pods.push(pod),
            None => drop(by_owner.insert(pod.owner.clone(), vec![pod])),
        }
    }
    for pods in by_owner.values_mut() {
        // Bound ones first.
        pods.sort_by(|one, other| one.node.is_none().cmp(&other.node.is_none()).then_with(|| one.cmp(other)));
    }
    let pods = by_owner.into_values().flatten().collect();
    let budgets = state.budgets.values().map(|budget| {
        let name = format!("{}/{}", state.names.text(budget.namespace), state.names.text(budget.name));
        let status = &budget.status;
        let summary = BudgetSummary {
            expected_pods: status.expected_pods,
            current_healthy: status.current_healthy,
            desired_healthy: status.desired_healthy,
            disruptions_allowed: status.disruptions_allowed,
        };
        (name, summary)
    });
    let jobs = state.jobs.iter().map(|(id, job)| {
        let name = format!("{}/{}", state.names.text(job.namespace), state.names.text(job.name));
        (name, jobs::summarize(state, *id, job))
    });
    let refused = state.refusals.iter();
    let refused = refused.map(|(workload, refusal)| (workload_text(state, *workload), refusal.reason.clone()));
    StateSummary {
        workloads,
        pods,
        pdbs: budgets.collect(),
        jobs: jobs.collect(),
        services: services(state),
        refused: refused.collect(),
    }
}

/// The endpoints of Services with a selector.
fn services(state: &ClusterState) -> BTreeMap<String, EndpointCounts> {
    let counted = state
        .services
        .values()
        .filter_map(|service| Some((service_text(state, service), endpoint_slice::count(state, service)?)));
    counted.collect()
}

/// `NS/NAME` of a Service.
pub(super) fn service_text(state: &ClusterState, service: &Service) -> String {
    format!("{}/{}", state.names.text(service.namespace), state.names.text(service.name))
}

fn summarize_pod(state: &ClusterState, revisions: &PodRevisions, pod: &Pod, node: Option<String>) -> PodSummary {
    PodSummary {
        owner: owner_text(state, pod),
        node,
        phase: phase_text(pod.phase),
        ready: pod.ready,
        terminating: pod.deletion.is_some(),
        revision: revisions.revision(state, pod),
        unschedulable_reason: pod.unschedulable.as_ref().map(|unschedulable| unschedulable.message.clone()),
        waiting_reason: attaching_text(state, pod),
    }
}

/// Why a pod does not start on its node.
pub(super) fn attaching_text(state: &ClusterState, pod: &Pod) -> Option<String> {
    let waits = pod.phase == Phase::Pending && !pod.volumes.is_empty();
    waits.then(|| attach_detach::wait(state, pod))?.map(|wait| attach_detach::text(state, &wait))
}

/// `deployment/NS/NAME`, `job/NS/NAME`, or `pod/NS/NAME` of a bare or static pod.
#[must_use]
pub fn owner_text(state: &ClusterState, pod: &Pod) -> String {
    let text = |symbol| state.names.text(symbol);
    match pod.owner {
        Owner::Other { kind, name } => {
            format!("{}/{}/{}", text(kind).to_lowercase(), text(pod.namespace), text(name))
        }
        Owner::None | Owner::Node => format!("pod/{}/{}", text(pod.namespace), state.pod_name(pod)),
        Owner::ReplicaSet(_) | Owner::StatefulSet { .. } | Owner::DaemonSet(_) | Owner::Job(_) => {
            workload_of(state, pod.owner).map_or_else(String::new, |workload| workload_text(state, workload))
        }
    }
}

const fn phase_text(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "Pending",
        Phase::Running => "Running",
        Phase::Succeeded => "Succeeded",
        Phase::Failed => "Failed",
    }
}

/// Which ReplicaSet of each Deployment is the new one.
struct PodRevisions {
    new: BTreeMap<DeploymentId, crate::cluster::ReplicaSetId>,
}

impl PodRevisions {
    fn of(state: &ClusterState) -> Self {
        let new = state
            .deployments
            .iter()
            .filter_map(|(id, deployment)| Revisions::of(state, *id, deployment).new.map(|new| (*id, new.id)));
        Self { new: new.collect() }
    }

    fn revision(&self, state: &ClusterState, pod: &Pod) -> Revision {
        let is_new = match pod.owner {
            Owner::ReplicaSet(id) => match state.replica_sets.get(&id) {
                Some(set) => match set.owner {
                    Some(deployment) => self.new.get(&deployment) == Some(&id),
                    None => same_revision(&pod.template, &set.template),
                },
                None => false,
            },
            Owner::StatefulSet { set, .. } => {
                state.stateful_sets.get(&set).is_some_and(|set| same_revision(&pod.template, &set.template))
            }
            Owner::DaemonSet(id) => {
                state.daemon_sets.get(&id).is_some_and(|set| daemon_set::is_updated(state, set, pod))
            }
            Owner::None | Owner::Job(_) | Owner::Node | Owner::Other { .. } => true,
        };
        if is_new { Revision::New } else { Revision::Old }
    }
}

/// A workload's numbers.
#[must_use]
pub fn workload_numbers(state: &ClusterState, workload: WorkloadId) -> WorkloadSummary {
    numbers(state, &PodRevisions::of(state), &[workload]).remove(&workload).unwrap_or_default()
}

/// The numbers of these workloads, in one pass over the pods.
fn numbers(
    state: &ClusterState,
    revisions: &PodRevisions,
    workloads: &[WorkloadId],
) -> BTreeMap<WorkloadId, WorkloadSummary> {
    let mut summaries: BTreeMap<WorkloadId, (WorkloadSummary, u64)> = BTreeMap::new();
    for workload in workloads {
        let (desired, min_ready_seconds) = desired(state, *workload);
        summaries.insert(*workload, (WorkloadSummary { desired, ..WorkloadSummary::default() }, min_ready_seconds));
    }
    for pod in state.pods.values().filter(|pod| is_counted(pod)) {
        let workload = workload_of(state, pod.owner);
        let Some((summary, min_ready_seconds)) = workload.and_then(|workload| summaries.get_mut(&workload)) else {
            continue;
        };
        count(state, revisions, pod, *min_ready_seconds, summary);
    }
    for workload in workloads {
        if let (WorkloadId::DaemonSet(id), Some((summary, min_ready_seconds))) = (workload, summaries.get_mut(workload))
        {
            for pod in daemon_set::counted_pods(state, *id) {
                count(state, revisions, pod, *min_ready_seconds, summary);
            }
        }
    }
    summaries.into_iter().map(|(workload, (summary, _))| (workload, summary)).collect()
}

/// Whether a pod's own state is enough to say that its workload's status counts it. A StatefulSet's counts every pod that
/// exists, those that terminate included; a DaemonSet's counts nodes. Source: `computeReplicaStatus` in
/// `pkg/controller/statefulset/stateful_set_control.go`.
const fn is_counted(pod: &Pod) -> bool {
    match pod.owner {
        Owner::StatefulSet { .. } => true,
        Owner::DaemonSet(_) => false,
        Owner::None | Owner::Node | Owner::ReplicaSet(_) | Owner::Job(_) | Owner::Other { .. } => is_active(pod),
    }
}

/// Adds a pod to its workload's numbers.
fn count(state: &ClusterState, revisions: &PodRevisions, pod: &Pod, min_ready_seconds: u64, to: &mut WorkloadSummary) {
    let one_if = i64::from;
    // Of a StatefulSet a pod that terminates has no revision any more; a DaemonSet's status does not look.
    let revises = pod.deletion.is_none() || matches!(pod.owner, Owner::DaemonSet(_));
    let updated = revises && revisions.revision(state, pod) == Revision::New;
    let available = is_available(pod, min_ready_seconds, state.now);
    to.replicas = to.replicas.saturating_add(1);
    to.updated = to.updated.saturating_add(one_if(updated));
    to.ready = to.ready.saturating_add(one_if(pod.ready));
    to.available = to.available.saturating_add(one_if(available));
}

/// A workload's `spec.replicas` (of a DaemonSet the number of eligible nodes, of a Job the pods that it wants now) and
/// `spec.minReadySeconds`.
fn desired(state: &ClusterState, workload: WorkloadId) -> (i64, u64) {
    match workload {
        WorkloadId::Deployment(id) => {
            state.deployments.get(&id).map_or((0, 0), |item| (item.replicas, item.min_ready_seconds))
        }
        WorkloadId::ReplicaSet(id) => {
            state.replica_sets.get(&id).map_or((0, 0), |item| (item.replicas, item.min_ready_seconds))
        }
        WorkloadId::StatefulSet(id) => {
            state.stateful_sets.get(&id).map_or((0, 0), |item| (item.replicas, item.min_ready_seconds))
        }
        WorkloadId::Job(id) => state.jobs.get(&id).map_or((0, 0), |job| (jobs::desired(state, id, job), 0)),
        WorkloadId::DaemonSet(id) => state.daemon_sets.get(&id).map_or((0, 0), |item| {
            let observed = item.observed_nodes.as_ref().map(BTreeSet::len);
            let eligible = observed.unwrap_or_else(|| daemon_set::eligible_nodes(state, item).len());
            (i64::try_from(eligible).unwrap_or(i64::MAX), item.min_ready_seconds)
        }),
    }
}
