//! Where pods may be placed: affinity, tolerations, topology spread (`pkg/apis/core/validation/validation.go`).

use k8s_openapi::api::core::v1::{
    Affinity, NodeSelectorTerm, PodAffinityTerm, Toleration, TopologySpreadConstraint, WeightedPodAffinityTerm,
};

use super::at::At;
use super::labels::{self, key_problem};
use super::verdict::Verdict;

pub(super) const TAINT_EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(super) fn affinity(verdict: &mut Verdict<'_, '_>, at: &At<'_>, affinity: Option<&Affinity>) {
    let Some(affinity) = affinity else { return };
    if let Some(of) = &affinity.node_affinity {
        let at = &at.key("nodeAffinity");
        if let Some(required) = &of.required_during_scheduling_ignored_during_execution {
            let at = at.key(REQUIRED);
            let terms_at = at.key("nodeSelectorTerms");
            if required.node_selector_terms.is_empty() {
                verdict.invalid(&terms_at, "must have at least one term");
            }
            for (index, term) in required.node_selector_terms.iter().enumerate() {
                node_selector_term(verdict, &terms_at.index(index), term);
            }
        }
        for (index, term) in of.preferred_during_scheduling_ignored_during_execution.iter().flatten().enumerate() {
            let preferred_at = at.key(PREFERRED);
            let at = preferred_at.index(index);
            weight(verdict, &at, term.weight);
            node_selector_term(verdict, &at.key("preference"), &term.preference);
        }
    }
    let of = affinity.pod_affinity.as_ref();
    let required = of.and_then(|of| of.required_during_scheduling_ignored_during_execution.as_deref());
    let preferred = of.and_then(|of| of.preferred_during_scheduling_ignored_during_execution.as_deref());
    pod_affinity(verdict, &at.key("podAffinity"), required, preferred);
    let of = affinity.pod_anti_affinity.as_ref();
    let required = of.and_then(|of| of.required_during_scheduling_ignored_during_execution.as_deref());
    let preferred = of.and_then(|of| of.preferred_during_scheduling_ignored_during_execution.as_deref());
    pod_affinity(verdict, &at.key("podAntiAffinity"), required, preferred);
}

fn pod_affinity(
    verdict: &mut Verdict<'_, '_>,
    at: &At<'_>,
    required: Option<&[PodAffinityTerm]>,
    preferred: Option<&[WeightedPodAffinityTerm]>,
) {
    let required_at = at.key(REQUIRED);
    for (index, term) in required.into_iter().flatten().enumerate() {
        pod_affinity_term(verdict, &required_at.index(index), term);
    }
    let preferred_at = at.key(PREFERRED);
    for (index, term) in preferred.into_iter().flatten().enumerate() {
        let at = preferred_at.index(index);
        weight(verdict, &at, term.weight);
        pod_affinity_term(verdict, &at.key("podAffinityTerm"), &term.pod_affinity_term);
    }
}

fn weight(verdict: &mut Verdict<'_, '_>, at: &At<'_>, weight: i32) {
    if !(1..=100).contains(&weight) {
        verdict.invalid(&at.key("weight"), &format!("must be from 1 to 100, and is {weight}"));
    }
}

fn pod_affinity_term(verdict: &mut Verdict<'_, '_>, at: &At<'_>, term: &PodAffinityTerm) {
    topology_key(verdict, &at.key("topologyKey"), &term.topology_key);
    labels::selector(verdict, &at.key("labelSelector"), term.label_selector.as_ref());
    labels::selector(verdict, &at.key("namespaceSelector"), term.namespace_selector.as_ref());
}

fn topology_key(verdict: &mut Verdict<'_, '_>, at: &At<'_>, key: &str) {
    if key.is_empty() {
        verdict.required(at, key);
    } else if let Some(problem) = key_problem(key) {
        verdict.invalid(at, &problem);
    }
}

fn node_selector_term(verdict: &mut Verdict<'_, '_>, at: &At<'_>, term: &NodeSelectorTerm) {
    let expressions = at.key("matchExpressions");
    for (index, requirement) in term.match_expressions.iter().flatten().enumerate() {
        let at = expressions.index(index);
        if let Some(problem) = key_problem(&requirement.key) {
            verdict.invalid(&at.key("key"), &problem);
        }
        let known = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];
        labels::values(verdict, &at, &requirement.operator, requirement.values.as_deref(), &known);
    }
    let fields = at.key("matchFields");
    for (index, requirement) in term.match_fields.iter().flatten().enumerate() {
        let at = fields.index(index);
        verdict.one_of(&at.key("key"), Some(&requirement.key), &["metadata.name"]);
        verdict.one_of(&at.key("operator"), Some(&requirement.operator), &["In", "NotIn"]);
        if requirement.values.as_ref().map_or(0, Vec::len) != 1 {
            verdict.invalid(&at.key("values"), "must have one value");
        }
    }
}

pub(super) fn tolerations(verdict: &mut Verdict<'_, '_>, at: &At<'_>, tolerations: &[Toleration]) {
    for (index, toleration) in tolerations.iter().enumerate() {
        let at = at.index(index);
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let (key, operator, effect) = (text(&toleration.key), text(&toleration.operator), text(&toleration.effect));
        verdict.one_of(&at.key("operator"), Some(&operator), &["Equal", "Exists"]);
        verdict.one_of(&at.key("effect"), Some(&effect), TAINT_EFFECTS);
        if key.is_empty() && operator != "Exists" {
            verdict.invalid(&at.key("operator"), "must be Exists when there is no key");
        } else if let Some(problem) = key_problem(&key).filter(|_| !key.is_empty()) {
            verdict.invalid(&at.key("key"), &problem);
        }
        if operator == "Exists" && !text(&toleration.value).is_empty() {
            verdict.invalid(&at.key("value"), "must be empty when the operator is Exists");
        }
        if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
            verdict.invalid(&at.key("effect"), "must be NoExecute when tolerationSeconds is set");
        }
    }
}

pub(super) fn topology_spread_constraints(
    verdict: &mut Verdict<'_, '_>,
    at: &At<'_>,
    constraints: &[TopologySpreadConstraint],
) {
    for (index, constraint) in constraints.iter().enumerate() {
        let at = at.index(index);
        if constraint.max_skew < 1 {
            verdict.invalid(&at.key("maxSkew"), &format!("must be at least 1, and is {}", constraint.max_skew));
        }
        topology_key(verdict, &at.key("topologyKey"), &constraint.topology_key);
        let when = constraint.when_unsatisfiable.as_str();
        verdict.required(&at.key("whenUnsatisfiable"), when);
        verdict.one_of(&at.key("whenUnsatisfiable"), Some(when), &["DoNotSchedule", "ScheduleAnyway"]);
        verdict.one_of(&at.key("nodeAffinityPolicy"), constraint.node_affinity_policy.as_deref(), &["Honor", "Ignore"]);
        verdict.one_of(&at.key("nodeTaintsPolicy"), constraint.node_taints_policy.as_deref(), &["Honor", "Ignore"]);
        labels::selector(verdict, &at.key("labelSelector"), constraint.label_selector.as_ref());
        match constraint.min_domains {
            Some(..1) => {
                verdict.invalid(&at.key("minDomains"), "must be at least 1");
            }
            Some(_) if when == "ScheduleAnyway" => {
                verdict.invalid(&at.key("minDomains"), "must only be there when whenUnsatisfiable is DoNotSchedule");
            }
            Some(_) | None => {}
        }
        let is_same = |other: &&TopologySpreadConstraint| {
            other.topology_key == constraint.topology_key && other.when_unsatisfiable == constraint.when_unsatisfiable
        };
        if constraints.iter().take(index).any(|other| is_same(&other)) {
            let message = "there is another constraint with this key and the same whenUnsatisfiable";
            verdict.invalid(&at.key("topologyKey"), message);
        }
    }
}
