//! Which nodes have to be told apart by name: those that a step or a pod names. All others that are equal can stand for one
//! another.

use std::collections::BTreeSet;

use crate::cluster::{
    ClusterState, Labels, NodeId, NodeRequirementOperator, NodeSelectorTerm, Owner, PodTemplate, Symbol,
};
use crate::simulation::{Binding, EvictionTarget, Step, StepAction};

/// What keeps equal things apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Naming {
    /// Nodes known by name; `None`: all of them.
    nodes: Option<BTreeSet<NodeId>>,
    /// Whether a step takes the oldest of several pods.
    pub(super) order_of_pods_matters: bool,
}

impl Naming {
    /// Every node is known by its name, and the age of pods matters.
    pub(super) const fn everything() -> Self {
        Self { nodes: None, order_of_pods_matters: true }
    }

    /// What `steps` and the objects of `state` name.
    pub(super) fn of(state: &ClusterState, steps: &[Step]) -> Self {
        let mut naming = Self { nodes: Some(BTreeSet::new()), order_of_pods_matters: false };
        // Claims and volumes are bound to nodes in many ways, and a pod's claim may get its volume on the way.
        let storage = &state.storage;
        // The cluster autoscaler remembers single nodes.
        if !state.node_pools.is_empty()
            || !storage.claims.is_empty()
            || !storage.volumes.is_empty()
            || !storage.csi_nodes.is_empty()
        {
            naming.nodes = None;
        }
        for step in steps {
            naming.read_step(&step.action);
        }
        let deployments = state.deployments.values().map(|item| &item.template);
        let replica_sets = state.replica_sets.values().map(|item| &item.template);
        let stateful_sets = state.stateful_sets.values().map(|item| &item.template);
        let daemon_sets = state.daemon_sets.values().map(|item| &item.template);
        let jobs = state.jobs.values().map(|item| &item.spec.template);
        // What a DaemonSet adds to its pods says no more than where they are.
        let pods = state.pods.values().filter(|pod| !matches!(pod.owner, Owner::DaemonSet(_))).map(|pod| &pod.template);
        for template in deployments.chain(replica_sets).chain(stateful_sets).chain(daemon_sets).chain(jobs).chain(pods)
        {
            naming.read_template(state, template);
        }
        naming
    }

    /// Whether a node is known by its name.
    pub(super) fn names(&self, node: NodeId) -> bool {
        self.nodes.as_ref().is_none_or(|nodes| nodes.contains(&node))
    }

    fn add(&mut self, nodes: impl IntoIterator<Item = NodeId>) {
        if let Some(known) = &mut self.nodes {
            known.extend(nodes);
        }
    }

    fn read_step(&mut self, action: &StepAction) {
        match action {
            StepAction::Cordon { node } | StepAction::Uncordon { node } => self.add([*node]),
            StepAction::Drain { nodes }
            | StepAction::FailNode { nodes }
            | StepAction::RecoverNode { nodes }
            | StepAction::DeleteNode { nodes } => self.add(nodes.iter().copied()),
            StepAction::SetReady { pods, .. } | StepAction::Evict { target: EvictionTarget::Pods(pods) } => {
                self.add(pods.node);
                // Evictions come in the order of age, too.
                self.order_of_pods_matters = true;
            }
            StepAction::Bind { bindings } => {
                self.add(bindings.iter().filter_map(|binding| match binding {
                    Binding::Pod { node, .. } | Binding::Evict { node, .. } | Binding::DeleteNode(node) => Some(*node),
                    Binding::DaemonSet(_) => None,
                }));
                // The oldest pending pod is bound.
                self.order_of_pods_matters = true;
            }
            // What is applied may name any node.
            StepAction::Apply { .. } => self.nodes = None,
            StepAction::SetImage { .. }
            | StepAction::Restart { .. }
            | StepAction::Scale { .. }
            | StepAction::DeletePod { .. }
            | StepAction::DeleteWorkload { .. }
            | StepAction::Evict { target: EvictionTarget::Pod { .. } }
            | StepAction::SetMetric { .. }
            | StepAction::Wait { .. } => {}
        }
    }

    fn read_template(&mut self, state: &ClusterState, template: &PodTemplate) {
        let spec = &template.spec;
        if !spec.volumes.is_empty() {
            self.nodes = None;
        }
        self.add(spec.node_name);
        self.read_labels(state, &spec.node_selector);
        for term in spec.required_node_terms.iter().flatten() {
            self.read_term(state, term);
        }
        for preferred in &spec.preferred_node_terms {
            self.read_term(state, &preferred.term);
        }
    }

    fn read_labels(&mut self, state: &ClusterState, labels: &Labels) {
        for (_, value) in labels.iter() {
            self.add(state.node_named(value));
            self.add(nodes_with_hostname(state, value));
        }
    }

    fn read_term(&mut self, state: &ClusterState, term: &NodeSelectorTerm) {
        for requirement in term.expressions.iter().chain(&term.fields) {
            match &requirement.operator {
                NodeRequirementOperator::In(values) | NodeRequirementOperator::NotIn(values) => {
                    for value in values {
                        self.add(state.node_named(*value));
                        self.add(nodes_with_hostname(state, *value));
                    }
                }
                NodeRequirementOperator::GreaterThan(_) | NodeRequirementOperator::LessThan(_) => {
                    if requirement.key == Symbol::HOSTNAME {
                        self.nodes = None;
                    }
                }
                NodeRequirementOperator::Exists
                | NodeRequirementOperator::DoesNotExist
                | NodeRequirementOperator::Invalid => {}
            }
        }
    }
}

fn nodes_with_hostname(state: &ClusterState, name: Symbol) -> Vec<NodeId> {
    let named = state.nodes.iter().filter(|(_, node)| node.labels.get(Symbol::HOSTNAME) == Some(name));
    named.map(|(id, _)| *id).collect()
}
