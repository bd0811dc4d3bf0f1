//! The arguments of `DefaultEvictor`. Source: `pkg/framework/plugins/defaultevictor` of `kubernetes-sigs/descheduler`.

use std::collections::BTreeSet;

use quorate_sim::cluster::{ClusterState, DefaultEvictor, PodProtection};

use super::file;
use super::read::{At, go_duration};
use super::selector;

const SYSTEM_CRITICAL: i32 = 2_000_000_000;
const BY_DEFAULT: [(&str, PodProtection); 4] = [
    ("PodsWithLocalStorage", PodProtection::PodsWithLocalStorage),
    ("SystemCriticalPods", PodProtection::SystemCriticalPods),
    ("FailedBarePods", PodProtection::FailedBarePods),
    ("DaemonSetPods", PodProtection::DaemonSetPods),
];
const EXTRA: [(&str, PodProtection); 2] =
    [("PodsWithPVC", PodProtection::PodsWithPvc), ("PodsWithoutPDB", PodProtection::PodsWithoutPdb)];

/// The evictor of a profile; `None`: nothing is said of it.
pub(super) fn evictor(state: &mut ClusterState, own: Option<&file::Evictor>, at: &mut At<'_>) -> DefaultEvictor {
    let default = file::Evictor::default();
    let own = own.unwrap_or(&default);
    let node_selector = own.node_selector.as_deref().map(|text| selector::of_text(state, text));
    let node_selector = node_selector.and_then(|found| at.or_problem("nodeSelector", found)).flatten();
    let min_pod_age = own.min_pod_age.as_deref().and_then(|text| {
        let found = go_duration(text).ok_or_else(|| format!("{text:?} is not a duration; write for example 10m"));
        at.or_problem("minPodAge", found)
    });
    let obeys_no_eviction = match own.no_eviction_policy.as_deref() {
        None | Some("" | "Preferred") => false,
        Some("Mandatory") => true,
        Some(other) => {
            at.problem("noEvictionPolicy", format!("{other:?} is neither Preferred nor Mandatory"));
            false
        }
    };
    DefaultEvictor {
        node_fit: own.node_fit,
        node_selector,
        label_selector: selector::of_labels(state, own.label_selector.as_ref()),
        namespace_label_selector: selector::of_labels(state, own.namespace_label_selector.as_ref()),
        min_replicas: own.min_replicas,
        min_pod_age,
        priority_threshold: threshold(own, at),
        obeys_no_eviction,
        protections: protections(own, at),
    }
}

fn threshold(own: &file::Evictor, at: &mut At<'_>) -> Option<i32> {
    let threshold = own.priority_threshold.as_ref()?;
    let value = match (threshold.value, threshold.name.as_deref()) {
        (Some(_), Some(_)) => {
            at.problem("priorityThreshold", "takes either value or name".to_owned());
            None
        }
        (value, None | Some("system-cluster-critical")) => value,
        (None, Some(name)) => {
            at.problem(
                "priorityThreshold.name",
                format!("give the value of the class {name} as value: classes are not looked up here"),
            );
            None
        }
    };
    if value.is_some_and(|value| value > SYSTEM_CRITICAL) {
        at.problem("priorityThreshold.value", format!("must not be above {SYSTEM_CRITICAL}"));
    }
    value
}

fn protections(own: &file::Evictor, at: &mut At<'_>) -> BTreeSet<PodProtection> {
    let given = &own.pod_protections;
    let deprecated = [
        (own.evict_local_storage_pods, PodProtection::PodsWithLocalStorage),
        (own.evict_system_critical_pods, PodProtection::SystemCriticalPods),
        (own.evict_failed_bare_pods, PodProtection::FailedBarePods),
        (own.evict_daemon_set_pods, PodProtection::DaemonSetPods),
    ];
    let ignored = [
        (own.ignore_pvc_pods, PodProtection::PodsWithPvc),
        (own.ignore_pods_without_pdb, PodProtection::PodsWithoutPdb),
    ];
    let is_deprecated = deprecated.iter().chain(&ignored).any(|(is_set, _)| *is_set);
    if is_deprecated && !(given.extra_enabled.is_empty() && given.default_disabled.is_empty()) {
        at.problem("podProtections", "does not go together with the deprecated evict… and ignore… fields".to_owned());
    }
    if given.config.is_some() {
        at.problem("podProtections.config", "is not modelled: all claims are protected, or none".to_owned());
    }
    let mut protections: BTreeSet<PodProtection> = BY_DEFAULT.into_iter().map(|(_, protection)| protection).collect();
    for name in &given.default_disabled {
        match BY_DEFAULT.iter().find(|(known, _)| known == name) {
            Some((_, protection)) => drop(protections.remove(protection)),
            None => at.problem("podProtections.defaultDisabled", unknown(name, &BY_DEFAULT)),
        }
    }
    for name in &given.extra_enabled {
        match EXTRA.iter().find(|(known, _)| known == name) {
            Some((_, protection)) => drop(protections.insert(*protection)),
            None => at.problem("podProtections.extraEnabled", unknown(name, &EXTRA)),
        }
    }
    for (_, protection) in deprecated.iter().filter(|(is_set, _)| *is_set) {
        protections.remove(protection);
    }
    protections.extend(ignored.iter().filter(|(is_set, _)| *is_set).map(|(_, protection)| *protection));
    protections
}

fn unknown(name: &str, known: &[(&str, PodProtection)]) -> String {
    let known: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    format!("{name} is not modelled here; {} are", known.join(", "))
}
