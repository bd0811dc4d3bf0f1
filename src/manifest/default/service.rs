//! Service (`pkg/apis/core/v1/defaults.go`).

use k8s_openapi::api::core::v1::{ClientIPConfig, Service, ServicePort, ServiceSpec, SessionAffinityConfig};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::absent::{items, pointer, text};

const CLIENT_IP_SECONDS: i32 = 10800;

pub(super) fn service(service: &mut Service) {
    let spec = service.spec.get_or_insert_default();
    session_affinity(spec);
    text(&mut spec.type_, "ClusterIP");
    items(&mut spec.ports).for_each(port);
    let type_ = spec.type_.as_deref().unwrap_or("");
    let has_external_ips = spec.external_ips.as_ref().is_some_and(|ips| !ips.is_empty());
    let is_exposed = matches!(type_, "LoadBalancer" | "NodePort") || (type_ == "ClusterIP" && has_external_ips);
    if is_exposed {
        text(&mut spec.external_traffic_policy, "Cluster");
    }
    if matches!(type_, "LoadBalancer" | "NodePort" | "ClusterIP") {
        pointer(&mut spec.internal_traffic_policy, "Cluster");
    }
    if type_ != "LoadBalancer" {
        return;
    }
    pointer(&mut spec.allocate_load_balancer_node_ports, true);
    let balancer = service.status.as_mut().and_then(|status| status.load_balancer.as_mut());
    for ingress in balancer.into_iter().flat_map(|balancer| items(&mut balancer.ingress)) {
        if ingress.ip.as_deref().is_some_and(|ip| !ip.is_empty()) {
            pointer(&mut ingress.ip_mode, "VIP");
        }
    }
}

fn session_affinity(spec: &mut ServiceSpec) {
    text(&mut spec.session_affinity, "None");
    match spec.session_affinity.as_deref() {
        Some("None") => spec.session_affinity_config = None,
        Some("ClientIP") => {
            let config = spec.session_affinity_config.as_ref();
            let timeout = config.and_then(|config| config.client_ip.as_ref()).and_then(|ip| ip.timeout_seconds);
            if timeout.is_none() {
                let client_ip = Some(ClientIPConfig { timeout_seconds: Some(CLIENT_IP_SECONDS) });
                spec.session_affinity_config = Some(SessionAffinityConfig { client_ip });
            }
        }
        Some(_) | None => {}
    }
}

fn port(port: &mut ServicePort) {
    text(&mut port.protocol, "TCP");
    let is_absent = match &port.target_port {
        None | Some(IntOrString::Int(0)) => true,
        Some(IntOrString::String(name)) => name.is_empty(),
        Some(IntOrString::Int(_)) => false,
    };
    if is_absent {
        port.target_port = Some(IntOrString::Int(port.port));
    }
}
