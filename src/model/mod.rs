//! Typed API objects → [`quorate_sim::cluster::ClusterState`].
//!
//! | file | what |
//! | --- | --- |
//! | `qos.rs` | a pod's quality of service |
//! | `quantity.rs` | amounts as people write them |
//! | `requests.rs` | what kube-scheduler counts for a pod |
//! | `pod_template.rs` | pod specifications |
//! | `affinity.rs` | node and pod affinity, tolerations, spread constraints |
//! | `admission/` | what admission adds, and why it refuses a pod |
//! | `volumes/` | claims, volumes, classes, drivers; the volumes of pods |
//! | `scheduler.rs` | the scheduler's configuration |
//! | `labels.rs` | labels and selectors |
//! | `nodes.rs` | nodes |
//! | `workloads.rs` | workloads and budgets |
//! | `jobs.rs` | Jobs |
//! | `cron_jobs.rs` | CronJobs |
//! | `horizontal_autoscalers.rs` | HorizontalPodAutoscalers as their controller plays them |
//! | `autoscalers.rs` | how many pods autoscalers make of a workload |
//! | `pods.rs` | pods that exist already |
//! | `build.rs` | the whole |
//! | `change.rs` | objects that are applied to a running cluster |
//! | `asked_pod.rs` | a pod that is only asked about |
//! | `placement_causes.rs` | what keeps a pod from nodes, and where that is written |

mod admission;
mod affinity;
mod asked_pod;
mod autoscalers;
mod build;
mod change;
mod cron_jobs;
mod grow;
mod horizontal_autoscalers;
mod jobs;
mod labels;
mod nodes;
mod placement_causes;
mod pod_template;
mod pods;
mod qos;
mod quantity;
mod requests;
mod scheduler;
mod volumes;
mod workloads;

pub use admission::{Refusal, RefusalCause};
pub use asked_pod::{AskError, AskedPod, AskedWorkload, ask, makes_pods, spec_path};
pub use autoscalers::{ReplicaRange, with_replicas};
pub use build::{Assumption, Model, build};
pub use change::apply_change;
pub use grow::add_node_like;
pub use labels::label_selector;
pub use nodes::{add_pool, says_its_room, with_room_of};
pub use placement_causes::{Cause, CausePlace, PlaceOf, causes};
pub use quantity::Quantity;
pub use workloads::complete_budgets;
