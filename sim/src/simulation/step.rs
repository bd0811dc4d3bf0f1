//! The steps of a scenario.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::{
    AutoscalerId, ClusterState, Duration, LabelSelector, MetricLoad, NodeId, Symbol, Time, WorkloadName,
};

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name in the scenario.
    pub name: Option<String>,
    /// How the report writes it: `drain worker-1`.
    pub description: String,
    /// What is done.
    pub action: StepAction,
    /// The outcome that the scenario expects.
    pub expected_outcome: Option<super::report::StepOutcome>,
    /// The lowest readiness that the scenario expects, by workload.
    pub expected_min_ready: BTreeMap<WorkloadName, i64>,
    /// How many pods the scenario expects to be available at the step's end, by workload (`deployment/default/backend`) or pod
    /// (`pod/default/debug`).
    pub expected_available: BTreeMap<String, i64>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum StepAction {
    /// A container's image changes: a new revision.
    SetImage {
        /// The workload.
        workload: WorkloadName,
        /// The container.
        container: Symbol,
        /// The image.
        image: Symbol,
    },
    /// `kubectl rollout restart`: a new revision with the same content.
    Restart {
        /// The workload.
        workload: WorkloadName,
    },
    /// `spec.replicas` changes.
    Scale {
        /// The workload.
        workload: WorkloadName,
        /// The new number.
        replicas: i64,
    },
    /// Objects are created or replaced.
    Apply {
        /// The change, computed from typed objects by the caller.
        change: ObjectChange,
    },
    /// An object is deleted.
    DeletePod {
        /// Namespace and name of the pod.
        namespace: Symbol,
        /// The pod's name.
        name: String,
    },
    /// A workload is deleted, and its pods with it.
    DeleteWorkload {
        /// The workload.
        workload: WorkloadName,
    },
    /// `spec.unschedulable: true`.
    Cordon {
        /// The node.
        node: NodeId,
    },
    /// `spec.unschedulable: false`.
    Uncordon {
        /// The node.
        node: NodeId,
    },
    /// `kubectl drain --ignore-daemonsets --delete-emptydir-data`, of several nodes at once.
    Drain {
        /// The nodes.
        nodes: Vec<NodeId>,
    },
    /// One call of the Eviction API for each pod.
    Evict {
        /// Which pods.
        target: EvictionTarget,
    },
    /// The Ready condition of pods is set.
    SetReady {
        /// Which pods.
        pods: PodSelection,
        /// The new value.
        ready: bool,
    },
    /// Nodes crash: heartbeats stop, and their containers.
    FailNode {
        /// The nodes.
        nodes: Vec<NodeId>,
    },
    /// Crashed nodes come back.
    RecoverNode {
        /// The nodes.
        nodes: Vec<NodeId>,
    },
    /// The Node objects are deleted.
    DeleteNode {
        /// The nodes.
        nodes: Vec<NodeId>,
    },
    /// Pods are bound without the scheduler, one after the other; it runs again once all are bound.
    Bind {
        /// What is bound, in order.
        bindings: Vec<Binding>,
    },
    /// A metric of a HorizontalPodAutoscaler has another value from now on.
    SetMetric {
        /// The autoscaler.
        autoscaler: AutoscalerId,
        /// The metric's name.
        metric: Symbol,
        /// Its value.
        load: MetricLoad,
    },
    /// Time passes.
    Wait {
        /// How long, in seconds.
        seconds: u64,
    },
}

impl StepAction {
    /// When the step ends that begins `now`, if it only lets time pass; others end when nothing more happens.
    #[must_use]
    pub const fn ends_at(&self, now: Time) -> Option<Time> {
        match self {
            Self::Wait { seconds } => Some(now.after(Duration::from_seconds(*seconds))),
            Self::SetImage { .. }
            | Self::Restart { .. }
            | Self::Scale { .. }
            | Self::Apply { .. }
            | Self::DeletePod { .. }
            | Self::DeleteWorkload { .. }
            | Self::Cordon { .. }
            | Self::Uncordon { .. }
            | Self::Drain { .. }
            | Self::Evict { .. }
            | Self::SetReady { .. }
            | Self::FailNode { .. }
            | Self::RecoverNode { .. }
            | Self::DeleteNode { .. }
            | Self::Bind { .. }
            | Self::SetMetric { .. } => None,
        }
    }
}

/// What the step `bind` binds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Binding {
    /// The oldest pending pod of `of` to `node`; before that so many pods of others there are deleted, and gone.
    Pod {
        /// Whose pod.
        of: Bound,
        /// The node.
        node: NodeId,
        /// The pods that make room for it, by workload: on this node, the newest first.
        evicted: Vec<(Bound, usize)>,
    },
    /// Every pending pod of a DaemonSet to the node that it was made for.
    DaemonSet(WorkloadName),
    /// Nothing: the oldest pods of `of` on a node that has failed are evicted ([`super::TaintEviction::InBind`]).
    Evict {
        /// Whose pods.
        of: Bound,
        /// The node.
        node: NodeId,
        /// How many.
        pods: usize,
    },
    /// Nothing: the object of a node is deleted, and its pods go.
    DeleteNode(NodeId),
}

/// Whose pods are bound or make room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// A workload's.
    Workload(WorkloadName),
    /// One pod.
    Pod {
        /// Its namespace.
        namespace: Symbol,
        /// Its name.
        name: String,
    },
}

/// A change of the desired state that needs more than the model's own types to compute: given as a function from the state
/// before to the state after (a caller decodes manifests and merges them). It gives what the API server refuses, a sentence for
/// each object.
#[derive(Clone)]
pub struct ObjectChange(pub Arc<ApplyToState>);

/// Changes a state, and says what the API server refuses of it.
pub type ApplyToState = dyn Fn(&mut ClusterState) -> Vec<String> + Send + Sync;

impl std::fmt::Debug for ObjectChange {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ObjectChange")
    }
}

/// Which pods an eviction is asked for.
#[derive(Clone, Debug)]
pub enum EvictionTarget {
    /// One pod, by namespace and name.
    Pod {
        /// Its namespace.
        namespace: Symbol,
        /// Its name.
        name: String,
    },
    /// Every pod of a selection, one call each.
    Pods(PodSelection),
}

/// A selection of pods.
#[derive(Clone, Debug)]
pub struct PodSelection {
    /// The namespace.
    pub namespace: Symbol,
    /// Their labels.
    pub selector: LabelSelector,
    /// Only those on this node.
    pub node: Option<NodeId>,
    /// At most so many, oldest first.
    pub limit: Option<usize>,
}
