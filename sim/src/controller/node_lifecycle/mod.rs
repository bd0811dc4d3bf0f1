//! The node lifecycle controller: heartbeats, taints by condition, disruption of zones. Source:
//! `pkg/controller/nodelifecycle/node_lifecycle_controller.go`.
//!
//! | file | what |
//! | --- | --- |
//! | `taints.rs` | taints that follow from conditions |
//! | `zone.rs` | a zone's state and its rate-limited queue for NoExecute taints |
//! | `monitor.rs` | one look at all nodes |

mod monitor;
mod taints;
mod zone;

pub use monitor::NodeLifecycle;
pub use taints::no_schedule_changes;
pub use zone::{ZoneQueue, ZoneState, zone_of};
