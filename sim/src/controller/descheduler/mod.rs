//! The descheduler. Source: `kubernetes-sigs/descheduler` v0.36.0.
//!
//! A pass is one moment here: what controllers and the scheduler do meanwhile is left out.
//!
//! | file | what |
//! | --- | --- |
//! | `pass.rs` | one pass: every profile, every plugin, the limits |
//! | `default_evictor.rs` | which pods may be evicted |
//! | `node_fit.rs` | whether there seems to be another node for a pod |
//! | `remove_duplicates.rs` | pods of one owner on one node |
//! | `topology_spread.rs` | pods that make their spread too uneven |
//! | `low_node_utilization.rs` | pods of nodes that are used much, where others are used little |
//! | `node_usage.rs` | how much of a node is used |

mod default_evictor;
mod low_node_utilization;
mod node_fit;
mod node_usage;
mod pass;
mod remove_duplicates;
mod topology_spread;

pub use pass::{Evicting, Stop, pass};
