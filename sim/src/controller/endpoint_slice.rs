//! The endpoints of a Service, and those that kube-proxy sends traffic to. Sources: `staging:endpointslice/utils.go`
//! (`podToEndpoint`), `staging:endpointslice/util/controller_utils.go` (`ShouldPodBeInEndpoints`), `pkg/proxy/topology.go`.

use serde::Serialize;

use crate::cluster::{ClusterState, Node, Pod, PodId, Service, Symbol};

use super::kubelet;
use super::workload::is_terminal;

/// How many endpoints of a Service are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EndpointCounts {
    /// New traffic goes to these: serving and not terminating, or all where not-ready addresses are published.
    pub ready: i64,
    /// Their Ready condition is true, whether they terminate or not.
    pub serving: i64,
    /// They are going away.
    pub terminating: i64,
}

/// Counts the endpoints of `service`; `None` for one without selector, whose endpoints somebody else writes.
#[must_use]
pub fn count(state: &ClusterState, service: &Service) -> Option<EndpointCounts> {
    let mut counts = EndpointCounts::default();
    for (_, pod) in endpoints(state, service)? {
        let add = |count: &mut i64, is: bool| *count = count.saturating_add(i64::from(is));
        add(&mut counts.ready, is_ready(service, pod));
        add(&mut counts.serving, pod.ready);
        add(&mut counts.terminating, pod.deletion.is_some());
    }
    Some(counts)
}

/// Whether somebody answers a call of `service`: a ready endpoint, and where there is none one that still serves while it
/// terminates, on a node that runs. `None` for a Service without selector.
#[must_use]
pub fn answers(state: &ClusterState, service: &Service) -> Option<bool> {
    let endpoints = endpoints(state, service)?;
    let runs = |pod: &Pod| pod.node.and_then(|node| state.nodes.get(&node)).is_some_and(kubelet_runs);
    let has_ready = endpoints.iter().any(|(_, pod)| is_ready(service, pod));
    let used = endpoints
        .iter()
        .filter(|(_, pod)| if has_ready { is_ready(service, pod) } else { pod.ready && pod.deletion.is_some() });
    Some(used.into_iter().any(|(_, pod)| runs(pod)))
}

/// The Service of this namespace and name.
#[must_use]
pub fn service_named(state: &ClusterState, namespace: Symbol, name: Symbol) -> Option<&Service> {
    state.services.values().find(|service| service.namespace == namespace && service.name == name)
}

/// The pods behind a Service: not ended, and with an address, which they get when they start.
fn endpoints<'a>(state: &'a ClusterState, service: &'a Service) -> Option<Vec<(PodId, &'a Pod)>> {
    let selector = service.selector.as_ref().filter(|selector| !selector.is_empty())?;
    let mut selected = state.pods.selected(service.namespace, selector);
    selected.retain(|(_, pod)| !is_terminal(pod) && has_address(pod));
    Some(selected)
}

fn has_address(pod: &Pod) -> bool {
    pod.node.is_some() && (pod.started_at.is_some() || pod.phase != crate::cluster::Phase::Pending)
}

const fn is_ready(service: &Service, pod: &Pod) -> bool {
    service.publish_not_ready_addresses || (pod.ready && pod.deletion.is_none())
}

fn kubelet_runs(node: &Node) -> bool {
    kubelet::runs(node)
}
