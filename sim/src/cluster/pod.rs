//! Pods.

use std::sync::Arc;

use super::job::JobId;
use super::labels::Labels;
use super::name::{Names, Symbol};
use super::node::NodeId;
use super::pod_template::PodTemplate;
use super::time::Time;
use super::volume::PodVolume;
use super::workload::{DaemonSetId, ReplicaSetId, StatefulSetId};

/// Names a pod; the order is the order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodId(pub u32);

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.namespace`.
    pub namespace: Symbol,
    /// `metadata.name`.
    pub name: PodName,
    /// Labels, those that its controller added included.
    pub labels: Labels,
    /// What it asks for; shared by all pods of a revision.
    pub template: Arc<PodTemplate>,
    /// Its volumes: those of the template, their claims by name.
    pub volumes: Arc<[PodVolume]>,
    /// The controller that made it.
    pub owner: Owner,
    /// The node it is bound to.
    pub node: Option<NodeId>,
    /// `status.nominatedNodeName`.
    pub nominated_node: Option<NodeId>,
    /// `status.phase`.
    pub phase: Phase,
    /// The Ready condition.
    pub ready: bool,
    /// When the Ready condition last changed; `None`: it has always been as it is.
    pub ready_changed_at: Option<Time>,
    /// Whether a scenario's `setReady` holds it unready; it does not become ready by itself then.
    pub held_unready: bool,
    /// When it was created.
    pub created_at: Time,
    /// When it began to run.
    pub started_at: Option<Time>,
    /// What decides, beside its condition, whether its ReplicaSet deletes it before others.
    pub deletion_order: DeletionOrder,
    /// Set while it terminates.
    pub deletion: Option<Deletion>,
    /// Why the scheduler last found no node.
    pub unschedulable: Option<Unschedulable>,
}

/// What decides, beside a pod's condition, whether its ReplicaSet deletes it before others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeletionOrder {
    /// Annotation `controller.kubernetes.io/pod-deletion-cost`: the lower goes first.
    pub cost: i32,
    /// The most restarts of a container: the higher goes first.
    pub container_restarts: u32,
    /// The most restarts of a sidecar.
    pub sidecar_restarts: u32,
}

/// A pod's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodName {
    /// As given in the input or fixed by the controller (`kafka-0`).
    Given(Symbol),
    /// The owner's name and a running number, where Kubernetes would append a random suffix.
    Generated {
        /// `backend-6d4cf56db6`.
        prefix: Symbol,
        /// Its number.
        number: u32,
    },
}

impl PodName {
    /// `metadata.name`.
    #[must_use]
    pub fn text(&self, names: &Names) -> String {
        match self {
            Self::Given(name) => names.text(*name).to_owned(),
            Self::Generated { prefix, number } => format!("{}-{number}", names.text(*prefix)),
        }
    }
}

/// The controller of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// None: nothing replaces it.
    None,
    /// A ReplicaSet.
    ReplicaSet(ReplicaSetId),
    /// A StatefulSet.
    StatefulSet {
        /// The set.
        set: StatefulSetId,
        /// The pod's ordinal.
        ordinal: u32,
    },
    /// A DaemonSet.
    DaemonSet(DaemonSetId),
    /// A Job.
    Job(JobId),
    /// The kubelet: a static pod's mirror.
    Node,
    /// A controller that the model does not play (an operator's own kind): it is not replaced, and that is said.
    Other {
        /// `Kafka`.
        kind: Symbol,
        /// Its name.
        name: Symbol,
    },
}

/// `status.phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Not all containers have been started.
    Pending,
    /// Running.
    Running,
    /// All containers ended well.
    Succeeded,
    /// All containers ended, one of them badly.
    Failed,
}

/// A pod that is going away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deletion {
    /// When deletion was asked for.
    pub requested_at: Time,
    /// Who asked.
    pub cause: DeletionCause,
}

/// Who asked for a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeletionCause {
    /// Its controller scaled down or rolled over.
    Controller,
    /// The Eviction API.
    Eviction,
    /// Taint eviction.
    Taint,
    /// Preemption.
    Preemption,
    /// A user.
    Delete,
    /// Pod garbage collection: its node does not exist any more.
    GarbageCollection,
}

impl DeletionCause {
    /// Whether the pod gets the condition `DisruptionTarget: True`.
    #[must_use]
    pub const fn is_disruption(self) -> bool {
        match self {
            Self::Eviction | Self::Taint | Self::Preemption | Self::GarbageCollection => true,
            Self::Controller | Self::Delete => false,
        }
    }
}

/// Why the scheduler found no node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unschedulable {
    /// As the PodScheduled condition says it: `0/4 nodes are available: …`.
    pub message: String,
}
