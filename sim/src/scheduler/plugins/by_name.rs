//! The filter and the scores of each plugin.

use super::{
    Filter, Score, balanced_allocation, dynamic_resources, image_locality, inter_pod_affinity, node_affinity,
    node_declared_features, node_name, node_ports, node_resources_fit, node_unschedulable, node_volume_limits,
    pod_topology_spread, taint_toleration, volume_binding, volume_restrictions, volume_zone,
};
use crate::scheduler::framework::Plugin;

/// The filter of `plugin`; `None`: it has none.
pub(crate) fn filter_of(plugin: Plugin) -> Option<Filter> {
    match plugin {
        Plugin::NodeUnschedulable => Some(node_unschedulable::filter),
        Plugin::NodeName => Some(node_name::filter),
        Plugin::TaintToleration => Some(taint_toleration::filter),
        Plugin::NodeAffinity => Some(node_affinity::filter),
        Plugin::NodePorts => Some(node_ports::filter),
        Plugin::NodeResourcesFit => Some(node_resources_fit::filter),
        Plugin::VolumeRestrictions => Some(volume_restrictions::filter),
        Plugin::NodeVolumeLimits => Some(node_volume_limits::filter),
        Plugin::VolumeBinding => Some(volume_binding::filter),
        Plugin::VolumeZone => Some(volume_zone::filter),
        Plugin::PodTopologySpread => Some(pod_topology_spread::filter),
        Plugin::InterPodAffinity => Some(inter_pod_affinity::filter),
        Plugin::NodeDeclaredFeatures => Some(node_declared_features::filter),
        // The state has no claims of devices.
        Plugin::DynamicResources
        | Plugin::NodeResourcesBalancedAllocation
        | Plugin::ImageLocality
        | Plugin::PreFilterResult => None,
    }
}

/// The scores of `plugin`; `None`: it has none. The profile weighs them.
pub(crate) fn score_of(plugin: Plugin) -> Option<Score> {
    match plugin {
        Plugin::TaintToleration => Some(taint_toleration::score),
        Plugin::NodeAffinity => Some(node_affinity::score),
        Plugin::NodeResourcesFit => Some(node_resources_fit::score),
        Plugin::VolumeBinding => Some(volume_binding::score),
        Plugin::PodTopologySpread => Some(pod_topology_spread::score),
        Plugin::InterPodAffinity => Some(inter_pod_affinity::score),
        Plugin::DynamicResources => Some(dynamic_resources::score),
        Plugin::NodeResourcesBalancedAllocation => Some(balanced_allocation::score),
        Plugin::ImageLocality => Some(image_locality::score),
        Plugin::NodeUnschedulable
        | Plugin::NodeName
        | Plugin::NodePorts
        | Plugin::VolumeRestrictions
        | Plugin::NodeVolumeLimits
        | Plugin::VolumeZone
        | Plugin::NodeDeclaredFeatures
        | Plugin::PreFilterResult => None,
    }
}
