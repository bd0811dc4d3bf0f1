//! `podFailurePolicy`: the first rule that matches a failed pod decides. Source: `pkg/controller/job/pod_failure_policy.go`.

use crate::cluster::{DeletionCause, ExitedContainer, Pod, PodFailureAction, PodFailureMatch, PodFailureRule};

use super::pods::OwnPod;

/// What the rules say of a failed pod: the action and the number of the rule; `None`: it counts.
pub(super) fn judge(rules: Option<&[PodFailureRule]>, own: &OwnPod<'_>) -> Option<(PodFailureAction, usize)> {
    let rules = rules?.iter().enumerate();
    let mut matching = rules.filter(|(_, rule)| matches(&rule.on, own));
    matching.next().map(|(number, rule)| (rule.action, number))
}

/// Whether a failed pod counts.
pub(super) fn counts(rules: Option<&[PodFailureRule]>, own: &OwnPod<'_>) -> bool {
    judge(rules, own).is_none_or(|(action, _)| action != PodFailureAction::Ignore)
}

fn matches(on: &PodFailureMatch, own: &OwnPod<'_>) -> bool {
    match on {
        PodFailureMatch::ExitCodeIn(container, codes) => {
            exit_code(*container, own).is_some_and(|code| codes.contains(&code))
        }
        PodFailureMatch::ExitCodeNotIn(container, codes) => {
            exit_code(*container, own).is_some_and(|code| !codes.contains(&code))
        }
        PodFailureMatch::DisruptionTarget(is_asked_for) => *is_asked_for && is_disrupted(own.pod),
    }
}

/// A pod that is killed takes all its containers with it; one that ends on its own fails with its first container.
fn exit_code(container: ExitedContainer, own: &OwnPod<'_>) -> Option<i32> {
    let is_killed = own.pod.deletion.is_some();
    let is_asked_for = match container {
        ExitedContainer::First => true,
        ExitedContainer::Other => is_killed,
    };
    own.known.exit_code.filter(|code| is_asked_for && *code != 0)
}

fn is_disrupted(pod: &Pod) -> bool {
    pod.deletion.is_some_and(|deletion| DeletionCause::is_disruption(deletion.cause))
}
