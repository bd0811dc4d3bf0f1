//! What keeps a pod from nodes, and where that is written.

use std::collections::{BTreeMap, BTreeSet};

use quorate_sim::cluster::{Effect, Labels, NodeId, Pod, PodAffinityTerm, Resources, Symbol, Taint};
use quorate_sim::scheduler::{
    NodeInfo, PlacedPod, Plugin, Reason, ResourceName, SchedulingResult, Snapshot, Verdict, untolerated_taint,
};
use quorate_sim::simulation::owner_text;

use super::asked_pod::AskedPod;
use super::build::Model;
use super::quantity::Quantity;
use crate::manifest::{Existence, FieldPath, Node, ObjectId};

/// How many things of one kind are named in a detail.
const MOST_NAMED: usize = 3;

/// Nodes that are excluded by one filter for the same reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The filter.
    pub plugin: Plugin,
    /// Its reasons.
    pub reasons: Vec<Reason>,
    /// The nodes, in the order in which they were added.
    pub nodes: Vec<NodeId>,
    /// What stands against what: `asks 500m, most is free on worker-2: 300m`. Empty where there is nothing to add.
    pub detail: String,
    /// Where it is written.
    pub places: Vec<CausePlace>,
}

/// A place that is part of a cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CausePlace {
    /// The object.
    pub object: PlaceOf,
    /// The field.
    pub path: FieldPath,
    /// What it has to do with it.
    pub message: String,
}

/// An object that is part of a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceOf {
    /// The one that is asked about.
    Asked,
    /// One of the input.
    Input(ObjectId),
}

/// The causes of all rejections of `result`, the most frequent first. `root` is the tree of the object that is asked about.
#[must_use]
pub fn causes(
    snapshot: &Snapshot<'_>,
    model: &Model,
    asked: &AskedPod,
    root: &Node,
    result: &SchedulingResult,
) -> Vec<Cause> {
    let mut groups: BTreeMap<(Plugin, Vec<Reason>), Vec<NodeId>> = BTreeMap::new();
    for (id, verdict) in &result.verdicts {
        match verdict {
            Verdict::Fits => {}
            Verdict::Rejected { plugin, reasons, .. } => {
                groups.entry((*plugin, reasons.clone())).or_default().push(*id);
            }
        }
    }
    let Some(pod) = snapshot.state.pods.get(&asked.id) else { return Vec::new() };
    let search = Search { snapshot, model, pod, root, spec_path: &asked.spec_path };
    let mut causes: Vec<Cause> = groups
        .into_iter()
        .map(|((plugin, reasons), nodes)| {
            let infos: Vec<&NodeInfo<'_>> = nodes.iter().filter_map(|id| snapshot.node(*id)).collect();
            let mut details = Vec::new();
            let mut places = Vec::new();
            for reason in &reasons {
                search.explain(reason, &infos, &mut details, &mut places);
            }
            Cause { plugin, reasons, nodes, detail: details.join("; "), places }
        })
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.nodes.len()));
    causes
}

struct Search<'s, 'a> {
    snapshot: &'s Snapshot<'a>,
    model: &'s Model,
    pod: &'s Pod,
    root: &'s Node,
    spec_path: &'s FieldPath,
}

impl Search<'_, '_> {
    fn explain(
        &self,
        reason: &Reason,
        nodes: &[&NodeInfo<'_>],
        details: &mut Vec<String>,
        places: &mut Vec<CausePlace>,
    ) {
        match reason {
            Reason::NodeUnschedulable => places.extend(self.node_places(nodes, "spec.unschedulable", "cordoned")),
            Reason::NodeName => places.extend(self.field("nodeName", "the only node that it may run on")),
            Reason::UntoleratedTaint => self.taints(nodes, details, places),
            Reason::NodeAffinity | Reason::NodeAffinityConflict | Reason::PreFilterResult(_) => {
                details.extend(self.selector_without(nodes));
                places.extend(self.field("nodeSelector", "not so there"));
                let required = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution";
                places.extend(self.field(required, "not so there"));
            }
            Reason::NodeAffinityEnforced => {
                details.push("the scheduler's configuration (addedAffinity) asks for other nodes".to_owned());
            }
            Reason::HostPorts => {
                let owners = nodes.iter().flat_map(|node| &node.pods).filter(|placed| self.shares_port(placed));
                details.extend(self.owners("the host port is taken by", owners));
                places.extend(self.containers_with("ports", "asks for a host port"));
            }
            Reason::TooManyPods => {
                let most = nodes.iter().map(|node| node.node.allocatable_pods).max().unwrap_or(0);
                details.push(format!("no node takes more than {most} pods"));
            }
            Reason::Insufficient(resource) => self.insufficient(resource, nodes, details, places),
            Reason::Volume(_) => {
                places.extend(self.field("volumes", "the volume decides"));
            }
            Reason::RequiredFeatures => {
                let needed = self.pod.template.spec.required_features.iter().map(|feature| feature.as_str().to_owned());
                details.push(format!("none has {} in status.declaredFeatures", listed(needed.collect())));
                places.extend(self.containers_with("restartPolicyRules", "needs a feature of the kubelet"));
                places.extend(self.field("hostUsers", "needs a feature of the kubelet"));
            }
            Reason::TopologySpread | Reason::TopologySpreadMissingLabel => {
                places.extend(self.field("topologySpreadConstraints", "would be too uneven there"));
            }
            Reason::PodAffinity => {
                let required = "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution";
                places.extend(self.field(required, "no such pod there"));
            }
            Reason::PodAntiAffinity => {
                let terms = &self.pod.template.spec.required_anti_affinity;
                let excluded = nodes.iter().flat_map(|node| &node.pods).filter(|placed| {
                    terms.iter().any(|term| self.selects(term, placed.pod.namespace, placed.pod.labels))
                });
                details.extend(self.owners("excludes pods of", excluded));
                let required = "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution";
                places.extend(self.field(required, "a pod that it excludes is there"));
            }
            Reason::ExistingPodsAntiAffinity => {
                let excluding = nodes.iter().flat_map(|node| &node.pods).filter(|placed| {
                    let mut terms = placed.pod.spec.required_anti_affinity.iter();
                    terms.any(|term| self.selects(term, self.pod.namespace, &self.pod.labels))
                });
                details.extend(self.owners("excluded by pods of", excluding));
            }
            Reason::NoPreemptionVictims | Reason::PreemptionNotHelpful => {}
        }
    }

    /// A field of the pod's specification, if it is written.
    fn field(&self, path: &str, message: &str) -> Option<CausePlace> {
        let path = FieldPath::parse(path)
            .segments()
            .iter()
            .fold(self.spec_path.clone(), |path, segment| path.child(segment.clone()));
        let is_written = self.root.locate(&path).exists == Existence::Present;
        is_written.then(|| CausePlace { object: PlaceOf::Asked, path, message: message.to_owned() })
    }

    /// The part `key` of each container that has it.
    fn containers_with(&self, key: &str, message: &str) -> Vec<CausePlace> {
        let mut places = Vec::new();
        for list in ["containers", "initContainers"] {
            let items = self.root.at(&self.spec_path.key(list)).map(Node::items).unwrap_or_default();
            for index in 0..items.len() {
                places.extend(self.field(&format!("{list}[{index}].{key}"), message));
            }
        }
        places
    }

    fn node_places(&self, nodes: &[&NodeInfo<'_>], path: &str, message: &str) -> Vec<CausePlace> {
        let objects = nodes.iter().filter_map(|node| self.model.nodes.get(&node.id)).take(1);
        objects
            .map(|id| CausePlace {
                object: PlaceOf::Input(*id),
                path: FieldPath::parse(path),
                message: message.to_owned(),
            })
            .collect()
    }

    /// The labels of the node selector that none of the nodes has.
    fn selector_without(&self, nodes: &[&NodeInfo<'_>]) -> Option<String> {
        let state = self.snapshot.state;
        let text = |symbol| state.names.text(symbol);
        let selector = self.pod.template.spec.node_selector.iter();
        let lacking =
            selector.filter(|(key, value)| nodes.iter().all(|node| node.node.labels.get(*key) != Some(*value)));
        let lacking: BTreeSet<String> = lacking.map(|(key, value)| format!("{}={}", text(key), text(value))).collect();
        (!lacking.is_empty()).then(|| format!("none has {}", listed(lacking)))
    }

    fn taints(&self, nodes: &[&NodeInfo<'_>], details: &mut Vec<String>, places: &mut Vec<CausePlace>) {
        let untolerated = |node: &&NodeInfo<'_>| untolerated_taint(&self.pod.template.spec, node.node).copied();
        let taints: BTreeSet<String> = nodes.iter().filter_map(untolerated).map(|taint| self.taint(&taint)).collect();
        details.push(format!("not tolerated: {}", listed(taints)));
        places.extend(self.node_places(nodes, "spec.taints", "not tolerated"));
        places.extend(self.field("tolerations", "none of them fits"));
    }

    /// `key=value:NoSchedule`.
    fn taint(&self, taint: &Taint) -> String {
        let text = |symbol| self.snapshot.state.names.text(symbol);
        let effect = match taint.effect {
            Effect::NoSchedule => "NoSchedule",
            Effect::PreferNoSchedule => "PreferNoSchedule",
            Effect::NoExecute => "NoExecute",
        };
        match text(taint.value) {
            "" => format!("{}:{effect}", text(taint.key)),
            value => format!("{}={value}:{effect}", text(taint.key)),
        }
    }

    fn insufficient(
        &self,
        resource: &ResourceName,
        nodes: &[&NodeInfo<'_>],
        details: &mut Vec<String>,
        places: &mut Vec<CausePlace>,
    ) {
        let of = |resources: &Resources| self.amount(resource, resources);
        let asked = of(&self.pod.template.spec.requests);
        let free = |node: &&&NodeInfo<'_>| of(&node.node.allocatable).saturating_sub(of(&node.requested));
        let Some(most) = nodes.iter().max_by_key(free) else { return };
        let whole = of(&most.node.allocatable);
        let text = |amount: i64| match resource {
            ResourceName::Cpu => Quantity::from_milli(amount).to_string(),
            ResourceName::Memory | ResourceName::EphemeralStorage | ResourceName::Scalar(_) => {
                Quantity::from_whole(amount).to_string()
            }
        };
        let name = self.snapshot.state.names.text(most.node.name);
        let free = text(free(&most).max(0));
        details.push(format!("asks {resource} {}; most is free on {name}: {free} of {}", text(asked), text(whole)));
        places.extend(self.field("resources", "what it asks for"));
        places.extend(self.containers_with("resources", "what it asks for"));
    }

    fn amount(&self, resource: &ResourceName, resources: &Resources) -> i64 {
        match resource {
            ResourceName::Cpu => resources.cpu_milli,
            ResourceName::Memory => resources.memory_bytes,
            ResourceName::EphemeralStorage => resources.ephemeral_storage_bytes,
            ResourceName::Scalar(name) => {
                let symbol = self.snapshot.state.names.find(name);
                symbol.and_then(|symbol| resources.scalar.get(&symbol)).copied().unwrap_or(0)
            }
        }
    }

    /// Whether a term of pod affinity selects a pod.
    fn selects(&self, term: &PodAffinityTerm, namespace: Symbol, labels: &Labels) -> bool {
        let state = self.snapshot.state;
        let by_labels = || {
            let own = state.namespaces.get(&namespace).map(|namespace| &namespace.labels);
            term.namespace_selector.as_ref().zip(own).is_some_and(|(selector, own)| selector.matches(own))
        };
        let selects_namespace = term.namespaces.contains(&namespace) || by_labels();
        selects_namespace && term.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }

    fn shares_port(&self, placed: &PlacedPod<'_>) -> bool {
        let own = &self.pod.template.spec.host_ports;
        let mut others = placed.pod.spec.host_ports.iter();
        others.any(|other| own.iter().any(|port| (port.port, port.protocol) == (other.port, other.protocol)))
    }

    /// `excludes pods of deployment/default/backend`.
    fn owners<'p>(&self, what: &str, pods: impl Iterator<Item = &'p PlacedPod<'p>>) -> Option<String> {
        let state = self.snapshot.state;
        let of_state = pods.filter_map(|placed| state.pods.get(&placed.pod.id?));
        let owners: BTreeSet<String> = of_state.map(|pod| owner_text(state, pod)).collect();
        (!owners.is_empty()).then(|| format!("{what} {}", listed(owners)))
    }
}

/// `a, b, c and 4 more`.
fn listed(texts: BTreeSet<String>) -> String {
    let count = texts.len();
    let shown: Vec<String> = texts.into_iter().take(MOST_NAMED).collect();
    let more = count.saturating_sub(shown.len());
    let shown = shown.join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}
