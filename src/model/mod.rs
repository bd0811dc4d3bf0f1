//! Typed API objects → [`quorate_sim::cluster::ClusterState`].
//!
//! | file | what |
//! | --- | --- |
//! | `quantity.rs` | `500m`, `8Gi` as exact numbers |
//! | `requests.rs` | what kube-scheduler counts for a pod |
//! | `pod_template.rs` | pod specifications |
//! | `affinity.rs` | node and pod affinity, tolerations, spread constraints |
//! | `admission.rs` | what admission adds: priorities, default tolerations, LimitRanges |
//! | `volumes.rs` | volumes that decide where a pod can run |
//! | `labels.rs` | labels and selectors |
//! | `nodes.rs` | nodes |
//! | `workloads.rs` | workloads and budgets |
//! | `pods.rs` | pods that exist already |
//! | `build.rs` | the whole |

mod admission;
mod affinity;
mod build;
mod labels;
mod nodes;
mod pod_template;
mod pods;
mod quantity;
mod requests;
mod volumes;
mod workloads;

pub use build::{Assumption, Model, build};
pub use quantity::{Quantity, QuantityError};
