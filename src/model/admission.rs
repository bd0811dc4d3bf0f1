//! What admission adds to a pod before the scheduler sees it: LimitRange defaults, priorities, default tolerations.
//!
//! Sources: `plugin/pkg/admission/{limitranger,priority,defaulttolerationseconds}`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, LimitRange, LimitRangeItem, PodSpec as ApiPodSpec};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use quorate_sim::cluster::{Effect, PodSpec, PreemptionPolicy, Symbol, Toleration, TolerationOperator};

/// How long a pod stays on a node that is not ready or unreachable when it says nothing, in seconds
/// (kube-apiserver `--default-not-ready-toleration-seconds`).
const DEFAULT_TOLERATION_SECONDS: i64 = 300;

/// The cluster-wide objects that admission reads.
#[derive(Debug, Default)]
pub(super) struct Admission<'a> {
    /// LimitRanges by namespace.
    pub limit_ranges: BTreeMap<&'a str, Vec<&'a LimitRange>>,
    /// PriorityClasses by name.
    pub priority_classes: BTreeMap<&'a str, &'a PriorityClass>,
}

/// A pod's priority could not be found.
pub(super) struct UnknownPriorityClass(pub String);

impl Admission<'_> {
    /// The specification with the LimitRange defaults of its namespace; `None` when nothing changes.
    pub(super) fn limit_range_defaults(&self, namespace: &str, spec: &ApiPodSpec) -> Option<ApiPodSpec> {
        let ranges = self.limit_ranges.get(namespace)?;
        let mut spec = spec.clone();
        for range in ranges {
            let items = range.spec.iter().flat_map(|spec| &spec.limits).filter(|item| item.type_ == "Container");
            for item in items {
                let containers = spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten());
                containers.for_each(|container| apply_item(container, item));
            }
        }
        Some(spec)
    }

    /// Sets priority and preemption policy.
    pub(super) fn prioritise(&self, api: &ApiPodSpec, spec: &mut PodSpec) -> Result<(), UnknownPriorityClass> {
        let class = match api.priority_class_name.as_deref().filter(|name| !name.is_empty()) {
            Some("system-cluster-critical") => {
                spec.priority = 2_000_000_000;
                return Ok(());
            }
            Some("system-node-critical") => {
                spec.priority = 2_000_001_000;
                return Ok(());
            }
            Some(name) => match self.priority_classes.get(name) {
                Some(class) => Some(*class),
                None if api.priority.is_some() => None,
                None => return Err(UnknownPriorityClass(name.to_owned())),
            },
            None => self.global_default(),
        };
        spec.priority = api.priority.or(class.and_then(|class| class.value)).unwrap_or(0);
        let policy = api.preemption_policy.as_deref().or(class.and_then(|class| class.preemption_policy.as_deref()));
        spec.preemption_policy =
            if policy == Some("Never") { PreemptionPolicy::Never } else { PreemptionPolicy::PreemptLowerPriority };
        Ok(())
    }

    fn global_default(&self) -> Option<&PriorityClass> {
        let defaults = self.priority_classes.values().filter(|class| class.global_default == Some(true));
        defaults.min_by_key(|class| class.value).copied()
    }
}

fn apply_item(container: &mut Container, item: &LimitRangeItem) {
    let resources = container.resources.get_or_insert_default();
    // The API server's own chain: `default` falls back to `max`, `defaultRequest` to `default`, then to `min`.
    let default_limits = merged(item.default.as_ref(), item.max.as_ref());
    let default_requests =
        merged(item.default_request.as_ref(), Some(&merged(Some(&default_limits), item.min.as_ref())));
    fill_missing(resources.limits.get_or_insert_default(), &default_limits);
    fill_missing(resources.requests.get_or_insert_default(), &default_requests);
}

fn merged(
    first: Option<&BTreeMap<String, ApiQuantity>>,
    then: Option<&BTreeMap<String, ApiQuantity>>,
) -> BTreeMap<String, ApiQuantity> {
    let mut merged = then.cloned().unwrap_or_default();
    merged.extend(first.cloned().unwrap_or_default());
    merged
}

fn fill_missing(amounts: &mut BTreeMap<String, ApiQuantity>, defaults: &BTreeMap<String, ApiQuantity>) {
    for (name, amount) in defaults {
        amounts.entry(name.clone()).or_insert_with(|| amount.clone());
    }
}

/// Adds the tolerations of not-ready and unreachable nodes for 300 s, where the pod says nothing about them.
pub(super) fn add_default_tolerations(spec: &mut PodSpec) {
    for key in [Symbol::NOT_READY_TAINT, Symbol::UNREACHABLE_TAINT] {
        let says = |toleration: &Toleration| {
            toleration.key.is_none_or(|own| own == key) && matches!(toleration.effect, None | Some(Effect::NoExecute))
        };
        if !spec.tolerations.iter().any(says) {
            spec.tolerations.push(Toleration {
                key: Some(key),
                operator: TolerationOperator::Exists,
                effect: Some(Effect::NoExecute),
                toleration_seconds: Some(DEFAULT_TOLERATION_SECONDS),
            });
        }
    }
}
