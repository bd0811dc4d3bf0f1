//! The arguments of the plugins. Source: `validation.go` of each in `pkg/framework/plugins` of `kubernetes-sigs/descheduler`.

use std::collections::BTreeSet;

use quorate_sim::cluster::{BalancePlugin, ClusterState, NamespaceFilter, UtilizationThreshold, UtilizedResource};

use super::file;
use super::read::At;
use super::selector;

fn namespaces(state: &mut ClusterState, own: Option<&file::Namespaces>, key: &str, at: &mut At<'_>) -> NamespaceFilter {
    let Some(own) = own else { return NamespaceFilter::All };
    let mut interned = |names: &[String]| names.iter().map(|name| state.intern(name)).collect::<BTreeSet<_>>();
    match (own.include.as_slice(), own.exclude.as_slice()) {
        ([], []) => NamespaceFilter::All,
        (include, []) => NamespaceFilter::Include(interned(include)),
        ([], exclude) => NamespaceFilter::Exclude(interned(exclude)),
        (_, _) => {
            at.problem(key, "takes either include or exclude".to_owned());
            NamespaceFilter::All
        }
    }
}

pub(super) fn remove_duplicates(
    state: &mut ClusterState,
    own: &file::RemoveDuplicates,
    at: &mut At<'_>,
) -> BalancePlugin {
    BalancePlugin::RemoveDuplicates {
        namespaces: namespaces(state, own.namespaces.as_ref(), "namespaces", at),
        exclude_owner_kinds: own.exclude_owner_kinds.iter().cloned().collect(),
    }
}

pub(super) fn topology_spread(state: &mut ClusterState, own: &file::TopologySpread, at: &mut At<'_>) -> BalancePlugin {
    for other in own.constraints.iter().filter(|own| !matches!(own.as_str(), "DoNotSchedule" | "ScheduleAnyway")) {
        at.problem("constraints", format!("{other:?} is neither DoNotSchedule nor ScheduleAnyway"));
    }
    let has = |name: &str| own.constraints.iter().any(|own| own == name);
    BalancePlugin::TopologySpread {
        namespaces: namespaces(state, own.namespaces.as_ref(), "namespaces", at),
        label_selector: selector::of_labels(state, own.label_selector.as_ref()),
        hard: own.constraints.is_empty() || has("DoNotSchedule"),
        soft: has("ScheduleAnyway"),
        node_fit: own.topology_balance_node_fit.unwrap_or(true),
    }
}

pub(super) fn low_node_utilization(
    state: &mut ClusterState,
    own: &file::LowNodeUtilization,
    at: &mut At<'_>,
) -> BalancePlugin {
    if own.metrics_utilization.is_some() {
        at.problem("metricsUtilization", "is not modelled: nodes are compared by what their pods request".to_owned());
    }
    if own.evictable_namespaces.as_ref().is_some_and(|own| !own.include.is_empty()) {
        at.problem("evictableNamespaces", "takes only exclude".to_owned());
    }
    for (key, given) in [("thresholds", &own.thresholds), ("targetThresholds", &own.target_thresholds)] {
        if given.is_empty() {
            at.problem(key, "needs at least one resource, for example {cpu: 20, memory: 20, pods: 20}".to_owned());
        }
        for (name, percent) in given.iter().filter(|(_, percent)| !(0.0..=100.0).contains(*percent)) {
            at.problem(key, format!("{name}: {percent} is no percentage"));
        }
    }
    if !own.thresholds.keys().eq(own.target_thresholds.keys()) {
        at.problem("targetThresholds", "must name the same resources as thresholds".to_owned());
    }
    let mut thresholds = Vec::new();
    for (name, low) in &own.thresholds {
        let Some(high) = own.target_thresholds.get(name) else { continue };
        if low > high && !own.use_deviation_thresholds {
            at.problem("thresholds", format!("{name}: {low} is above targetThresholds, {high}"));
        }
        let resource = match name.as_str() {
            "cpu" => UtilizedResource::Cpu,
            "memory" => UtilizedResource::Memory,
            "pods" => UtilizedResource::Pods,
            "ephemeral-storage" => {
                at.problem("thresholds", "ephemeral-storage is not modelled here".to_owned());
                continue;
            }
            other => UtilizedResource::Scalar(state.intern(other)),
        };
        thresholds.push(UtilizationThreshold { resource, low: *low, high: *high });
    }
    BalancePlugin::LowNodeUtilization {
        thresholds,
        uses_deviation: own.use_deviation_thresholds,
        number_of_nodes: own.number_of_nodes,
        namespaces: namespaces(state, own.evictable_namespaces.as_ref(), "evictableNamespaces", at),
        per_node: own.eviction_limits.as_ref().and_then(|limits| limits.node),
    }
}
