//! kube-controller-manager 1.36, the kubelet and the scheduler's part of a step: functions from a state to the changes that
//! they want to make now.
//!
//! | file | what |
//! | --- | --- |
//! | `workload.rs` | which workload a pod belongs to, names, readiness |
//! | `deployment/` | Deployments: rolling and recreating updates |
//! | `replica_set.rs` | ReplicaSets: creation and the order of deletion |
//! | `stateful_set.rs` | StatefulSets |
//! | `daemon_set/` | DaemonSets |
//! | `job/` | Jobs |
//! | `cron_job/` | CronJobs |
//! | `cluster_autoscaler/` | pools of nodes that grow and shrink |
//! | `descheduler/` | the descheduler: pods that would be better elsewhere |
//! | `horizontal_pod_autoscaler/` | HorizontalPodAutoscalers with given metrics |
//! | `attach_detach.rs` | volumes for one node, and pods that wait for them |
//! | `disruption.rs` | the status of PodDisruptionBudgets |
//! | `endpoint_slice.rs` | which pods answer a Service |
//! | `node_lifecycle/` | heartbeats, taints by condition, zones |
//! | `taint_eviction.rs` | pods that do not tolerate NoExecute taints |
//! | `pod_gc.rs` | pods of nodes that are gone |
//! | `kubelet.rs` | pods start, become ready and stop |
//! | `scheduling.rs` | one attempt to place a pod |
//! | `adoption.rs` | pods of the input that have no controller yet |
//!
mod adoption;
pub mod attach_detach;
pub mod cluster_autoscaler;
pub mod cron_job;
pub mod daemon_set;
pub mod deployment;
pub mod descheduler;
pub mod disruption;
pub mod endpoint_slice;
pub mod horizontal_pod_autoscaler;
pub mod job;
pub mod kubelet;
pub mod node_lifecycle;
pub mod pod_gc;
pub mod replica_set;
pub mod scheduling;
pub mod stateful_set;
pub mod taint_eviction;
mod workload;

pub use adoption::adoptions;
pub use workload::{
    WorkloadId, all_workloads, available_at, find_workload, is_active, is_available, is_terminal, pods_of_replica_set,
    template_of, workload_name, workload_of, workload_text,
};
