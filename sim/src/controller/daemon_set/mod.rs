//! DaemonSets: a pod on every eligible node. Source: `pkg/controller/daemon`.
//!
//! | file | what |
//! | --- | --- |
//! | `placement.rs` | which nodes are eligible, and the pod made for a node |
//! | `sync.rs` | creates and deletes pods |
//! | `update.rs` | RollingUpdate |

mod placement;
mod sync;
mod update;

pub use placement::{Eligibility, eligibility, eligible_nodes, pod_template, target_node, tolerating_template};
pub use sync::{PodsByNode, allows_surge, counted_pods, is_concerned, is_updated, pods_by_node, sync};
