//! Selectors, tolerations and node affinity in the words of proof files.

use std::collections::BTreeMap;

use quorate_proof::input::{Labels, Node, NodeTerm, Operator, Pod, PodTerm, Requirement, Taint, Toleration};

/// Labels that differ between revisions of one workload.
const REVISION_LABELS: [&str; 2] = ["pod-template-hash", "controller-revision-hash"];

/// Whether a requirement asks for a revision.
pub(super) fn is_of_revision(requirement: &Requirement) -> bool {
    REVISION_LABELS.contains(&requirement.key.as_str())
}

/// Labels in which pods of one shape differ, beside those.
const LABELS_OF_SINGLE_PODS: [&str; 8] = [
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/controller-uid",
    "controller-uid",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
];

/// Whether a requirement asks for a label in which pods of one shape differ, revisions aside.
pub(super) fn is_of_single_pods(requirement: &Requirement) -> bool {
    LABELS_OF_SINGLE_PODS.contains(&requirement.key.as_str())
}

/// Whether `labels` meet all requirements.
pub(super) fn selects(requirements: &[Requirement], labels: &Labels) -> bool {
    requirements.iter().all(|requirement| holds(requirement, labels))
}

/// The same with every requirement on a revision taken as met.
pub(super) fn may_select(requirements: &[Requirement], labels: &Labels) -> bool {
    requirements.iter().all(|requirement| is_of_revision(requirement) || holds(requirement, labels))
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

/// Whether a term may mean a pod that looks like `pod`, of whatever revision.
pub(super) fn term_may_match(term: &PodTerm, pod: &Pod, namespaces: &BTreeMap<String, Labels>) -> bool {
    names_namespace(term, &pod.namespace, namespaces)
        && term.selector.as_ref().is_some_and(|selector| may_select(selector, &pod.labels))
}

/// Whether a term means a pod that looks exactly like `pod`.
pub(super) fn term_matches(term: &PodTerm, pod: &Pod, namespaces: &BTreeMap<String, Labels>) -> bool {
    names_namespace(term, &pod.namespace, namespaces)
        && term.selector.as_ref().is_some_and(|selector| selects(selector, &pod.labels))
}

fn names_namespace(term: &PodTerm, namespace: &str, namespaces: &BTreeMap<String, Labels>) -> bool {
    let empty = Labels::new();
    let labels = namespaces.get(namespace).unwrap_or(&empty);
    term.namespaces.iter().any(|own| own == namespace)
        || term.namespace_selector.as_ref().is_some_and(|selector| selects(selector, labels))
}

/// Whether one of the tolerations tolerates `taint`.
pub(super) fn tolerates(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|toleration| tolerates_one(toleration, taint))
}

/// Whether `taint` is tolerated for ever: the first toleration that matches decides.
pub(super) fn tolerates_for_ever(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().find(|own| tolerates_one(own, taint)).is_some_and(|first| first.seconds.is_none())
}

fn tolerates_one(toleration: &Toleration, taint: &Taint) -> bool {
    (toleration.key.is_empty() || toleration.key == taint.key)
        && (toleration.effect.is_empty() || toleration.effect == taint.effect)
        && toleration.value.as_ref().is_none_or(|value| *value == taint.value)
}

/// The taint with which the node lifecycle controller marks an unreachable node.
pub(super) fn unreachable(effect: &str) -> Taint {
    taint("node.kubernetes.io/unreachable", effect)
}

/// A taint without value.
pub(super) fn taint(key: &str, effect: &str) -> Taint {
    Taint { key: key.to_owned(), value: String::new(), effect: effect.to_owned() }
}

/// Whether nothing but room and other pods keeps `pod` off a node.
pub(super) fn is_eligible(pod: &Pod, name: &str, node: &Node) -> bool {
    let cordon = taint("node.kubernetes.io/unschedulable", "NoSchedule");
    (!node.unschedulable || tolerates(&pod.tolerations, &cordon))
        && tolerates_all(pod, node)
        && matches_affinity(pod, name, node)
}

/// Whether a pod tolerates every taint of a node that keeps pods away.
pub(super) fn tolerates_all(pod: &Pod, node: &Node) -> bool {
    node.taints.iter().all(|taint| tolerates(&pod.tolerations, taint))
}

/// Whether `nodeSelector` and required node affinity match.
pub(super) fn matches_affinity(pod: &Pod, name: &str, node: &Node) -> bool {
    let selected = pod.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value));
    selected
        && pod.node_terms.as_ref().is_none_or(|terms| terms.iter().any(|term| term_holds(term, name, &node.labels)))
}

fn term_holds(term: &NodeTerm, name: &str, labels: &Labels) -> bool {
    let fields = Labels::from([("metadata.name".to_owned(), name.to_owned())]);
    let is_empty = term.expressions.is_empty() && term.fields.is_empty();
    !is_empty && selects(&term.expressions, labels) && selects(&term.fields, &fields)
}
