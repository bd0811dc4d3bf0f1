//! The words of a scheduling decision. Source: `staging:kube-scheduler/framework/interface.go`.

use std::collections::BTreeMap;

use super::reasons::Reason;
use crate::cluster::{NodeId, ProfileId};

/// The highest score a plugin gives before its weight.
pub(crate) const MAX_NODE_SCORE: i64 = 100;

/// A plugin that decides where pods go, in the order in which those of the default profile run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plugin {
    /// Cordoned nodes.
    NodeUnschedulable,
    /// `spec.nodeName`.
    NodeName,
    /// Taints.
    TaintToleration,
    /// Node selector and node affinity.
    NodeAffinity,
    /// Host ports.
    NodePorts,
    /// Resources and the number of pods.
    NodeResourcesFit,
    /// `ReadWriteOncePod` claims, inline disks.
    VolumeRestrictions,
    /// How many volumes a node attaches.
    NodeVolumeLimits,
    /// Where bound volumes can be reached from, and where others can come from.
    VolumeBinding,
    /// Zones of bound volumes.
    VolumeZone,
    /// Topology spread constraints.
    PodTopologySpread,
    /// Pod affinity and anti-affinity.
    InterPodAffinity,
    /// Claims of devices; the state knows of none.
    DynamicResources,
    /// Evenness of CPU and memory use.
    NodeResourcesBalancedAllocation,
    /// Images that are present.
    ImageLocality,
    /// Features of the kubelet.
    NodeDeclaredFeatures,
    /// Not a plugin: the node is not among those that a PreFilter left.
    PreFilterResult,
}

impl Plugin {
    const ALL: [Self; 16] = [
        Self::NodeUnschedulable,
        Self::NodeName,
        Self::TaintToleration,
        Self::NodeAffinity,
        Self::NodePorts,
        Self::NodeResourcesFit,
        Self::VolumeRestrictions,
        Self::NodeVolumeLimits,
        Self::VolumeBinding,
        Self::VolumeZone,
        Self::PodTopologySpread,
        Self::InterPodAffinity,
        Self::DynamicResources,
        Self::NodeResourcesBalancedAllocation,
        Self::ImageLocality,
        Self::NodeDeclaredFeatures,
    ];

    /// Upstream's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NodeUnschedulable => "NodeUnschedulable",
            Self::NodeName => "NodeName",
            Self::TaintToleration => "TaintToleration",
            Self::NodeAffinity => "NodeAffinity",
            Self::NodePorts => "NodePorts",
            Self::NodeResourcesFit => "NodeResourcesFit",
            Self::VolumeRestrictions => "VolumeRestrictions",
            Self::NodeVolumeLimits => "NodeVolumeLimits",
            Self::VolumeBinding => "VolumeBinding",
            Self::VolumeZone => "VolumeZone",
            Self::PodTopologySpread => "PodTopologySpread",
            Self::InterPodAffinity => "InterPodAffinity",
            Self::DynamicResources => "DynamicResources",
            Self::NodeResourcesBalancedAllocation => "NodeResourcesBalancedAllocation",
            Self::ImageLocality => "ImageLocality",
            Self::NodeDeclaredFeatures => "NodeDeclaredFeatures",
            Self::PreFilterResult => "PreFilterResult",
        }
    }

    /// Whether its filter looks at the volumes of pods.
    pub(crate) const fn looks_at_volumes(self) -> bool {
        match self {
            Self::VolumeRestrictions | Self::NodeVolumeLimits | Self::VolumeBinding | Self::VolumeZone => true,
            Self::NodeUnschedulable
            | Self::NodeName
            | Self::TaintToleration
            | Self::NodeAffinity
            | Self::NodePorts
            | Self::NodeResourcesFit
            | Self::PodTopologySpread
            | Self::InterPodAffinity
            | Self::DynamicResources
            | Self::NodeResourcesBalancedAllocation
            | Self::ImageLocality
            | Self::NodeDeclaredFeatures
            | Self::PreFilterResult => false,
        }
    }

    /// The plugin of this name; `None`: kube-scheduler has none, or this crate has no model of it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|plugin| plugin.as_str() == name)
    }

    /// Whether it has a PreFilter.
    #[must_use]
    pub fn pre_filters(self) -> bool {
        match self {
            Self::NodeAffinity
            | Self::NodePorts
            | Self::NodeResourcesFit
            | Self::VolumeRestrictions
            | Self::NodeVolumeLimits
            | Self::VolumeBinding
            | Self::VolumeZone
            | Self::PodTopologySpread
            | Self::InterPodAffinity
            | Self::DynamicResources
            | Self::NodeDeclaredFeatures => true,
            Self::NodeUnschedulable
            | Self::NodeName
            | Self::TaintToleration
            | Self::NodeResourcesBalancedAllocation
            | Self::ImageLocality
            | Self::PreFilterResult => false,
        }
    }

    /// Whether it has a Filter.
    #[must_use]
    pub fn filters(self) -> bool {
        self.pre_filters() || matches!(self, Self::NodeUnschedulable | Self::NodeName | Self::TaintToleration)
    }

    /// Whether it has a PreScore.
    #[must_use]
    pub fn pre_scores(self) -> bool {
        match self {
            Self::TaintToleration
            | Self::NodeAffinity
            | Self::NodeResourcesFit
            | Self::VolumeBinding
            | Self::PodTopologySpread
            | Self::InterPodAffinity
            | Self::NodeResourcesBalancedAllocation => true,
            Self::NodeUnschedulable
            | Self::NodeName
            | Self::NodePorts
            | Self::VolumeRestrictions
            | Self::NodeVolumeLimits
            | Self::VolumeZone
            | Self::DynamicResources
            | Self::ImageLocality
            | Self::NodeDeclaredFeatures
            | Self::PreFilterResult => false,
        }
    }

    /// Whether it has a Score.
    #[must_use]
    pub fn scores(self) -> bool {
        self.pre_scores() || matches!(self, Self::DynamicResources | Self::ImageLocality)
    }
}

/// Whether evicting pods could help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// It could: the node is a candidate for preemption.
    Unschedulable,
    /// It could not.
    UnschedulableAndUnresolvable,
}

impl Code {
    /// Upstream's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unschedulable => "Unschedulable",
            Self::UnschedulableAndUnresolvable => "UnschedulableAndUnresolvable",
        }
    }
}

/// What the filters say of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every filter passes.
    Fits,
    /// The first filter that fails.
    Rejected {
        /// Whether preemption could help.
        code: Code,
        /// The filter.
        plugin: Plugin,
        /// Its reasons; only NodeResourcesFit and VolumeBinding give more than one.
        reasons: Vec<Reason>,
    },
}

impl Verdict {
    /// Whether the pod fits.
    #[must_use]
    pub const fn fits(&self) -> bool {
        matches!(self, Self::Fits)
    }
}

/// A PreFilter that rejects the pod on every node at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreFilterRejection {
    /// The plugin.
    pub plugin: Plugin,
    /// Whether preemption could help.
    pub code: Code,
    /// Why.
    pub reason: Reason,
}

/// The outcome of one scheduling cycle, up to the choice among equally good nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchedulingResult {
    /// The profile that decided.
    pub profile: ProfileId,
    /// A rejection on every node at once: every verdict repeats it.
    pub pre_filter: Option<PreFilterRejection>,
    /// The verdict on each node that was examined: all of them, or only the nominated one where that one fits.
    pub verdicts: BTreeMap<NodeId, Verdict>,
    /// Weighted scores; empty unless more than one node fits.
    pub scores: BTreeMap<NodeId, BTreeMap<Plugin, i64>>,
    /// Their sums.
    pub totals: BTreeMap<NodeId, i64>,
    /// The nodes that the pod may go to: those of the highest total, or the only one that fits.
    pub best: Vec<NodeId>,
}

impl SchedulingResult {
    /// The nodes that fit.
    pub fn feasible(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.verdicts.iter().filter(|(_, verdict)| verdict.fits()).map(|(node, _)| *node)
    }
}

/// A filter's rejection of one node.
pub(crate) struct Rejection {
    pub(crate) code: Code,
    pub(crate) reasons: Vec<Reason>,
}

impl Rejection {
    /// Preemption could help.
    pub(crate) fn unschedulable(reason: Reason) -> Self {
        Self { code: Code::Unschedulable, reasons: vec![reason] }
    }

    /// Preemption could not help.
    pub(crate) fn unresolvable(reason: Reason) -> Self {
        Self { code: Code::UnschedulableAndUnresolvable, reasons: vec![reason] }
    }
}
