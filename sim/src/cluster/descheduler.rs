//! The descheduler's policy. Source: `pkg/api/v1alpha2/types.go` and the arguments of the plugins of
//! `kubernetes-sigs/descheduler` v0.36.0.

use std::collections::BTreeSet;

use super::labels::LabelSelector;
use super::name::Symbol;
use super::time::Duration;

/// What the descheduler does, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct DeschedulerPolicy {
    /// `--descheduling-interval`.
    pub interval: Duration,
    /// `nodeSelector`: the nodes that it looks at; `None`: all.
    pub node_selector: Option<LabelSelector>,
    /// `maxNoOfPodsToEvict…`, for each pass.
    pub limits: EvictionLimits,
    /// `profiles`, one after the other.
    pub profiles: Vec<DeschedulerProfile>,
}

/// How many pods a pass may evict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvictionLimits {
    /// `maxNoOfPodsToEvictPerNode`.
    pub per_node: Option<u64>,
    /// `maxNoOfPodsToEvictPerNamespace`.
    pub per_namespace: Option<u64>,
    /// `maxNoOfPodsToEvictTotal`.
    pub total: Option<u64>,
}

/// A profile.
#[derive(Clone, Debug, PartialEq)]
pub struct DeschedulerProfile {
    /// The arguments of `DefaultEvictor`.
    pub evictor: DefaultEvictor,
    /// `plugins.balance.enabled`, in order.
    pub balance: Vec<BalancePlugin>,
}

/// Which pods may be evicted at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefaultEvictor {
    /// `nodeFit`: only pods for which there seems to be another node.
    pub node_fit: bool,
    /// `nodeSelector`: the nodes that count for that; `None`: all.
    pub node_selector: Option<LabelSelector>,
    /// `labelSelector`; `None`: every pod.
    pub label_selector: Option<LabelSelector>,
    /// `namespaceLabelSelector`; `None`: every namespace.
    pub namespace_label_selector: Option<LabelSelector>,
    /// `minReplicas`.
    pub min_replicas: u64,
    /// `minPodAge`.
    pub min_pod_age: Option<Duration>,
    /// `priorityThreshold`: pods below it; `None`: the system critical priority.
    pub priority_threshold: Option<i32>,
    /// `noEvictionPolicy: Mandatory`: the annotation `prefer-no-eviction` forbids.
    pub obeys_no_eviction: bool,
    /// What is protected beside.
    pub protections: BTreeSet<PodProtection>,
}

/// Pods that are not evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodProtection {
    /// With `emptyDir` or `hostPath` volumes.
    PodsWithLocalStorage,
    /// Of DaemonSets.
    DaemonSetPods,
    /// Of a priority as high as the threshold, which is that of system critical pods unless it is given.
    SystemCriticalPods,
    /// Without a controller, even where they have failed.
    FailedBarePods,
    /// With PersistentVolumeClaims.
    PodsWithPvc,
    /// That no budget covers.
    PodsWithoutPdb,
}

/// A plugin that evens out.
#[derive(Clone, Debug, PartialEq)]
pub enum BalancePlugin {
    /// `RemoveDuplicates`.
    RemoveDuplicates {
        /// `namespaces`.
        namespaces: NamespaceFilter,
        /// `excludeOwnerKinds`.
        exclude_owner_kinds: BTreeSet<String>,
    },
    /// `RemovePodsViolatingTopologySpreadConstraint`.
    TopologySpread {
        /// `namespaces`.
        namespaces: NamespaceFilter,
        /// `labelSelector`; `None`: every pod.
        label_selector: Option<LabelSelector>,
        /// `constraints` has `DoNotSchedule`.
        hard: bool,
        /// `constraints` has `ScheduleAnyway`.
        soft: bool,
        /// `topologyBalanceNodeFit`.
        node_fit: bool,
    },
    /// `LowNodeUtilization`.
    LowNodeUtilization {
        /// `thresholds` and `targetThresholds`, by the name of the resource; percent.
        thresholds: Vec<UtilizationThreshold>,
        /// `useDeviationThresholds`: the thresholds are distances from the average.
        uses_deviation: bool,
        /// `numberOfNodes`: so many underutilised nodes are left alone.
        number_of_nodes: u64,
        /// `evictableNamespaces.exclude`.
        namespaces: NamespaceFilter,
        /// `evictionLimits.node`.
        per_node: Option<u64>,
    },
}

/// Of one resource.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UtilizationThreshold {
    /// Which.
    pub resource: UtilizedResource,
    /// `thresholds`, in percent.
    pub low: f64,
    /// `targetThresholds`, in percent.
    pub high: f64,
}

/// A resource whose use is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UtilizedResource {
    /// `cpu`.
    Cpu,
    /// `memory`.
    Memory,
    /// `pods`.
    Pods,
    /// Another one that nodes declare.
    Scalar(Symbol),
}

/// Namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NamespaceFilter {
    /// All.
    #[default]
    All,
    /// `include`.
    Include(BTreeSet<Symbol>),
    /// `exclude`.
    Exclude(BTreeSet<Symbol>),
}

impl NamespaceFilter {
    /// Whether it lets pods of `namespace` through.
    #[must_use]
    pub fn has(&self, namespace: Symbol) -> bool {
        match self {
            Self::All => true,
            Self::Include(namespaces) => namespaces.contains(&namespace),
            Self::Exclude(namespaces) => !namespaces.contains(&namespace),
        }
    }
}

impl BalancePlugin {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RemoveDuplicates { .. } => "RemoveDuplicates",
            Self::TopologySpread { .. } => "RemovePodsViolatingTopologySpreadConstraint",
            Self::LowNodeUtilization { .. } => "LowNodeUtilization",
        }
    }
}
