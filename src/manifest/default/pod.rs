//! Pods and their templates (`pkg/apis/core/v1/defaults.go`).

use k8s_openapi::api::core::v1::{ContainerStatus, EphemeralContainer, Pod, PodSpec, PodTemplateSpec};

use super::absent::{items, pointer, text};
use super::resource_list::round_up;
use super::{container, pod_resources, volume};

const TERMINATION_GRACE_PERIOD_SECONDS: i64 = 30;

/// A pod: what its template gets, and what only pods get, such as requests from limits. A controller's pod gets them
/// when it is made from the template.
pub fn pod(pod: &mut Pod) {
    let spec = pod.spec.get_or_insert_default();
    pod_resources::requests_from_limits(spec);
    pod_resources::pod_level(spec);
    pointer(&mut spec.enable_service_links, true);
    if spec.host_network == Some(true) {
        host_ports(spec);
    }
    pod_spec(spec);
    let Some(status) = &mut pod.status else { return };
    let statuses =
        [&mut status.container_statuses, &mut status.init_container_statuses, &mut status.ephemeral_container_statuses];
    statuses.into_iter().flatten().flatten().for_each(container_status);
    round_up(&mut status.allocated_resources);
    if let Some(resources) = &mut status.resources {
        round_up(&mut resources.limits);
        round_up(&mut resources.requests);
    }
}

fn container_status(status: &mut ContainerStatus) {
    round_up(&mut status.allocated_resources);
    if let Some(resources) = &mut status.resources {
        round_up(&mut resources.limits);
        round_up(&mut resources.requests);
    }
}

pub(super) fn template(template: &mut PodTemplateSpec) {
    pod_spec(template.spec.get_or_insert_default());
}

fn pod_spec(spec: &mut PodSpec) {
    text(&mut spec.dns_policy, "ClusterFirst");
    text(&mut spec.restart_policy, "Always");
    spec.security_context.get_or_insert_default();
    pointer(&mut spec.termination_grace_period_seconds, TERMINATION_GRACE_PERIOD_SECONDS);
    text(&mut spec.scheduler_name, "default-scheduler");
    items(&mut spec.volumes).for_each(volume::volume);
    items(&mut spec.init_containers).for_each(container::container);
    spec.containers.iter_mut().for_each(container::container);
    items(&mut spec.ephemeral_containers).for_each(|ephemeral: &mut EphemeralContainer| {
        container::ephemeral_container(ephemeral);
    });
    round_up(&mut spec.overhead);
    if let Some(resources) = &mut spec.resources {
        round_up(&mut resources.limits);
        round_up(&mut resources.requests);
    }
}

/// On the node's network every port of a container is a port of the node.
fn host_ports(spec: &mut PodSpec) {
    for container in spec.containers.iter_mut().chain(items(&mut spec.init_containers)) {
        for port in items(&mut container.ports) {
            if port.host_port.unwrap_or(0) == 0 {
                port.host_port = Some(port.container_port);
            }
        }
    }
}
