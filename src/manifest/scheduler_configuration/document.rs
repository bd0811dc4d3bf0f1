//! The file as it is written. Source: `staging:kube-scheduler/config/v1/types.go`, `staging:component-base/config/v1alpha1`.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::duration::GoDuration;

/// A KubeSchedulerConfiguration.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Document {
    #[serde(rename = "apiVersion")]
    _api_version: Option<String>,
    #[serde(rename = "kind")]
    _kind: Option<String>,
    pub(super) parallelism: Option<i32>,
    pub(super) leader_election: LeaderElection,
    pub(super) client_connection: ClientConnection,
    #[serde(rename = "enableProfiling")]
    _enable_profiling: Option<bool>,
    #[serde(rename = "enableContentionProfiling")]
    _enable_contention_profiling: Option<bool>,
    pub(super) percentage_of_nodes_to_score: Option<i32>,
    pub(super) pod_initial_backoff_seconds: Option<i64>,
    pub(super) pod_max_backoff_seconds: Option<i64>,
    pub(super) profiles: Vec<Profile>,
    pub(super) extenders: Vec<Extender>,
    #[serde(rename = "delayCacheUntilActive")]
    _delay_cache_until_active: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LeaderElection {
    pub(super) leader_elect: Option<bool>,
    pub(super) lease_duration: GoDuration,
    pub(super) renew_deadline: GoDuration,
    pub(super) retry_period: GoDuration,
    pub(super) resource_lock: String,
    #[serde(rename = "resourceName")]
    _resource_name: String,
    #[serde(rename = "resourceNamespace")]
    _resource_namespace: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClientConnection {
    #[serde(rename = "kubeconfig")]
    _kubeconfig: String,
    #[serde(rename = "acceptContentTypes")]
    _accept_content_types: String,
    #[serde(rename = "contentType")]
    _content_type: String,
    #[serde(rename = "qps")]
    _qps: f32,
    pub(super) burst: i32,
}

/// A profile.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Profile {
    pub(super) scheduler_name: Option<String>,
    pub(super) percentage_of_nodes_to_score: Option<i32>,
    pub(super) plugins: Option<Plugins>,
    pub(super) plugin_config: Vec<PluginConfig>,
}

/// The plugins of each extension point.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Plugins {
    pub(super) pre_enqueue: PluginSet,
    pub(super) queue_sort: PluginSet,
    pub(super) pre_filter: PluginSet,
    pub(super) filter: PluginSet,
    pub(super) post_filter: PluginSet,
    pub(super) pre_score: PluginSet,
    pub(super) score: PluginSet,
    pub(super) reserve: PluginSet,
    pub(super) permit: PluginSet,
    pub(super) pre_bind: PluginSet,
    pub(super) bind: PluginSet,
    pub(super) post_bind: PluginSet,
    pub(super) multi_point: PluginSet,
    pub(super) placement_generate: PluginSet,
    pub(super) placement_score: PluginSet,
}

/// What changes at one extension point.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PluginSet {
    pub(super) enabled: Vec<Plugin>,
    pub(super) disabled: Vec<Plugin>,
}

/// A plugin, and what its scores weigh.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Plugin {
    pub(super) name: String,
    pub(super) weight: Option<i32>,
}

/// The arguments of a plugin; they are decoded by its name.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PluginConfig {
    pub(super) name: String,
    pub(super) args: Option<IgnoredAny>,
}

/// A program that kube-scheduler asks over HTTP.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Extender {
    pub(super) url_prefix: String,
    pub(super) filter_verb: String,
    pub(super) preempt_verb: String,
    pub(super) prioritize_verb: String,
    pub(super) weight: i64,
    pub(super) bind_verb: String,
    #[serde(rename = "enableHTTPS")]
    _enable_https: bool,
    #[serde(rename = "tlsConfig")]
    _tls_config: Option<ExtenderTls>,
    #[serde(rename = "httpTimeout")]
    _http_timeout: GoDuration,
    #[serde(rename = "nodeCacheCapable")]
    _node_cache_capable: bool,
    pub(super) managed_resources: Vec<ManagedResource>,
    #[serde(rename = "ignorable")]
    _ignorable: bool,
}

/// Certificates of an extender; their data is a secret and is in no message.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ExtenderTls {
    #[serde(rename = "insecure")]
    _insecure: bool,
    #[serde(rename = "serverName")]
    _server_name: String,
    #[serde(rename = "certFile")]
    _cert_file: String,
    #[serde(rename = "keyFile")]
    _key_file: String,
    #[serde(rename = "caFile")]
    _ca_file: String,
    #[serde(rename = "certData")]
    _cert_data: Option<IgnoredAny>,
    #[serde(rename = "keyData")]
    _key_data: Option<IgnoredAny>,
    #[serde(rename = "caData")]
    _ca_data: Option<IgnoredAny>,
}

/// An extended resource whose pods an extender is asked about.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ManagedResource {
    pub(super) name: String,
    pub(super) ignored_by_scheduler: bool,
}
