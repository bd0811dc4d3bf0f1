//! Older versions that are still served, as the versions that rules and simulation read.

use k8s_openapi::api::autoscaling::{v1, v2};

use crate::manifest::Typed;

/// `autoscaling/v1` as `autoscaling/v2` (`pkg/apis/autoscaling/v1/conversion.go`). The annotations in which `v1` keeps
/// other metrics are not read: only the API server writes them.
pub(super) fn horizontal_pod_autoscaler(older: v1::HorizontalPodAutoscaler) -> Typed {
    let v1::HorizontalPodAutoscalerSpec {
        max_replicas,
        min_replicas,
        scale_target_ref,
        target_cpu_utilization_percentage,
    } = older.spec;
    let metric = |percent| v2::MetricSpec {
        type_: "Resource".to_owned(),
        resource: Some(v2::ResourceMetricSource {
            name: "cpu".to_owned(),
            target: v2::MetricTarget {
                type_: "Utilization".to_owned(),
                average_utilization: Some(percent),
                ..v2::MetricTarget::default()
            },
        }),
        ..v2::MetricSpec::default()
    };
    let scale_target_ref = v2::CrossVersionObjectReference {
        api_version: scale_target_ref.api_version,
        kind: scale_target_ref.kind,
        name: scale_target_ref.name,
    };
    let spec = v2::HorizontalPodAutoscalerSpec {
        max_replicas,
        min_replicas,
        scale_target_ref,
        metrics: target_cpu_utilization_percentage.map(|percent| vec![metric(percent)]),
        behavior: None,
    };
    let newer = v2::HorizontalPodAutoscaler { metadata: older.metadata, spec, status: None };
    Typed::HorizontalPodAutoscaler(Box::new(newer))
}
