//! A cluster as the canonical input of a proof: symbols become text.

use std::collections::BTreeMap;

use quorate_proof::input::{
    Amounts, HostPort, Input, Labels as PlainLabels, Node as PlainNode, NodeTerm, Operator as PlainOperator, PlacedPod,
    Pod as PlainPod, PodTerm, Requirement as PlainRequirement, Spread, Taint as PlainTaint,
    Toleration as PlainToleration,
};

use crate::cluster::{
    ClusterState, Effect, LabelSelector, Labels, Node, NodeReady, NodeRequirement, NodeRequirementOperator,
    NodeSelectorTerm, Operator, Phase, Pod, PodAffinityTerm, PodId, PodSpec, PreemptionPolicy, Protocol, Requirement,
    Resources, SpreadConstraint, SpreadPolicy, Symbol, TolerationOperator, WhenUnsatisfiable,
};

/// The whole cluster, with `pod` in question.
pub(super) fn input(state: &ClusterState, pod: &Pod) -> Input {
    let writer = Writer { state };
    let mut input = Input { pod: writer.pod(pod), ..Input::default() };
    for (name, namespace) in &state.namespaces {
        input.namespaces.insert(writer.text(*name), writer.labels(&namespace.labels));
    }
    for node in state.nodes.values() {
        input.nodes.insert(writer.text(node.name), writer.node(node));
    }
    for (id, placed) in state.pods.iter() {
        let on_node = placed.node.and_then(|node| state.nodes.get(&node));
        let is_counted = match placed.phase {
            Phase::Pending | Phase::Running => true,
            Phase::Succeeded | Phase::Failed => false,
        };
        if let Some(node) = on_node.filter(|_| is_counted) {
            let placed_pod = PlacedPod { node: writer.text(node.name), pod: writer.pod(placed) };
            input.placed.insert(pod_key(state, *id, placed), placed_pod);
        }
    }
    input
}

/// `namespace/name` of a pod; unique, because names are.
pub(super) fn pod_key(state: &ClusterState, id: PodId, pod: &Pod) -> String {
    let (namespace, name) = (state.names.text(pod.namespace), state.pod_name(pod));
    if name.is_empty() { format!("{namespace}/#{}", id.0) } else { format!("{namespace}/{name}") }
}

/// A node's taints that keep pods away, in the order of the proof.
pub(super) fn hard_taints(node: &Node) -> impl Iterator<Item = &crate::cluster::Taint> {
    node.taints.iter().filter(|taint| match taint.effect {
        Effect::NoSchedule | Effect::NoExecute => true,
        Effect::PreferNoSchedule => false,
    })
}

pub(super) struct Writer<'a> {
    pub(super) state: &'a ClusterState,
}

impl Writer<'_> {
    pub(super) fn text(&self, symbol: Symbol) -> String {
        self.state.names.text(symbol).to_owned()
    }

    fn texts(&self, symbols: &[Symbol]) -> Vec<String> {
        symbols.iter().map(|symbol| self.text(*symbol)).collect()
    }

    pub(super) fn labels(&self, labels: &Labels) -> PlainLabels {
        labels.iter().map(|(key, value)| (self.text(key), self.text(value))).collect()
    }

    fn amounts(&self, resources: &Resources) -> Amounts {
        let mut amounts = BTreeMap::from([
            ("cpu".to_owned(), resources.cpu_milli),
            ("memory".to_owned(), resources.memory_bytes),
            ("ephemeral-storage".to_owned(), resources.ephemeral_storage_bytes),
        ]);
        amounts.extend(resources.scalar.iter().map(|(name, amount)| (self.text(*name), *amount)));
        amounts
    }

    pub(super) fn node(&self, node: &Node) -> PlainNode {
        let mut taints: Vec<PlainTaint> = hard_taints(node)
            .map(|taint| PlainTaint {
                key: self.text(taint.key),
                value: self.text(taint.value),
                effect: effect(taint.effect),
            })
            .collect();
        taints.sort_unstable();
        PlainNode {
            labels: self.labels(&node.labels),
            taints,
            unschedulable: node.unschedulable,
            allocatable: self.amounts(&node.allocatable),
            allocatable_pods: node.allocatable_pods,
            ready: node.ready == NodeReady::True,
        }
    }

    fn pod(&self, pod: &Pod) -> PlainPod {
        self.shape(pod.namespace, &pod.labels, &pod.template.spec)
    }

    /// What a pod with these labels and this specification looks like. Lists whose order means nothing are sorted;
    /// of tolerations the first that matches a taint decides for how long.
    pub(super) fn shape(&self, namespace: Symbol, labels: &Labels, spec: &PodSpec) -> PlainPod {
        let preempts = self.state.scheduler.profile(spec.profile).preempts();
        let mut shape = PlainPod {
            namespace: self.text(namespace),
            labels: self.labels(labels),
            priority: spec.priority,
            preempts: preempts && spec.preemption_policy == PreemptionPolicy::PreemptLowerPriority,
            requests: self.amounts(&spec.requests),
            tolerations: self.tolerations(spec),
            node_selector: self.labels(&spec.node_selector),
            node_terms: spec
                .required_node_terms
                .as_ref()
                .map(|terms| terms.iter().map(|term| self.node_term(term)).collect()),
            affinity: self.pod_terms(&spec.required_affinity, labels, namespace),
            anti_affinity: self.pod_terms(&spec.required_anti_affinity, labels, namespace),
            host_ports: self.host_ports(spec),
            spread: spec
                .spread_constraints
                .iter()
                .filter(|constraint| constraint.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule)
                .map(|constraint| self.spread(constraint, labels))
                .collect(),
            not_carried: Vec::new(),
        };
        shape.affinity.sort_unstable();
        shape.anti_affinity.sort_unstable();
        shape.host_ports.sort_unstable();
        shape.spread.sort_unstable();
        if let Some(terms) = &mut shape.node_terms {
            terms.sort_unstable();
        }
        shape
    }

    fn tolerations(&self, spec: &PodSpec) -> Vec<PlainToleration> {
        let plain = |toleration: &crate::cluster::Toleration| PlainToleration {
            key: toleration.key.map_or_else(String::new, |key| self.text(key)),
            value: match toleration.operator {
                TolerationOperator::Equal(value) => Some(self.text(value)),
                TolerationOperator::Exists => None,
            },
            effect: toleration.effect.map_or_else(String::new, effect),
            seconds: toleration.toleration_seconds,
        };
        spec.tolerations.iter().map(plain).collect()
    }

    fn node_term(&self, term: &NodeSelectorTerm) -> NodeTerm {
        let plain = |requirements: &[NodeRequirement]| {
            requirements.iter().map(|requirement| self.node_requirement(requirement)).collect()
        };
        NodeTerm { expressions: plain(&term.expressions), fields: plain(&term.fields) }
    }

    fn node_requirement(&self, requirement: &NodeRequirement) -> PlainRequirement {
        let operator = match &requirement.operator {
            NodeRequirementOperator::In(values) => PlainOperator::In(self.texts(values)),
            NodeRequirementOperator::NotIn(values) => PlainOperator::NotIn(self.texts(values)),
            NodeRequirementOperator::Exists => PlainOperator::Exists,
            NodeRequirementOperator::DoesNotExist => PlainOperator::DoesNotExist,
            NodeRequirementOperator::GreaterThan(bound) => PlainOperator::GreaterThan(*bound),
            NodeRequirementOperator::LessThan(bound) => PlainOperator::LessThan(*bound),
            NodeRequirementOperator::Invalid => PlainOperator::Never,
        };
        PlainRequirement { key: self.text(requirement.key), operator }
    }

    fn pod_terms(&self, terms: &[PodAffinityTerm], own: &Labels, namespace: Symbol) -> Vec<PodTerm> {
        terms.iter().map(|term| self.pod_term(term, own, namespace)).collect()
    }

    /// `matchLabelKeys` and `mismatchLabelKeys` are folded into the selector, as the API server does at creation.
    fn pod_term(&self, term: &PodAffinityTerm, own: &Labels, namespace: Symbol) -> PodTerm {
        let mut selector = term.selector.as_ref().map(|selector| self.selector(selector));
        if let Some(selector) = &mut selector {
            selector.extend(self.own_values(&term.match_label_keys, own, |value| PlainOperator::In(vec![value])));
            selector.extend(self.own_values(&term.mismatch_label_keys, own, |value| PlainOperator::NotIn(vec![value])));
        }
        let mut namespaces = self.texts(&term.namespaces);
        if namespaces.is_empty() && term.namespace_selector.is_none() {
            namespaces.push(self.text(namespace));
        }
        namespaces.sort_unstable();
        PodTerm {
            topology_key: self.text(term.topology_key),
            selector,
            namespaces,
            namespace_selector: term.namespace_selector.as_ref().map(|selector| self.selector(selector)),
        }
    }

    fn spread(&self, constraint: &SpreadConstraint, own: &Labels) -> Spread {
        let mut selector = constraint.selector.as_ref().map(|selector| self.selector(selector));
        if let Some(selector) = &mut selector {
            selector.extend(self.own_values(&constraint.match_label_keys, own, |value| PlainOperator::In(vec![value])));
        }
        Spread {
            topology_key: self.text(constraint.topology_key),
            max_skew: constraint.max_skew,
            selector,
            min_domains: constraint.min_domains.unwrap_or(1),
            honors_affinity: constraint.node_affinity_policy == SpreadPolicy::Honor,
            honors_taints: constraint.node_taints_policy == SpreadPolicy::Honor,
        }
    }

    /// A requirement for each of `keys` that the pod has.
    fn own_values(
        &self,
        keys: &[Symbol],
        own: &Labels,
        operator: impl Fn(String) -> PlainOperator,
    ) -> Vec<PlainRequirement> {
        let valued = keys.iter().filter_map(|key| Some((*key, own.get(*key)?)));
        valued
            .map(|(key, value)| PlainRequirement { key: self.text(key), operator: operator(self.text(value)) })
            .collect()
    }

    pub(super) fn selector(&self, selector: &LabelSelector) -> Vec<PlainRequirement> {
        let plain = |requirement: &Requirement| {
            let operator = match &requirement.operator {
                Operator::In(values) => PlainOperator::In(self.texts(values)),
                Operator::NotIn(values) => PlainOperator::NotIn(self.texts(values)),
                Operator::Exists => PlainOperator::Exists,
                Operator::DoesNotExist => PlainOperator::DoesNotExist,
            };
            PlainRequirement { key: self.text(requirement.key), operator }
        };
        let mut requirements: Vec<PlainRequirement> = selector.requirements.iter().map(plain).collect();
        requirements.sort_unstable();
        requirements
    }

    fn host_ports(&self, spec: &PodSpec) -> Vec<HostPort> {
        let plain = |port: &crate::cluster::HostPort| HostPort {
            address: self.text(port.host_ip),
            protocol: match port.protocol {
                Protocol::Tcp => "TCP",
                Protocol::Udp => "UDP",
                Protocol::Sctp => "SCTP",
            }
            .to_owned(),
            port: port.port,
        };
        spec.host_ports.iter().map(plain).collect()
    }
}

fn effect(effect: Effect) -> String {
    match effect {
        Effect::NoSchedule => "NoSchedule",
        Effect::PreferNoSchedule => "PreferNoSchedule",
        Effect::NoExecute => "NoExecute",
    }
    .to_owned()
}
