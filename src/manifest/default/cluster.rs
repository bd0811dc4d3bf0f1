//! Node, Namespace, LimitRange, ResourceQuota, PriorityClass and RuntimeClass (`pkg/apis/core/v1`,
//! `pkg/apis/scheduling/v1`, `pkg/apis/node/v1`).

use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem, Namespace, Node, ResourceQuota};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use super::absent::{pointer, text};
use super::resource_list::{fill_from, round_up};

pub(super) fn node(node: &mut Node) {
    let Some(status) = &mut node.status else { return };
    if status.allocatable.is_none() {
        status.allocatable.clone_from(&status.capacity);
    }
    round_up(&mut status.capacity);
    round_up(&mut status.allocatable);
}

pub(super) fn namespace(namespace: &mut Namespace) {
    text(&mut namespace.status.get_or_insert_default().phase, "Active");
    if let Some(name) = namespace.metadata.name.as_ref().filter(|name| !name.is_empty()) {
        let labels = namespace.metadata.labels.get_or_insert_default();
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.clone());
    }
}

pub(super) fn limit_range(limit_range: &mut LimitRange) {
    limit_range.spec.get_or_insert_default().limits.iter_mut().for_each(limit_range_item);
}

fn limit_range_item(item: &mut LimitRangeItem) {
    if item.type_ == "Container" {
        let default = item.default.get_or_insert_default();
        fill_from(default, item.max.as_ref());
        let default_request = item.default_request.get_or_insert_default();
        fill_from(default_request, item.default.as_ref());
        fill_from(default_request, item.min.as_ref());
    }
    let lists =
        [&mut item.max, &mut item.min, &mut item.default, &mut item.default_request, &mut item.max_limit_request_ratio];
    lists.into_iter().for_each(round_up);
}

pub(super) fn resource_quota(quota: &mut ResourceQuota) {
    if let Some(spec) = &mut quota.spec {
        round_up(&mut spec.hard);
    }
    if let Some(status) = &mut quota.status {
        round_up(&mut status.hard);
        round_up(&mut status.used);
    }
}

pub(super) fn priority_class(class: &mut PriorityClass) {
    pointer(&mut class.preemption_policy, "PreemptLowerPriority");
}

pub(super) fn runtime_class(class: &mut RuntimeClass) {
    if let Some(overhead) = &mut class.overhead {
        round_up(&mut overhead.pod_fixed);
    }
}
