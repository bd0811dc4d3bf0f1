//! HorizontalPodAutoscalers.

use k8s_openapi::api::autoscaling::v2 as api;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use quorate_sim::cluster::{
    AutoscalerId, AutoscalerMemory, AutoscalerMetric, ClusterState, ContainerRequests, Duration,
    HorizontalPodAutoscaler, MetricTarget, PodResource, ScalingAmount, ScalingBehavior, ScalingPolicy, ScalingRules,
    SelectPolicy, WorkloadKind, WorkloadName,
};

use super::requests::is_sidecar;
use super::workloads::named;
use crate::manifest::decode::parse_quantity;
use k8s_openapi::api::core::v1::PodSpec as ApiPodSpec;

/// Without a value it is the controller's own.
const DOWNSCALE_WINDOW_SECONDS: u64 = 300;

/// Adds an autoscaler; `None` for one of a kind of target that the model does not have.
pub(super) fn add(state: &mut ClusterState, api: &api::HorizontalPodAutoscaler) -> Option<AutoscalerId> {
    let own = named(state, &api.metadata);
    let reference = &api.spec.scale_target_ref;
    let kind = match reference.kind.as_str() {
        "Deployment" => WorkloadKind::Deployment,
        "StatefulSet" => WorkloadKind::StatefulSet,
        "ReplicaSet" => WorkloadKind::ReplicaSet,
        _ => return None,
    };
    let target = WorkloadName { kind, namespace: own.namespace_symbol, name: state.intern(&reference.name) };
    let metrics = api.spec.metrics.iter().flatten().map(|metric| of_metric(state, metric)).collect();
    let id = AutoscalerId(u32::try_from(state.autoscalers.len()).unwrap_or(u32::MAX));
    let autoscaler = HorizontalPodAutoscaler {
        namespace: own.namespace_symbol,
        name: own.name,
        target,
        min_replicas: i64::from(api.spec.min_replicas.unwrap_or(1)),
        max_replicas: i64::from(api.spec.max_replicas),
        metrics,
        behavior: api.spec.behavior.as_ref().map(behavior),
        memory: AutoscalerMemory::default(),
    };
    state.autoscalers.insert(id, autoscaler);
    Some(id)
}

/// Takes over the values of metrics and what the controller remembers.
pub(super) fn keep(old: &HorizontalPodAutoscaler, new: &mut HorizontalPodAutoscaler) {
    for metric in &mut new.metrics {
        metric.load = old.metrics.iter().find(|own| own.name == metric.name).and_then(|own| own.load);
    }
    new.memory.clone_from(&old.memory);
}

fn of_metric(state: &mut ClusterState, metric: &api::MetricSpec) -> AutoscalerMetric {
    let of_total = |target: &api::MetricTarget| {
        let value = target.value.as_ref().and_then(milli).map(MetricTarget::Value);
        let average = target.average_value.as_ref().and_then(milli).map(MetricTarget::AverageValue);
        value.or(average).unwrap_or(MetricTarget::NotModelled)
    };
    let (name, target) = if let Some(resource) = &metric.resource {
        let target = match (PodResource::named(&resource.name), &resource.target) {
            (Some(kind), target) => match (target.average_value.as_ref().and_then(milli), target.average_utilization) {
                (Some(value), _) => MetricTarget::ResourceValue(kind, value),
                (None, Some(percent)) => MetricTarget::Utilization(kind, i64::from(percent)),
                (None, None) => MetricTarget::NotModelled,
            },
            (None, _) => MetricTarget::NotModelled,
        };
        (resource.name.as_str(), target)
    } else if let Some(pods) = &metric.pods {
        let value = pods.target.average_value.as_ref().and_then(milli);
        (pods.metric.name.as_str(), value.map_or(MetricTarget::NotModelled, MetricTarget::PodsValue))
    } else if let Some(object) = &metric.object {
        (object.metric.name.as_str(), of_total(&object.target))
    } else if let Some(external) = &metric.external {
        (external.metric.name.as_str(), of_total(&external.target))
    } else {
        let name = metric.container_resource.as_ref().map_or("", |own| own.name.as_str());
        (name, MetricTarget::NotModelled)
    };
    AutoscalerMetric { name: state.intern(name), target, load: None }
}

/// An amount in thousandths; `None` for what cannot be read or is not positive, which the API server refuses.
fn milli(amount: &ApiQuantity) -> Option<i64> {
    let amount = i64::try_from(parse_quantity(&amount.0).ok()?.milli()).ok()?;
    (amount > 0).then_some(amount)
}

fn behavior(behavior: &api::HorizontalPodAutoscalerBehavior) -> ScalingBehavior {
    ScalingBehavior {
        up: rules(behavior.scale_up.as_ref(), 0),
        down: rules(behavior.scale_down.as_ref(), DOWNSCALE_WINDOW_SECONDS),
    }
}

/// The API server has filled in the policies.
fn rules(rules: Option<&api::HPAScalingRules>, window_seconds: u64) -> ScalingRules {
    let seconds = |seconds: i32| Duration::from_seconds(u64::try_from(seconds).unwrap_or(0));
    let policy = |policy: &api::HPAScalingPolicy| ScalingPolicy {
        amount: if policy.type_ == "Percent" {
            ScalingAmount::Percent(i64::from(policy.value))
        } else {
            ScalingAmount::Pods(i64::from(policy.value))
        },
        period: seconds(policy.period_seconds),
    };
    let tolerance = rules
        .and_then(|rules| rules.tolerance.as_ref())
        .and_then(|tolerance| i64::try_from(parse_quantity(&tolerance.0).ok()?.nano()).ok());
    ScalingRules {
        window: rules
            .and_then(|rules| rules.stabilization_window_seconds)
            .map_or(Duration::from_seconds(window_seconds), seconds),
        select: match rules.and_then(|rules| rules.select_policy.as_deref()) {
            Some("Min") => SelectPolicy::Min,
            Some("Disabled") => SelectPolicy::Disabled,
            Some(_) | None => SelectPolicy::Max,
        },
        policies: rules.iter().flat_map(|rules| rules.policies.iter().flatten()).map(policy).collect(),
        tolerance_billionths: tolerance,
    }
}

/// What containers and sidecars request together; requests of the whole pod take their place. Source: `calculateRequests` of
/// `pkg/controller/podautoscaler/replica_calculator.go`.
pub(super) fn container_requests(api: &ApiPodSpec) -> ContainerRequests {
    let whole = api.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let whole = whole.filter(|list| list.keys().any(|name| name == "cpu" || name == "memory"));
    let amount = |name: &str| -> Option<i128> {
        if let Some(whole) = whole {
            return Some(parse_quantity(&whole.get(name)?.0).ok()?.milli());
        }
        let sidecars = api.init_containers.iter().flatten().filter(|container| is_sidecar(container));
        let requests = api.containers.iter().chain(sidecars).map(|container| {
            let request = container.resources.as_ref()?.requests.as_ref()?.get(name)?;
            Some(parse_quantity(&request.0).ok()?.milli())
        });
        requests.sum()
    };
    ContainerRequests {
        cpu_milli: amount("cpu").and_then(|milli| i64::try_from(milli).ok()),
        memory_bytes: amount("memory").and_then(|milli| i64::try_from(milli / 1000).ok()),
    }
}
