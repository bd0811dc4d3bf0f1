//! The claim that a pod fits on no node, and its proof: for each node one fact that keeps the pod away.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::input::Input;

/// "The pod in question fits on none of the nodes."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NoPlacement {
    /// Version of the format; 1.
    pub schema_version: u32,
    /// The cluster and the pod.
    pub input: Input,
    /// One fact for each node, by node name.
    pub refutations: BTreeMap<String, Refutation>,
}

/// A fact that keeps a pod off a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refutation {
    /// The node is cordoned, and the pod does not tolerate that.
    Unschedulable,
    /// The node's taint at this index is not tolerated.
    UntoleratedTaint(usize),
    /// `nodeSelector` or required node affinity does not match the node.
    NodeAffinity,
    /// The node's free amount of this resource is less than the pod's request.
    Insufficient(String),
    /// All pod slots are taken.
    TooManyPods,
    /// The pod's own anti-affinity term at this index matches that placed pod, in the same domain.
    AntiAffinity {
        /// Index of the term.
        term: usize,
        /// `namespace/name` of the placed pod.
        pod: String,
    },
    /// A placed pod's anti-affinity term at this index matches the pod, in the same domain.
    ExistingAntiAffinity {
        /// `namespace/name` of the placed pod.
        pod: String,
        /// Index of its term.
        term: usize,
    },
    /// A placed pod on the node holds a host port that the pod asks for.
    HostPort {
        /// `namespace/name` of the placed pod.
        pod: String,
    },
    /// The node lacks the topology key of the hard spread constraint at this index.
    MissingTopologyKey(usize),
}
