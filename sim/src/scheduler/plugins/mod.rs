//! The plugins, one file or folder each, by upstream's names. Filtering stands apart from scoring.
//!
//! | file | filters | scores |
//! | --- | --- | --- |
//! | `node_unschedulable.rs` | cordoned nodes | |
//! | `node_name.rs` | `spec.nodeName` | |
//! | `taint_toleration.rs` | NoSchedule, NoExecute | PreferNoSchedule |
//! | `node_affinity.rs` | node selector, required | preferred |
//! | `node_ports.rs` | host ports | |
//! | `node_resources_fit.rs` | resources, number of pods | how much would be used |
//! | `volume_restrictions.rs` | `ReadWriteOncePod`, inline disks | |
//! | `node_volume_limits.rs` | how many volumes a node attaches | |
//! | `volume_binding/` | where volumes are or can come from | 0 |
//! | `volume_zone.rs` | zones of bound volumes | |
//! | `pod_topology_spread/` | DoNotSchedule | ScheduleAnyway, defaults |
//! | `inter_pod_affinity/` | required | preferred, others' required |
//! | `dynamic_resources.rs` | | 0: the state has no claims of devices |
//! | `balanced_allocation.rs` | | evenness of use |
//! | `image_locality.rs` | | images that are present |
//! | `resource_score.rs` | | amounts of a node, for the two that score resources |
//! | `node_declared_features.rs` | features of the kubelet | |
//! | `by_name.rs` | the filter and the scores of each plugin | |
//! | `normalize_score.rs` | | shared by several |

pub(crate) mod balanced_allocation;
mod by_name;
mod dynamic_resources;
pub(crate) mod image_locality;
pub(crate) mod inter_pod_affinity;
pub(crate) mod node_affinity;
pub(crate) mod node_declared_features;
pub(crate) mod node_name;
mod node_ports;
pub(crate) mod node_resources_fit;
pub(crate) mod node_unschedulable;
pub(crate) mod node_volume_limits;
pub(crate) mod normalize_score;
pub(crate) mod pod_topology_spread;
mod resource_score;
pub(crate) mod taint_toleration;
pub(crate) mod volume_binding;
pub(crate) mod volume_restrictions;
pub(crate) mod volume_zone;

pub(crate) use by_name::{filter_of, score_of};
pub use node_affinity::node_matches_affinity;
pub(crate) use node_affinity::{PreFilter as NodeAffinityPreFilter, pre_filter as node_affinity_pre_filter};
pub(crate) use node_ports::{any_taken, free_ports};
pub(crate) use taint_toleration::any_tolerates;
pub use taint_toleration::{tolerates, untolerated_taint};
pub use volume_binding::{Place, VolumePlan, matching_volume, volume_plan};

use super::framework::Rejection;
use super::scheduling_cycle::{CycleState, ScoreInput};
use super::snapshot::NodeInfo;

/// A filter: `None` when the node passes.
pub(crate) type Filter = for<'s, 'a> fn(&CycleState<'s, 'a>, &NodeInfo<'a>) -> Option<Rejection>;

/// A score for each feasible node, in their order and normalised, before its weight; `None` when the plugin has nothing to
/// say about the pod.
pub(crate) type Score = for<'s, 'a> fn(&ScoreInput<'s, 'a>) -> Option<Vec<i64>>;
