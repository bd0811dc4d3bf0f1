//! The cluster autoscaler with declared pools. Source: `cluster-autoscaler` 1.36.1 of
//! `kubernetes/autoscaler`, with its flags' defaults (`config/flags/flags.go`).
//!
//! | file | what |
//! | --- | --- |
//! | `scale_up.rs` | which pool grows, and by how much, for pods that fit nowhere |
//! | `scale_down.rs` | which nodes are not needed |
//! | `trial.rs` | what would be on nodes that do not exist |

mod scale_down;
mod scale_up;
mod trial;

pub use scale_down::{Unneeded, next_changes, pods_to_evict, pods_to_move, unneeded};
pub use scale_up::{Growth, growth};
pub use trial::add_node;
