//! Service (`pkg/apis/core/validation/validation.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Service;

use super::amount::port;
use super::at::At;
use super::labels;
use super::verdict::Verdict;

pub(super) fn service(verdict: &mut Verdict<'_, '_>, service: &Service) {
    let at = &At::ROOT.key("spec");
    let Some(spec) = &service.spec else { return };
    let types = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];
    verdict.one_of(&at.key("type"), spec.type_.as_deref(), &types);
    verdict.one_of(&at.key("sessionAffinity"), spec.session_affinity.as_deref(), &["None", "ClientIP"]);
    verdict.one_of(&at.key("externalTrafficPolicy"), spec.external_traffic_policy.as_deref(), &["Cluster", "Local"]);
    verdict.one_of(&at.key("internalTrafficPolicy"), spec.internal_traffic_policy.as_deref(), &["Cluster", "Local"]);
    labels::labels(verdict, &at.key("selector"), spec.selector.as_ref());
    let ports = spec.ports.as_deref().unwrap_or_default();
    let is_headless = spec.cluster_ip.as_deref() == Some("None");
    let is_external = spec.type_.as_deref() == Some("ExternalName");
    if ports.is_empty() && !is_headless && !is_external {
        verdict.invalid(&at.key("ports"), "a Service needs at least one port, unless it is headless (clusterIP: None)");
    }
    if is_external {
        verdict.required(&at.key("externalName"), spec.external_name.as_deref().unwrap_or(""));
    }
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for (index, of) in ports.iter().enumerate() {
        let ports_at = at.key("ports");
        let at = ports_at.index(index);
        port(verdict, &at.key("port"), of.port);
        verdict.one_of(&at.key("protocol"), of.protocol.as_deref(), &["TCP", "UDP", "SCTP"]);
        let name = of.name.as_deref().unwrap_or("");
        if ports.len() > 1 && name.is_empty() {
            verdict.invalid(&at.key("name"), "is required when there are several ports");
        } else if !names.insert(name) {
            verdict.invalid(&at.key("name"), &format!("the name {name:?} is there twice"));
        }
        if !numbers.insert((of.port, of.protocol.as_deref())) {
            let protocol = of.protocol.as_deref().unwrap_or("TCP");
            verdict.invalid(&at.key("port"), &format!("the port {} of {protocol} is there twice", of.port));
        }
    }
}
