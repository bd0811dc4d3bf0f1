//! What kube-scheduler counts for a pod.
//!
//! Sources: `staging/src/k8s.io/component-helpers/resource/helpers.go` (`PodRequests`),
//! `pkg/scheduler/framework/types.go` (`CalculateResource`, `getNonMissingContainerRequests`),
//! `pkg/scheduler/framework/plugins/noderesources/resource_allocation.go`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, ContainerStatus, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use quorate_sim::cluster::{ClusterState, NonZeroRequests, Resources};

use crate::manifest::decode::{ParsedQuantity, parse_quantity};

/// CPU that the least-allocated score counts for a container without a request, in thousandths of a core.
const DEFAULT_CPU_MILLI: i128 = 100;
/// Memory that it counts for one, in bytes.
const DEFAULT_MEMORY_BYTES: i128 = 200 * 1024 * 1024;

type Amounts = BTreeMap<String, ApiQuantity>;

/// Exact amounts by the names of their resources. They are rounded to the scheduler's units only once they are summed.
pub(super) type Sum = BTreeMap<String, ParsedQuantity>;

/// What is counted for one pod.
pub(super) struct PodRequests {
    pub(super) requests: Resources,
    pub(super) non_zero: NonZeroRequests,
    /// While it is being placed, where that differs.
    pub(super) non_zero_while_placed: Option<NonZeroRequests>,
}

/// The sums for one pod. The status of a pod that is resized in place counts as well: the largest of what is wanted, allocated
/// and in force.
pub(super) fn pod_requests(state: &mut ClusterState, spec: &PodSpec, status: Option<&PodStatus>) -> PodRequests {
    let pod = Counted { spec, status };
    let requests = pod.sum(&Sum::new(), PodLevel::Counts);
    let has_pod_level = spec
        .resources
        .as_ref()
        .and_then(|resources| resources.requests.as_ref())
        .is_some_and(|list| list.keys().any(|name| is_pod_level(name)));
    // On its node a container without a request counts the default; where the pod as a whole has requests, only for a
    // resource that nobody requests.
    let mut missing = defaults();
    missing.retain(|name, _| !has_pod_level || !requests.contains_key(name));
    let non_zero = pod.sum(&missing, PodLevel::Counts);
    let while_placed = has_pod_level.then(|| pod.sum(&defaults(), PodLevel::Ignored));
    PodRequests {
        requests: in_units(state, &requests),
        non_zero: of_score(&non_zero),
        non_zero_while_placed: while_placed.as_ref().map(of_score),
    }
}

/// What the pod requests, exact.
pub(super) fn summed(spec: &PodSpec, status: Option<&PodStatus>) -> Sum {
    Counted { spec, status }.sum(&Sum::new(), PodLevel::Counts)
}

/// What the pod is limited to, exact: the pod as a whole before its containers, and overhead where there is a limit.
/// Source: `PodLimits` of `staging/src/k8s.io/component-helpers/resource/helpers.go`.
pub(super) fn limits(spec: &PodSpec) -> Sum {
    let of_container =
        |container: &Container| amounts(container.resources.as_ref().and_then(|resources| resources.limits.as_ref()));
    let mut sum = folded(spec, of_container);
    let whole = spec.resources.as_ref().and_then(|resources| resources.limits.as_ref());
    sum.extend(amounts(whole).into_iter().filter(|(name, _)| is_pod_level(name)));
    for (name, amount) in amounts(spec.overhead.as_ref()) {
        if let Some(limit) = sum.get_mut(&name) {
            *limit = limit.plus(amount);
        }
    }
    sum
}

fn defaults() -> Sum {
    let memory = ParsedQuantity::from_milli(DEFAULT_MEMORY_BYTES * 1000);
    Sum::from([("cpu".to_owned(), ParsedQuantity::from_milli(DEFAULT_CPU_MILLI)), ("memory".to_owned(), memory)])
}

fn of_score(sum: &Sum) -> NonZeroRequests {
    let amount = |name: &str| sum.get(name).map(|amount| Amount::of(*amount)).unwrap_or_default();
    NonZeroRequests { cpu_milli: amount("cpu").milli, memory_bytes: amount("memory").whole }
}

/// Whether requests of the whole pod (`spec.resources`) take the place of the containers' sums.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PodLevel {
    Counts,
    Ignored,
}

/// A pod whose requests are summed.
struct Counted<'a> {
    spec: &'a PodSpec,
    status: Option<&'a PodStatus>,
}

impl Counted<'_> {
    /// What the pod requests when a container without a request for one of `missing` requests that.
    fn sum(&self, missing: &Sum, pod_level: PodLevel) -> Sum {
        let mut sum = folded(self.spec, |container| {
            let mut requests = self.of_container(container);
            for (name, amount) in missing {
                requests.entry(name.clone()).or_insert(*amount);
            }
            requests
        });
        let whole = self.spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
        if let (Some(whole), PodLevel::Counts) = (whole, pod_level) {
            let effective = self.effective_pod_level(whole);
            for name in whole.keys().filter(|name| is_pod_level(name)) {
                sum.insert(name.clone(), effective.get(name).copied().unwrap_or_default());
            }
        }
        add(&mut sum, &amounts(self.spec.overhead.as_ref()));
        sum
    }

    fn of_container(&self, container: &Container) -> Sum {
        let wanted = amounts(container.resources.as_ref().and_then(|resources| resources.requests.as_ref()));
        // Only what keeps running can be resized.
        let is_init = !self.spec.containers.iter().any(|other| std::ptr::eq(other, container));
        let status = self.container_status(&container.name).filter(|_| !is_init || is_sidecar(container));
        let Some(status) = status else { return wanted };
        let Some(in_force) = &status.resources else { return wanted };
        self.effective(wanted, in_force.requests.as_ref(), status.allocated_resources.as_ref())
    }

    fn container_status(&self, name: &str) -> Option<&ContainerStatus> {
        let status = self.status?;
        let lists = [&status.init_container_statuses, &status.container_statuses];
        let mut named = lists.into_iter().flatten().flat_map(|list| list.iter().rev());
        named.find(|status| status.name == name)
    }

    fn effective_pod_level(&self, whole: &Amounts) -> Sum {
        let wanted = amounts(Some(whole));
        let Some(status) = self.status else { return wanted };
        let Some(in_force) = &status.resources else { return wanted };
        self.effective(wanted, in_force.requests.as_ref(), status.allocated_resources.as_ref())
    }

    /// The largest of what is wanted, in force and allocated; what is wanted and can never be had does not count.
    fn effective(&self, wanted: Sum, in_force: Option<&Amounts>, allocated: Option<&Amounts>) -> Sum {
        let mut effective = if self.is_resize_infeasible() { Sum::new() } else { wanted };
        raise(&mut effective, &amounts(in_force));
        raise(&mut effective, &amounts(allocated));
        effective
    }

    fn is_resize_infeasible(&self) -> bool {
        let conditions = self.status.and_then(|status| status.conditions.as_ref());
        let pending = conditions.into_iter().flatten().find(|condition| condition.type_ == "PodResizePending");
        pending.is_some_and(|condition| condition.reason.as_deref() == Some("Infeasible"))
    }
}

/// Whether a pod as a whole can request this resource.
pub(super) fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

/// max(containers + sidecars, each init container beside the sidecars before it), of whatever `read` says of a container.
pub(super) fn folded(spec: &PodSpec, read: impl Fn(&Container) -> Sum) -> Sum {
    let mut total = Sum::new();
    for container in &spec.containers {
        add(&mut total, &read(container));
    }
    let (mut sidecars, mut starting) = (Sum::new(), Sum::new());
    for container in spec.init_containers.iter().flatten() {
        let own = read(container);
        if is_sidecar(container) {
            add(&mut total, &own);
            add(&mut sidecars, &own);
            raise(&mut starting, &sidecars);
        } else {
            let mut beside = own;
            add(&mut beside, &sidecars);
            raise(&mut starting, &beside);
        }
    }
    raise(&mut total, &starting);
    total
}

fn add(sum: &mut Sum, other: &Sum) {
    for (name, amount) in other {
        let entry = sum.entry(name.clone()).or_default();
        *entry = entry.plus(*amount);
    }
}

fn raise(sum: &mut Sum, other: &Sum) {
    for (name, amount) in other {
        let entry = sum.entry(name.clone()).or_insert(*amount);
        *entry = (*entry).max(*amount);
    }
}

/// A list as exact amounts; one that cannot be read was reported when the object was decoded and counts as nothing here.
pub(super) fn amounts(list: Option<&Amounts>) -> Sum {
    let read = |amount: &ApiQuantity| parse_quantity(&amount.0).unwrap_or_default();
    list.into_iter().flatten().map(|(name, amount)| (name.clone(), read(amount))).collect()
}

/// Whether an init container is restartable and so runs beside the containers.
pub(super) fn is_sidecar(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

/// A resource list in the scheduler's units. Names that are neither native nor extended resources do not count.
pub(super) fn resources(state: &mut ClusterState, list: Option<&Amounts>) -> Resources {
    in_units(state, &amounts(list))
}

fn in_units(state: &mut ClusterState, sum: &Sum) -> Resources {
    let mut resources = Resources::default();
    for (name, amount) in sum {
        let amount = Amount::of(*amount);
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
/// (`pkg/scheduler/util/utils.go`, `IsScalarResourceName`).
fn is_scalar(name: &str) -> bool {
    let is_extended = name.contains('/') && !name.starts_with("requests.");
    is_extended
        || name.contains("kubernetes.io/")
        || name.starts_with("hugepages-")
        || name.starts_with("attachable-volumes-")
}

/// An amount in both units.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amount {
    /// In thousandths, rounded up.
    pub(super) milli: i64,
    /// In whole units, rounded up.
    pub(super) whole: i64,
}

impl Amount {
    fn of(amount: ParsedQuantity) -> Self {
        let clamp = |number: i128| i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX });
        Self { milli: clamp(amount.milli()), whole: clamp(amount.whole()) }
    }
}

/// An amount; one that cannot be read was reported when the object was decoded and counts as nothing here.
pub(super) fn parse(amount: &ApiQuantity) -> Amount {
    parse_quantity(&amount.0).map(Amount::of).unwrap_or_default()
}
