//! One look at a HorizontalPodAutoscaler. Source: `reconcileAutoscaler` and `computeReplicasForMetrics` of
//! `pkg/controller/podautoscaler/horizontal.go`.

use std::cmp::Ordering;

use crate::cluster::{
    AutoscalerId, AutoscalerMemory, AutoscalerMetric, ClusterState, Duration, HorizontalPodAutoscaler, LabelSelector,
    MetricLoad, MetricTarget, Pod, ScalingRules, Symbol, Time,
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
    memory.last_look = Some((state.now, None));
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
            let proposal = propose(state, own, target, current).filter(|_| rival(state, id).is_none());
            let Some((proposed, metric)) = proposal else { return Some((memory, None)) };
            let to = normalize(own, &memory, state.now, current, proposed);
            memory.recommendations.push((state.now, proposed));
            memory.last_look = Some((state.now, Some(proposed)));
            (to, reason(state, metric, proposed, current))
        }
    };
    if to == current {
        return Some((memory, None));
    }
    if let Some(behavior) = &own.behavior {
        let (events, rules, change) = if to > current {
            (&mut memory.ups, &behavior.up, to.saturating_sub(current))
        } else {
            (&mut memory.downs, &behavior.down, current.saturating_sub(to))
        };
        note(events, rules, state.now, change);
    }
    Some((memory, Some(Rescale { target, from: current, to, why })))
}

/// Another autoscaler that selects one of the same pods: neither goes by its metrics then. Source: `validateAndParseSelector` of
/// `pkg/controller/podautoscaler/horizontal.go`; the first look after a start of the controller, before it knows both, is left out.
#[must_use]
pub fn rival(state: &ClusterState, id: AutoscalerId) -> Option<AutoscalerId> {
    let own = state.autoscalers.get(&id)?;
    let others = state.autoscalers.iter().filter(|(other, item)| **other != id && item.namespace == own.namespace);
    let mut selecting =
        others.filter_map(|(other, item)| Some((*other, selector_of(state, find_workload(state, item.target)?)?)));
    let selector = selector_of(state, find_workload(state, own.target)?)?;
    let is_own = |pod: &Pod| selector.matches(&pod.labels);
    selecting
        .find(|(_, others)| state.pods.selected(own.namespace, others).iter().any(|(_, pod)| is_own(pod)))
        .map(|(other, _)| other)
}

/// Why the target is rescaled. It speaks of what the metrics ask for, whatever stabilisation makes of that; empty where they ask
/// for what there is.
fn reason(state: &ClusterState, metric: Symbol, proposed: i64, current: i64) -> String {
    match proposed.cmp(&current) {
        Ordering::Greater => format!("{} above target", state.names.text(metric)),
        Ordering::Less => "all metrics below target".to_owned(),
        Ordering::Equal => String::new(),
    }
}

/// Remembers a change. It takes the place of one that is older than the policies of its own direction look back, although those of
/// the other may look back further. Source: `storeScaleEvent` of `pkg/controller/podautoscaler/horizontal.go`.
fn note(events: &mut Vec<(Time, i64)>, rules: &ScalingRules, now: Time, change: i64) {
    let longest = rules.policies.iter().map(|policy| policy.period).max().unwrap_or(Duration::ZERO);
    match events.iter_mut().rev().find(|(at, _)| now.since(*at) > longest) {
        Some(outdated) => *outdated = (now, change),
        None => events.push((now, change)),
    }
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
    match memory.last_look {
        None => memory.recommendations.push((now, current)),
        Some((at, Some(last))) if now.since(at) > PERIOD => {
            let before = now.milliseconds().saturating_sub(PERIOD.milliseconds());
            memory.recommendations.push((Time::from_milliseconds(before), last));
        }
        Some(_) => {}
    }
    let oldest = horizon(own);
    memory.recommendations.retain(|(at, _)| now.since(*at) <= oldest);
    for event in memory.ups.iter_mut().chain(&mut memory.downs).filter(|(at, _)| now.since(*at) > oldest) {
        // It counts for nothing, but decides where the next one is kept.
        *event = (Time::ZERO, 0);
    }
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
            let ready = ready(state, own.namespace, selector);
            total_replicas(total(load)?, TotalTarget::Value { target: value, current, ready }, tolerances)
        }
        MetricTarget::AverageValue(value) => {
            let pods = active_pods(state, target);
            total_replicas(total(load)?, TotalTarget::PerPod { target: value, pods }, tolerances)
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
        rules.and_then(|rules| rules.tolerance_billionths).map_or(TOLERANCE, approximate)
    };
    let behavior = own.behavior.as_ref();
    Tolerances { down: of(behavior.map(|behavior| &behavior.down)), up: of(behavior.map(|behavior| &behavior.up)) }
}

/// As the controller takes it: the digits that the API server writes, times the power of ten of their suffix. Source:
/// `AsApproximateFloat64` of `k8s.io/apimachinery/pkg/api/resource/quantity.go`.
fn approximate(billionths: i64) -> f64 {
    let scales = [(1_000_000_000, 1.0), (1_000_000, 1e-3), (1000, 1e-6)];
    let whole = |unit: i64| billionths.checked_rem(unit) == Some(0);
    let (unit, factor) = scales.into_iter().find(|(unit, _)| whole(*unit)).unwrap_or((1, 1e-9));
    #[expect(clippy::cast_precision_loss, reason = "as the controller computes, in float64")]
    let digits = billionths.checked_div(unit).unwrap_or(0) as f64;
    digits * factor
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
