//! Node and pod affinity, tolerations and spread constraints.

use k8s_openapi::api::core::v1::{
    Affinity, NodeSelectorRequirement, NodeSelectorTerm as ApiNodeSelectorTerm, PodAffinityTerm as ApiTerm,
    Toleration as ApiToleration, TopologySpreadConstraint,
};
use quorate_sim::cluster::{
    ClusterState, Effect, NodeRequirement, NodeRequirementOperator, NodeSelectorTerm, PodAffinityTerm, PodSpec,
    PreferredNodeTerm, PreferredPodTerm, SpreadConstraint, SpreadPolicy, Symbol, Toleration, TolerationOperator,
    WhenUnsatisfiable,
};

use super::labels;

/// Fills in every affinity of `spec`.
pub(super) fn fill(state: &mut ClusterState, spec: &mut PodSpec, affinity: &Affinity, namespace: Symbol) {
    if let Some(node) = &affinity.node_affinity {
        spec.required_node_terms = node
            .required_during_scheduling_ignored_during_execution
            .as_ref()
            .map(|required| required.node_selector_terms.iter().map(|term| node_term(state, term)).collect());
        for preferred in node.preferred_during_scheduling_ignored_during_execution.iter().flatten() {
            let term = node_term(state, &preferred.preference);
            spec.preferred_node_terms.push(PreferredNodeTerm { weight: i64::from(preferred.weight), term });
        }
    }
    if let Some(pods) = &affinity.pod_affinity {
        for term in pods.required_during_scheduling_ignored_during_execution.iter().flatten() {
            spec.required_affinity.push(pod_term(state, term, namespace));
        }
        for preferred in pods.preferred_during_scheduling_ignored_during_execution.iter().flatten() {
            let term = pod_term(state, &preferred.pod_affinity_term, namespace);
            spec.preferred_affinity.push(PreferredPodTerm { weight: i64::from(preferred.weight), term });
        }
    }
    if let Some(pods) = &affinity.pod_anti_affinity {
        for term in pods.required_during_scheduling_ignored_during_execution.iter().flatten() {
            spec.required_anti_affinity.push(pod_term(state, term, namespace));
        }
        for preferred in pods.preferred_during_scheduling_ignored_during_execution.iter().flatten() {
            let term = pod_term(state, &preferred.pod_affinity_term, namespace);
            spec.preferred_anti_affinity.push(PreferredPodTerm { weight: i64::from(preferred.weight), term });
        }
    }
}

/// A term of node affinity.
pub(super) fn node_term(state: &mut ClusterState, term: &ApiNodeSelectorTerm) -> NodeSelectorTerm {
    let mut requirements = |list: &Option<Vec<NodeSelectorRequirement>>| {
        list.iter().flatten().map(|requirement| node_requirement(state, requirement)).collect::<Vec<_>>()
    };
    let expressions = requirements(&term.match_expressions);
    let fields = requirements(&term.match_fields);
    NodeSelectorTerm { expressions, fields }
}

fn node_requirement(state: &mut ClusterState, requirement: &NodeSelectorRequirement) -> NodeRequirement {
    let texts = requirement.values.as_deref().unwrap_or_default();
    let number = texts.first().and_then(|text| text.parse().ok());
    let mut values = || texts.iter().map(|text| state.intern(text)).collect();
    let operator = match requirement.operator.as_str() {
        "In" => NodeRequirementOperator::In(values()),
        "NotIn" => NodeRequirementOperator::NotIn(values()),
        "Exists" => NodeRequirementOperator::Exists,
        "DoesNotExist" => NodeRequirementOperator::DoesNotExist,
        "Gt" => number.map_or(NodeRequirementOperator::Invalid, NodeRequirementOperator::GreaterThan),
        "Lt" => number.map_or(NodeRequirementOperator::Invalid, NodeRequirementOperator::LessThan),
        _ => NodeRequirementOperator::Invalid,
    };
    NodeRequirement { key: state.intern(&requirement.key), operator }
}

fn pod_term(state: &mut ClusterState, term: &ApiTerm, namespace: Symbol) -> PodAffinityTerm {
    let mut namespaces: Vec<Symbol> = term.namespaces.iter().flatten().map(|name| state.intern(name)).collect();
    let namespace_selector = term.namespace_selector.as_ref().map(|selector| labels::selector(state, selector));
    if namespaces.is_empty() && namespace_selector.is_none() {
        namespaces.push(namespace);
    }
    let mut keys = |list: &Option<Vec<String>>| list.iter().flatten().map(|key| state.intern(key)).collect::<Vec<_>>();
    let match_label_keys = keys(&term.match_label_keys);
    let mismatch_label_keys = keys(&term.mismatch_label_keys);
    PodAffinityTerm {
        topology_key: state.intern(&term.topology_key),
        selector: term.label_selector.as_ref().map(|selector| labels::selector(state, selector)),
        namespaces,
        namespace_selector,
        match_label_keys,
        mismatch_label_keys,
    }
}

/// A toleration. An operator that is not known tolerates nothing and is left out.
pub(super) fn toleration(state: &mut ClusterState, toleration: &ApiToleration) -> Option<Toleration> {
    let value = toleration.value.as_deref().unwrap_or_default();
    let operator = match toleration.operator.as_deref() {
        None | Some("" | "Equal") => TolerationOperator::Equal(state.intern(value)),
        Some("Exists") => TolerationOperator::Exists,
        Some(_) => return None,
    };
    let effect = match toleration.effect.as_deref() {
        None | Some("") => None,
        Some(effect) => Some(self::effect(effect)?),
    };
    let key = toleration.key.as_deref().filter(|key| !key.is_empty()).map(|key| state.intern(key));
    Some(Toleration { key, operator, effect, toleration_seconds: toleration.toleration_seconds })
}

/// A taint's effect by its name.
pub(super) fn effect(effect: &str) -> Option<Effect> {
    match effect {
        "NoSchedule" => Some(Effect::NoSchedule),
        "PreferNoSchedule" => Some(Effect::PreferNoSchedule),
        "NoExecute" => Some(Effect::NoExecute),
        _ => None,
    }
}

/// A topology spread constraint.
pub(super) fn spread_constraint(state: &mut ClusterState, constraint: &TopologySpreadConstraint) -> SpreadConstraint {
    let policy = |policy: &Option<String>, default| match policy.as_deref() {
        Some("Honor") => SpreadPolicy::Honor,
        Some("Ignore") => SpreadPolicy::Ignore,
        Some(_) | None => default,
    };
    SpreadConstraint {
        max_skew: i64::from(constraint.max_skew),
        topology_key: state.intern(&constraint.topology_key),
        when_unsatisfiable: match constraint.when_unsatisfiable.as_str() {
            "ScheduleAnyway" => WhenUnsatisfiable::ScheduleAnyway,
            _ => WhenUnsatisfiable::DoNotSchedule,
        },
        selector: constraint.label_selector.as_ref().map(|selector| labels::selector(state, selector)),
        min_domains: constraint.min_domains.map(i64::from),
        node_affinity_policy: policy(&constraint.node_affinity_policy, SpreadPolicy::Honor),
        node_taints_policy: policy(&constraint.node_taints_policy, SpreadPolicy::Ignore),
        match_label_keys: constraint.match_label_keys.iter().flatten().map(|key| state.intern(key)).collect(),
    }
}
