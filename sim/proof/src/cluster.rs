//! The canonical cluster that a claim is about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::input::{Labels, Node, Pod, Requirement};

/// A cluster: what is wanted of it (`workloads`), and what is in it (`pods`).
///
/// The order in which manifests are read does not change it: everything has a name or is sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Cluster {
    /// Namespace labels by namespace.
    pub namespaces: BTreeMap<String, Labels>,
    /// Nodes by name.
    pub nodes: BTreeMap<String, Node>,
    /// What pods look like, sorted, each once. Labels that no selector of the cluster asks for are left out.
    pub shapes: Vec<Pod>,
    /// Workloads by name, `deployment/NAMESPACE/NAME`.
    pub workloads: BTreeMap<String, Workload>,
    /// Pods that are in the cluster now, by `NAMESPACE/NAME`; those that have ended are left out.
    pub pods: BTreeMap<String, ExistingPod>,
    /// PodDisruptionBudgets by `NAMESPACE/NAME`.
    pub budgets: BTreeMap<String, Budget>,
}

/// Pods that are alike, and who replaces them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Workload {
    /// Who replaces them.
    pub kind: Kind,
    /// What a pod of the present revision looks like: an index into [`Cluster::shapes`].
    pub shape: usize,
    /// `spec.replicas` (of a Job: how many of its pods run at once; of a pod on its own: 1; of a DaemonSet: 0).
    pub replicas: i64,
    /// The least that an autoscaler may set `replicas` to; `replicas` where there is none.
    pub min_replicas: i64,
    /// The most that an autoscaler may set `replicas` to; `replicas` where there is none.
    pub max_replicas: i64,
    /// How many more pods a rollout may add (`maxSurge`, rounded up), with the most replicas that an autoscaler may set.
    pub max_surge: i64,
    /// How many pods a rollout may make unavailable (`maxUnavailable`, rounded down), with the fewest replicas that an autoscaler may
    /// set; all of them with `Recreate`, 0 of a StatefulSet with `OnDelete`.
    pub max_unavailable: i64,
    /// Whether pods come one after the other (`podManagementPolicy: OrderedReady`).
    pub ordered: bool,
}

/// Who replaces pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A Deployment.
    Deployment,
    /// A ReplicaSet of its own.
    ReplicaSet,
    /// A StatefulSet: a pod on an unreachable node is not replaced before its node's object is gone.
    StatefulSet,
    /// A DaemonSet: a pod on every node that it fits by affinity and taints.
    DaemonSet,
    /// A Job: its pods are there or not.
    Job,
    /// A pod on its own: nobody replaces it.
    Pod,
    /// A static pod: it is always on this node.
    Static(String),
}

/// A pod that is in the cluster now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExistingPod {
    /// Its workload.
    pub workload: String,
    /// What it looks like: an index into [`Cluster::shapes`].
    pub shape: usize,
    /// Its node; `None` while it is pending.
    pub node: Option<String>,
    /// Whether its Ready condition is `True`.
    pub ready: bool,
    /// Whether it is being deleted.
    pub terminating: bool,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Budget {
    /// Its namespace.
    pub namespace: String,
    /// Which pods; `None`: none.
    pub selector: Option<Vec<Requirement>>,
    /// What it asks for.
    pub asks: Asks,
}

/// What a PodDisruptionBudget asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Asks {
    /// At least so many healthy.
    MinAvailable(i64),
    /// At least so many of a hundred healthy, rounded up.
    MinAvailablePercent(i64),
    /// At most so many not healthy.
    MaxUnavailable(i64),
    /// At most so many of a hundred not healthy, rounded up.
    MaxUnavailablePercent(i64),
    /// Nothing.
    Nothing,
}

impl Cluster {
    /// `sha256:` and the digest of the canonical bytes, in hexadecimal.
    ///
    /// # Errors
    /// Never for what [`Cluster`] can hold; the serializer's error otherwise.
    pub fn digest(&self) -> Result<String, serde_json::Error> {
        let digest = Sha256::digest(serde_json::to_vec(self)?);
        let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("sha256:{hexadecimal}"))
    }
}
