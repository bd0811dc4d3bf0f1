//! ResourceQuota: what every container must say, and what is left. Sources: `pkg/quota/v1/evaluator/core/pods.go`,
//! `staging/src/k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go`.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, PodSpec as ApiPodSpec, ResourceQuota};

use super::refusal::Refusal;
use crate::manifest::{FieldPath, ObjectId};
use crate::model::requests;

pub(super) const PLUGIN: &str = "ResourceQuota";
/// Where a quota names one of these, every container must say how much of it it wants.
pub(super) const TO_BE_SAID: [&str; 6] =
    ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// Whether a quota counts pods or what they ask for.
pub(super) fn is_about_pods(quota: &ResourceQuota) -> bool {
    hard(quota).any(is_of_pods)
}

/// Whether a name of a quota counts pods or what they ask for.
pub(super) fn is_of_pods(name: &str) -> bool {
    matches!(name, "pods" | "count/pods" | "ephemeral-storage" | "limits.ephemeral-storage")
        || TO_BE_SAID.contains(&name)
        || name.starts_with("hugepages-")
        || (name.starts_with("requests.") && name != "requests.storage")
}

/// The names that a quota limits.
pub(super) fn hard(quota: &ResourceQuota) -> impl Iterator<Item = &str> {
    let hard = quota.spec.as_ref().and_then(|spec| spec.hard.as_ref());
    hard.into_iter().flat_map(|hard| hard.keys().map(String::as_str))
}

/// Whether the quota restricts itself to some pods.
fn has_scopes(quota: &ResourceQuota) -> bool {
    let Some(spec) = &quota.spec else { return false };
    spec.scopes.as_ref().is_some_and(|scopes| !scopes.is_empty()) || spec.scope_selector.is_some()
}

/// Refuses a pod of which a container does not say what the quota counts. Quotas with scopes are not judged.
pub(super) fn validate(id: ObjectId, quota: &ResourceQuota, spec: &ApiPodSpec) -> Result<(), Box<Refusal>> {
    let whole = spec.resources.as_ref();
    let lists = whole.into_iter().flat_map(|whole| [whole.requests.as_ref(), whole.limits.as_ref()]);
    if has_scopes(quota) || lists.flatten().flat_map(BTreeMap::keys).any(|name| requests::is_pod_level(name)) {
        return Ok(());
    }
    let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let init = spec.init_containers.as_deref().unwrap_or_default();
    for name in hard(quota).filter(|name| TO_BE_SAID.contains(name)) {
        for container in spec.containers.iter().chain(init).filter(|container| !says(container, name)) {
            missing.entry(name).or_default().insert(&container.name);
        }
    }
    let Some(first) = missing.keys().next().copied() else { return Ok(()) };
    let list = |names: &BTreeSet<&str>| names.iter().copied().collect::<Vec<_>>().join(",");
    let parts: Vec<String> = missing.iter().map(|(name, names)| format!("{name} for: {}", list(names))).collect();
    let quota_name = quota.metadata.name.as_deref().unwrap_or_default();
    let reason = format!("failed quota: {quota_name}: must specify {}", parts.join("; "));
    let mut refusal = Refusal::new(PLUGIN, reason);
    let silent = |container: &Container| missing.values().any(|names| names.contains(container.name.as_str()));
    let index = spec.containers.iter().position(silent).map(|index| FieldPath::root().key("containers").index(index));
    refusal.fields.extend(index);
    refusal.against = Some((id, FieldPath::parse("spec.hard").key(first)));
    Err(refusal)
}

pub(super) fn says(container: &Container, name: &str) -> bool {
    let Some(resources) = &container.resources else { return false };
    let (list, resource) = match name.split_once('.') {
        Some(("limits", resource)) => (&resources.limits, resource),
        Some((_, resource)) => (&resources.requests, resource),
        None => (&resources.requests, name),
    };
    list.as_ref().is_some_and(|list| list.contains_key(resource))
}
