//! Requests that follow from limits, of containers and of the pod (`SetDefaults_Pod`, `defaultPodRequests`,
//! `defaultHugePagePodLimits`; `k8s.io/component-helpers/resource/helpers.go`).

use k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};

use super::absent::items;
use super::resource_list::{ResourceList, add, fill_from, raise};

/// A request that is missing is the limit.
pub(super) fn requests_from_limits(spec: &mut PodSpec) {
    for container in spec.containers.iter_mut().chain(items(&mut spec.init_containers)) {
        let Some(resources) = &mut container.resources else { continue };
        if let Some(limits) = &resources.limits {
            fill_from(resources.requests.get_or_insert_default(), Some(limits));
        }
    }
}

/// What a pod as a whole asks for, where it says so in part.
pub(super) fn pod_level(spec: &mut PodSpec) {
    let Some(mut resources) = spec.resources.take() else { return };
    huge_page_limits(spec, &mut resources);
    requests(spec, &mut resources);
    spec.resources = Some(resources);
}

fn huge_page_limits(spec: &PodSpec, resources: &mut ResourceRequirements) {
    let is_empty = |list: &Option<ResourceList>| list.as_ref().is_none_or(ResourceList::is_empty);
    if is_empty(&resources.limits) && is_empty(&resources.requests) {
        return;
    }
    let requested = resources.requests.clone().unwrap_or_default();
    let mut limits = resources.limits.clone().unwrap_or_default();
    let mut huge_pages = aggregate(spec, |resources| resources.limits.as_ref());
    huge_pages.retain(|name, _| is_huge_page(name) && !requested.contains_key(name));
    fill_from(&mut limits, Some(&huge_pages));
    if !limits.is_empty() {
        resources.limits = Some(limits);
    }
}

fn requests(spec: &PodSpec, resources: &mut ResourceRequirements) {
    let Some(mut limits) = resources.limits.clone().filter(|limits| !limits.is_empty()) else { return };
    let mut requests = resources.requests.clone().unwrap_or_default();
    let mut of_containers = aggregate(spec, |resources| resources.requests.as_ref());
    of_containers.retain(|name, _| matches!(name.as_str(), "cpu" | "memory"));
    fill_from(&mut requests, Some(&of_containers));
    limits.retain(|name, _| matches!(name.as_str(), "cpu" | "memory") || is_huge_page(name));
    fill_from(&mut requests, Some(&limits));
    if !requests.is_empty() {
        resources.requests = Some(requests);
    }
}

fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// What all containers need together: those that run side by side, or the most that starting takes.
fn aggregate(spec: &PodSpec, of: impl Fn(&ResourceRequirements) -> Option<&ResourceList>) -> ResourceList {
    let amounts = |container: &Container| container.resources.as_ref().and_then(&of).cloned().unwrap_or_default();
    let mut sum = ResourceList::new();
    for container in &spec.containers {
        add(&mut sum, &amounts(container));
    }
    let mut sidecars = ResourceList::new();
    let mut starting = ResourceList::new();
    for container in spec.init_containers.iter().flatten() {
        let mut needed = amounts(container);
        if container.restart_policy.as_deref() == Some("Always") {
            add(&mut sum, &needed);
            add(&mut sidecars, &needed);
            needed = sidecars.clone();
        } else {
            add(&mut needed, &sidecars);
        }
        raise(&mut starting, &needed);
    }
    raise(&mut sum, &starting);
    sum
}
