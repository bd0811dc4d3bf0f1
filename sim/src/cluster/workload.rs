//! Workloads: the controllers' own objects.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::labels::LabelSelector;
use super::name::Symbol;
use super::node::NodeId;
use super::pod_template::PodTemplate;
use super::table::Placed;
use super::time::Time;

/// Names a Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(pub u32);
/// Names a ReplicaSet; the order is the order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaSetId(pub u32);
/// Names a StatefulSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatefulSetId(pub u32);
/// Names a DaemonSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DaemonSetId(pub u32);

/// A kind of workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadKind {
    /// Deployment.
    Deployment,
    /// A ReplicaSet of its own, not a Deployment's.
    ReplicaSet,
    /// StatefulSet.
    StatefulSet,
    /// DaemonSet.
    DaemonSet,
    /// Job.
    Job,
}

impl WorkloadKind {
    /// As in `deployment/default/backend`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::ReplicaSet => "replicaset",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::Job => "job",
        }
    }
}

/// Names a workload as users do: `deployment/default/backend`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadName {
    /// Its kind.
    pub kind: WorkloadKind,
    /// Its namespace.
    pub namespace: Symbol,
    /// Its name.
    pub name: Symbol,
}

/// A number or a percentage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IntOrPercent {
    /// A number.
    Int(i64),
    /// A percentage.
    Percent(i64),
}

impl IntOrPercent {
    /// The number, a percentage taken of `total` and rounded up.
    #[must_use]
    pub const fn of_rounded_up(self, total: i64) -> i64 {
        match self {
            Self::Int(number) => number,
            Self::Percent(percent) => percent.saturating_mul(total).saturating_add(99).div_euclid(100),
        }
    }

    /// The number, a percentage taken of `total` and rounded down.
    #[must_use]
    pub const fn of_rounded_down(self, total: i64) -> i64 {
        match self {
            Self::Int(number) => number,
            Self::Percent(percent) => percent.saturating_mul(total).div_euclid(100),
        }
    }
}

/// A Deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Its namespace.
    pub namespace: Symbol,
    /// Its name.
    pub name: Symbol,
    /// `spec.replicas`.
    pub replicas: i64,
    /// `spec.selector`.
    pub selector: LabelSelector,
    /// `spec.template`.
    pub template: Arc<PodTemplate>,
    /// `spec.strategy`.
    pub strategy: DeploymentStrategy,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: u64,
    /// `spec.progressDeadlineSeconds`.
    pub progress_deadline_seconds: u64,
    /// `spec.paused`.
    pub paused: bool,
}

impl Placed for Deployment {
    /// Namespace and name.
    type Place = (Symbol, Symbol);

    fn places(&self) -> Vec<(Symbol, Symbol)> {
        vec![(self.namespace, self.name)]
    }
}

/// How a Deployment replaces its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeploymentStrategy {
    /// All old ones stop first.
    Recreate,
    /// Step by step.
    RollingUpdate {
        /// How many more than `replicas` there may be; percentages round up.
        max_surge: IntOrPercent,
        /// How many fewer may be available; percentages round down.
        max_unavailable: IntOrPercent,
    },
}

/// A ReplicaSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSet {
    /// Its namespace.
    pub namespace: Symbol,
    /// Its name; a Deployment's carries the hash of the template.
    pub name: Symbol,
    /// The Deployment that made it.
    pub owner: Option<DeploymentId>,
    /// `spec.replicas`.
    pub replicas: i64,
    /// `spec.selector`, the hash included.
    pub selector: LabelSelector,
    /// `spec.template`.
    pub template: Arc<PodTemplate>,
    /// The value of `pod-template-hash` that its pods carry.
    pub template_hash: Option<Symbol>,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: u64,
    /// Annotation `deployment.kubernetes.io/desired-replicas`.
    pub desired_replicas: Option<i64>,
    /// Annotation `deployment.kubernetes.io/max-replicas`.
    pub max_replicas: Option<i64>,
    /// When it was created.
    pub created_at: Time,
}

impl Placed for ReplicaSet {
    /// Its Deployment.
    type Place = DeploymentId;

    fn places(&self) -> Vec<DeploymentId> {
        self.owner.into_iter().collect()
    }
}

/// A StatefulSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatefulSet {
    /// Its namespace.
    pub namespace: Symbol,
    /// Its name.
    pub name: Symbol,
    /// `spec.replicas`.
    pub replicas: i64,
    /// `spec.ordinals.start`.
    pub first_ordinal: u32,
    /// `spec.selector`.
    pub selector: LabelSelector,
    /// `spec.template`: the update revision.
    pub template: Arc<PodTemplate>,
    /// The template of the current revision; equal to `template` when no update is under way.
    pub current_template: Arc<PodTemplate>,
    /// `spec.podManagementPolicy`.
    pub pod_management_policy: PodManagementPolicy,
    /// `spec.updateStrategy`.
    pub strategy: StatefulSetStrategy,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: u64,
}

impl Placed for StatefulSet {
    /// Namespace and name.
    type Place = (Symbol, Symbol);

    fn places(&self) -> Vec<(Symbol, Symbol)> {
        vec![(self.namespace, self.name)]
    }
}

/// In which order a StatefulSet's pods come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodManagementPolicy {
    /// One after the other.
    OrderedReady,
    /// All at once.
    Parallel,
}

/// How a StatefulSet updates its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatefulSetStrategy {
    /// Only when a pod is deleted by someone.
    OnDelete,
    /// From the highest ordinal down to `partition`, one at a time.
    RollingUpdate {
        /// Ordinals below it keep the current revision.
        partition: u32,
    },
}

/// A DaemonSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonSet {
    /// Its namespace.
    pub namespace: Symbol,
    /// Its name.
    pub name: Symbol,
    /// `spec.selector`.
    pub selector: LabelSelector,
    /// `spec.template`.
    pub template: Arc<PodTemplate>,
    /// `spec.updateStrategy`.
    pub strategy: DaemonSetStrategy,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: u64,
    /// The nodes that the controller wanted a pod on when it last looked; its status counts them. `None`: it has not looked yet.
    pub observed_nodes: Option<BTreeSet<NodeId>>,
}

/// How a DaemonSet updates its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaemonSetStrategy {
    /// Only when a pod is deleted by someone.
    OnDelete,
    /// Node by node.
    RollingUpdate {
        /// On how many more nodes a new pod may run beside the old; rounds up.
        max_surge: IntOrPercent,
        /// On how many nodes it may be unavailable; rounds up.
        max_unavailable: IntOrPercent,
    },
}
