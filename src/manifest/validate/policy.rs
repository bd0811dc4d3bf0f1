//! PodDisruptionBudget, HorizontalPodAutoscaler, PriorityClass and the taints of a Node (`pkg/apis/*/validation`).

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use super::amount::{Percentage, count_or_percentage};
use super::at::At;
use super::labels::{self, key_problem};
use super::scheduling::TAINT_EFFECTS;
use super::verdict::Verdict;

/// The highest priority that a class of a user may have.
const HIGHEST_USER_PRIORITY: i32 = 1_000_000_000;

pub(super) fn pod_disruption_budget(verdict: &mut Verdict<'_, '_>, budget: &PodDisruptionBudget) {
    let at = &At::ROOT.key("spec");
    let Some(spec) = &budget.spec else { return };
    let (min_at, max_at) = (at.key("minAvailable"), at.key("maxUnavailable"));
    count_or_percentage(verdict, &min_at, spec.min_available.as_ref(), Percentage::AtMostAll);
    count_or_percentage(verdict, &max_at, spec.max_unavailable.as_ref(), Percentage::AtMostAll);
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        let message = "must not be there together with minAvailable";
        verdict.invalid_given(&max_at, &[(&min_at, "minAvailable")], message);
    }
    labels::selector(verdict, &at.key("selector"), spec.selector.as_ref());
    let policies = ["IfHealthyBudget", "AlwaysAllow"];
    verdict.one_of(&at.key("unhealthyPodEvictionPolicy"), spec.unhealthy_pod_eviction_policy.as_deref(), &policies);
}

pub(super) fn horizontal_pod_autoscaler(verdict: &mut Verdict<'_, '_>, autoscaler: &HorizontalPodAutoscaler) {
    let at = &At::ROOT.key("spec");
    let spec = &autoscaler.spec;
    let min_replicas = spec.min_replicas.unwrap_or(1);
    // 0 needs the feature gate HPAScaleToZero, which is off in 1.36.
    if min_replicas < 1 {
        verdict.invalid(&at.key("minReplicas"), &format!("must be at least 1, and is {min_replicas}"));
    }
    let max_at = at.key("maxReplicas");
    if spec.max_replicas < 1 {
        verdict.invalid(&max_at, "is required and must be at least 1");
    } else if spec.max_replicas < min_replicas {
        let message = format!("is {}, less than minReplicas, which is {min_replicas}", spec.max_replicas);
        verdict.invalid_given(&max_at, &[(&at.key("minReplicas"), "minReplicas")], &message);
    }
    let target_at = at.key("scaleTargetRef");
    verdict.required(&target_at.key("kind"), &spec.scale_target_ref.kind);
    verdict.required(&target_at.key("name"), &spec.scale_target_ref.name);
}

pub(super) fn priority_class(verdict: &mut Verdict<'_, '_>, class: &PriorityClass) {
    let at = &At::ROOT;
    let is_system = class.metadata.name.as_deref().is_some_and(|name| name.starts_with("system-"));
    if class.value.is_some_and(|value| value > HIGHEST_USER_PRIORITY) && !is_system {
        verdict.invalid(&at.key("value"), &format!("must be at most {HIGHEST_USER_PRIORITY}"));
    }
    let policies = ["PreemptLowerPriority", "Never"];
    verdict.one_of(&at.key("preemptionPolicy"), class.preemption_policy.as_deref(), &policies);
}

pub(super) fn node(verdict: &mut Verdict<'_, '_>, node: &Node) {
    let at = &At::ROOT.key("spec");
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    for (index, taint) in taints.enumerate() {
        let taints_at = at.key("taints");
        let at = taints_at.index(index);
        if let Some(problem) = key_problem(&taint.key) {
            verdict.invalid(&at.key("key"), &problem);
        }
        verdict.required(&at.key("effect"), &taint.effect);
        verdict.one_of(&at.key("effect"), Some(&taint.effect), TAINT_EFFECTS);
    }
}
