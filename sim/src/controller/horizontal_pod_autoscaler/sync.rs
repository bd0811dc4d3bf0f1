//! One look at a HorizontalPodAutoscaler. Source: `reconcileAutoscaler` and `computeReplicasForMetrics` of
//! `pkg/controller/podautoscaler/horizontal.go`.

use crate::cluster::{
    AutoscalerId, AutoscalerMemory, AutoscalerMetric, ClusterState, Duration, HorizontalPodAutoscaler, LabelSelector,
    MetricLoad, MetricTarget, ScalingRules, Symbol, Time,
};
use crate::controller::{WorkloadId, find_workload, is_active, workload_of};

use super::behavior::{Normalization, stabilized, stabilized_with_behavior, within_limits, within_rates};
use super::replica_calculator::{
    NoProposal, Tolerances, TotalTarget, plain_replicas, total_replicas, utilization_replicas,
};
use super::samples::{CPU_INITIALIZATION_PERIOD, Measured, all_request, ready, samples};

/// kube-controller-manager `--horizontal-pod-autoscaler-sync-period`.
pub const PERIOD: Duration = Duration::from_seconds(15);
/// kube-controller-manager `--horizontal-pod-autoscaler-tolerance`.
const TOLERANCE: f64 = 0.1;
/// kube-controller-manager `--horizontal-pod-autoscaler-downscale-stabilization`.
const DOWNSCALE_WINDOW: Duration = Duration::from_seconds(300);

/// A target gets another number of replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// The target.
    pub target: WorkloadId,
    /// The number before.
    pub from: i64,
    /// The number from now on.
    pub to: i64,
    /// `cpu above target`.
    pub why: String,
}

/// Looks at an autoscaler: what it remembers from now on, and what it does.
#[must_use]
pub fn sync(state: &ClusterState, id: AutoscalerId) -> Option<(AutoscalerMemory, Option<Rescale>)> {
    let own = state.autoscalers.get(&id)?;
    let target = find_workload(state, own.target)?;
    let current = replicas_of(state, target)?;
    let mut memory = recall(own, state.now, current);
    let outside = if current == 0 {
        // Scaled to nothing by hand: it is switched off.
        return Some((memory, None));
    } else if current > own.max_replicas {
        Some((own.max_replicas, "above maxReplicas"))
    } else if current < own.min_replicas {
        Some((own.min_replicas, "below minReplicas"))
    } else {
        None
    };
    let (to, why) = match outside {
        Some((to, why)) => (to, why.to_owned()),
        None => {
            let Some((proposed, metric)) = propose(state, own, target, current) else { return Some((memory, None)) };
            let to = normalize(own, &memory, state.now, current, proposed);
            memory.recommendations.push((state.now, proposed));
            let metric = state.names.text(metric);
            let why = if proposed > current {
                format!("{metric} above target")
            } else {
                "all metrics below target".to_owned()
            };
            (to, why)
        }
    };
    if to == current {
        return Some((memory, None));
    }
    if own.behavior.is_some() {
        let (events, change) = if to > current {
            (&mut memory.ups, to.saturating_sub(current))
        } else {
            (&mut memory.downs, current.saturating_sub(to))
        };
        events.push((state.now, change));
    }
    Some((memory, Some(Rescale { target, from: current, to, why })))
}

/// How long its own past may make it act still, nothing else changing.
#[must_use]
pub fn horizon(own: &HorizontalPodAutoscaler) -> Duration {
    let rules = own.behavior.iter().flat_map(|behavior| [&behavior.up, &behavior.down]);
    let windows =
        rules.flat_map(|rules: &ScalingRules| rules.policies.iter().map(|policy| policy.period).chain([rules.window]));
    let longest = windows.chain([DOWNSCALE_WINDOW, CPU_INITIALIZATION_PERIOD]).max().unwrap_or(DOWNSCALE_WINDOW);
    Duration::from_milliseconds(longest.milliseconds().saturating_add(PERIOD.milliseconds().saturating_mul(2)))
}

/// What still counts of what it remembers. While nothing changed it was not looked at here; it would have made the same
/// recommendation all the time.
fn recall(own: &HorizontalPodAutoscaler, now: Time, current: i64) -> AutoscalerMemory {
    let mut memory = own.memory.clone();
    match memory.recommendations.last().copied() {
        None => memory.recommendations.push((now, current)),
        Some((at, last)) if now.since(at) > PERIOD => {
            let before = now.milliseconds().saturating_sub(PERIOD.milliseconds());
            memory.recommendations.push((Time::from_milliseconds(before), last));
        }
        Some(_) => {}
    }
    let oldest = horizon(own);
    let counts = |(at, _): &(Time, i64)| now.since(*at) <= oldest;
    memory.recommendations.retain(counts);
    memory.ups.retain(counts);
    memory.downs.retain(counts);
    memory
}

fn normalize(own: &HorizontalPodAutoscaler, memory: &AutoscalerMemory, now: Time, current: i64, proposed: i64) -> i64 {
    let (least, most) = (own.min_replicas, own.max_replicas);
    let of = Normalization { memory, now, current, least, most };
    match &own.behavior {
        None => within_limits(of, stabilized(of, proposed)),
        Some(behavior) => within_rates(of, behavior, stabilized_with_behavior(of, behavior, proposed)),
    }
}

/// The most that any metric asks for. One that cannot be read keeps it from scaling down.
fn propose(
    state: &ClusterState,
    own: &HorizontalPodAutoscaler,
    target: WorkloadId,
    current: i64,
) -> Option<(i64, Symbol)> {
    let mut proposals: Vec<(i64, Symbol)> = Vec::new();
    for metric in &own.metrics {
        if let Ok(replicas) = of_metric(state, own, metric, target, current) {
            proposals.push((replicas, metric.name));
        }
    }
    let is_all_valid = proposals.len() == own.metrics.len();
    // The first of several equal ones is named.
    let mut most = None;
    for (replicas, name) in proposals {
        if most.is_none_or(|(highest, _)| replicas > highest) {
            most = Some((replicas, name));
        }
    }
    most.filter(|(replicas, _)| is_all_valid || *replicas >= current)
}

fn of_metric(
    state: &ClusterState,
    own: &HorizontalPodAutoscaler,
    metric: &AutoscalerMetric,
    target: WorkloadId,
    current: i64,
) -> Result<i64, NoProposal> {
    let load = metric.load.ok_or(NoProposal)?;
    let selector = selector_of(state, target).ok_or(NoProposal)?;
    let tolerances = tolerances(own);
    let samples = |measured| samples(state, own.namespace, selector, measured, load);
    match metric.target {
        MetricTarget::Utilization(resource, percent) => {
            if !all_request(state, own.namespace, selector, resource) {
                return Err(NoProposal);
            }
            utilization_replicas(&samples(Measured::Resource(resource))?, current, percent, tolerances)
        }
        MetricTarget::ResourceValue(resource, value) => {
            plain_replicas(&samples(Measured::Resource(resource))?, current, value, tolerances)
        }
        MetricTarget::PodsValue(value) => plain_replicas(&samples(Measured::Other)?, current, value, tolerances),
        MetricTarget::Value(value) => {
            let target = TotalTarget::Value { target: value, current, ready: ready(state, own.namespace, selector) };
            Ok(total_replicas(total(load)?, target, tolerances))
        }
        MetricTarget::AverageValue(value) => {
            let pods = active_pods(state, target);
            Ok(total_replicas(total(load)?, TotalTarget::PerPod { target: value, pods }, tolerances))
        }
        MetricTarget::NotModelled => Err(NoProposal),
    }
}

const fn total(load: MetricLoad) -> Result<i64, NoProposal> {
    match load {
        MetricLoad::Total(total) => Ok(total),
        MetricLoad::Utilization(_) | MetricLoad::Usage(_) => Err(NoProposal),
    }
}

fn tolerances(own: &HorizontalPodAutoscaler) -> Tolerances {
    let of = |rules: Option<&ScalingRules>| {
        let millionths = rules.and_then(|rules| rules.tolerance_millionths);
        #[expect(clippy::cast_precision_loss, reason = "a few millions")]
        millionths.map_or(TOLERANCE, |millionths| millionths as f64 / 1_000_000.0)
    };
    let behavior = own.behavior.as_ref();
    Tolerances { down: of(behavior.map(|behavior| &behavior.down)), up: of(behavior.map(|behavior| &behavior.up)) }
}

/// `spec.replicas`; `None` for a kind without a scale.
#[must_use]
pub fn replicas_of(state: &ClusterState, target: WorkloadId) -> Option<i64> {
    match target {
        WorkloadId::Deployment(id) => state.deployments.get(&id).map(|own| own.replicas),
        WorkloadId::ReplicaSet(id) => state.replica_sets.get(&id).map(|own| own.replicas),
        WorkloadId::StatefulSet(id) => state.stateful_sets.get(&id).map(|own| own.replicas),
        WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => None,
    }
}

fn selector_of(state: &ClusterState, target: WorkloadId) -> Option<&LabelSelector> {
    match target {
        WorkloadId::Deployment(id) => state.deployments.get(&id).map(|own| &own.selector),
        WorkloadId::ReplicaSet(id) => state.replica_sets.get(&id).map(|own| &own.selector),
        WorkloadId::StatefulSet(id) => state.stateful_sets.get(&id).map(|own| &own.selector),
        WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => None,
    }
}

fn active_pods(state: &ClusterState, target: WorkloadId) -> i64 {
    let own = state.pods.values().filter(|pod| is_active(pod) && workload_of(state, pod.owner) == Some(target));
    i64::try_from(own.count()).unwrap_or(i64::MAX)
}
