//! Selectors, affinity, spread constraints and tolerations.

use quorate_sim::cluster::{
    ClusterState, Effect, LabelSelector, NodeRequirement, NodeRequirementOperator, NodeSelectorTerm, Operator,
    PodAffinityTerm, PodSpec, PreferredNodeTerm, PreferredPodTerm, Requirement, SpreadConstraint, SpreadPolicy, Symbol,
    Toleration, TolerationOperator, WhenUnsatisfiable,
};
use serde_json::Value;

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn symbols(state: &mut ClusterState, list: &Value) -> Vec<Symbol> {
    items(list).map(|text| state.intern(text.as_str().unwrap())).collect()
}

pub(crate) fn selector(state: &mut ClusterState, selector: &Value) -> Option<LabelSelector> {
    if selector.is_null() {
        return None;
    }
    let mut requirements = Vec::new();
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        let (key, value) = (state.intern(key), state.intern(value.as_str().unwrap()));
        requirements.push(Requirement { key, operator: Operator::In(vec![value]) });
    }
    for expression in items(&selector["matchExpressions"]) {
        let key = state.intern(expression["key"].as_str().unwrap());
        let values = symbols(state, &expression["values"]);
        let operator = match expression["operator"].as_str().unwrap() {
            "In" => Operator::In(values),
            "NotIn" => Operator::NotIn(values),
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            other => panic!("operator {other}"),
        };
        requirements.push(Requirement { key, operator });
    }
    Some(LabelSelector { requirements })
}

fn node_requirement(state: &mut ClusterState, expression: &Value) -> NodeRequirement {
    let key = state.intern(expression["key"].as_str().unwrap());
    let values = symbols(state, &expression["values"]);
    let number = || expression["values"][0].as_str().unwrap().parse::<i64>();
    let operator = match expression["operator"].as_str().unwrap() {
        "In" => NodeRequirementOperator::In(values),
        "NotIn" => NodeRequirementOperator::NotIn(values),
        "Exists" => NodeRequirementOperator::Exists,
        "DoesNotExist" => NodeRequirementOperator::DoesNotExist,
        "Gt" => number().map_or(NodeRequirementOperator::Invalid, NodeRequirementOperator::GreaterThan),
        "Lt" => number().map_or(NodeRequirementOperator::Invalid, NodeRequirementOperator::LessThan),
        other => panic!("operator {other}"),
    };
    NodeRequirement { key, operator }
}

pub(crate) fn node_term(state: &mut ClusterState, term: &Value) -> NodeSelectorTerm {
    NodeSelectorTerm {
        expressions: items(&term["matchExpressions"]).map(|one| node_requirement(state, one)).collect(),
        fields: items(&term["matchFields"]).map(|one| node_requirement(state, one)).collect(),
    }
}

fn pod_term(state: &mut ClusterState, namespace: Symbol, term: &Value) -> PodAffinityTerm {
    let mut namespaces = symbols(state, &term["namespaces"]);
    if namespaces.is_empty() && term["namespaceSelector"].is_null() {
        namespaces.push(namespace);
    }
    PodAffinityTerm {
        topology_key: state.intern(term["topologyKey"].as_str().unwrap()),
        selector: selector(state, &term["labelSelector"]),
        namespaces,
        namespace_selector: selector(state, &term["namespaceSelector"]),
        match_label_keys: symbols(state, &term["matchLabelKeys"]),
        mismatch_label_keys: symbols(state, &term["mismatchLabelKeys"]),
    }
}

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(crate) fn add_affinity(state: &mut ClusterState, namespace: Symbol, affinity: &Value, spec: &mut PodSpec) {
    let node = &affinity["nodeAffinity"];
    if !node[REQUIRED].is_null() {
        let terms = items(&node[REQUIRED]["nodeSelectorTerms"]).map(|term| node_term(state, term)).collect();
        spec.required_node_terms = Some(terms);
    }
    spec.preferred_node_terms = items(&node[PREFERRED])
        .map(|preferred| PreferredNodeTerm {
            weight: preferred["weight"].as_i64().unwrap(),
            term: node_term(state, &preferred["preference"]),
        })
        .collect();
    let mut required =
        |kind: &str| items(&affinity[kind][REQUIRED]).map(|term| pod_term(state, namespace, term)).collect();
    spec.required_affinity = required("podAffinity");
    spec.required_anti_affinity = required("podAntiAffinity");
    let mut preferred = |kind: &str| {
        items(&affinity[kind][PREFERRED])
            .map(|preferred| PreferredPodTerm {
                weight: preferred["weight"].as_i64().unwrap(),
                term: pod_term(state, namespace, &preferred["podAffinityTerm"]),
            })
            .collect()
    };
    spec.preferred_affinity = preferred("podAffinity");
    spec.preferred_anti_affinity = preferred("podAntiAffinity");
}

fn policy(value: &Value, default: SpreadPolicy) -> SpreadPolicy {
    match value.as_str() {
        None => default,
        Some("Honor") => SpreadPolicy::Honor,
        Some("Ignore") => SpreadPolicy::Ignore,
        Some(other) => panic!("policy {other}"),
    }
}

pub(crate) fn spread_constraint(state: &mut ClusterState, constraint: &Value) -> SpreadConstraint {
    SpreadConstraint {
        max_skew: constraint["maxSkew"].as_i64().unwrap(),
        topology_key: state.intern(constraint["topologyKey"].as_str().unwrap()),
        when_unsatisfiable: match constraint["whenUnsatisfiable"].as_str().unwrap() {
            "DoNotSchedule" => WhenUnsatisfiable::DoNotSchedule,
            "ScheduleAnyway" => WhenUnsatisfiable::ScheduleAnyway,
            other => panic!("whenUnsatisfiable {other}"),
        },
        selector: selector(state, &constraint["labelSelector"]),
        min_domains: constraint["minDomains"].as_i64(),
        node_affinity_policy: policy(&constraint["nodeAffinityPolicy"], SpreadPolicy::Honor),
        node_taints_policy: policy(&constraint["nodeTaintsPolicy"], SpreadPolicy::Ignore),
        match_label_keys: symbols(state, &constraint["matchLabelKeys"]),
    }
}

pub(crate) fn effect(text: &str) -> Effect {
    match text {
        "NoSchedule" => Effect::NoSchedule,
        "PreferNoSchedule" => Effect::PreferNoSchedule,
        "NoExecute" => Effect::NoExecute,
        other => panic!("effect {other}"),
    }
}

pub(crate) fn toleration(state: &mut ClusterState, toleration: &Value) -> Toleration {
    let text = |field: &str| toleration[field].as_str().filter(|text| !text.is_empty());
    Toleration {
        key: text("key").map(|key| state.intern(key)),
        operator: match text("operator") {
            Some("Exists") => TolerationOperator::Exists,
            None | Some("Equal") => TolerationOperator::Equal(state.intern(text("value").unwrap_or(""))),
            Some(other) => panic!("operator {other}"),
        },
        effect: text("effect").map(effect),
        toleration_seconds: toleration["tolerationSeconds"].as_i64(),
    }
}
