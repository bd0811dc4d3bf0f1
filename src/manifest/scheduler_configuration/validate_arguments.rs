//! What kube-scheduler refuses of plugins' arguments. Source: `pkg/scheduler/apis/config/validation/validation_pluginargs.go`.

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm, TopologySpreadConstraint};

use crate::manifest::validate::{At, Verdict, key_problem, value_problem};

use super::arguments::{
    BalancedAllocationArguments, DynamicResourcesArguments, FitArguments, InterPodAffinityArguments,
    NodeAffinityArguments, PodTopologySpreadArguments, PreemptionArguments, UtilizationShapePoint,
    VolumeBindingArguments,
};
use super::duration::GoDuration;

pub(super) fn preemption(verdict: &mut Verdict<'_, '_>, at: &At<'_>, arguments: &PreemptionArguments) {
    let percentage = arguments.min_candidate_nodes_percentage.unwrap_or(10);
    let absolute = arguments.min_candidate_nodes_absolute.unwrap_or(100);
    if !(0..=100).contains(&percentage) {
        let message = format!("must be from 0 to 100, and is {percentage}");
        verdict.invalid(&at.key("minCandidateNodesPercentage"), &message);
    }
    if absolute < 0 {
        verdict.invalid(&at.key("minCandidateNodesAbsolute"), "must not be negative");
    }
    if percentage == 0 && absolute == 0 {
        let message = "must not be 0 where minCandidateNodesAbsolute is 0 too";
        verdict.invalid(&at.key("minCandidateNodesPercentage"), message);
    }
}

pub(super) fn inter_pod_affinity(verdict: &mut Verdict<'_, '_>, at: &At<'_>, arguments: &InterPodAffinityArguments) {
    let weight = arguments.hard_pod_affinity_weight.unwrap_or(1);
    if !(0..=100).contains(&weight) {
        verdict.invalid(&at.key("hardPodAffinityWeight"), &format!("must be from 0 to 100, and is {weight}"));
    }
}

pub(super) fn spread(verdict: &mut Verdict<'_, '_>, at: &At<'_>, arguments: &PodTopologySpreadArguments) {
    let kind = arguments.defaulting_type.as_str();
    verdict.one_of(&at.key("defaultingType"), Some(kind), &["System", "List"]);
    if kind == "System" && !arguments.default_constraints.is_empty() {
        verdict.invalid(&at.key("defaultingType"), "must be List where there are defaultConstraints");
    }
    let constraints = at.key("defaultConstraints");
    for (index, constraint) in arguments.default_constraints.iter().enumerate() {
        let at = constraints.index(index);
        spread_constraint(verdict, &at, constraint);
        let is_same = |other: &TopologySpreadConstraint| {
            other.topology_key == constraint.topology_key && other.when_unsatisfiable == constraint.when_unsatisfiable
        };
        if arguments.default_constraints.iter().take(index).any(is_same) {
            let message = "there is another constraint with this key and the same whenUnsatisfiable";
            verdict.invalid(&at.key("topologyKey"), message);
        }
    }
}

fn spread_constraint(verdict: &mut Verdict<'_, '_>, at: &At<'_>, constraint: &TopologySpreadConstraint) {
    if constraint.max_skew < 1 {
        verdict.invalid(&at.key("maxSkew"), &format!("must be at least 1, and is {}", constraint.max_skew));
    }
    verdict.required(&at.key("topologyKey"), &constraint.topology_key);
    if let Some(problem) = key_problem(&constraint.topology_key).filter(|_| !constraint.topology_key.is_empty()) {
        verdict.invalid(&at.key("topologyKey"), &problem);
    }
    let when = constraint.when_unsatisfiable.as_str();
    verdict.required(&at.key("whenUnsatisfiable"), when);
    verdict.one_of(&at.key("whenUnsatisfiable"), Some(when), &["DoNotSchedule", "ScheduleAnyway"]);
    if constraint.label_selector.is_some() {
        verdict
            .invalid(&at.key("labelSelector"), "must not be there: it follows from each pod's Services and controller");
    }
}

pub(super) fn balanced(verdict: &mut Verdict<'_, '_>, at: &At<'_>, arguments: &BalancedAllocationArguments) {
    let resources = at.key("resources");
    for (index, resource) in arguments.resources.iter().enumerate() {
        let at = resources.index(index);
        if arguments.resources.iter().take(index).any(|other| other.name == resource.name) {
            verdict.invalid(&at.key("name"), &format!("{} is there twice", resource.name));
        }
        if resource.weight != 1 {
            verdict.invalid(&at.key("weight"), "must be 1");
        }
    }
}

pub(super) fn volume_binding(verdict: &mut Verdict<'_, '_>, at: &At<'_>, arguments: &VolumeBindingArguments) {
    if arguments.bind_timeout_seconds.is_some_and(|seconds| seconds < 0) {
        verdict.invalid(&at.key("bindTimeoutSeconds"), "must not be negative");
    }
    if arguments.shape.is_some() {
        let message = "must not be there: the feature gate StorageCapacityScoring is off in 1.36";
        verdict.invalid(&at.key("shape"), message);
    }
}

pub(super) fn dynamic_resources(verdict: &mut Verdict<'_, '_>, at: &At<'_>, arguments: &DynamicResourcesArguments) {
    if arguments.filter_timeout.is_some_and(|timeout| timeout.0 < 0) {
        verdict.invalid(&at.key("filterTimeout"), "must not be negative");
    }
    if arguments.binding_timeout.is_some_and(|timeout| timeout.0 < GoDuration::SECOND) {
        verdict.invalid(&at.key("bindingTimeout"), "must be at least 1s");
    }
}

/// Refused when the plugin starts: before that upstream looks for these arguments by a name that no plugin has.
pub(super) fn fit(verdict: &mut Verdict<'_, '_>, at: &At<'_>, arguments: &FitArguments) {
    let names = at.key("ignoredResources");
    for (index, name) in arguments.ignored_resources.iter().enumerate() {
        if let Some(problem) = key_problem(name) {
            verdict.invalid(&names.index(index), &problem);
        }
    }
    let groups = at.key("ignoredResourceGroups");
    for (index, group) in arguments.ignored_resource_groups.iter().enumerate() {
        let problem = group.contains('/').then(|| "must be what stands before the /".to_owned());
        if let Some(problem) = problem.or_else(|| key_problem(group)) {
            verdict.invalid(&groups.index(index), &problem);
        }
    }
    let Some(strategy) = &arguments.scoring_strategy else { return };
    let at = at.key("scoringStrategy");
    let known = ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"];
    verdict.required(&at.key("type"), &strategy.kind);
    verdict.one_of(&at.key("type"), Some(&strategy.kind), &known);
    let resources = at.key("resources");
    for (index, resource) in strategy.resources.iter().enumerate() {
        if !(1..=100).contains(&resource.weight) {
            let at = resources.index(index);
            verdict.invalid(&at.key("weight"), &format!("must be from 1 to 100, and is {}", resource.weight));
        }
    }
    let ratio_at = at.key("requestedToCapacityRatio");
    let is_ratio = strategy.kind == "RequestedToCapacityRatio";
    match &strategy.requested_to_capacity_ratio {
        Some(ratio) if is_ratio => shape(verdict, &ratio_at.key("shape"), &ratio.shape),
        Some(_) => {
            verdict.invalid(&ratio_at, "must only be there for the type RequestedToCapacityRatio");
        }
        None if is_ratio => {
            verdict.invalid(&ratio_at, "is required for this type");
        }
        None => {}
    }
}

fn shape(verdict: &mut Verdict<'_, '_>, at: &At<'_>, points: &[UtilizationShapePoint]) {
    if points.is_empty() {
        verdict.invalid(at, "must have at least one point");
    }
    for (index, pair) in points.windows(2).enumerate() {
        if pair[0].utilization >= pair[1].utilization {
            let at = at.index(index + 1);
            verdict.invalid(&at.key("utilization"), "must be greater than that of the point before");
            break;
        }
    }
    for (index, point) in points.iter().enumerate() {
        let at = at.index(index);
        if !(0..=100).contains(&point.utilization) {
            verdict.invalid(&at.key("utilization"), &format!("must be from 0 to 100, and is {}", point.utilization));
        }
        if !(0..=10).contains(&point.score) {
            verdict.invalid(&at.key("score"), &format!("must be from 0 to 10, and is {}", point.score));
        }
    }
}

pub(super) fn node_affinity(verdict: &mut Verdict<'_, '_>, at: &At<'_>, arguments: &NodeAffinityArguments) {
    let Some(affinity) = &arguments.added_affinity else { return };
    let at = at.key("addedAffinity");
    if let Some(required) = &affinity.required_during_scheduling_ignored_during_execution {
        let at = at.key("requiredDuringSchedulingIgnoredDuringExecution");
        let at = at.key("nodeSelectorTerms");
        for (index, own) in required.node_selector_terms.iter().enumerate() {
            term(verdict, &at.index(index), own);
        }
    }
    let at = at.key("preferredDuringSchedulingIgnoredDuringExecution");
    let preferred = affinity.preferred_during_scheduling_ignored_during_execution.iter().flatten().enumerate();
    // A term that weighs nothing is not read.
    for (index, own) in preferred.filter(|(_, own)| own.weight != 0) {
        let at = at.index(index);
        term(verdict, &at.key("preference"), &own.preference);
    }
}

fn term(verdict: &mut Verdict<'_, '_>, at: &At<'_>, term: &NodeSelectorTerm) {
    let expressions = at.key("matchExpressions");
    for (index, own) in term.match_expressions.iter().flatten().enumerate() {
        requirement(verdict, &expressions.index(index), own);
    }
    let fields = at.key("matchFields");
    for (index, own) in term.match_fields.iter().flatten().enumerate() {
        let at = fields.index(index);
        verdict.required(&at.key("operator"), &own.operator);
        verdict.one_of(&at.key("operator"), Some(&own.operator), &["In", "NotIn"]);
        if own.values.as_ref().map_or(0, Vec::len) != 1 {
            verdict.invalid(&at.key("values"), "must have one value");
        }
    }
}

fn requirement(verdict: &mut Verdict<'_, '_>, at: &At<'_>, own: &NodeSelectorRequirement) {
    let operator = own.operator.as_str();
    verdict.required(&at.key("operator"), operator);
    verdict.one_of(&at.key("operator"), Some(operator), &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]);
    if let Some(problem) = key_problem(&own.key) {
        verdict.invalid(&at.key("key"), &problem);
    }
    let values = own.values.as_deref().unwrap_or_default();
    let values_at = at.key("values");
    let problem = match (operator, values) {
        ("In" | "NotIn", []) => Some("must have a value for this operator"),
        ("Exists" | "DoesNotExist", [_, ..]) => Some("must have no value for this operator"),
        ("Gt" | "Lt", [only]) if only.parse::<i64>().is_err() => Some("must be an integer for this operator"),
        ("Gt" | "Lt", [_]) => None,
        ("Gt" | "Lt", _) => Some("must have one value for this operator"),
        _ => None,
    };
    if let Some(problem) = problem {
        verdict.invalid(&values_at, problem);
    }
    for (index, value) in values.iter().enumerate() {
        if let Some(problem) = value_problem(value) {
            verdict.invalid(&values_at.index(index), &problem);
        }
    }
}
