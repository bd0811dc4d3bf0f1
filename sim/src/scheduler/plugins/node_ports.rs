//! Host ports. Source: `plugins/nodeports/node_ports.go`, `staging:kube-scheduler/framework/types.go` (`HostPortInfo`).

use crate::cluster::{HostPort, Names, Symbol};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::Reason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::NodeInfo;

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    let names = &cycle.snapshot.state.names;
    let wanted = &cycle.pod.spec.host_ports;
    let taken = wanted.iter().any(|port| node.used_ports.iter().any(|used| conflict(names, port, used)));
    taken.then(|| Rejection::unschedulable(Reason::HostPorts))
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
