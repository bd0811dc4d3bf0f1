//! HorizontalPodAutoscaler (`pkg/apis/autoscaling/v2/defaults.go`).

use k8s_openapi::api::autoscaling::v2::{
    HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler, MetricSpec, MetricTarget, ResourceMetricSource,
};

use super::absent::pointer;

/// The share of its requested CPU that a pod is meant to use.
const CPU_UTILIZATION_PERCENT: i32 = 80;
const PERIOD_SECONDS: i32 = 15;

pub(super) fn horizontal_pod_autoscaler(autoscaler: &mut HorizontalPodAutoscaler) {
    let spec = &mut autoscaler.spec;
    pointer(&mut spec.min_replicas, 1);
    if spec.metrics.as_ref().is_none_or(Vec::is_empty) {
        let target = MetricTarget {
            type_: "Utilization".to_owned(),
            average_utilization: Some(CPU_UTILIZATION_PERCENT),
            ..MetricTarget::default()
        };
        let resource = Some(ResourceMetricSource { name: "cpu".to_owned(), target });
        spec.metrics = Some(vec![MetricSpec { type_: "Resource".to_owned(), resource, ..MetricSpec::default() }]);
    }
    if let Some(behavior) = &mut spec.behavior {
        let up = behavior.scale_up.get_or_insert_default();
        pointer(&mut up.stabilization_window_seconds, 0);
        rules(up, &[("Pods", 4), ("Percent", 100)]);
        rules(behavior.scale_down.get_or_insert_default(), &[("Percent", 100)]);
    }
}

fn rules(rules: &mut HPAScalingRules, policies: &[(&str, i32)]) {
    pointer(&mut rules.select_policy, "Max");
    let policy = |(type_, value): &(&str, i32)| HPAScalingPolicy {
        type_: (*type_).to_owned(),
        value: *value,
        period_seconds: PERIOD_SECONDS,
    };
    pointer(&mut rules.policies, policies.iter().map(policy).collect::<Vec<_>>());
}
