//! The plainest reading of labels, taints and ports.

use quorate_proof::input::{HostPort, Labels, Operator, Pod, Requirement, Taint};

fn holds(requirement: &Requirement, labels: &Labels) -> bool {
    let value = labels.get(&requirement.key);
    match (&requirement.operator, value) {
        (Operator::In(values), Some(value)) => values.contains(value),
        (Operator::NotIn(values), Some(value)) => !values.contains(value),
        (Operator::Exists, Some(_)) | (Operator::NotIn(_) | Operator::DoesNotExist, None) => true,
        (Operator::GreaterThan(bound), Some(value)) => value.parse::<i64>().is_ok_and(|value| value > *bound),
        (Operator::LessThan(bound), Some(value)) => value.parse::<i64>().is_ok_and(|value| value < *bound),
        _ => false,
    }
}

pub(crate) fn all_hold(requirements: &[Requirement], labels: &Labels) -> bool {
    requirements.iter().all(|requirement| holds(requirement, labels))
}

pub(crate) fn bears(pod: &Pod, taint: &Taint) -> bool {
    pod.tolerations.iter().any(|toleration| {
        (toleration.key.is_empty() || toleration.key == taint.key)
            && (toleration.effect.is_empty() || toleration.effect == taint.effect)
            && toleration.value.as_ref().is_none_or(|value| *value == taint.value)
    })
}

pub(crate) fn taint(key: &str, effect: &str) -> Taint {
    Taint { key: format!("node.kubernetes.io/{key}"), value: String::new(), effect: effect.to_owned() }
}

pub(crate) fn clash(one: &HostPort, other: &HostPort) -> bool {
    let any = |port: &HostPort| port.address.is_empty() || port.address == "0.0.0.0";
    one.port == other.port && one.protocol == other.protocol && (any(one) || any(other) || one.address == other.address)
}

/// Whether the first toleration of an unreachable node is for ever.
pub(crate) fn stays(pod: &Pod) -> bool {
    let lost = taint("unreachable", "NoExecute");
    let first = pod.tolerations.iter().find(|toleration| {
        let own = Pod { tolerations: vec![(*toleration).clone()], ..Pod::default() };
        bears(&own, &lost)
    });
    first.is_some_and(|toleration| toleration.seconds.is_none())
}
