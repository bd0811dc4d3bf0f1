//! The steps by which a cluster changes: (state, change) → next state, one object a step.
//!
//! Everything that happens is a [`Change`]: controllers are functions from a state to the changes they want, and only
//! [`apply`] makes them.
//!
//! | file | what |
//! | --- | --- |
//! | `transition/jobs.rs` | pods of Jobs: how they come into being, what their Jobs keep of them |
//! | `transition/objects.rs` | how pods and ReplicaSets come into being, what users change of workloads |
//! | `transition/sentence.rs` | each change as a sentence |
//! | `transition/volumes.rs` | claims and volumes as pods come and go |

mod jobs;
mod objects;
mod sentence;
mod volumes;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cluster::{
    BudgetId, BudgetStatus, ClusterState, CronJobId, Deletion, DeletionCause, DeploymentId, Effect, JobId, JobPod,
    JobStatus, NodeId, NodeReady, Owner, Phase, Pod, PodEnd, PodId, PodTemplate, Refusal, ReplicaSetId, Symbol, Taint,
    Unschedulable, WallClock,
};
use crate::controller::{WorkloadId, attach_detach, cluster_autoscaler};

pub(crate) use jobs::failure_text;
pub use objects::same_revision;
pub use sentence::sentence;
pub use volumes::{assume_volume, bind_at_once, bind_for_pod, of_new_pod};

/// One change of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A controller creates a pod.
    CreatePod {
        /// The controller, and the ordinal of a StatefulSet's pod.
        owner: Owner,
        /// What the pod asks for.
        template: Arc<PodTemplate>,
    },
    /// A CronJob creates a Job.
    CreateJob {
        /// The CronJob.
        cron_job: CronJobId,
        /// The time of its schedule.
        due: WallClock,
    },
    /// A Job creates a pod.
    CreateJobPod {
        /// The Job.
        job: JobId,
        /// What it knows of the pod.
        known: JobPod,
    },
    /// A pod changes.
    Pod(PodId, PodChange),
    /// A Deployment makes a ReplicaSet of its template.
    CreateReplicaSet {
        /// The Deployment.
        deployment: DeploymentId,
        /// `spec.replicas`.
        replicas: i64,
    },
    /// A ReplicaSet's size and annotations change.
    ScaleReplicaSet {
        /// The ReplicaSet.
        replica_set: ReplicaSetId,
        /// `spec.replicas`.
        replicas: i64,
        /// `deployment.kubernetes.io/desired-replicas`.
        desired_replicas: Option<i64>,
        /// `deployment.kubernetes.io/max-replicas`.
        max_replicas: Option<i64>,
    },
    /// A workload changes.
    Workload(WorkloadId, WorkloadChange),
    /// A Job's status changes.
    UpdateJob {
        /// The Job.
        job: JobId,
        /// The new status.
        status: Box<JobStatus>,
    },
    /// A budget's status changes.
    UpdateBudget {
        /// The budget.
        budget: BudgetId,
        /// The new status.
        status: BudgetStatus,
    },
    /// A node of a pool is there.
    AddNode {
        /// The pool's place among the pools.
        pool: usize,
    },
    /// A node changes.
    Node(NodeId, NodeChange),
}

/// A change of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodChange {
    /// The scheduler binds it.
    Bind(NodeId),
    /// The scheduler finds no node: `0/4 nodes are available: …`.
    MarkUnschedulable(String),
    /// The scheduler sets or clears `status.nominatedNodeName`.
    Nominate(Option<NodeId>),
    /// The kubelet starts its containers.
    Start,
    /// It becomes ready.
    BecomeReady,
    /// It is no longer ready.
    BecomeUnready,
    /// Its containers have ended and do not run again.
    Finish(PodEnd),
    /// Its containers have failed, and run again.
    Restart,
    /// A user holds it unready.
    Hold,
    /// A user no longer holds it unready.
    Release,
    /// Deletion is asked for; a pod without node, or one that has ended, is gone at once.
    Delete(DeletionCause),
    /// The object goes away.
    Remove(RemovalReason),
    /// A controller takes it over.
    Adopt(Owner),
}

/// A change of a workload's object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkloadChange {
    /// A user changes the template.
    SetTemplate(Arc<PodTemplate>),
    /// A user changes `spec.replicas`; a DaemonSet has none.
    SetReplicas(i64),
    /// A StatefulSet's update is complete: the update revision becomes the current one.
    CompleteRevision,
    /// The API server refuses what its controller wants to create, or no longer does.
    SetRefusal(Option<Refusal>),
    /// A DaemonSet's status: the nodes on which a pod is wanted.
    Observe(BTreeSet<NodeId>),
    /// A user deletes it; its ReplicaSets go with it, its pods are deleted one by one.
    Delete,
}

/// A change of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeChange {
    /// Its Ready condition changes.
    SetReady(NodeReady),
    /// It gets a taint.
    AddTaint(Taint),
    /// It loses a taint.
    RemoveTaint {
        /// The taint's key.
        key: Symbol,
        /// The taint's effect.
        effect: Effect,
    },
    /// `spec.unschedulable` becomes true.
    Cordon,
    /// `spec.unschedulable` becomes false.
    Uncordon,
    /// It crashes, and its containers with it; nobody has noticed yet.
    Crash,
    /// It is back after a crash and says that it is ready.
    Recover,
    /// The Node object is deleted.
    Delete,
}

/// Why a pod object goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemovalReason {
    /// The kubelet says that its containers have stopped.
    Stopped,
    /// Pod garbage collection: its node does not exist any more.
    NodeGone,
    /// Pod garbage collection: its node is out of service.
    OutOfService,
}

/// What a change brought into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// Nothing.
    Nothing,
    /// A pod.
    Pod(PodId),
    /// A ReplicaSet.
    ReplicaSet(ReplicaSetId),
    /// A Job.
    Job(JobId),
    /// A node.
    Node(NodeId),
}

/// The state after `change`.
#[must_use]
pub fn next(state: &ClusterState, change: &Change) -> ClusterState {
    let mut next = state.clone();
    apply(&mut next, change);
    next
}

/// Makes `change`. A change of an object that does not exist does nothing.
pub fn apply(state: &mut ClusterState, change: &Change) -> Created {
    match change {
        Change::CreatePod { owner, template } => return Created::Pod(objects::create_pod(state, *owner, template)),
        Change::CreateJob { cron_job, due } => {
            return jobs::create(state, *cron_job, *due).map_or(Created::Nothing, Created::Job);
        }
        Change::CreateJobPod { job, known } => {
            return jobs::create_pod(state, *job, *known).map_or(Created::Nothing, Created::Pod);
        }
        Change::CreateReplicaSet { deployment, replicas } => {
            let created = objects::create_replica_set(state, *deployment, *replicas);
            return created.map_or(Created::Nothing, Created::ReplicaSet);
        }
        Change::AddNode { pool } => {
            return cluster_autoscaler::add_node(state, *pool).map_or(Created::Nothing, Created::Node);
        }
        Change::Pod(pod, change) => apply_to_pod(state, *pod, change),
        Change::Node(node, change) => apply_to_node(state, *node, change),
        Change::ScaleReplicaSet { replica_set, replicas, desired_replicas, max_replicas } => {
            if let Some(mut set) = state.replica_sets.get_mut(replica_set) {
                set.replicas = *replicas;
                set.desired_replicas = *desired_replicas;
                set.max_replicas = *max_replicas;
            }
        }
        Change::UpdateJob { job, status } => {
            if let Some(job) = state.jobs.get_mut(job) {
                job.status.clone_from(status);
            }
        }
        Change::Workload(workload, change) => apply_to_workload(state, *workload, change),
        Change::UpdateBudget { budget, status } => {
            if let Some(mut budget) = state.budgets.get_mut(budget) {
                budget.status = status.clone();
            }
        }
    }
    Created::Nothing
}

fn apply_to_pod(state: &mut ClusterState, id: PodId, change: &PodChange) {
    let now = state.now;
    if let PodChange::Bind(node) = change {
        volumes::bind_for_pod(state, id, *node);
    }
    if state.pods.get(&id).is_some_and(|pod| goes_away(state, id, pod, change)) {
        return remove_pod(state, id);
    }
    jobs::note(state, id, change);
    if *change == PodChange::Start
        && let Some(pod) = state.pods.get(&id).filter(|pod| !pod.volumes.is_empty()).cloned()
    {
        attach_detach::attach(state, &pod);
    }
    let Some(mut pod) = state.pods.get_mut(&id) else { return };
    match change {
        PodChange::Bind(node) => {
            pod.node = Some(*node);
            pod.nominated_node = None;
            pod.unschedulable = None;
        }
        PodChange::MarkUnschedulable(message) => pod.unschedulable = Some(Unschedulable { message: message.clone() }),
        PodChange::Nominate(node) => pod.nominated_node = *node,
        PodChange::Start => {
            if pod.phase == Phase::Running {
                // Its containers ran before the node crashed.
                let order = &mut pod.deletion_order;
                order.container_restarts = order.container_restarts.saturating_add(1);
                if pod.template.spec.has_sidecar {
                    pod.deletion_order.sidecar_restarts = pod.deletion_order.sidecar_restarts.saturating_add(1);
                }
            }
            pod.phase = Phase::Running;
            pod.started_at = Some(now);
        }
        PodChange::BecomeReady => {
            pod.ready = true;
            pod.ready_changed_at = Some(now);
        }
        PodChange::BecomeUnready => {
            pod.ready = false;
            pod.ready_changed_at = Some(now);
        }
        PodChange::Finish(end) => {
            pod.phase = end.phase;
            pod.ready = false;
            pod.ready_changed_at = Some(now);
        }
        PodChange::Restart => {
            pod.started_at = Some(now);
            if pod.ready {
                pod.ready = false;
                pod.ready_changed_at = Some(now);
            }
        }
        PodChange::Hold => pod.held_unready = true,
        PodChange::Release => pod.held_unready = false,
        PodChange::Adopt(owner) => pod.owner = *owner,
        PodChange::Delete(cause) => {
            pod.deletion.get_or_insert(Deletion { requested_at: now, cause: *cause });
        }
        // It has gone away.
        PodChange::Remove(_) => {}
    }
}

/// Whether the pod's object is gone after `change`.
fn goes_away(state: &ClusterState, id: PodId, pod: &Pod, change: &PodChange) -> bool {
    match change {
        PodChange::Remove(_) => true,
        PodChange::Delete(_) => {
            let has_stopped = pod.node.is_none() || matches!(pod.phase, Phase::Succeeded | Phase::Failed);
            has_stopped && !crate::controller::job::holds(state, id, pod)
        }
        PodChange::Bind(_)
        | PodChange::MarkUnschedulable(_)
        | PodChange::Nominate(_)
        | PodChange::Start
        | PodChange::BecomeReady
        | PodChange::BecomeUnready
        | PodChange::Finish(_)
        | PodChange::Restart
        | PodChange::Hold
        | PodChange::Release
        | PodChange::Adopt(_) => false,
    }
}

fn remove_pod(state: &mut ClusterState, id: PodId) {
    if let Some(pod) = state.pods.remove(&id) {
        volumes::pod_removed(state, &pod);
        jobs::forget(state, id, &pod);
    }
}

fn apply_to_workload(state: &mut ClusterState, workload: WorkloadId, change: &WorkloadChange) {
    match change {
        WorkloadChange::SetTemplate(template) => objects::set_template(state, workload, template),
        WorkloadChange::SetReplicas(replicas) => objects::set_replicas(state, workload, *replicas),
        WorkloadChange::CompleteRevision => objects::complete_revision(state, workload),
        WorkloadChange::SetRefusal(refusal) => {
            state.refusals.remove(&workload);
            state.refusals.extend(refusal.clone().map(|refusal| (workload, refusal)));
        }
        WorkloadChange::Observe(nodes) => objects::observe(state, workload, nodes),
        WorkloadChange::Delete => objects::delete_workload(state, workload),
    }
}

fn apply_to_node(state: &mut ClusterState, id: NodeId, change: &NodeChange) {
    let now = state.now;
    let Some(mut node) = state.nodes.get_mut(&id) else { return };
    match change {
        NodeChange::SetReady(ready) => node.ready = *ready,
        NodeChange::AddTaint(taint) => {
            node.taints.retain(|other| (other.key, other.effect) != (taint.key, taint.effect));
            node.taints.push(*taint);
        }
        NodeChange::RemoveTaint { key, effect } => {
            node.taints.retain(|taint| (taint.key, taint.effect) != (*key, *effect));
        }
        NodeChange::Cordon => node.unschedulable = true,
        NodeChange::Uncordon => node.unschedulable = false,
        NodeChange::Crash => {
            node.crashed_at.get_or_insert(now);
            drop(node);
            stop_containers(state, id);
        }
        NodeChange::Recover => {
            node.crashed_at = None;
            node.ready = NodeReady::True;
            drop(node);
            stop_containers(state, id);
        }
        NodeChange::Delete => {
            drop(node);
            for pool in &mut state.node_pools {
                pool.members.remove(&id);
            }
            state.nodes.remove(&id);
        }
    }
}

/// The containers of a crashed node have stopped. The API does not show it: only the time from which they run is forgotten,
/// so that the kubelet starts them again when the node is back.
fn stop_containers(state: &mut ClusterState, id: NodeId) {
    let held: Vec<PodId> = state.pods.on_node(Some(id)).map(|(pod, _)| pod).collect();
    for pod in held {
        if let Some(mut pod) = state.pods.get_mut(&pod) {
            pod.started_at = None;
        }
    }
}
