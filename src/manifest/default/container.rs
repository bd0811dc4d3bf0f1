//! Containers, their probes and their environment (`pkg/apis/core/v1/defaults.go`).

use k8s_openapi::api::core::v1::{
    Container, ContainerPort, EnvVar, EphemeralContainer, HTTPGetAction, Lifecycle, ObjectFieldSelector, Probe,
    ResourceRequirements,
};

use super::absent::{items, number, pointer, text};
use super::image::is_tagged_latest;
use super::resource_list::round_up;

// The two kinds of containers have the same fields and no type in common.
macro_rules! defaults {
    ($container:ident) => {{
        let policy =
            if is_tagged_latest($container.image.as_deref().unwrap_or("")) { "Always" } else { "IfNotPresent" };
        text(&mut $container.image_pull_policy, policy);
        text(&mut $container.termination_message_path, "/dev/termination-log");
        text(&mut $container.termination_message_policy, "File");
        items(&mut $container.ports).for_each(|port: &mut ContainerPort| text(&mut port.protocol, "TCP"));
        items(&mut $container.env).for_each(environment_variable);
        for probe in [&mut $container.liveness_probe, &mut $container.readiness_probe, &mut $container.startup_probe] {
            probe.iter_mut().for_each(self::probe);
        }
        $container.lifecycle.iter_mut().for_each(lifecycle);
        $container.resources.iter_mut().for_each(resources);
    }};
}

pub(super) fn container(container: &mut Container) {
    defaults!(container);
}

pub(super) fn ephemeral_container(container: &mut EphemeralContainer) {
    defaults!(container);
}

fn resources(resources: &mut ResourceRequirements) {
    round_up(&mut resources.limits);
    round_up(&mut resources.requests);
}

fn environment_variable(variable: &mut EnvVar) {
    let Some(source) = &mut variable.value_from else { return };
    source.field_ref.iter_mut().for_each(field_selector);
    if let Some(file_key) = &mut source.file_key_ref {
        pointer(&mut file_key.optional, false);
    }
}

pub(super) fn field_selector(selector: &mut ObjectFieldSelector) {
    text(&mut selector.api_version, "v1");
}

fn probe(probe: &mut Probe) {
    number(&mut probe.timeout_seconds, 1);
    number(&mut probe.period_seconds, 10);
    number(&mut probe.success_threshold, 1);
    number(&mut probe.failure_threshold, 3);
    probe.http_get.iter_mut().for_each(http_get);
    if let Some(grpc) = &mut probe.grpc {
        pointer(&mut grpc.service, "");
    }
}

fn http_get(action: &mut HTTPGetAction) {
    text(&mut action.path, "/");
    text(&mut action.scheme, "HTTP");
}

fn lifecycle(lifecycle: &mut Lifecycle) {
    for handler in [&mut lifecycle.post_start, &mut lifecycle.pre_stop].into_iter().flatten() {
        handler.http_get.iter_mut().for_each(http_get);
    }
}
