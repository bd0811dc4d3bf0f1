//! The checker of "fits on no node".

use std::collections::BTreeMap;

use crate::input::{Input, Node, PlacedPod, Pod, PodTerm, Taint};
use crate::no_placement::{NoPlacement, Refutation};
use crate::rejection::Rejection;
use crate::rules::{clash, node_matches, selects, tolerates};

/// The format that this checker reads.
pub const SCHEMA_VERSION: u32 = 1;

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

#[cfg(test)]
mod tests;
