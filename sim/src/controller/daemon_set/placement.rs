//! Which nodes are eligible, and the pod made for a node. Source: `pkg/controller/daemon/daemon_controller.go`
//! (`NodeShouldRunDaemonPod`), `util/daemonset_util.go`.

use std::sync::Arc;

use crate::cluster::{
    ClusterState, DaemonSet, Effect, Node, NodeId, NodeRequirement, NodeRequirementOperator, NodeSelectorTerm, Pod,
    PodTemplate, Symbol, Toleration, TolerationOperator,
};
use crate::scheduler::{node_matches_affinity, tolerates, untolerated_taint};

/// What a DaemonSet does on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Eligibility {
    /// A pod runs there.
    Run,
    /// No new pod (a NoSchedule taint), but one that is there stays.
    KeepOnly,
    /// No pod.
    Never,
}

/// Taints that every DaemonSet pod tolerates. The one for the network is added only with host network, which the model does
/// not distinguish.
const ADDED: [(Symbol, Effect); 6] = [
    (Symbol::NOT_READY_TAINT, Effect::NoExecute),
    (Symbol::UNREACHABLE_TAINT, Effect::NoExecute),
    (Symbol::DISK_PRESSURE_TAINT, Effect::NoSchedule),
    (Symbol::MEMORY_PRESSURE_TAINT, Effect::NoSchedule),
    (Symbol::PID_PRESSURE_TAINT, Effect::NoSchedule),
    (Symbol::UNSCHEDULABLE_TAINT, Effect::NoSchedule),
];

/// The pod that a set makes for `node`: with the added tolerations, and for that node alone.
#[must_use]
pub fn pod_template(set: &DaemonSet, node: Symbol) -> Arc<PodTemplate> {
    let mut template = tolerating_template(set);
    let field = NodeRequirement { key: Symbol::METADATA_NAME, operator: NodeRequirementOperator::In(vec![node]) };
    let term = NodeSelectorTerm { expressions: Vec::new(), fields: vec![field] };
    template.spec.required_node_terms = Some(vec![term]);
    Arc::new(template)
}

/// A set's template with the tolerations that its pods get.
#[must_use]
pub fn tolerating_template(set: &DaemonSet) -> PodTemplate {
    let mut template = PodTemplate::clone(&set.template);
    add_tolerations(&mut template);
    template
}

fn add_tolerations(template: &mut PodTemplate) {
    for (key, effect) in ADDED {
        let toleration = Toleration {
            key: Some(key),
            operator: TolerationOperator::Exists,
            effect: Some(effect),
            toleration_seconds: None,
        };
        // As `AddOrUpdateTolerationInPodSpec`: one for the same taint is replaced, so that defaulted seconds do not stay.
        let same = |other: &Toleration| {
            other.key == toleration.key && other.effect == toleration.effect && other.operator == toleration.operator
        };
        template.spec.tolerations.retain(|other| !same(other));
        template.spec.tolerations.push(toleration);
    }
}

/// The node that a pod was made for.
#[must_use]
pub fn target_node(state: &ClusterState, pod: &Pod) -> Option<NodeId> {
    if pod.node.is_some() {
        return pod.node;
    }
    let terms = pod.template.spec.required_node_terms.as_ref()?;
    let field = terms.first()?.fields.first()?;
    match &field.operator {
        NodeRequirementOperator::In(names) => names.first().and_then(|name| state.node_named(*name)),
        NodeRequirementOperator::NotIn(_)
        | NodeRequirementOperator::Exists
        | NodeRequirementOperator::DoesNotExist
        | NodeRequirementOperator::GreaterThan(_)
        | NodeRequirementOperator::LessThan(_)
        | NodeRequirementOperator::Invalid => None,
    }
}

/// Whether a set's pods run on `node`; resources are not considered.
#[must_use]
pub fn eligibility(state: &ClusterState, set: &DaemonSet, id: NodeId, node: &Node) -> Eligibility {
    let spec = &set.template.spec;
    let named = spec.node_name.is_none_or(|name| name == id);
    if !named || !node_matches_affinity(&state.names, spec, node) {
        return Eligibility::Never;
    }
    let template = tolerating_template(set);
    if untolerated_taint(&template.spec, node).is_none() {
        return Eligibility::Run;
    }
    let tolerations = &template.spec.tolerations;
    let mut executing = node.taints.iter().filter(|taint| taint.effect == Effect::NoExecute);
    let evicts = executing.any(|taint| !tolerations.iter().any(|toleration| tolerates(toleration, taint)));
    if evicts { Eligibility::Never } else { Eligibility::KeepOnly }
}

/// The nodes on which a set's pods run.
#[must_use]
pub fn eligible_nodes(state: &ClusterState, set: &DaemonSet) -> Vec<NodeId> {
    let eligible = state.nodes.iter().filter(|(id, node)| eligibility(state, set, **id, node) == Eligibility::Run);
    eligible.map(|(id, _)| *id).collect()
}
