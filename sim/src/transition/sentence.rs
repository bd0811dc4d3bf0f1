//! Each change as a sentence, for traces.

use crate::cluster::{
    ClusterState, DeletionCause, Effect, NodeId, NodeReady, Owner, Phase, PodEnd, PodId, Symbol, Taint,
};
use crate::controller::{WorkloadId, workload_of, workload_text};

use super::jobs;
use super::{Change, Created, NodeChange, PodChange, RemovalReason, WorkloadChange};

/// What `change` is, in one sentence; `None` for bookkeeping that no reader of a trace wants to see.
///
/// `state` is the state before the change; for a change that creates something it is the state after it.
#[must_use]
pub fn sentence(state: &ClusterState, change: &Change, created: Created) -> Option<String> {
    match change {
        Change::CreatePod { owner, .. } => {
            let Created::Pod(pod) = created else { return None };
            Some(format!("{} creates pod {}", owner_text(state, *owner), pod_text(state, pod)))
        }
        Change::CreateJob { cron_job, .. } => {
            let Created::Job(job) = created else { return None };
            let own = state.cron_jobs.get(cron_job)?;
            let (namespace, name) = (state.names.text(own.namespace), state.names.text(own.name));
            Some(format!("cronjob/{namespace}/{name} creates {}", workload_text(state, WorkloadId::Job(job))))
        }
        Change::CreateJobPod { job, .. } => {
            let Created::Pod(pod) = created else { return None };
            Some(format!("{} creates pod {}", workload_text(state, WorkloadId::Job(*job)), pod_text(state, pod)))
        }
        Change::UpdateJob { job, status } => jobs::sentence(state, *job, status),
        Change::CreateReplicaSet { deployment, replicas } => {
            let Created::ReplicaSet(id) = created else { return None };
            let set = workload_text(state, WorkloadId::ReplicaSet(id));
            let deployment = workload_text(state, WorkloadId::Deployment(*deployment));
            Some(format!("{deployment} creates {set} with {replicas} replica(s)"))
        }
        Change::Pod(pod, change) => of_pod(state, *pod, change),
        Change::ScaleReplicaSet { replica_set, replicas, .. } => {
            let old = state.replica_sets.get(replica_set).map_or(0, |set| set.replicas);
            let set = workload_text(state, WorkloadId::ReplicaSet(*replica_set));
            (old != *replicas).then(|| format!("{set} scaled from {old} to {replicas}"))
        }
        Change::Workload(workload, change) => of_workload(state, *workload, change),
        Change::UpdateBudget { budget, status } => {
            let budget = state.budgets.get(budget)?;
            let old = budget.status.disruptions_allowed;
            let new = status.disruptions_allowed;
            let (namespace, name) = (state.names.text(budget.namespace), state.names.text(budget.name));
            (old != new).then(|| {
                let (healthy, desired) = (status.current_healthy, status.desired_healthy);
                format!("budget {namespace}/{name} allows {new} disruption(s): {healthy} healthy, {desired} desired")
            })
        }
        Change::AddNode { .. } => {
            let Created::Node(node) = created else { return None };
            Some(format!("node {} is added", node_text(state, node)))
        }
        Change::Node(node, change) => Some(of_node(state, *node, change)),
    }
}

fn of_pod(state: &ClusterState, id: PodId, change: &PodChange) -> Option<String> {
    let pod = pod_text(state, id);
    Some(match change {
        PodChange::Bind(node) => format!("pod {pod} is bound to {}", node_text(state, *node)),
        PodChange::MarkUnschedulable(message) => format!("pod {pod} finds no node: {message}"),
        PodChange::Nominate(Some(node)) => format!("pod {pod} preempts pods on {}", node_text(state, *node)),
        PodChange::Nominate(None) | PodChange::Start => return None,
        PodChange::BecomeReady => format!("pod {pod} is ready"),
        PodChange::BecomeUnready => format!("pod {pod} is not ready"),
        PodChange::Finish(end) => format!("pod {pod} {}", end_text(*end)),
        PodChange::Restart => format!("containers of pod {pod} run again after a failure"),
        PodChange::Hold => format!("pod {pod} is held unready"),
        PodChange::Release => format!("pod {pod} is no longer held unready"),
        PodChange::Delete(cause) => format!("pod {pod} {}", deletion_text(*cause)),
        PodChange::Remove(reason) => format!("pod {pod} {}", removal_text(*reason)),
        PodChange::Adopt(owner) => format!("pod {pod} is adopted by {}", owner_text(state, *owner)),
    })
}

fn end_text(end: PodEnd) -> String {
    match (end.phase, end.exit_code) {
        (Phase::Failed, Some(code)) => format!("has failed with exit code {code}"),
        (Phase::Failed, None) => "has failed".to_owned(),
        (Phase::Succeeded | Phase::Running | Phase::Pending, _) => "has succeeded".to_owned(),
    }
}

const fn deletion_text(cause: DeletionCause) -> &'static str {
    match cause {
        DeletionCause::Controller => "is deleted by its controller",
        DeletionCause::Eviction => "is evicted",
        DeletionCause::Taint => "is deleted by taint eviction",
        DeletionCause::Preemption => "is preempted",
        DeletionCause::Delete => "is deleted",
        DeletionCause::GarbageCollection => "is deleted by pod garbage collection: its node does not exist any more",
    }
}

const fn removal_text(reason: RemovalReason) -> &'static str {
    match reason {
        RemovalReason::Stopped => "is gone",
        RemovalReason::NodeGone => "is removed by pod garbage collection: its node does not exist any more",
        RemovalReason::OutOfService => "is removed by pod garbage collection: its node is out of service",
    }
}

fn of_workload(state: &ClusterState, workload: WorkloadId, change: &WorkloadChange) -> Option<String> {
    let name = workload_text(state, workload);
    match change {
        WorkloadChange::SetTemplate(_) => Some(format!("{name} gets a new template")),
        WorkloadChange::SetReplicas(replicas) => Some(format!("{name} is scaled to {replicas} replica(s)")),
        WorkloadChange::SetRefusal(Some(refusal)) => {
            let before = state.refusals.get(&workload).is_some_and(|before| before.reason == refusal.reason);
            (!before).then(|| format!("{name} is refused: {}", refusal.reason))
        }
        WorkloadChange::CompleteRevision | WorkloadChange::SetRefusal(None) | WorkloadChange::Observe(_) => None,
        WorkloadChange::Delete => Some(format!("{name} is deleted")),
    }
}

fn of_node(state: &ClusterState, id: NodeId, change: &NodeChange) -> String {
    let node = node_text(state, id);
    match change {
        NodeChange::SetReady(NodeReady::True) => format!("node {node} is ready"),
        NodeChange::SetReady(NodeReady::False) => format!("node {node} is not ready"),
        NodeChange::SetReady(NodeReady::Unknown) => format!("node {node} is unreachable: no heartbeat"),
        NodeChange::AddTaint(taint) => format!("node {node} gets taint {}", taint_text(state, taint)),
        NodeChange::RemoveTaint { key, effect } => {
            format!("node {node} loses taint {}:{}", state.names.text(*key), effect_text(*effect))
        }
        NodeChange::Cordon => format!("node {node} is cordoned"),
        NodeChange::Uncordon => format!("node {node} is uncordoned"),
        NodeChange::Crash => format!("node {node} crashes"),
        NodeChange::Recover => format!("node {node} is back"),
        NodeChange::Delete => format!("node {node} is deleted"),
    }
}

fn taint_text(state: &ClusterState, taint: &Taint) -> String {
    let key = state.names.text(taint.key);
    if taint.value == Symbol::EMPTY {
        format!("{key}:{}", effect_text(taint.effect))
    } else {
        format!("{key}={}:{}", state.names.text(taint.value), effect_text(taint.effect))
    }
}

const fn effect_text(effect: Effect) -> &'static str {
    match effect {
        Effect::NoSchedule => "NoSchedule",
        Effect::PreferNoSchedule => "PreferNoSchedule",
        Effect::NoExecute => "NoExecute",
    }
}

fn owner_text(state: &ClusterState, owner: Owner) -> String {
    match owner {
        Owner::ReplicaSet(id) => workload_text(state, WorkloadId::ReplicaSet(id)),
        Owner::None
        | Owner::Node
        | Owner::Other { .. }
        | Owner::StatefulSet { .. }
        | Owner::DaemonSet(_)
        | Owner::Job(_) => {
            workload_of(state, owner).map_or_else(String::new, |workload| workload_text(state, workload))
        }
    }
}

fn pod_text(state: &ClusterState, id: PodId) -> String {
    state
        .pods
        .get(&id)
        .map_or_else(String::new, |pod| format!("{}/{}", state.names.text(pod.namespace), state.pod_name(pod)))
}

fn node_text(state: &ClusterState, id: NodeId) -> &str {
    state.nodes.get(&id).map_or("(deleted node)", |node| state.names.text(node.name))
}
