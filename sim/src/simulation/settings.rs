//! Control-plane settings, by their flags.

use crate::cluster::Duration;

/// Settings of the control plane; the defaults are those of Kubernetes 1.36.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// kube-controller-manager `--node-monitor-period`.
    pub node_monitor_period: Duration,
    /// kube-controller-manager `--node-monitor-grace-period`.
    pub node_monitor_grace_period: Duration,
    /// kube-controller-manager `--node-eviction-rate`, as the time between two nodes.
    pub node_eviction_interval: Duration,
    /// kube-controller-manager `--secondary-node-eviction-rate`, as the time between two nodes.
    pub secondary_node_eviction_interval: Duration,
    /// kube-controller-manager `--large-cluster-size-threshold`.
    pub large_cluster_size_threshold: u32,
    /// kube-controller-manager `--unhealthy-zone-threshold`, in hundredths.
    pub unhealthy_zone_threshold_percent: u32,
    /// Times of pods, for all pods.
    pub pods: PodTimes,
    /// A controller applies the manifests again and again, so often: `spec.replicas` where they write it. `None`: nobody does.
    pub reapply: Option<Duration>,
    /// Times of the cluster autoscaler.
    pub cluster_autoscaler: ClusterAutoscalerTimes,
    /// When kube-scheduler runs.
    pub scheduler_runs: SchedulerRuns,
    /// When pods of failed nodes are evicted.
    pub taint_eviction: TaintEviction,
    /// The seed of every choice that Kubernetes leaves open.
    pub seed: u64,
    /// How many events are played before a step is given up as one that never comes to rest.
    pub event_limit: u64,
}

/// When kube-scheduler runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchedulerRuns {
    /// In every step; in `bind` once everything is bound.
    #[default]
    Always,
    /// In steps `bind` alone, once everything is bound.
    AfterBind,
    /// From the first step `bind` on, once everything is bound.
    FromBind,
}

/// When pods of nodes that fail are evicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaintEviction {
    /// When their tolerations say so.
    #[default]
    Always,
    /// When steps `bind` name them.
    InBind,
}

/// How long pods take to start and stop; `None`: each pod's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodTimes {
    /// From bound to Ready.
    pub startup: Option<Duration>,
    /// From deletion to gone.
    pub shutdown: Option<Duration>,
    /// From the start of containers that need not run for ever to their end.
    pub run: Option<Duration>,
}

/// Times of the cluster autoscaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterAutoscalerTimes {
    /// From the decision that a pool grows until the node is ready: the provider's, two minutes where nobody says.
    pub provisioning: Duration,
    /// `--scale-down-unneeded-time`.
    pub unneeded: Duration,
    /// `--scale-down-delay-after-add`.
    pub delay_after_growth: Duration,
}

impl Default for ClusterAutoscalerTimes {
    fn default() -> Self {
        Self {
            provisioning: Duration::from_seconds(120),
            unneeded: Duration::from_seconds(600),
            delay_after_growth: Duration::from_seconds(600),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node_monitor_period: Duration::from_seconds(5),
            node_monitor_grace_period: Duration::from_seconds(50),
            node_eviction_interval: Duration::from_seconds(10),
            secondary_node_eviction_interval: Duration::from_seconds(100),
            large_cluster_size_threshold: 50,
            unhealthy_zone_threshold_percent: 55,
            pods: PodTimes::default(),
            reapply: None,
            cluster_autoscaler: ClusterAutoscalerTimes::default(),
            scheduler_runs: SchedulerRuns::Always,
            taint_eviction: TaintEviction::Always,
            seed: 0,
            event_limit: 1_000_000,
        }
    }
}
