//! Host ports. Source: `plugins/nodeports/node_ports.go`, `staging:kube-scheduler/framework/types.go` (`HostPortInfo`).

use std::collections::BTreeSet;

use crate::cluster::{HostPort, Names, Symbol};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::NodeInfo;

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    let names = &cycle.snapshot.state.names;
    let taken = any_taken(names, &cycle.pod.spec.host_ports, node.used_ports.iter());
    taken.then(|| Rejection::unschedulable(Reason::HostPorts))
}

/// Whether one of the `wanted` ports is in conflict with one that is `used`.
pub(crate) fn any_taken<'p>(
    names: &Names,
    wanted: &[HostPort],
    used: impl Iterator<Item = &'p HostPort> + Clone,
) -> bool {
    wanted.iter().any(|port| used.clone().any(|used| conflict(names, port, used)))
}

/// Frees the ports of `freed`. As upstream, which keeps each used port once: it is free then even if another pod of the node
/// uses it too (which takes pods that were bound without the scheduler).
pub(crate) fn free_ports(names: &Names, used: &mut BTreeSet<HostPort>, freed: &[HostPort]) {
    used.retain(|used| {
        !freed.iter().any(|port| {
            port.port == used.port && port.protocol == used.protocol && same_address(names, port.host_ip, used.host_ip)
        })
    });
}

fn same_address(names: &Names, one: Symbol, other: Symbol) -> bool {
    one == other || (every_address(names, one) && every_address(names, other))
}

fn conflict(names: &Names, port: &HostPort, other: &HostPort) -> bool {
    port.port != 0
        && port.port == other.port
        && port.protocol == other.protocol
        && (port.host_ip == other.host_ip || every_address(names, port.host_ip) || every_address(names, other.host_ip))
}

fn every_address(names: &Names, host_ip: Symbol) -> bool {
    host_ip == Symbol::EMPTY || names.text(host_ip) == "0.0.0.0"
}
