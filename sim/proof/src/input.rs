//! Nodes and pods in proof files. Everything is text and exact integers; maps are sorted, and so are lists whose order means
//! nothing; nothing is optional that could be left out by mistake.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What [`Pod::not_carried`] says of volumes that are provisioned where a pod is first placed, and bind it from then on.
pub const ONCE_BOUND: &str = "volumes, once they are provisioned";

/// Labels.
pub type Labels = BTreeMap<String, String>;

/// Amounts by resource name; CPU in thousandths (`cpu`), everything else in whole units.
pub type Amounts = BTreeMap<String, i64>;

/// A cluster with a pod in question.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Namespace labels by namespace.
    pub namespaces: BTreeMap<String, Labels>,
    /// Nodes by name.
    pub nodes: BTreeMap<String, Node>,
    /// Pods that are bound, by `namespace/name`; terminating ones included, ended ones not.
    pub placed: BTreeMap<String, PlacedPod>,
    /// The pod in question.
    pub pod: Pod,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Labels.
    pub labels: Labels,
    /// Taints with effect NoSchedule or NoExecute.
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// Allocatable amounts.
    pub allocatable: Amounts,
    /// Allocatable pods.
    pub allocatable_pods: i64,
    /// Whether its Ready condition is `True`.
    pub ready: bool,
}

/// A taint that keeps pods away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value; empty when there is none.
    pub value: String,
    /// `NoSchedule` or `NoExecute`.
    pub effect: String,
}

/// A pod on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacedPod {
    /// Its node.
    pub node: String,
    /// What it is.
    pub pod: Pod,
}

/// A pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pod {
    /// Namespace.
    pub namespace: String,
    /// Labels.
    pub labels: Labels,
    /// Priority.
    pub priority: i32,
    /// Whether the scheduler may evict pods of lower priority for it.
    pub preempts: bool,
    /// Requests.
    pub requests: Amounts,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// `nodeSelector`.
    pub node_selector: Labels,
    /// Required node affinity: one of the terms; `None`: no requirement.
    pub node_terms: Option<Vec<NodeTerm>>,
    /// Required pod affinity: all of the terms.
    pub affinity: Vec<PodTerm>,
    /// Required pod anti-affinity.
    pub anti_affinity: Vec<PodTerm>,
    /// Host ports.
    pub host_ports: Vec<HostPort>,
    /// Hard spread constraints (`DoNotSchedule`), in the order of the pod.
    pub spread: Vec<Spread>,
    /// What else decides where it may run and is not carried here, for example `volumes`: a claim that would need it cannot be
    /// proved.
    pub not_carried: Vec<String>,
}

/// A toleration; an empty `key` or `effect` is every one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Toleration {
    /// Key; empty: every key.
    pub key: String,
    /// Value that must be equal; `None`: `Exists`.
    pub value: Option<String>,
    /// Effect; empty: every effect.
    pub effect: String,
    /// For how many seconds a NoExecute taint is tolerated; `None`: for ever.
    pub seconds: Option<i64>,
}

/// A term of required node affinity: all requirements hold. One without requirements matches nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeTerm {
    /// Over labels.
    pub expressions: Vec<Requirement>,
    /// Over `metadata.name`.
    pub fields: Vec<Requirement>,
}

/// A requirement on a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Key.
    pub key: String,
    /// What its value must be.
    pub operator: Operator,
}

/// What a requirement asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Operator {
    /// One of these.
    In(Vec<String>),
    /// None of these; true when the label is missing.
    NotIn(Vec<String>),
    /// Present.
    Exists,
    /// Missing.
    DoesNotExist,
    /// An integer greater than this.
    GreaterThan(i64),
    /// An integer less than this.
    LessThan(i64),
    /// Matches nothing.
    Never,
}

/// A term of required pod affinity or anti-affinity; `matchLabelKeys` and `mismatchLabelKeys` are folded into the selector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PodTerm {
    /// The label that names the domain.
    pub topology_key: String,
    /// Which pods; `None`: none.
    pub selector: Option<Vec<Requirement>>,
    /// Namespaces by name.
    pub namespaces: Vec<String>,
    /// Namespaces by label; `None`: none beyond those named.
    pub namespace_selector: Option<Vec<Requirement>>,
}

/// A host port; an empty address is every address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostPort {
    /// Address.
    pub address: String,
    /// `TCP`, `UDP`, `SCTP`.
    pub protocol: String,
    /// Port.
    pub port: u16,
}

/// A hard topology spread constraint; `matchLabelKeys` are folded into the selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// The label that names the domain.
    pub topology_key: String,
    /// How uneven it may be.
    pub max_skew: i64,
    /// Which pods of the pod's namespace count; `None`: none.
    pub selector: Option<Vec<Requirement>>,
    /// With fewer domains the smallest count is taken as 0; 1 where nothing is given.
    pub min_domains: i64,
    /// Whether nodes that the pod's node affinity excludes are left out (`nodeAffinityPolicy: Honor`).
    pub honors_affinity: bool,
    /// Whether nodes with taints that the pod does not tolerate are left out (`nodeTaintsPolicy: Honor`).
    pub honors_taints: bool,
}
