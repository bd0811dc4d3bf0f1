//! What kube-scheduler counts for a pod.
//!
//! Sources: `staging/src/k8s.io/component-helpers/resource/helpers.go` (`PodRequests`),
//! `pkg/scheduler/framework/types.go` (`calculatePodResourceRequest` and its non-zero defaults).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use quorate_sim::cluster::{ClusterState, NonZeroRequests, Resources};

use crate::manifest::decode::{ParsedQuantity, parse_quantity};

/// CPU that the least-allocated score counts for a container without a request, in thousandths of a core.
const DEFAULT_CPU_MILLI: i64 = 100;
/// Memory that it counts for one, in bytes.
const DEFAULT_MEMORY_BYTES: i64 = 200 * 1024 * 1024;

type Amounts = BTreeMap<String, ApiQuantity>;

/// What is counted for one pod.
pub(super) struct PodRequests {
    pub(super) requests: Resources,
    pub(super) non_zero: NonZeroRequests,
    /// While it is being placed, where that differs.
    pub(super) non_zero_while_placed: Option<NonZeroRequests>,
}

/// The sums for one pod.
pub(super) fn pod_requests(state: &mut ClusterState, spec: &PodSpec) -> PodRequests {
    let mut read = |container: &Container| resources(state, requests_of(container));
    let mut requests = fold(spec, &mut read);
    let pod_level = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let has = |name: &str| pod_level.is_some_and(|amounts| amounts.contains_key(name));
    // On its node a container without a request counts the default, unless the whole pod has a request.
    let mut non_zero = fold(spec, &mut |container| with_defaults(requests_of(container), &has));
    let mut while_placed = fold(spec, &mut |container| with_defaults(requests_of(container), &|_| false));
    if let Some(pod_level) = pod_level {
        apply_pod_level(state, pod_level, &mut requests, &mut non_zero);
    }
    if let Some(overhead) = &spec.overhead {
        let overhead = resources(state, Some(overhead));
        [&mut requests, &mut non_zero, &mut while_placed].into_iter().for_each(|sum| sum.add(&overhead));
    }
    PodRequests {
        requests,
        non_zero: of_score(&non_zero),
        non_zero_while_placed: pod_level.map(|_| of_score(&while_placed)),
    }
}

const fn of_score(resources: &Resources) -> NonZeroRequests {
    NonZeroRequests { cpu_milli: resources.cpu_milli, memory_bytes: resources.memory_bytes }
}

/// max(containers + sidecars, each init container beside the sidecars before it).
fn fold(spec: &PodSpec, read: &mut dyn FnMut(&Container) -> Resources) -> Resources {
    let mut total = Resources::default();
    for container in &spec.containers {
        total.add(&read(container));
    }
    let mut sidecars = Resources::default();
    let mut largest_init = Resources::default();
    for container in spec.init_containers.iter().flatten() {
        let own = read(container);
        if is_sidecar(container) {
            sidecars.add(&own);
            largest_init = largest_init.maximum(&sidecars);
        } else {
            let mut beside = sidecars.clone();
            beside.add(&own);
            largest_init = largest_init.maximum(&beside);
        }
    }
    total.add(&sidecars);
    total.maximum(&largest_init)
}

/// Requests of the whole pod take the place of the containers' sums.
fn apply_pod_level(state: &mut ClusterState, pod_level: &Amounts, requests: &mut Resources, non_zero: &mut Resources) {
    let whole = resources(state, Some(pod_level));
    if pod_level.contains_key("cpu") {
        requests.cpu_milli = whole.cpu_milli;
        non_zero.cpu_milli = whole.cpu_milli;
    }
    if pod_level.contains_key("memory") {
        requests.memory_bytes = whole.memory_bytes;
        non_zero.memory_bytes = whole.memory_bytes;
    }
    for name in pod_level.keys().filter(|name| name.starts_with("hugepages-")) {
        let symbol = state.intern(name);
        requests.scalar.insert(symbol, whole.scalar.get(&symbol).copied().unwrap_or(0));
    }
}

/// Whether an init container is restartable and so runs beside the containers.
pub(super) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn requests_of(container: &Container) -> Option<&Amounts> {
    container.resources.as_ref().and_then(|resources| resources.requests.as_ref())
}

fn with_defaults(requests: Option<&Amounts>, is_given_for_pod: &dyn Fn(&str) -> bool) -> Resources {
    let amount = |name: &str| requests.and_then(|requests| requests.get(name)).map(parse);
    let default = |name: &str, amount: i64| if is_given_for_pod(name) { 0 } else { amount };
    Resources {
        cpu_milli: amount("cpu").map_or_else(|| default("cpu", DEFAULT_CPU_MILLI), |amount| amount.milli),
        memory_bytes: amount("memory").map_or_else(|| default("memory", DEFAULT_MEMORY_BYTES), |amount| amount.whole),
        ..Resources::default()
    }
}

/// A resource list in the scheduler's units. Names that are neither native nor extended resources do not count.
pub(super) fn resources(state: &mut ClusterState, amounts: Option<&Amounts>) -> Resources {
    let mut resources = Resources::default();
    for (name, amount) in amounts.into_iter().flatten() {
        let amount = parse(amount);
        match name.as_str() {
            "cpu" => resources.cpu_milli = amount.milli,
            "memory" => resources.memory_bytes = amount.whole,
            "ephemeral-storage" => resources.ephemeral_storage_bytes = amount.whole,
            _ if is_scalar(name) => {
                resources.scalar.insert(state.intern(name), amount.whole);
            }
            _ => {}
        }
    }
    resources
}

/// Extended resources, huge pages, attachable volumes and prefixed native names
/// (`pkg/apis/core/v1/helper/helpers.go`, `IsScalarResourceName`).
fn is_scalar(name: &str) -> bool {
    name.starts_with("hugepages-") || name.starts_with("attachable-volumes-") || name.contains('/')
}

/// An amount in both units.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amount {
    /// In thousandths, rounded up.
    pub(super) milli: i64,
    /// In whole units, rounded up.
    pub(super) whole: i64,
}

/// An amount; one that cannot be read was reported when the object was decoded and counts as nothing here.
pub(super) fn parse(amount: &ApiQuantity) -> Amount {
    let clamp = |number: i128| i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX });
    let both = |parsed: ParsedQuantity| Amount { milli: clamp(parsed.milli()), whole: clamp(parsed.whole()) };
    parse_quantity(&amount.0).map(both).unwrap_or_default()
}
