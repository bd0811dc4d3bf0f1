//! A pod's quality of service. Source: `GetPodQOS` of `pkg/apis/core/v1/helper/qos`, and of the descheduler's `pkg/utils/qos.go`.

use k8s_openapi::api::core::v1::{Container, PodSpec as ApiPodSpec};
use quorate_sim::cluster::QosClass;

use crate::manifest::decode::parse_quantity;

/// What it is by the requests and limits of its containers.
pub(super) fn qos_class(api: &ApiPodSpec) -> QosClass {
    let containers: Vec<&Container> = api.containers.iter().chain(api.init_containers.iter().flatten()).collect();
    let amount = |container: &Container, is_limit: bool, name: &str| -> i128 {
        let resources = container.resources.as_ref();
        let list = resources.and_then(|own| if is_limit { own.limits.as_ref() } else { own.requests.as_ref() });
        list.and_then(|list| parse_quantity(&list.get(name)?.0).ok()).map_or(0, |amount| amount.nano().max(0))
    };
    let sum = |is_limit: bool, name: &str| containers.iter().map(|own| amount(own, is_limit, name)).sum::<i128>();
    let names = ["cpu", "memory"];
    if names.iter().all(|name| sum(false, name) == 0 && sum(true, name) == 0) {
        return QosClass::BestEffort;
    }
    let all_limited = containers.iter().all(|own| names.iter().all(|name| amount(own, true, name) > 0));
    let is_equal = names.iter().all(|name| sum(false, name) == sum(true, name));
    if all_limited && is_equal { QosClass::Guaranteed } else { QosClass::Burstable }
}
