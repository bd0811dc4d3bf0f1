//! `--nodes 3x4cpu,8Gi,zone=a`, and nodes of other sources as Node objects.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use k8s_openapi::api::core::v1::{Node, NodeSpec, NodeStatus, Taint};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use quorate_sim::cluster::NodeFeature;
use thiserror::Error;

use crate::manifest::decode::parse_quantity;

/// Some nodes of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodesArgument {
    count: u32,
    cpu: String,
    memory: String,
    labels: BTreeMap<String, String>,
}

/// Why the text is not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NodesArgumentError {
    /// The count.
    #[error("begin with the number of nodes, for example 3x4cpu,8Gi")]
    Count,
    /// The CPU.
    #[error("say how many CPUs a node has, for example 3x4cpu,8Gi")]
    Cpu,
    /// The memory.
    #[error("say how much memory a node has, for example 3x4cpu,8Gi")]
    Memory,
    /// Something else.
    #[error("{0:?} is not understood; write for example 3x4cpu,8Gi,zone=a")]
    Part(String),
}

impl fmt::Display for NodesArgument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}cpu,{}", self.count, self.cpu, self.memory)?;
        self.labels.iter().try_for_each(|(key, value)| write!(formatter, ",{key}={value}"))
    }
}

impl FromStr for NodesArgument {
    type Err = NodesArgumentError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (count, size) = text.split_once('x').ok_or(NodesArgumentError::Count)?;
        let count = count.trim().parse().ok().filter(|count| (1..=10_000).contains(count));
        let count = count.ok_or(NodesArgumentError::Count)?;
        let mut parts = size.split(',').map(str::trim);
        let cpu = parts.next().and_then(|part| part.strip_suffix("cpu")).ok_or(NodesArgumentError::Cpu)?;
        parse_quantity(cpu).map_err(|_| NodesArgumentError::Cpu)?;
        let memory = parts.next().ok_or(NodesArgumentError::Memory)?;
        parse_quantity(memory).map_err(|_| NodesArgumentError::Memory)?;
        let mut labels = BTreeMap::new();
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| NodesArgumentError::Part(part.to_owned()))?;
            let key = if key == "zone" { "topology.kubernetes.io/zone" } else { key };
            labels.insert(key.to_owned(), value.to_owned());
        }
        Ok(Self { count, cpu: cpu.to_owned(), memory: memory.to_owned(), labels })
    }
}

/// The nodes of all arguments, named `node-1`, `node-2`, and so on.
pub(super) fn nodes(arguments: &[NodesArgument]) -> Vec<Node> {
    let sizes = arguments.iter().flat_map(|argument| (0..argument.count).map(move |_| argument));
    sizes
        .enumerate()
        .map(|(index, argument)| {
            let name = format!("node-{}", index + 1);
            let mut labels = argument.labels.clone();
            labels.insert("kubernetes.io/hostname".to_owned(), name.clone());
            labels.insert("kubernetes.io/os".to_owned(), "linux".to_owned());
            let amounts = [("cpu", argument.cpu.as_str()), ("memory", &argument.memory), ("pods", "110")];
            node(name, labels, Vec::new(), amounts.map(|(key, amount)| (key.to_owned(), amount.to_owned())))
        })
        .collect()
}

/// Room for ephemeral storage where none is declared.
const UNDECLARED_STORAGE: &str = "1Ei";

/// A ready node with these allocatable amounts. Every kubelet reports ephemeral storage: where it is not declared it is not
/// known, and excludes no pod.
pub(super) fn node(
    name: String,
    labels: BTreeMap<String, String>,
    taints: Vec<Taint>,
    allocatable: impl IntoIterator<Item = (String, String)>,
) -> Node {
    let mut allocatable: BTreeMap<String, Quantity> =
        allocatable.into_iter().map(|(key, amount)| (key, Quantity(amount))).collect();
    allocatable.entry("ephemeral-storage".to_owned()).or_insert_with(|| Quantity(UNDECLARED_STORAGE.to_owned()));
    Node {
        metadata: ObjectMeta { name: Some(name), labels: Some(labels), ..ObjectMeta::default() },
        spec: Some(NodeSpec { taints: Some(taints), ..NodeSpec::default() }),
        status: Some(NodeStatus {
            capacity: Some(allocatable.clone()),
            allocatable: Some(allocatable),
            declared_features: Some(NodeFeature::DEFAULT.map(|feature| feature.as_str().to_owned()).into()),
            ..NodeStatus::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_labels_are_read() {
        let arguments: Vec<NodesArgument> =
            vec!["2x4cpu,8Gi,zone=a".parse().unwrap(), "1x500mcpu,1Gi".parse().unwrap()];
        let nodes = nodes(&arguments);
        let names: Vec<_> = nodes.iter().filter_map(|node| node.metadata.name.as_deref()).collect();
        assert_eq!(names, ["node-1", "node-2", "node-3"]);
        let zone = |node: &Node| node.metadata.labels.as_ref().unwrap().get("topology.kubernetes.io/zone").cloned();
        assert_eq!(nodes.iter().map(zone).collect::<Vec<_>>(), [Some("a".to_owned()), Some("a".to_owned()), None]);
    }

    #[test]
    fn each_mistake_has_its_own_answer() {
        let error = |text: &str| text.parse::<NodesArgument>().unwrap_err();
        assert_eq!(error("4cpu,8Gi"), NodesArgumentError::Count);
        assert_eq!(error("0x4cpu,8Gi"), NodesArgumentError::Count);
        assert_eq!(error("3x4,8Gi"), NodesArgumentError::Cpu);
        assert_eq!(error("3x4cpu"), NodesArgumentError::Memory);
        assert_eq!(error("3x4cpu,8Gi,a"), NodesArgumentError::Part("a".to_owned()));
    }
}
