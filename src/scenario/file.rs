//! A scenario file as written.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    /// `quorate.dev/v1alpha1`.
    pub api_version: String,
    /// `Scenario`.
    pub kind: String,
    /// Its name.
    #[serde(default)]
    pub metadata: Metadata,
    /// Steps and settings.
    pub spec: Spec,
}

/// The name.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Metadata {
    /// Shown in reports.
    #[serde(default)]
    pub name: Option<String>,
}

/// Steps and settings.
#[derive(Debug, Deserialize)]
pub(super) struct Spec {
    /// In order.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// By flag name.
    #[serde(default)]
    pub settings: Settings,
}

/// One step: exactly one action.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Step {
    pub name: Option<String>,
    pub expect: Option<Expect>,
    pub set_image: Option<SetImage>,
    pub restart: Option<OfWorkload>,
    pub scale: Option<Scale>,
    pub apply: Option<Apply>,
    pub delete: Option<Delete>,
    pub cordon: Option<OfNode>,
    pub uncordon: Option<OfNode>,
    pub drain: Option<OfNodes>,
    pub evict: Option<Evict>,
    pub set_ready: Option<SetReady>,
    pub fail_node: Option<OfNodes>,
    pub recover_node: Option<OfNodes>,
    pub delete_node: Option<OfNodes>,
    pub bind: Option<Bind>,
    pub set_metric: Option<SetMetric>,
    pub wait: Option<Wait>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Expect {
    pub outcome: Option<String>,
    pub min_ready: BTreeMap<String, i64>,
    pub available: BTreeMap<String, i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SetImage {
    pub workload: String,
    pub container: String,
    pub image: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct OfWorkload {
    pub workload: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Scale {
    pub workload: String,
    pub replicas: i32,
}

/// Inline objects, or a file of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Apply {
    pub objects: Option<serde_json::Value>,
    pub path: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Delete {
    pub object: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct OfNode {
    pub node: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct OfNodes {
    pub nodes: Vec<String>,
}

/// One pod, or a selection.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Evict {
    pub pod: Option<String>,
    pub pod_selector: Option<PodSelector>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodSelector {
    pub namespace: Option<String>,
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SetReady {
    pub pods: PodSelector,
    pub ready: bool,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub node: Option<String>,
}

/// Pods that are bound without the scheduler, in order.
#[derive(Debug, Deserialize)]
pub(super) struct Bind {
    pub pods: Vec<BoundPod>,
}

/// A pending pod of a workload, or a pod by name, and its node; of a DaemonSet all pending pods, each to the node it was made for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BoundPod {
    pub workload: Option<String>,
    pub pod: Option<String>,
    pub node: Option<String>,
    /// How many pods of which workload leave the node for it.
    pub evicted: BTreeMap<String, u32>,
    /// Nothing is bound: pods of the workload are evicted from this node, which has failed.
    pub evicted_from: Option<String>,
    /// How many of these; one, unless it is given.
    pub count: Option<u32>,
    /// Nothing is bound: the object of this node is deleted.
    pub deleted_node: Option<String>,
}

/// A metric of an autoscaler: one of the three values.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetMetric {
    pub horizontal_pod_autoscaler: String,
    pub metric: String,
    /// Percent of the requests, of each pod that is ready.
    #[serde(default)]
    pub average_utilization: Option<u32>,
    /// Of each pod that is ready.
    #[serde(default)]
    pub usage: Option<serde_json::Value>,
    /// Of all together.
    #[serde(default)]
    pub value: Option<serde_json::Value>,
}

/// Times of the cluster autoscaler.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClusterAutoscaler {
    pub provisioning_seconds: Option<u64>,
    pub scale_down_unneeded_seconds: Option<u64>,
    pub scale_down_delay_after_add_seconds: Option<u64>,
}

/// A controller that applies the manifests again and again.
#[derive(Debug, Deserialize)]
pub(super) struct Reapply {
    pub seconds: u64,
}

/// The descheduler: its policy, here or in a file beside the scenario, and how often it passes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Descheduler {
    pub policy: Option<serde_json::Value>,
    pub path: Option<String>,
    pub descheduling_interval: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wait {
    pub seconds: u64,
}

/// Control-plane settings by their flags. Durations as Go writes them: `50s`, `1m30s`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Settings {
    pub node_monitor_period: Option<String>,
    pub node_monitor_grace_period: Option<String>,
    pub node_eviction_rate: Option<f64>,
    pub secondary_node_eviction_rate: Option<f64>,
    pub large_cluster_size_threshold: Option<u32>,
    pub unhealthy_zone_threshold: Option<f64>,
    pub default_not_ready_toleration_seconds: Option<i64>,
    pub default_unreachable_toleration_seconds: Option<i64>,
    pub pods: Option<Pods>,
    pub now: Option<String>,
    pub cluster_autoscaler: Option<ClusterAutoscaler>,
    pub reapply: Option<Reapply>,
    pub descheduler: Option<Descheduler>,
    pub kube_scheduler: Option<String>,
    pub taint_eviction: Option<String>,
    pub placement: Option<String>,
    pub seed: Option<u64>,
    pub metrics: Vec<SetMetric>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Pods {
    pub startup_seconds: Option<u64>,
    pub shutdown_seconds: Option<u64>,
    pub run_seconds: Option<u64>,
}
