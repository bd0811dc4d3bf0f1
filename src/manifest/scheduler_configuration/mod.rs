//! kube-scheduler's configuration file: KubeSchedulerConfiguration, kubescheduler.config.k8s.io/v1.
//!
//! - `document`: the file as it is written
//! - `arguments`: the plugins' arguments as they are written, and their defaults
//! - `duration`: times, as Go writes them
//! - `extension_point`, `in_tree`: where plugins run; kube-scheduler's own plugins
//! - `merge`: how a profile's plugins change the default ones, in the order in which they run
//! - `validate`, `validate_arguments`: what kube-scheduler refuses (`pkg/scheduler/apis/config/validation`)
//! - `start`: what it refuses when it starts, and what would fail every pod
//! - `reading`: the whole
//! - `stray`: such a file among manifests

mod arguments;
mod document;
mod duration;
mod extension_point;
mod in_tree;
mod merge;
mod reading;
mod start;
mod stray;
mod validate;
mod validate_arguments;

pub use arguments::{
    BalancedAllocationArguments, DynamicResourcesArguments, FitArguments, InterPodAffinityArguments,
    NodeAffinityArguments, PodTopologySpreadArguments, PreemptionArguments, RequestedToCapacityRatio, ResourceSpec,
    ScoringStrategy, UtilizationShapePoint, VolumeBindingArguments,
};
pub use duration::GoDuration;
pub use extension_point::ExtensionPoint;
pub use reading::{Reading, SchedulerArguments, SchedulerFile, SchedulerNote, SchedulerProfile, read};
pub use stray::{STRAY_RULE, stray};
