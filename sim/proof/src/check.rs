//! The checker.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::input::{
    HostPort, Input, Labels, Node, NodeTerm, Operator, PlacedPod, Pod, PodTerm, Requirement, Taint, Toleration,
};
use crate::no_placement::{NoPlacement, Refutation};

/// The format that this checker reads.
pub const SCHEMA_VERSION: u32 = 1;

/// Why a proof is rejected.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejection {
    /// Another format.
    #[error("the proof has format {0}; this checker reads format {SCHEMA_VERSION}")]
    Format(u32),
    /// A node without a fact.
    #[error("node {0} has no refutation")]
    NodeNotRefuted(String),
    /// A fact about a node that is not there.
    #[error("there is a refutation of node {0}, which is not in the input")]
    UnknownNode(String),
    /// A placed pod on a node that is not there.
    #[error("placed pod {0} is on a node that is not in the input")]
    PlacedNowhere(String),
    /// A fact that names something that is not there.
    #[error("the refutation of node {node} names {what}, which is not in the input")]
    Dangling {
        /// The node.
        node: String,
        /// What is named.
        what: String,
    },
    /// A fact that is not one.
    #[error("the refutation of node {node} does not hold: {why}")]
    DoesNotHold {
        /// The node.
        node: String,
        /// Why not.
        why: &'static str,
    },
}

/// Checks that the pod in question fits on no node.
///
/// # Errors
/// The first reason, in the order of node names, for which the proof does not show its claim.
pub fn check(proof: &NoPlacement) -> Result<(), Rejection> {
    if proof.schema_version != SCHEMA_VERSION {
        return Err(Rejection::Format(proof.schema_version));
    }
    if let Some(stray) = proof.refutations.keys().find(|node| !proof.input.nodes.contains_key(*node)) {
        return Err(Rejection::UnknownNode(stray.clone()));
    }
    let placed_nowhere = |placed: &PlacedPod| !proof.input.nodes.contains_key(&placed.node);
    if let Some((name, _)) = proof.input.placed.iter().find(|(_, placed)| placed_nowhere(placed)) {
        return Err(Rejection::PlacedNowhere(name.clone()));
    }
    for (name, node) in &proof.input.nodes {
        let refutation = proof.refutations.get(name).ok_or_else(|| Rejection::NodeNotRefuted(name.clone()))?;
        Question { input: &proof.input, name, node }.refuted_by(refutation)?;
    }
    Ok(())
}

/// Checks one fact about one node.
///
/// # Errors
/// Why it does not keep the pod in question off that node.
pub fn refutes(input: &Input, node: &str, refutation: &Refutation) -> Result<(), Rejection> {
    let found = input.nodes.get(node).ok_or_else(|| Rejection::UnknownNode(node.to_owned()))?;
    Question { input, name: node, node: found }.refuted_by(refutation)
}

/// Does the pod fit on this node?
struct Question<'a> {
    input: &'a Input,
    name: &'a str,
    node: &'a Node,
}

impl Question<'_> {
    fn refuted_by(&self, refutation: &Refutation) -> Result<(), Rejection> {
        let pod = &self.input.pod;
        match refutation {
            Refutation::Unschedulable => {
                let taint = Taint {
                    key: "node.kubernetes.io/unschedulable".to_owned(),
                    value: String::new(),
                    effect: "NoSchedule".to_owned(),
                };
                self.require(self.node.unschedulable, "the node is not cordoned")?;
                self.require(!tolerates(pod, &taint), "the pod tolerates a cordon")
            }
            Refutation::UntoleratedTaint(index) => {
                let taint = self.node.taints.get(*index).ok_or_else(|| self.dangling(format!("taint {index}")))?;
                let keeps_away = matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
                self.require(keeps_away, "the taint's effect does not keep pods away")?;
                self.require(!tolerates(pod, taint), "the pod tolerates the taint")
            }
            Refutation::NodeAffinity => {
                self.require(!node_matches(pod, self.name, &self.node.labels), "the pod's node affinity matches")
            }
            Refutation::Insufficient(resource) => self.insufficient(resource),
            Refutation::TooManyPods => {
                let slots = i64::try_from(self.placed_here().count()).unwrap_or(i64::MAX);
                self.require(slots >= self.node.allocatable_pods, "there is a free pod slot")
            }
            Refutation::AntiAffinity { term, pod: other } => self.anti_affinity(*term, other),
            Refutation::ExistingAntiAffinity { pod: other, term } => self.existing_anti_affinity(other, *term),
            Refutation::HostPort { pod: other } => {
                let placed = self.placed(other)?;
                self.require(placed.node == self.name, "the placed pod is on another node")?;
                let conflict =
                    pod.host_ports.iter().any(|own| placed.pod.host_ports.iter().any(|port| clash(own, port)));
                self.require(conflict, "the host ports do not clash")
            }
            Refutation::MissingTopologyKey(index) => {
                let spread = pod.spread.get(*index).ok_or_else(|| self.dangling(format!("spread {index}")))?;
                self.require(!self.node.labels.contains_key(&spread.topology_key), "the node has the topology key")
            }
        }
    }

    fn insufficient(&self, resource: &str) -> Result<(), Rejection> {
        let request = self.input.pod.requests.get(resource).copied().unwrap_or(0);
        let taken = self.placed_here().map(|placed| placed.pod.requests.get(resource).copied().unwrap_or(0));
        let taken = taken.fold(0_i128, |sum, amount| sum.saturating_add(i128::from(amount.max(0))));
        let allocatable = self.node.allocatable.get(resource).copied().unwrap_or(0);
        self.require(request > 0, "the pod does not ask for the resource")?;
        let wanted = i128::from(request).saturating_add(taken);
        self.require(wanted > i128::from(allocatable), "enough of the resource is free")
    }

    fn anti_affinity(&self, term: usize, other: &str) -> Result<(), Rejection> {
        let pod = &self.input.pod;
        let term = pod.anti_affinity.get(term).ok_or_else(|| self.dangling(format!("anti-affinity term {term}")))?;
        let placed = self.placed(other)?;
        self.require(self.term_matches(term, &placed.pod), "the term does not match the placed pod")?;
        self.require(self.same_domain(&term.topology_key, &placed.node), "the placed pod is in another domain")
    }

    fn existing_anti_affinity(&self, other: &str, term: usize) -> Result<(), Rejection> {
        let placed = self.placed(other)?;
        let term =
            placed.pod.anti_affinity.get(term).ok_or_else(|| self.dangling(format!("anti-affinity term {term}")))?;
        self.require(self.term_matches(term, &self.input.pod), "the term does not match the pod")?;
        self.require(self.same_domain(&term.topology_key, &placed.node), "the placed pod is in another domain")
    }

    fn term_matches(&self, term: &PodTerm, pod: &Pod) -> bool {
        let empty = BTreeMap::new();
        let labels = self.input.namespaces.get(&pod.namespace).unwrap_or(&empty);
        let in_namespace = term.namespaces.contains(&pod.namespace)
            || term.namespace_selector.as_ref().is_some_and(|selector| selects(selector, labels));
        in_namespace && term.selector.as_ref().is_some_and(|selector| selects(selector, &pod.labels))
    }

    fn same_domain(&self, topology_key: &str, other: &str) -> bool {
        let theirs = self.input.nodes.get(other).and_then(|node| node.labels.get(topology_key));
        theirs.is_some() && self.node.labels.get(topology_key) == theirs
    }

    fn placed_here(&self) -> impl Iterator<Item = &PlacedPod> {
        self.input.placed.values().filter(|placed| placed.node == self.name)
    }

    fn placed(&self, name: &str) -> Result<&PlacedPod, Rejection> {
        self.input.placed.get(name).ok_or_else(|| self.dangling(format!("pod {name}")))
    }

    fn dangling(&self, what: String) -> Rejection {
        Rejection::Dangling { node: self.name.to_owned(), what }
    }

    fn require(&self, holds: impl Into<bool>, why: &'static str) -> Result<(), Rejection> {
        if holds.into() { Ok(()) } else { Err(Rejection::DoesNotHold { node: self.name.to_owned(), why }) }
    }
}

fn tolerates(pod: &Pod, taint: &Taint) -> bool {
    pod.tolerations.iter().any(|toleration| tolerates_one(toleration, taint))
}

fn tolerates_one(toleration: &Toleration, taint: &Taint) -> bool {
    let key = toleration.key.is_empty() || toleration.key == taint.key;
    let effect = toleration.effect.is_empty() || toleration.effect == taint.effect;
    let value = toleration.value.as_ref().is_none_or(|value| *value == taint.value);
    key && effect && value
}

fn node_matches(pod: &Pod, name: &str, labels: &Labels) -> bool {
    let selected = pod.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value));
    selected && pod.node_terms.as_ref().is_none_or(|terms| terms.iter().any(|term| term_holds(term, name, labels)))
}

fn term_holds(term: &NodeTerm, name: &str, labels: &Labels) -> bool {
    let fields = BTreeMap::from([("metadata.name".to_owned(), name.to_owned())]);
    let is_empty = term.expressions.is_empty() && term.fields.is_empty();
    !is_empty && selects(&term.expressions, labels) && selects(&term.fields, &fields)
}

fn selects(requirements: &[Requirement], labels: &Labels) -> bool {
    requirements.iter().all(|requirement| holds(requirement, labels))
}

fn holds(requirement: &Requirement, labels: &Labels) -> bool {
    let value = labels.get(&requirement.key);
    let number = || value.and_then(|value| value.parse::<i64>().ok());
    match &requirement.operator {
        Operator::In(values) => value.is_some_and(|value| values.contains(value)),
        Operator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
        Operator::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
        Operator::LessThan(bound) => number().is_some_and(|number| number < *bound),
        Operator::Never => false,
    }
}

fn clash(own: &HostPort, other: &HostPort) -> bool {
    let everywhere = |address: &str| address.is_empty() || address == "0.0.0.0";
    let addresses = own.address == other.address || everywhere(&own.address) || everywhere(&other.address);
    addresses && own.protocol == other.protocol && own.port == other.port
}

#[cfg(test)]
mod tests;
