//! HorizontalPodAutoscalers, and the values of their metrics as they are given.

use std::hash::{Hash, Hasher};

use super::name::Symbol;
use super::time::{Duration, Time};
use super::workload::WorkloadName;

/// Names a HorizontalPodAutoscaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AutoscalerId(pub u32);

/// A HorizontalPodAutoscaler (`autoscaling/v2`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HorizontalPodAutoscaler {
    /// Its namespace.
    pub namespace: Symbol,
    /// Its name.
    pub name: Symbol,
    /// `scaleTargetRef`: a Deployment, a StatefulSet or a ReplicaSet.
    pub target: WorkloadName,
    /// `minReplicas`.
    pub min_replicas: i64,
    /// `maxReplicas`.
    pub max_replicas: i64,
    /// `metrics`.
    pub metrics: Vec<AutoscalerMetric>,
    /// `behavior`; `None`: that of before there was one.
    pub behavior: Option<ScalingBehavior>,
    /// What its controller remembers.
    pub memory: AutoscalerMemory,
}

/// One of its metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutoscalerMetric {
    /// `cpu`, `requests_per_second`.
    pub name: Symbol,
    /// What it measures, and what that should be.
    pub target: MetricTarget,
    /// What it measures now; `None`: nobody says.
    pub load: Option<MetricLoad>,
}

/// What a metric should be. Amounts are in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricTarget {
    /// `Resource` with `averageUtilization`: percent of the requests.
    Utilization(PodResource, i64),
    /// `Resource` with `averageValue`.
    ResourceValue(PodResource, i64),
    /// `Pods`.
    PodsValue(i64),
    /// `Object` or `External` with `value`: of all pods together.
    Value(i64),
    /// `Object` or `External` with `averageValue`: divided by the number of pods.
    AverageValue(i64),
    /// `ContainerResource`: not modelled.
    NotModelled,
}

/// A resource that pods use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PodResource {
    /// CPU, in thousandths of a core.
    Cpu,
    /// Memory, in thousandths of a byte.
    Memory,
}

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricLoad {
    /// Each pod that serves uses so many percent of what it requests.
    Utilization(i64),
    /// Each pod that serves uses so much, in thousandths.
    Usage(i64),
    /// All together use so much, in thousandths: the pods that are ready share it.
    Total(i64),
}

/// `behavior`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalingBehavior {
    /// `scaleUp`.
    pub up: ScalingRules,
    /// `scaleDown`.
    pub down: ScalingRules,
}

/// How fast it scales in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalingRules {
    /// `stabilizationWindowSeconds`.
    pub window: Duration,
    /// `selectPolicy`.
    pub select: SelectPolicy,
    /// `policies`.
    pub policies: Vec<ScalingPolicy>,
    /// `tolerance`, in billionths; `None`: that of the controller.
    pub tolerance_billionths: Option<i64>,
}

/// Which of several policies counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The one that allows the greatest change.
    Max,
    /// The one that allows the smallest.
    Min,
    /// It does not scale in this direction.
    Disabled,
}

/// How much may change within a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScalingPolicy {
    /// How much.
    pub amount: ScalingAmount,
    /// Within which time.
    pub period: Duration,
}

/// A number of pods, or percent of those at the beginning of the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalingAmount {
    /// `Pods`.
    Pods(i64),
    /// `Percent`.
    Percent(i64),
}

/// What the controller remembers of a HorizontalPodAutoscaler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutoscalerMemory {
    /// What it would have scaled to, unstabilised, and when.
    pub recommendations: Vec<(Time, i64)>,
    /// By how much it has scaled up, and when; in the order in which the controller keeps them.
    pub ups: Vec<(Time, i64)>,
    /// By how much it has scaled down, and when; in the same way.
    pub downs: Vec<(Time, i64)>,
    /// When it last looked, and what it recommended then; `None` inside: it could not say.
    pub last_look: Option<(Time, Option<i64>)>,
}

impl PodResource {
    /// `cpu`, `memory`; `None` for others.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "cpu" => Some(Self::Cpu),
            "memory" => Some(Self::Memory),
            _ => None,
        }
    }
}

impl HorizontalPodAutoscaler {
    /// What decides what it does next; times by their distance from `now`, as far as `horizon`.
    pub(crate) fn hash_at(&self, now: Time, horizon: Duration, hasher: &mut impl Hasher) {
        let ago = |at: Time| now.since(at).min(horizon);
        (self.target, self.min_replicas, self.max_replicas).hash(hasher);
        self.memory.last_look.map(|(at, recommended)| (ago(at), recommended)).hash(hasher);
        for metric in &self.metrics {
            metric.load.hash(hasher);
        }
        for remembered in [&self.memory.recommendations, &self.memory.ups, &self.memory.downs] {
            remembered.len().hash(hasher);
            for (at, number) in remembered {
                (ago(*at), *number).hash(hasher);
            }
        }
    }
}
