//! Typed API objects → [`quorate_sim::cluster::ClusterState`].
//!
//! | file | what |
//! | --- | --- |
//! | `quantity.rs` | amounts as people write them |
//! | `requests.rs` | what kube-scheduler counts for a pod |
//! | `pod_template.rs` | pod specifications |
//! | `affinity.rs` | node and pod affinity, tolerations, spread constraints |
//! | `admission.rs` | what admission adds: priorities, default tolerations, LimitRanges |
//! | `volumes/` | claims, volumes, classes, drivers; the volumes of pods |
//! | `labels.rs` | labels and selectors |
//! | `nodes.rs` | nodes |
//! | `workloads.rs` | workloads and budgets |
//! | `pods.rs` | pods that exist already |
//! | `build.rs` | the whole |
//! | `change.rs` | objects that are applied to a running cluster |

mod admission;
mod affinity;
mod build;
mod change;
mod labels;
mod nodes;
mod pod_template;
mod pods;
mod quantity;
mod requests;
mod volumes;
mod workloads;

pub use build::{Assumption, Model, build};
pub use change::apply_change;
pub use quantity::Quantity;
