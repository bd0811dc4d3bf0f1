//! A small language for clusters in tests.
//!
//! | file | what |
//! | --- | --- |
//! | `filters.rs` | each plugin's verdicts |
//! | `pod_constraints.rs` | affinity between pods and topology spread |
//! | `volumes.rs` | claims, volumes and disks |
//! | `scores.rs` | each plugin's scores |
//! | `messages.rs` | the message of the PodScheduled condition, as real control planes wrote it |
//! | `preemption.rs` | victims and the choice of a node |
//! | `nominated.rs` | nominated pods, the queue |
//! | `profiles.rs` | several profiles, and what a profile says beside plugins |
//! | `properties.rs` | what holds for every cluster |
#![allow(clippy::unwrap_used)]

mod cache;
mod filters;
mod messages;
mod nominated;
mod pod_constraints;
mod preemption;
mod profiles;
mod properties;
mod scores;
mod volumes;

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::*;
use crate::cluster::{
    ClusterState, Effect, LabelSelector, Labels, Namespace, Node, NodeId, NodeReady, NonZeroRequests, ObjectMut,
    Operator, Owner, Phase, Pod, PodAffinityTerm, PodId, PodMut, PodName, PodSpec, PodTemplate, Requirement, Resources,
    SpreadConstraint, SpreadPolicy, Symbol, Taint, Time, WhenUnsatisfiable,
};

/// A cluster under construction.
#[derive(Clone, Default)]
struct Cluster {
    state: ClusterState,
}

/// A pod's specification, to be changed.
struct SpecMut<'a>(PodMut<'a>);

impl Deref for SpecMut<'_> {
    type Target = PodSpec;

    fn deref(&self) -> &PodSpec {
        &self.0.template.spec
    }
}

impl DerefMut for SpecMut<'_> {
    fn deref_mut(&mut self) -> &mut PodSpec {
        &mut Arc::make_mut(&mut self.0.template).spec
    }
}

impl Cluster {
    /// A node with 4 cores, 8 GiB and room for 110 pods, in no zone.
    fn node(&mut self, name: &str) -> NodeId {
        let id = NodeId(u32::try_from(self.state.nodes.len()).unwrap());
        let name = self.symbol(name);
        let node = Node {
            name,
            labels: Labels::from_iter([(Symbol::HOSTNAME, name)]),
            taints: Vec::new(),
            unschedulable: false,
            allocatable: requests(4000, 8 << 30),
            allocatable_pods: 110,
            images: BTreeMap::new(),
            ready: NodeReady::True,
            crashed_at: None,
            declared_features: std::collections::BTreeSet::new(),
        };
        self.state.nodes.insert(id, node);
        id
    }

    fn node_in_zone(&mut self, name: &str, zone: &str) -> NodeId {
        let node = self.node(name);
        self.label(node, "topology.kubernetes.io/zone", zone);
        node
    }

    fn symbol(&mut self, text: &str) -> Symbol {
        self.state.intern(text)
    }

    fn label(&mut self, node: NodeId, key: &str, value: &str) {
        let (key, value) = (self.symbol(key), self.symbol(value));
        self.at(node).labels.insert(key, value);
    }

    fn taint(&mut self, node: NodeId, key: &str, effect: Effect) {
        let key = self.symbol(key);
        self.at(node).taints.push(Taint { key, value: Symbol::EMPTY, effect, added_at: None });
    }

    fn at(&mut self, node: NodeId) -> ObjectMut<'_, NodeId, Node> {
        self.state.nodes.get_mut(&node).unwrap()
    }

    /// A pod of app `app` in the default namespace; running when `node` is given.
    fn pod(&mut self, app: &str, spec: PodSpec, node: Option<NodeId>) -> PodId {
        let labels = self.app(app);
        let name = self.symbol(app);
        self.state.namespaces.entry(Symbol::DEFAULT).or_default();
        self.state.add_pod(Pod {
            namespace: Symbol::DEFAULT,
            name: PodName::Given(name),
            labels: labels.clone(),
            template: Arc::new(PodTemplate { labels, spec, content: Symbol::EMPTY }),
            volumes: Arc::default(),
            owner: Owner::None,
            node,
            nominated_node: None,
            phase: if node.is_some() { Phase::Running } else { Phase::Pending },
            ready: node.is_some(),
            ready_changed_at: None,
            held_unready: false,
            created_at: Time::ZERO,
            started_at: node.map(|_| Time::ZERO),
            deletion_order: Default::default(),
            deletion: None,
            unschedulable: None,
        })
    }

    fn pod_mut(&mut self, pod: PodId) -> PodMut<'_> {
        self.state.pods.get_mut(&pod).unwrap()
    }

    fn spec_mut(&mut self, pod: PodId) -> SpecMut<'_> {
        SpecMut(self.pod_mut(pod))
    }

    fn app(&mut self, app: &str) -> Labels {
        Labels::from_iter([(self.symbol("app"), self.symbol(app))])
    }

    fn selector(&mut self, app: &str) -> LabelSelector {
        let (key, value) = (self.symbol("app"), self.symbol(app));
        LabelSelector { requirements: vec![Requirement { key, operator: Operator::In(vec![value]) }] }
    }

    /// A term on pods of app `app` in the default namespace.
    fn term(&mut self, app: &str, topology_key: Symbol) -> PodAffinityTerm {
        PodAffinityTerm {
            topology_key,
            selector: Some(self.selector(app)),
            namespaces: vec![Symbol::DEFAULT],
            namespace_selector: None,
            match_label_keys: Vec::new(),
            mismatch_label_keys: Vec::new(),
        }
    }

    fn spread(&mut self, app: &str, topology_key: Symbol, when_unsatisfiable: WhenUnsatisfiable) -> SpreadConstraint {
        SpreadConstraint {
            max_skew: 1,
            topology_key,
            when_unsatisfiable,
            selector: Some(self.selector(app)),
            min_domains: None,
            node_affinity_policy: SpreadPolicy::Honor,
            node_taints_policy: SpreadPolicy::Ignore,
            match_label_keys: Vec::new(),
        }
    }

    fn schedule(&self, pod: PodId) -> SchedulingResult {
        schedule(&self.state, pod)
    }

    /// The verdict on each node as `code plugin: reasons`, or `fits`.
    fn verdicts(&self, pod: PodId) -> Vec<String> {
        self.schedule(pod).verdicts.values().map(verdict_text).collect()
    }

    /// The weighted score of `plugin` on each node; empty when the plugin did not score.
    fn scores(&self, pod: PodId, plugin: Plugin) -> Vec<i64> {
        self.schedule(pod).scores.values().filter_map(|of_node| of_node.get(&plugin).copied()).collect()
    }

    fn message(&self, pod: PodId) -> String {
        let result = self.schedule(pod);
        unschedulable_message(&self.state, &result, &preempt(&self.state, pod, &result))
    }
}

fn verdict_text(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Fits => "fits".to_owned(),
        Verdict::Rejected { code, plugin, reasons } => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            let code = match code {
                Code::Unschedulable => "UNS",
                Code::UnschedulableAndUnresolvable => "UAU",
            };
            format!("{code} {}: {}", plugin.as_str(), reasons.join(", "))
        }
    }
}

fn requests(cpu_milli: i64, memory_bytes: i64) -> Resources {
    Resources { cpu_milli, memory_bytes, ..Resources::default() }
}

/// A pod that requests this much.
fn asks(cpu_milli: i64, memory_bytes: i64) -> PodSpec {
    PodSpec {
        requests: requests(cpu_milli, memory_bytes),
        non_zero_requests: NonZeroRequests { cpu_milli, memory_bytes },
        container_count: 1,
        ..PodSpec::default()
    }
}

/// A pod that requests nothing.
fn plain() -> PodSpec {
    PodSpec {
        non_zero_requests: NonZeroRequests { cpu_milli: 100, memory_bytes: 200 << 20 },
        container_count: 1,
        ..PodSpec::default()
    }
}

fn with_priority(priority: i32, spec: PodSpec) -> PodSpec {
    PodSpec { priority, ..spec }
}
