//! What a pod asks for, after the API server's defaults.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::labels::{LabelSelector, Labels};
use super::name::Symbol;
use super::node::{Effect, NodeFeature, NodeId};
use super::quota::PodAdmission;
use super::resources::{NonZeroRequests, Resources};
use super::time::Duration;
use super::volume::VolumeSource;

/// A pod template: labels and a specification. Two templates that are equal are one revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodTemplate {
    /// Labels of the template; a controller adds its own.
    pub labels: Labels,
    /// The specification.
    pub spec: PodSpec,
    /// Distinguishes templates that differ in parts that the model does not read (an image, an environment variable): a
    /// digest of the rest of the template, or the text of a `setImage` or `restart`.
    pub content: Symbol,
}

/// Names a profile of the scheduler's configuration by its position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileId(pub u8);

/// A pod's specification, as far as it decides where it runs and how long it lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodSpec {
    /// What the scheduler counts for it: init containers, sidecars, overhead and pod-level resources folded in.
    pub requests: Resources,
    /// What the least-allocated score counts for it on its node.
    pub non_zero_requests: NonZeroRequests,
    /// What that score counts for it while it is being placed, where it differs: requests given for the whole pod
    /// (`spec.resources`) are not looked at then.
    pub non_zero_requests_while_placed: Option<NonZeroRequests>,
    /// What its containers and sidecars request together, as an autoscaler counts it.
    pub container_requests: ContainerRequests,
    /// `nodeSelector`.
    pub node_selector: Labels,
    /// `requiredDuringSchedulingIgnoredDuringExecution` of node affinity: one of the terms. `None`: no requirement.
    pub required_node_terms: Option<Vec<NodeSelectorTerm>>,
    /// Preferred node affinity.
    pub preferred_node_terms: Vec<PreferredNodeTerm>,
    /// Tolerations, those that admission adds included.
    pub tolerations: Vec<Toleration>,
    /// Required pod affinity.
    pub required_affinity: Vec<PodAffinityTerm>,
    /// Required pod anti-affinity.
    pub required_anti_affinity: Vec<PodAffinityTerm>,
    /// Preferred pod affinity.
    pub preferred_affinity: Vec<PreferredPodTerm>,
    /// Preferred pod anti-affinity.
    pub preferred_anti_affinity: Vec<PreferredPodTerm>,
    /// Topology spread constraints, of both kinds.
    pub spread_constraints: Vec<SpreadConstraint>,
    /// Host ports of containers and sidecars.
    pub host_ports: Vec<HostPort>,
    /// Features of the kubelet that it needs.
    pub required_features: BTreeSet<NodeFeature>,
    /// `spec.nodeName` of the template or pod: bound without the scheduler.
    pub node_name: Option<NodeId>,
    /// `spec.nodeName` names a node that does not exist, or scheduling gates hold the pod, or no profile of the scheduler has its
    /// `spec.schedulerName`: the scheduler of this model leaves it alone.
    pub not_scheduled_here: bool,
    /// The profile of the scheduler's configuration that places it: the one that `spec.schedulerName` names.
    pub profile: ProfileId,
    /// Priority.
    pub priority: i32,
    /// Whether it may evict pods of lower priority.
    pub preemption_policy: PreemptionPolicy,
    /// Volumes that decide where it can run: claims and disks.
    pub volumes: Vec<VolumeSource>,
    /// Images of containers and init containers, normalised (for the image-locality score).
    pub images: Vec<Symbol>,
    /// How many containers and init containers there are.
    pub container_count: u32,
    /// Whether one of its init containers runs beside the containers.
    pub has_sidecar: bool,
    /// `terminationGracePeriodSeconds`.
    pub grace_period_seconds: u64,
    /// From bound to Ready, from probes and declared durations; a scenario's settings override it.
    pub startup: Duration,
    /// From the beginning of deletion until the containers have stopped, at most the grace period.
    pub shutdown: Duration,
    /// Whether its containers run again once they have ended.
    pub restart_policy: RestartPolicy,
    /// How long its containers run before they end on their own, where that is declared; looked at only where they need not
    /// run for ever. `None`: until something ends them.
    pub run: Option<Duration>,
    /// The exit code of the first container once they have run so long.
    pub exit_code: i32,
    /// Annotation `cluster-autoscaler.kubernetes.io/safe-to-evict`.
    pub safe_to_evict: Option<bool>,
    /// What admission reads of it.
    pub admission: Arc<PodAdmission>,
    /// Annotation `controller.kubernetes.io/pod-deletion-cost`.
    pub deletion_cost: i32,
    /// Whether it has a `hostPath` volume, or an `emptyDir` that is not of memory: the cluster autoscaler leaves it where it is.
    pub has_local_storage: bool,
    /// What the descheduler asks of it.
    pub descheduling: Descheduling,
}

/// What the descheduler asks of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Descheduling {
    /// Whether it has an `emptyDir` or a `hostPath` volume.
    pub has_local_storage: bool,
    /// Annotation `descheduler.alpha.kubernetes.io/evict`: whatever it is, it may be evicted.
    pub has_evict_annotation: bool,
    /// Annotation `descheduler.alpha.kubernetes.io/prefer-no-eviction`.
    pub prefers_no_eviction: bool,
    /// Its quality of service.
    pub qos: QosClass,
}

/// Quality of service; the lower goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QosClass {
    /// It requests nothing.
    #[default]
    BestEffort,
    /// It requests something.
    Burstable,
    /// It requests all that it may use.
    Guaranteed,
}

/// What containers and sidecars request; `None` where one of them requests nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContainerRequests {
    /// CPU, in thousandths of a core.
    pub cpu_milli: Option<i64>,
    /// Memory, in bytes.
    pub memory_bytes: Option<i64>,
}

/// One term of node affinity: all must hold. A term without any matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeSelectorTerm {
    /// `matchExpressions`, over labels.
    pub expressions: Vec<NodeRequirement>,
    /// `matchFields`, over `metadata.name`: (is it `In`, else `NotIn`; the name).
    pub fields: Vec<NodeRequirement>,
}

/// A requirement on a node's label or field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeRequirement {
    /// Label key, or [`Symbol::METADATA_NAME`] for a field.
    pub key: Symbol,
    /// What its value must be.
    pub operator: NodeRequirementOperator,
}

/// What a node requirement asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NodeRequirementOperator {
    /// One of these.
    In(Vec<Symbol>),
    /// None of these; true when the label is missing.
    NotIn(Vec<Symbol>),
    /// Any value.
    Exists,
    /// The label is missing.
    DoesNotExist,
    /// The label is an integer greater than this.
    GreaterThan(i64),
    /// The label is an integer less than this.
    LessThan(i64),
    /// Cannot be read (a value that is no integer): matches nothing.
    Invalid,
}

/// A preferred node-affinity term.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreferredNodeTerm {
    /// Its weight, 1 to 100.
    pub weight: i64,
    /// The term.
    pub term: NodeSelectorTerm,
}

/// A toleration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Toleration {
    /// The taint's key; `None`: every key.
    pub key: Option<Symbol>,
    /// How the value is compared.
    pub operator: TolerationOperator,
    /// The effect; `None`: every effect.
    pub effect: Option<Effect>,
    /// How long a NoExecute taint is tolerated; `None`: for ever.
    pub toleration_seconds: Option<i64>,
}

/// How a toleration compares the taint's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TolerationOperator {
    /// The values are equal.
    Equal(Symbol),
    /// Any value.
    Exists,
}

/// A term of pod affinity or anti-affinity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodAffinityTerm {
    /// The label that names the domain.
    pub topology_key: Symbol,
    /// Which pods; `None` matches none. `matchLabelKeys` and `mismatchLabelKeys` are folded in when the pod is created
    /// (see `match_label_keys`).
    pub selector: Option<LabelSelector>,
    /// Namespaces named; the pod's own where neither these nor a selector are given (filled in when the state is built).
    pub namespaces: Vec<Symbol>,
    /// Namespaces by label; `Some` of an empty selector: every namespace.
    pub namespace_selector: Option<LabelSelector>,
    /// `matchLabelKeys`: for each key that the pod has, its value is required.
    pub match_label_keys: Vec<Symbol>,
    /// `mismatchLabelKeys`: for each key that the pod has, its value is excluded.
    pub mismatch_label_keys: Vec<Symbol>,
}

/// A preferred pod-affinity term.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreferredPodTerm {
    /// Its weight, 1 to 100.
    pub weight: i64,
    /// The term.
    pub term: PodAffinityTerm,
}

/// A topology spread constraint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpreadConstraint {
    /// How uneven it may be.
    pub max_skew: i64,
    /// The label that names the domain.
    pub topology_key: Symbol,
    /// Hard or soft.
    pub when_unsatisfiable: WhenUnsatisfiable,
    /// Which pods count; `None` matches none.
    pub selector: Option<LabelSelector>,
    /// With fewer domains the smallest count is taken as 0; `None` is 1.
    pub min_domains: Option<i64>,
    /// Whether nodes that the pod's affinity excludes are left out; default Honor.
    pub node_affinity_policy: SpreadPolicy,
    /// Whether nodes with untolerated taints are left out; default Ignore.
    pub node_taints_policy: SpreadPolicy,
    /// For each key that the pod has, its value is required.
    pub match_label_keys: Vec<Symbol>,
}

/// What happens when a spread constraint cannot be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhenUnsatisfiable {
    /// Hard.
    DoNotSchedule,
    /// Soft.
    ScheduleAnyway,
}

/// Whether a spread constraint honours node affinity or taints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpreadPolicy {
    /// Nodes that it excludes do not count.
    Honor,
    /// They count.
    Ignore,
}

/// A host port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// The port.
    pub port: u16,
    /// The protocol.
    pub protocol: Protocol,
    /// `hostIP`; [`Symbol::EMPTY`] is every address, as `0.0.0.0` is.
    pub host_ip: Symbol,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

/// Whether the kubelet runs containers again once they have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RestartPolicy {
    /// Always.
    #[default]
    Always,
    /// When they have failed.
    OnFailure,
    /// Never.
    Never,
}

/// Whether a pod may evict others to be placed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PreemptionPolicy {
    /// `PreemptLowerPriority`.
    #[default]
    PreemptLowerPriority,
    /// `Never`.
    Never,
}
