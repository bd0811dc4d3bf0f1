//! Where claims have or can get their volumes. Source: `plugins/volumebinding/{volume_binding,binder}.go`.
//!
//! | file | what |
//! | --- | --- |
//! | `filter.rs` | the filter |
//! | `pre_filter.rs` | claims that keep the pod off every node; which claims are bound |
//! | `plan.rs` | one node: bound volumes in reach, volumes to bind, volumes to provision |
//! | `matching.rs` | the volume that suits a claim best |
//!
//! Left out: scores (upstream gives none unless StorageCapacityScoring is on).

mod filter;
mod matching;
mod plan;
mod pre_filter;

pub(crate) use filter::{filter, score};
pub use matching::{Place, matching_volume};
pub use plan::{VolumePlan, volume_plan};
pub(crate) use pre_filter::{State, pre_filter};
