//! kube-scheduler's own plugins. Source: `pkg/scheduler/framework/plugins/registry.go`, `apis/config/v1/default_plugins.go`.

use super::extension_point::ExtensionPoint::{
    self, Bind, Filter, Permit, PlacementGenerate, PlacementScore, PostFilter, PreBind, PreEnqueue, PreFilter,
    PreScore, QueueSort, Reserve, Score,
};

/// A plugin, and where it can run.
pub(super) struct InTree {
    pub(super) name: &'static str,
    pub(super) points: &'static [ExtensionPoint],
}

const COUNTING: &[ExtensionPoint] = &[PreFilter, Filter];
const COUNTING_AND_SCORING: &[ExtensionPoint] = &[PreFilter, Filter, PreScore, Score];

/// All of them.
pub(super) const IN_TREE: &[InTree] = &[
    InTree { name: "SchedulingGates", points: &[PreEnqueue] },
    InTree { name: "PrioritySort", points: &[QueueSort] },
    InTree { name: "NodeUnschedulable", points: &[Filter] },
    InTree { name: "NodeName", points: &[Filter] },
    InTree { name: "TaintToleration", points: &[Filter, PreScore, Score] },
    InTree { name: "NodeAffinity", points: COUNTING_AND_SCORING },
    InTree { name: "NodePorts", points: COUNTING },
    InTree { name: "NodeResourcesFit", points: &[PreFilter, Filter, PreScore, Score, PlacementScore] },
    InTree { name: "VolumeRestrictions", points: COUNTING },
    InTree { name: "NodeVolumeLimits", points: COUNTING },
    InTree { name: "VolumeBinding", points: &[PreFilter, Filter, PreScore, Score, Reserve, PreBind] },
    InTree { name: "VolumeZone", points: COUNTING },
    InTree { name: "PodTopologySpread", points: COUNTING_AND_SCORING },
    InTree { name: "InterPodAffinity", points: COUNTING_AND_SCORING },
    InTree { name: "DynamicResources", points: &[PreEnqueue, PreFilter, Filter, PostFilter, Score, Reserve, PreBind] },
    InTree { name: "DefaultPreemption", points: &[PreEnqueue, PostFilter] },
    InTree { name: "NodeResourcesBalancedAllocation", points: &[PreScore, Score] },
    InTree { name: "ImageLocality", points: &[Score] },
    InTree { name: "DefaultBinder", points: &[Bind] },
    InTree { name: "NodeDeclaredFeatures", points: COUNTING },
    InTree { name: "GangScheduling", points: &[PreEnqueue, Permit] },
    InTree { name: "TopologyPlacementGenerator", points: &[PlacementGenerate] },
    InTree { name: "PodGroupPodsCount", points: &[PlacementScore] },
];

/// The default plugins of `multiPoint` in their order, with their weights; 0 is none.
pub(super) const DEFAULT: &[(&str, i32)] = &[
    ("SchedulingGates", 0),
    ("PrioritySort", 0),
    ("NodeUnschedulable", 0),
    ("NodeName", 0),
    ("TaintToleration", 3),
    ("NodeAffinity", 2),
    ("NodePorts", 0),
    ("NodeResourcesFit", 1),
    ("VolumeRestrictions", 0),
    ("NodeVolumeLimits", 0),
    ("VolumeBinding", 0),
    ("VolumeZone", 0),
    ("PodTopologySpread", 2),
    ("InterPodAffinity", 2),
    ("DynamicResources", 2),
    ("DefaultPreemption", 0),
    ("NodeResourcesBalancedAllocation", 1),
    ("ImageLocality", 1),
    ("DefaultBinder", 0),
    ("NodeDeclaredFeatures", 0),
];

/// Plugins that were removed.
pub(super) const REMOVED: &[&str] = &["AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"];

/// Own plugins that this program has no model of and that only run when a configuration asks for them.
pub(super) const WITHOUT_MODEL: &[&str] = &["GangScheduling", "TopologyPlacementGenerator", "PodGroupPodsCount"];

/// The plugin of this name; `None`: it is somebody else's.
pub(super) fn in_tree(name: &str) -> Option<&'static InTree> {
    IN_TREE.iter().find(|plugin| plugin.name == name)
}
