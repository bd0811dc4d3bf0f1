//! Why a node is rejected, in upstream's texts, and the message that the PodScheduled condition carries.
//!
//! Source: `pkg/scheduler/framework/types.go` (`FitError`), `schedule_one.go` and each plugin's `ErrReason`.

use std::collections::BTreeMap;
use std::fmt;

use super::framework::{Plugin, SchedulingResult, Verdict};
use super::preemption::Preemption;
use crate::cluster::ClusterState;

/// Why a node is rejected; its `Display` is upstream's text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The node is cordoned.
    NodeUnschedulable,
    /// `spec.nodeName` names another node.
    NodeName,
    /// A taint is not tolerated.
    UntoleratedTaint,
    /// The node selector or the required node affinity does not match.
    NodeAffinity,
    /// The node affinity that the scheduler's configuration adds does not match.
    NodeAffinityEnforced,
    /// The terms of the required node affinity name no common node.
    NodeAffinityConflict,
    /// A host port is taken.
    HostPorts,
    /// The node holds as many pods as it takes.
    TooManyPods,
    /// Not enough of a resource is free.
    Insufficient(ResourceName),
    /// A volume decides.
    Volume(VolumeReason),
    /// The node does not declare a feature that the pod needs.
    RequiredFeatures,
    /// A hard spread constraint would be violated.
    TopologySpread,
    /// The node lacks the label of a hard spread constraint.
    TopologySpreadMissingLabel,
    /// No pod that the pod affinity asks for.
    PodAffinity,
    /// A pod that the pod's anti-affinity excludes.
    PodAntiAffinity,
    /// A pod whose own anti-affinity excludes this one.
    ExistingPodsAntiAffinity,
    /// The node is not among those that these PreFilter plugins left.
    PreFilterResult(Vec<Plugin>),
    /// Preemption: no pod of lower priority.
    NoPreemptionVictims,
    /// Preemption: evicting pods cannot help.
    PreemptionNotHelpful,
}

/// What is wrong with the pod's volumes; its `Display` is upstream's text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VolumeReason {
    /// A claim of the pod does not exist.
    ClaimNotFound(String),
    /// The same, as NodeVolumeLimits says it where no other plugin has looked for the claim.
    ClaimLookup {
        /// Its namespace.
        namespace: String,
        /// Its name.
        claim: String,
    },
    /// A claim has neither a volume nor a class.
    NeitherVolumeNorClass,
    /// The class of a claim without a volume does not exist.
    ClassNotFound(String),
    /// A claim that does not wait for its first consumer has no volume, as VolumeZone says it.
    VolumeWithoutName,
    /// The claim of an ephemeral volume has not been created yet.
    EphemeralClaimNotFound(String),
    /// The volume of a claim is gone.
    ClaimLost {
        /// The claim.
        claim: String,
        /// Its volume.
        volume: String,
    },
    /// A claim is being deleted.
    ClaimTerminating(String),
    /// The claim of an ephemeral volume belongs to another pod.
    ClaimOfAnother {
        /// The claim, with its namespace.
        claim: String,
        /// The pod that wants it, with its namespace.
        pod: String,
    },
    /// A claim that does not wait for its first consumer has no volume.
    UnboundImmediateClaims,
    /// The volume of a bound claim does not exist.
    VolumeNotFound(String),
    /// A disk given inline is used on the node.
    DiskConflict,
    /// Another pod uses the `ReadWriteOncePod` claim.
    ReadWriteOncePodInUse,
    /// The node attaches no more volumes of a driver.
    TooManyVolumes,
    /// A bound volume cannot be reached from the node.
    VolumeNodeAffinity,
    /// No volume suits a claim, and none can be provisioned for the node.
    NoVolumeToBind,
    /// The driver has not enough storage left for the node.
    NotEnoughStorage,
    /// The volume of an ephemeral volume's claim does not exist.
    BoundVolumeNotFound,
    /// An in-tree disk has no form as a volume of its CSI driver. Kubernetes gives up with an error then, on every node.
    VolumeNotTranslatable,
    /// A bound volume is in another zone.
    VolumeZone,
}

impl From<VolumeReason> for Reason {
    fn from(reason: VolumeReason) -> Self {
        Self::Volume(reason)
    }
}

/// A resource, as messages name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceName {
    /// `cpu`.
    Cpu,
    /// `memory`.
    Memory,
    /// `ephemeral-storage`.
    EphemeralStorage,
    /// An extended resource or huge pages.
    Scalar(String),
}

impl fmt::Display for ResourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::EphemeralStorage => "ephemeral-storage",
            Self::Scalar(name) => name,
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NodeUnschedulable => "node(s) were unschedulable",
            Self::NodeName => "node(s) didn't match the requested node name",
            Self::UntoleratedTaint => "node(s) had untolerated taint(s)",
            Self::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Self::NodeAffinityEnforced => "node(s) didn't match scheduler-enforced node affinity",
            Self::NodeAffinityConflict => "pod affinity terms conflict",
            Self::HostPorts => "node(s) didn't have free ports for the requested pod ports",
            Self::TooManyPods => "Too many pods",
            Self::Insufficient(resource) => return write!(formatter, "Insufficient {resource}"),
            Self::Volume(reason) => return write!(formatter, "{reason}"),
            Self::RequiredFeatures => "node(s) didn't match Pod's required features",
            Self::TopologySpread => "node(s) didn't match pod topology spread constraints",
            Self::TopologySpreadMissingLabel => {
                "node(s) didn't match pod topology spread constraints (missing required label)"
            }
            Self::PodAffinity => "node(s) didn't match pod affinity rules",
            Self::PodAntiAffinity => "node(s) didn't match pod anti-affinity rules",
            Self::ExistingPodsAntiAffinity => "node(s) didn't satisfy existing pods anti-affinity rules",
            Self::PreFilterResult(plugins) => {
                let names: Vec<&str> = plugins.iter().map(|plugin| plugin.as_str()).collect();
                return write!(formatter, "node(s) didn't satisfy plugin(s) [{}]", names.join(" "));
            }
            Self::NoPreemptionVictims => "No preemption victims found for incoming pod",
            Self::PreemptionNotHelpful => "Preemption is not helpful for scheduling",
        })
    }
}

impl fmt::Display for VolumeReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ReadWriteOncePodInUse => {
                "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by \
                 another pod"
            }
            Self::ClaimNotFound(claim) => return write!(formatter, "persistentvolumeclaim {claim:?} not found"),
            Self::ClaimLookup { namespace, claim } => {
                return write!(
                    formatter,
                    "looking up PVC {namespace}/{claim}: persistentvolumeclaim {claim:?} not found"
                );
            }
            Self::NeitherVolumeNorClass => "PersistentVolumeClaim had no pv name and storageClass name",
            Self::ClassNotFound(class) => {
                return write!(formatter, "storageclass.storage.k8s.io {class:?} not found");
            }
            Self::VolumeWithoutName => "PersistentVolume had no name",
            Self::EphemeralClaimNotFound(claim) => {
                return write!(
                    formatter,
                    "waiting for ephemeral volume controller to create the persistentvolumeclaim {claim:?}"
                );
            }
            Self::ClaimLost { claim, volume } => {
                return write!(
                    formatter,
                    "persistentvolumeclaim {claim:?} bound to non-existent persistentvolume {volume:?}"
                );
            }
            Self::ClaimTerminating(claim) => {
                return write!(formatter, "persistentvolumeclaim {claim:?} is being deleted");
            }
            Self::ClaimOfAnother { claim, pod } => {
                return write!(formatter, "PVC {claim} was not created for pod {pod} (pod is not owner)");
            }
            Self::UnboundImmediateClaims => "pod has unbound immediate PersistentVolumeClaims",
            Self::VolumeNotFound(volume) => return write!(formatter, "persistentvolume {volume:?} not found"),
            Self::DiskConflict => "node(s) had no available disk",
            Self::TooManyVolumes => "node(s) exceed max volume count",
            Self::VolumeNodeAffinity => "node(s) didn't match PersistentVolume's node affinity",
            Self::NoVolumeToBind => "node(s) didn't find available persistent volumes to bind",
            Self::NotEnoughStorage => "node(s) did not have enough free storage",
            Self::BoundVolumeNotFound => "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
            Self::VolumeNotTranslatable => "could not translate an in-tree volume to CSI",
            Self::VolumeZone => "node(s) had no available volume zone",
        })
    }
}

/// `3 node(s) were unschedulable, 1 Too many pods`: how often each reason occurs, in the order of the texts.
///
/// Upstream sorts the finished texts, so `10 …` stands before `2 …`.
pub(crate) fn histogram<'a>(reasons: impl Iterator<Item = &'a Reason>) -> String {
    let mut counts: BTreeMap<&Reason, usize> = BTreeMap::new();
    for reason in reasons {
        let count = counts.entry(reason).or_insert(0);
        *count = count.saturating_add(1);
    }
    let mut texts: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    texts.sort();
    texts.join(", ")
}

/// The message of the PodScheduled condition of a pod that fits no node: `0/4 nodes are available: …`.
///
/// `result` is what [`super::schedule`] gave and `preemption` what [`super::preempt`] gave for it.
#[must_use]
pub fn unschedulable_message(state: &ClusterState, result: &SchedulingResult, preemption: &Preemption) -> String {
    let node_count = state.nodes.len();
    if node_count == 0 {
        return "no nodes available to schedule pods".to_owned();
    }
    let mut message = format!("0/{node_count} nodes are available:");
    let cause = match &result.pre_filter {
        Some(rejection) => rejection.reason.to_string(),
        None => histogram(result.verdicts.values().flat_map(|verdict| match verdict {
            Verdict::Fits => &[],
            Verdict::Rejected { reasons, .. } => reasons.as_slice(),
        })),
    };
    if !cause.is_empty() {
        message.push(' ');
        message.push_str(&cause);
        message.push('.');
    }
    let post_filter = preemption.message(&state.scheduler.profile(result.profile).post_filter, node_count);
    if !post_filter.is_empty() {
        message.push(' ');
        message.push_str(&post_filter);
    }
    message
}
