//! Containers (`pkg/apis/core/validation/validation.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, Probe};

use super::amount::{not_negative, port};
use super::at::At;
use super::resources;
use super::verdict::Verdict;

/// What a container is in its pod.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Regular,
    Init,
}

pub(super) fn container(
    verdict: &mut Verdict<'_, '_>,
    at: &At<'_>,
    container: &Container,
    role: Role,
    volumes: &[&str],
) {
    name(verdict, &at.key("name"), &container.name);
    verdict.required(&at.key("image"), container.image.as_deref().unwrap_or(""));
    let pull_policies = ["Always", "IfNotPresent", "Never"];
    verdict.one_of(&at.key("imagePullPolicy"), container.image_pull_policy.as_deref(), &pull_policies);
    let message_policies = ["File", "FallbackToLogsOnError"];
    verdict.one_of(
        &at.key("terminationMessagePolicy"),
        container.termination_message_policy.as_deref(),
        &message_policies,
    );
    ports(verdict, &at.key("ports"), container);
    if let Some(of) = &container.resources {
        resources::resources(verdict, &at.key("resources"), of);
    }
    let mounts = container.volume_mounts.iter().flatten().map(|mount| mount.name.as_str());
    known_volumes(verdict, &at.key("volumeMounts"), mounts, volumes);
    let devices = container.volume_devices.iter().flatten().map(|device| device.name.as_str());
    known_volumes(verdict, &at.key("volumeDevices"), devices, volumes);
    let is_sidecar = role == Role::Init && container.restart_policy.as_deref() == Some("Always");
    let probes = [
        ("livenessProbe", &container.liveness_probe, Some("a liveness probe")),
        ("readinessProbe", &container.readiness_probe, None),
        ("startupProbe", &container.startup_probe, Some("a startup probe")),
    ];
    for (field, of, one_success) in probes {
        let Some(of) = of else { continue };
        if role == Role::Init && !is_sidecar {
            verdict.invalid(&at.key(field), "an init container without restartPolicy Always has no probes");
        }
        probe(verdict, &at.key(field), of, one_success);
    }
}

fn name(verdict: &mut Verdict<'_, '_>, at: &At<'_>, name: &str) {
    verdict.required(at, name);
    let is_end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let is_label = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && is_end(name.bytes().next())
        && is_end(name.bytes().last());
    if !name.is_empty() && (!is_label || name.len() > 63) {
        let message = format!("{name:?} is not a name: lower-case letters, digits and `-`, at most 63 characters");
        verdict.invalid(at, &message);
    }
}

fn ports(verdict: &mut Verdict<'_, '_>, at: &At<'_>, container: &Container) {
    let mut names = BTreeSet::new();
    for (index, of) in container.ports.iter().flatten().enumerate() {
        let at = at.index(index);
        port(verdict, &at.key("containerPort"), of.container_port);
        if let Some(host_port) = of.host_port.filter(|host_port| *host_port != 0) {
            port(verdict, &at.key("hostPort"), host_port);
        }
        verdict.one_of(&at.key("protocol"), of.protocol.as_deref(), &["TCP", "UDP", "SCTP"]);
        let Some(name) = of.name.as_deref().filter(|name| !name.is_empty()) else { continue };
        if !names.insert(name) {
            verdict.invalid(&at.key("name"), &format!("the name {name:?} is there twice"));
        }
        if name.len() > 15 {
            verdict.invalid(&at.key("name"), &format!("{name:?} has {} characters, and 15 are allowed", name.len()));
        }
    }
}

fn known_volumes<'a>(
    verdict: &mut Verdict<'_, '_>,
    at: &At<'_>,
    names: impl Iterator<Item = &'a str>,
    volumes: &[&str],
) {
    for (index, name) in names.enumerate() {
        if !volumes.contains(&name) {
            verdict.invalid(&at.index(index).key("name"), &format!("the pod has no volume {name:?}"));
        }
    }
}

fn probe(verdict: &mut Verdict<'_, '_>, at: &At<'_>, probe: &Probe, one_success: Option<&str>) {
    let handlers = [probe.exec.is_some(), probe.grpc.is_some(), probe.http_get.is_some(), probe.tcp_socket.is_some()];
    match handlers.into_iter().filter(|is_there| *is_there).count() {
        1 => {}
        0 => {
            verdict.invalid(at, "must say how to probe: exec, grpc, httpGet or tcpSocket");
        }
        _ => {
            verdict.invalid(at, "must have one of exec, grpc, httpGet and tcpSocket, not several");
        }
    }
    for (field, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        not_negative(verdict, &at.key(field), value);
    }
    if let Some(what) = one_success.filter(|_| probe.success_threshold.is_some_and(|threshold| threshold > 1)) {
        verdict.invalid(&at.key("successThreshold"), &format!("must be 1 for {what}"));
    }
}
