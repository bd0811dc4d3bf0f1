//! Taints, selectors, node affinity and host ports: what Kubernetes' own rules say of one pod and one node.

use std::collections::BTreeMap;

use crate::input::{HostPort, Labels, NodeTerm, Operator, Pod, PodTerm, Requirement, Taint, Toleration};

/// How a selector is read where a label of a pod may differ from that of its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As the shape has it.
    Exact,
    /// Whether it matches some pod of that shape.
    May,
    /// Whether it matches every pod of that shape, of whatever revision.
    Must,
    /// Whether it matches every pod of that shape, of the present revision.
    MustNow,
}

/// Labels that tell revisions of one template apart.
const REVISIONS: [&str; 3] = ["pod-template-hash", "controller-revision-hash", "pod-template-generation"];

/// Labels in which pods of one revision differ: their controller, or the API server when they are bound, sets them.
const OWN: [&str; 7] = [
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "batch.kubernetes.io/controller-uid",
    "controller-uid",
];

/// Whether a selector asks for a label that tells revisions apart.
pub(crate) fn asks_revision(requirements: &[Requirement]) -> bool {
    requirements.iter().any(|requirement| REVISIONS.contains(&requirement.key.as_str()))
}

/// Whether a selector asks for a label in which pods of one revision differ.
pub(crate) fn asks_own(requirements: &[Requirement]) -> bool {
    requirements.iter().any(|requirement| OWN.contains(&requirement.key.as_str()))
}

/// Whether a requirement is on a label that all pods of a shape share.
pub(crate) fn is_steady(requirement: &Requirement) -> bool {
    !REVISIONS.contains(&requirement.key.as_str()) && !OWN.contains(&requirement.key.as_str())
}

/// Whether a selector of pods matches the labels of a shape.
pub(crate) fn selects_pod(requirements: &[Requirement], labels: &Labels, reading: Reading) -> bool {
    requirements.iter().all(|requirement| {
        let key = requirement.key.as_str();
        match reading {
            Reading::May if !is_steady(requirement) => true,
            Reading::Must if !is_steady(requirement) => false,
            Reading::MustNow if OWN.contains(&key) => false,
            Reading::Exact | Reading::May | Reading::Must | Reading::MustNow => holds(requirement, labels),
        }
    })
}

/// Whose term it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// That of the pod that is to be placed. The scheduler matches its namespace selector against no labels at all first
    /// (`pkg/scheduler/framework/plugins/interpodaffinity`), so that one of `NotIn` and `DoesNotExist` matches every namespace.
    Incoming,
    /// That of a pod that is there.
    Existing,
}

/// Whether a term of pod affinity or anti-affinity covers a namespace with these labels.
pub(crate) fn covers(term: &PodTerm, namespace: &str, labels: &Labels, bearer: Bearer) -> bool {
    let by_labels = |selector: &Vec<Requirement>| {
        selects(selector, labels) || (bearer == Bearer::Incoming && selects(selector, &Labels::new()))
    };
    term.namespaces.iter().any(|named| named == namespace) || term.namespace_selector.as_ref().is_some_and(by_labels)
}

/// Whether all NoSchedule and NoExecute taints are tolerated.
pub(crate) fn tolerates_all(pod: &Pod, taints: &[Taint]) -> bool {
    taints.iter().all(|taint| tolerates(pod, taint))
}

/// The taint of an unreachable node with this effect.
pub(crate) fn unreachable(effect: &str) -> Taint {
    Taint { key: "node.kubernetes.io/unreachable".to_owned(), value: String::new(), effect: effect.to_owned() }
}

/// The taint of a cordoned node.
pub(crate) fn cordon() -> Taint {
    Taint { key: "node.kubernetes.io/unschedulable".to_owned(), value: String::new(), effect: "NoSchedule".to_owned() }
}

/// Whether a pod stays on an unreachable node for ever. The first toleration that matches decides (`GetMatchingTolerations`).
pub(crate) fn stays_when_unreachable(pod: &Pod) -> bool {
    let taint = unreachable("NoExecute");
    let first = pod.tolerations.iter().find(|toleration| tolerates_one(toleration, &taint));
    first.is_some_and(|toleration| toleration.seconds.is_none())
}

/// Whether a pod that may run on a node with these taints is evicted from it after some time.
pub(crate) fn is_fleeting(pod: &Pod, taints: &[Taint]) -> bool {
    taints.iter().filter(|taint| taint.effect == "NoExecute").any(|taint| {
        let first = pod.tolerations.iter().find(|toleration| tolerates_one(toleration, taint));
        first.is_some_and(|toleration| toleration.seconds.is_some())
    })
}

pub(crate) fn tolerates(pod: &Pod, taint: &Taint) -> bool {
    pod.tolerations.iter().any(|toleration| tolerates_one(toleration, taint))
}

fn tolerates_one(toleration: &Toleration, taint: &Taint) -> bool {
    let key = toleration.key.is_empty() || toleration.key == taint.key;
    let effect = toleration.effect.is_empty() || toleration.effect == taint.effect;
    let value = toleration.value.as_ref().is_none_or(|value| *value == taint.value);
    key && effect && value
}

pub(crate) fn node_matches(pod: &Pod, name: &str, labels: &Labels) -> bool {
    let selected = pod.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value));
    selected && pod.node_terms.as_ref().is_none_or(|terms| terms.iter().any(|term| term_holds(term, name, labels)))
}

fn term_holds(term: &NodeTerm, name: &str, labels: &Labels) -> bool {
    let fields = BTreeMap::from([("metadata.name".to_owned(), name.to_owned())]);
    let is_empty = term.expressions.is_empty() && term.fields.is_empty();
    !is_empty && selects(&term.expressions, labels) && selects(&term.fields, &fields)
}

pub(crate) fn selects(requirements: &[Requirement], labels: &Labels) -> bool {
    requirements.iter().all(|requirement| holds(requirement, labels))
}

pub(crate) fn holds(requirement: &Requirement, labels: &Labels) -> bool {
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

pub(crate) fn clash(own: &HostPort, other: &HostPort) -> bool {
    let everywhere = |address: &str| address.is_empty() || address == "0.0.0.0";
    let addresses = own.address == other.address || everywhere(&own.address) || everywhere(&other.address);
    addresses && own.protocol == other.protocol && own.port == other.port
}
