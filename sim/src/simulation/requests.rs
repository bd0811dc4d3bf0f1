//! What users ask of the API server, as webhooks see it.

use crate::admission::{Operation, Request, Resource, judge_pod, judge_request};
use crate::cluster::{ClusterState, Labels, NodeId, Owner, Symbol, WorkloadKind, WorkloadName};
use crate::controller::{WorkloadId, find_workload, workload_name};

use super::StepAction;
use super::engine::Simulation;

impl Simulation {
    /// Why the API server refuses what a step asks for, where a webhook that wants to see it does not answer. Of `apply` see
    /// [`Self::refused_change`]; evictions are answered one by one.
    pub(super) fn refused_request(&self, action: &StepAction) -> Option<String> {
        match action {
            StepAction::SetImage { workload, .. } | StepAction::Restart { workload } => {
                self.refused_on(*workload, Operation::Update, resource(workload.kind))
            }
            StepAction::Scale { workload, .. } => self.refused_on(*workload, Operation::Update, scale(workload.kind)),
            StepAction::DeleteWorkload { workload } => {
                self.refused_on(*workload, Operation::Delete, resource(workload.kind))
            }
            StepAction::DeletePod { namespace, name } => {
                let pods = &mut self.state.pods.values();
                let named = pods.find(|pod| pod.namespace == *namespace && self.state.pod_name(pod) == *name)?;
                self.refused((Operation::Delete, Resource::Pods), Some(*namespace), &named.labels)
            }
            StepAction::Cordon { node } | StepAction::Uncordon { node } => {
                self.refused_on_nodes(&[*node], Operation::Update)
            }
            StepAction::Drain { nodes } => self.refused_on_nodes(nodes, Operation::Update),
            StepAction::DeleteNode { nodes } => self.refused_on_nodes(nodes, Operation::Delete),
            // Not asked of the API server, or answered one by one.
            StepAction::Apply { .. }
            | StepAction::Evict { .. }
            | StepAction::SetReady { .. }
            | StepAction::FailNode { .. }
            | StepAction::RecoverNode { .. }
            | StepAction::Bind { .. }
            | StepAction::SetMetric { .. }
            | StepAction::Wait { .. } => None,
        }
    }

    /// Why the API server refuses workloads that were applied, or pods without a controller.
    pub(super) fn refused_change(&self, before: &ClusterState, changed: &[WorkloadId]) -> Option<String> {
        let of_workloads = changed.iter().find_map(|workload| {
            let name = workload_name(&self.state, *workload)?;
            let is_new = find_workload(before, name).is_none();
            let operation = if is_new { Operation::Create } else { Operation::Update };
            self.refused_on(name, operation, resource(name.kind))
        });
        of_workloads.or_else(|| {
            let pods = self.state.pods.iter();
            let mut new = pods.filter(|(id, pod)| !before.pods.contains_key(id) && pod.owner == Owner::None);
            new.find_map(|(_, pod)| {
                let refusal = judge_pod(before, pod.namespace, &pod.labels, &pod.template.spec).err()?;
                Some(format!("pod {}: {}", self.state.pod_name(pod), refusal.reason))
            })
        })
    }

    fn refused_on(&self, name: WorkloadName, operation: Operation, resource: Resource) -> Option<String> {
        let workload = find_workload(&self.state, name)?;
        let labels = match workload {
            WorkloadId::Deployment(id) => self.state.deployments.get(&id).map(|own| &own.template.labels),
            WorkloadId::ReplicaSet(id) => self.state.replica_sets.get(&id).map(|own| &own.template.labels),
            WorkloadId::StatefulSet(id) => self.state.stateful_sets.get(&id).map(|own| &own.template.labels),
            WorkloadId::DaemonSet(id) => self.state.daemon_sets.get(&id).map(|own| &own.template.labels),
            WorkloadId::Job(id) => self.state.jobs.get(&id).map(|own| &own.spec.template.labels),
        }?;
        self.refused((operation, resource), Some(name.namespace), labels)
    }

    fn refused_on_nodes(&self, nodes: &[NodeId], operation: Operation) -> Option<String> {
        let mut nodes = nodes.iter().filter_map(|id| self.state.nodes.get(id));
        nodes.find_map(|node| self.refused((operation, Resource::Nodes), None, &node.labels))
    }

    fn refused(
        &self,
        (operation, resource): (Operation, Resource),
        namespace: Option<Symbol>,
        labels: &Labels,
    ) -> Option<String> {
        judge_request(&self.state, &Request { operation, resource, namespace, labels }).err()
    }
}

const fn resource(kind: WorkloadKind) -> Resource {
    match kind {
        WorkloadKind::Deployment => Resource::Deployments,
        WorkloadKind::ReplicaSet => Resource::ReplicaSets,
        WorkloadKind::StatefulSet => Resource::StatefulSets,
        WorkloadKind::DaemonSet => Resource::DaemonSets,
        WorkloadKind::Job => Resource::Jobs,
    }
}

/// `kubectl scale` writes the subresource; a DaemonSet and a Job have none.
const fn scale(kind: WorkloadKind) -> Resource {
    match kind {
        WorkloadKind::Deployment => Resource::DeploymentScales,
        WorkloadKind::ReplicaSet => Resource::ReplicaSetScales,
        WorkloadKind::StatefulSet => Resource::StatefulSetScales,
        WorkloadKind::DaemonSet => Resource::DaemonSets,
        WorkloadKind::Job => Resource::Jobs,
    }
}
