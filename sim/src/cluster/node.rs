//! Nodes.

use std::collections::{BTreeMap, BTreeSet};

use super::labels::Labels;
use super::name::Symbol;
use super::resources::Resources;
use super::table::Placed;
use super::time::Time;

/// Names a node; the order is the order in which nodes were added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `metadata.name`.
    pub name: Symbol,
    /// Labels.
    pub labels: Labels,
    /// Taints, in order; those that Kubernetes itself sets (unschedulable, unreachable, not-ready) included.
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`: cordoned.
    pub unschedulable: bool,
    /// What pods may ask for.
    pub allocatable: Resources,
    /// How many pods it takes.
    pub allocatable_pods: i64,
    /// Sizes in bytes of images that are present, by normalised name.
    pub images: BTreeMap<Symbol, i64>,
    /// Features that its kubelet declares, those that pods may need.
    pub declared_features: BTreeSet<NodeFeature>,
    /// The Ready condition.
    pub ready: NodeReady,
    /// Since when it has crashed: heartbeats have stopped and its containers with them. `None`: it runs.
    pub crashed_at: Option<Time>,
}

impl Placed for Node {
    /// Its name.
    type Place = Symbol;

    fn places(&self) -> Vec<Symbol> {
        vec![self.name]
    }
}

/// A feature of the kubelet that a pod may need. Source: `staging:component-helpers/nodedeclaredfeatures/features`; the features
/// that only decide about changes of running pods are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeFeature {
    /// A container's `restartPolicyRules` with the action `RestartAllContainers`.
    RestartAllContainersOnContainerExits,
    /// `hostNetwork` with `hostUsers: false`.
    UserNamespacesHostNetworkSupport,
}

impl NodeFeature {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::RestartAllContainersOnContainerExits, Self::UserNamespacesHostNetworkSupport];
    /// Those that a kubelet of 1.36 declares with its default feature gates.
    pub const DEFAULT: [Self; 1] = [Self::RestartAllContainersOnContainerExits];

    /// Its name in `status.declaredFeatures`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RestartAllContainersOnContainerExits => "RestartAllContainersOnContainerExits",
            Self::UserNamespacesHostNetworkSupport => "UserNamespacesHostNetworkSupport",
        }
    }
}

/// The node's Ready condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeReady {
    /// `True`.
    True,
    /// `False`: the kubelet says it is not ready.
    False,
    /// `Unknown`: no heartbeat for longer than the grace period.
    Unknown,
}

/// A taint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    /// Its key.
    pub key: Symbol,
    /// Its value; empty when there is none.
    pub value: Symbol,
    /// What it does.
    pub effect: Effect,
    /// When it was set; counts for `tolerationSeconds`. `None` where it was there from the beginning.
    pub added_at: Option<Time>,
}

/// A taint's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// No new pod that does not tolerate it.
    NoSchedule,
    /// Better not.
    PreferNoSchedule,
    /// No new pod, and those that run are evicted.
    NoExecute,
}
