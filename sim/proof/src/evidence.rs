//! What shows that a claim holds, or that it does not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::claim::Claim;

/// The format that this checker reads.
pub const FORMAT: u32 = 4;

/// A proof file: a claim about a cluster, and why it holds or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Proof {
    /// The format; [`FORMAT`].
    pub format: u32,
    /// [`crate::cluster::Cluster::digest`] of the cluster.
    pub cluster: String,
    /// The claim.
    pub claim: Claim,
    /// Why it holds, or does not.
    pub evidence: Evidence,
}

/// Why a claim holds, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", tag = "method")]
pub enum Evidence {
    /// It holds (placement `current`, phase `instant`): the available pods, less those of the fullest domains, are so many.
    #[serde(rename_all = "camelCase")]
    Counting {
        /// So many remain in the worst case.
        remain: i64,
    },
    /// It holds: each workload of the subject keeps so many, and their sum is enough.
    #[serde(rename_all = "camelCase")]
    Bound {
        /// By workload. Workloads of the subject that are not named keep none.
        workloads: BTreeMap<String, Share>,
    },
    /// It holds: this set of states has every state that can be reached, and the claim holds in each that is at rest.
    #[serde(rename_all = "camelCase")]
    Search(Search),
    /// It holds (phase `progress`): rollouts end, and so do drains of one node.
    #[serde(rename_all = "camelCase")]
    Progress {
        /// Why no pod of the workload stays pending while one is needed for its rollout.
        rollout: Weights,
        /// Why a drain does not wait for its pods for ever.
        drain: Drain,
    },
    /// It does not hold.
    #[serde(rename_all = "camelCase")]
    Witness(Witness),
}

/// Why the drain of one node does not wait for the pods of a workload for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", tag = "because")]
pub enum Drain {
    /// No PodDisruptionBudget selects its pods: nothing refuses their eviction.
    NoBudget,
    /// At rest its PodDisruptionBudget allows as many disruptions as one node has pods that it selects.
    #[serde(rename_all = "camelCase")]
    AtOnce {
        /// Why no pod stays pending at rest, of each workload that the budget selects.
        placed: BTreeMap<String, Weights>,
        /// So many pods of these workloads one node holds at most.
        on_one_node: i64,
    },
    /// Its PodDisruptionBudget allows one disruption while all pods are healthy, and each evicted pod comes back beside the node.
    #[serde(rename_all = "camelCase")]
    Replaced {
        /// Why none stays pending beside a node that is drained, of each workload that the budget selects.
        placed: BTreeMap<String, Weights>,
    },
}

/// How many pods one workload keeps in every case, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", tag = "because")]
pub enum Share {
    /// At least `bound` of its pods are placed before the failure, and the failure takes at most `lost` of them.
    #[serde(rename_all = "camelCase")]
    Survives {
        /// So many are placed before the failure: all, or fewer.
        bound: i64,
        /// Why no pod stays pending before the failure while fewer are bound.
        placed: Weights,
        /// How many one failure takes at most.
        lost: i64,
        /// The hard spread constraint (by position in the shape) that bounds `lost`; `None`: what nodes and domains hold at most.
        spread: Option<usize>,
        /// So many remain.
        remain: i64,
    },
    /// Its pods are replaced, and none of them stays pending after the failure while fewer than `remain` are bound.
    #[serde(rename_all = "camelCase")]
    Replaced {
        /// Why not.
        placed: Weights,
        /// So many remain: all, or fewer.
        remain: i64,
    },
}

/// Weights λ of the resources that a pod asks for (`pods` is its slot), with which it fits somewhere whatever the other pods do.
///
/// A resource that is not named has to be one that all other pods together cannot use up on any node.
pub type Weights = BTreeMap<String, i64>;

/// A closed set of states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Search {
    /// The workloads that are followed, sorted: those of the subject, and all with which they can get into each other's way.
    pub workloads: Vec<String>,
    /// Whether pods of failed nodes are evicted, and the objects of failed nodes go, one by one between placings; else all at once,
    /// where that makes no difference.
    pub one_by_one: bool,
    /// Whether a pod goes only where the scheduler's scores are highest; else wherever it fits. All movable workloads are followed then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_score: bool,
    /// The states, sorted.
    pub states: Vec<State>,
}

/// Where pods are.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct State {
    /// The failed domains, sorted; empty before the failure.
    pub failed: Vec<String>,
    /// The failed nodes whose objects are gone, sorted.
    pub removed: Vec<String>,
    /// For each workload of the search: how many of its pods are on each node (nodes in the order of their names), alive.
    pub alive: Vec<Vec<i64>>,
    /// Those that are terminating on failed nodes.
    pub dying: Vec<Vec<i64>>,
    /// For each workload: how many pods are pending.
    pub pending: Vec<i64>,
}

/// A placement and a failure that break a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Witness {
    /// The pods that are placed before the failure, one after the other; empty for placement `current`.
    pub before: Vec<Placing>,
    /// The failed domains (names of nodes, or values of the label), sorted.
    pub failed: Vec<String>,
    /// What happens after the failure, one thing after the other.
    pub after: Vec<Event>,
    /// So many pods of the subject are available then: fewer than the claim says.
    pub available: i64,
}

/// Something that happens after a failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", tag = "event")]
pub enum Event {
    /// A pod is placed.
    #[serde(rename_all = "camelCase")]
    Placed(Placing),
    /// Pods of a workload on a failed node are evicted: they terminate there for as long as the node's object stays.
    #[serde(rename_all = "camelCase")]
    Evicted {
        /// Their workload.
        workload: String,
        /// The node.
        node: String,
        /// How many.
        pods: i64,
    },
    /// The object of a failed node is deleted, and with it the pods there.
    #[serde(rename_all = "camelCase")]
    Removed {
        /// The node.
        node: String,
    },
}

/// A pod is bound to a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Placing {
    /// Its workload.
    pub workload: String,
    /// The node.
    pub node: String,
    /// The pods of this node that are evicted for it, by workload; they become pending.
    pub evicted: BTreeMap<String, i64>,
}
