//! What quotas count for a pod. Source: `pkg/quota/v1/evaluator/core/pods.go`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodAffinityTerm, PodSpec as ApiPodSpec, PodStatus};
use quorate_sim::cluster::{ClusterState, PodAdmission, QuotaAmount, Suffixes, Symbol};

use super::resource_quota::{TO_BE_SAID, says};
use crate::manifest::decode::ParsedQuantity;
use crate::model::requests::{self, Sum};

/// What admission reads of a pod later on.
pub(in crate::model) fn of_pod(
    state: &mut ClusterState,
    spec: &ApiPodSpec,
    status: Option<&PodStatus>,
) -> PodAdmission {
    let (requests, limits) = (requests::summed(spec, status), requests::limits(spec));
    let mut usage = BTreeMap::new();
    for (name, amount) in names_of(&requests, &limits) {
        usage.insert(state.intern(&name), quota_amount(amount));
    }
    PodAdmission {
        refusal: None,
        usage,
        unsaid: unsaid(state, spec),
        has_deadline: spec.active_deadline_seconds.is_some_and(|seconds| seconds >= 0),
        is_best_effort: is_best_effort(spec),
        priority_class: spec
            .priority_class_name
            .as_deref()
            .filter(|class| !class.is_empty())
            .map(|class| state.intern(class)),
        has_cross_namespace_affinity: has_cross_namespace_affinity(spec),
    }
}

/// An amount as quotas count it.
pub(in crate::model) const fn quota_amount(amount: ParsedQuantity) -> QuotaAmount {
    QuotaAmount::from_milli(amount.milli(), if amount.is_binary() { Suffixes::Binary } else { Suffixes::Decimal })
}

/// The names under which quotas count requests and limits.
fn names_of(requests: &Sum, limits: &Sum) -> Vec<(String, ParsedQuantity)> {
    let mut named = Vec::new();
    for (name, amount) in requests {
        let counts_plainly = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage");
        if counts_plainly || name.starts_with("hugepages-") {
            named.push((name.clone(), *amount));
            named.push((format!("requests.{name}"), *amount));
        } else if is_extended(name) {
            named.push((format!("requests.{name}"), *amount));
        }
    }
    let limited = limits.iter().filter(|(name, _)| matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage"));
    named.extend(limited.map(|(name, amount)| (format!("limits.{name}"), *amount)));
    named
}

/// `IsExtendedResourceName` of `pkg/apis/core/v1/helper/helpers.go`.
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// For each resource that a quota may want to be said, the containers that do not say it.
fn unsaid(state: &mut ClusterState, spec: &ApiPodSpec) -> BTreeMap<Symbol, Vec<Symbol>> {
    let whole = spec.resources.as_ref();
    let lists = whole.into_iter().flat_map(|whole| [whole.requests.as_ref(), whole.limits.as_ref()]);
    if lists.flatten().flat_map(BTreeMap::keys).any(|name| requests::is_pod_level(name)) {
        return BTreeMap::new();
    }
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let containers: Vec<&Container> = spec.containers.iter().chain(init).collect();
    let mut unsaid = BTreeMap::new();
    for name in TO_BE_SAID {
        let silent = containers.iter().filter(|container| !says(container, name));
        let mut names: Vec<&str> = silent.map(|container| container.name.as_str()).collect();
        names.sort_unstable();
        if !names.is_empty() {
            let names = names.into_iter().map(|name| state.intern(name)).collect();
            unsaid.insert(state.intern(name), names);
        }
    }
    unsaid
}

/// `ComputePodQOS` of `pkg/apis/core/v1/helper/qos/qos.go`: nobody wants or limits CPU or memory.
fn is_best_effort(spec: &ApiPodSpec) -> bool {
    let of_whole = spec.resources.iter().flat_map(|own| [own.requests.as_ref(), own.limits.as_ref()]);
    let init = spec.init_containers.as_deref().unwrap_or_default();
    let of_containers = spec.containers.iter().chain(init).filter_map(|container| container.resources.as_ref());
    let of_containers = of_containers.flat_map(|own| [own.requests.as_ref(), own.limits.as_ref()]);
    let lists = of_whole.chain(of_containers);
    lists
        .flat_map(requests::amounts)
        .all(|(name, amount)| !matches!(name.as_str(), "cpu" | "memory") || amount.milli() == 0)
}

fn has_cross_namespace_affinity(spec: &ApiPodSpec) -> bool {
    let is_cross = |term: &PodAffinityTerm| {
        term.namespaces.as_ref().is_some_and(|names| !names.is_empty()) || term.namespace_selector.is_some()
    };
    let Some(affinity) = &spec.affinity else { return false };
    let together = affinity.pod_affinity.as_ref().map(|own| {
        (
            &own.required_during_scheduling_ignored_during_execution,
            &own.preferred_during_scheduling_ignored_during_execution,
        )
    });
    let apart = affinity.pod_anti_affinity.as_ref().map(|own| {
        (
            &own.required_during_scheduling_ignored_during_execution,
            &own.preferred_during_scheduling_ignored_during_execution,
        )
    });
    together.into_iter().chain(apart).any(|(required, preferred)| {
        required.iter().flatten().any(is_cross)
            || preferred.iter().flatten().any(|weighted| is_cross(&weighted.pod_affinity_term))
    })
}
