//! The policy as it is written. Source: `pkg/api/v1alpha2/types.go` and `types.go` of the plugins of `kubernetes-sigs/descheduler`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Policy {
    pub api_version: String,
    pub kind: String,
    pub profiles: Vec<Profile>,
    pub node_selector: Option<String>,
    pub max_no_of_pods_to_evict_per_node: Option<u64>,
    pub max_no_of_pods_to_evict_per_namespace: Option<u64>,
    pub max_no_of_pods_to_evict_total: Option<u64>,
    /// Only what is said of a failure.
    #[serde(rename = "evictionFailureEventNotification")]
    pub _eviction_failure_event_notification: Option<bool>,
    pub metrics_collector: Option<Value>,
    pub metrics_providers: Option<Value>,
    pub grace_period_seconds: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Profile {
    #[serde(rename = "name")]
    pub _name: String,
    pub plugin_config: Vec<PluginConfig>,
    pub plugins: Plugins,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PluginConfig {
    pub name: String,
    #[serde(rename = "args")]
    pub _args: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Plugins {
    pub presort: PluginSet,
    pub sort: PluginSet,
    pub deschedule: PluginSet,
    pub balance: PluginSet,
    pub filter: PluginSet,
    pub preevictionfilter: PluginSet,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PluginSet {
    pub enabled: Vec<String>,
    /// The descheduler does not look at it either.
    #[serde(rename = "disabled")]
    pub _disabled: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Evictor {
    pub node_selector: Option<String>,
    pub label_selector: Option<LabelSelector>,
    pub namespace_label_selector: Option<LabelSelector>,
    pub priority_threshold: Option<PriorityThreshold>,
    pub node_fit: bool,
    pub min_replicas: u64,
    pub min_pod_age: Option<String>,
    pub no_eviction_policy: Option<String>,
    pub pod_protections: PodProtections,
    pub evict_local_storage_pods: bool,
    pub evict_daemon_set_pods: bool,
    pub evict_system_critical_pods: bool,
    pub ignore_pvc_pods: bool,
    #[serde(rename = "ignorePodsWithoutPDB")]
    pub ignore_pods_without_pdb: bool,
    pub evict_failed_bare_pods: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PriorityThreshold {
    pub value: Option<i32>,
    pub name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PodProtections {
    pub extra_enabled: Vec<String>,
    pub default_disabled: Vec<String>,
    pub config: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Namespaces {
    pub include: Vec<String>,
    pub exclude: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RemoveDuplicates {
    pub namespaces: Option<Namespaces>,
    pub exclude_owner_kinds: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TopologySpread {
    pub namespaces: Option<Namespaces>,
    pub label_selector: Option<LabelSelector>,
    pub constraints: Vec<String>,
    pub topology_balance_node_fit: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LowNodeUtilization {
    pub use_deviation_thresholds: bool,
    pub thresholds: BTreeMap<String, f64>,
    pub target_thresholds: BTreeMap<String, f64>,
    pub number_of_nodes: u64,
    pub metrics_utilization: Option<Value>,
    pub evictable_namespaces: Option<Namespaces>,
    pub eviction_limits: Option<EvictionLimits>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EvictionLimits {
    pub node: Option<u64>,
}
