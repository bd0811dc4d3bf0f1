//! What the pods of a target use. Source: `groupPods` of `pkg/controller/podautoscaler/replica_calculator.go`.

use crate::cluster::{ClusterState, Duration, LabelSelector, MetricLoad, Phase, Pod, PodResource, Symbol};
use crate::controller::{is_active, kubelet};

use super::replica_calculator::{Group, NoProposal, Sample};

/// kube-controller-manager `--horizontal-pod-autoscaler-cpu-initialization-period`.
pub(super) const CPU_INITIALIZATION_PERIOD: Duration = Duration::from_seconds(300);
/// kube-controller-manager `--horizontal-pod-autoscaler-initial-readiness-delay`.
const INITIAL_READINESS_DELAY: Duration = Duration::from_seconds(30);
/// metrics-server `--metric-resolution`: over so long it measures the use of CPU.
const METRIC_WINDOW: Duration = Duration::from_seconds(15);

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    /// A resource.
    Resource(PodResource),
    /// Anything else.
    Other,
}

/// The pods that `selector` selects, as a metric sees them. `needs_requests`: it is in percent of them.
pub(super) fn samples(
    state: &ClusterState,
    namespace: Symbol,
    selector: &LabelSelector,
    measured: Measured,
    load: MetricLoad,
) -> Result<Vec<Sample>, NoProposal> {
    let pods = state.pods.selected(namespace, selector);
    let serving = i64::try_from(pods.iter().filter(|(_, pod)| serves(state, pod)).count()).unwrap_or(i64::MAX);
    let sample = |pod: &Pod| {
        let group = group(state, pod, measured);
        let request = request(pod, measured);
        let usage = match load {
            _ if !serves(state, pod) => 0,
            MetricLoad::Utilization(percent) => request.ok_or(NoProposal)?.saturating_mul(percent).div_euclid(100),
            MetricLoad::Usage(usage) => usage,
            MetricLoad::Total(total) => total.checked_div(serving).unwrap_or(0),
        };
        Ok(Sample { group, usage, request: request.unwrap_or(0) })
    };
    pods.iter().map(|(_, pod)| sample(pod)).collect()
}

/// How many pods are running and ready; `None` where there are none at all.
pub(super) fn ready(state: &ClusterState, namespace: Symbol, selector: &LabelSelector) -> Option<i64> {
    let pods = state.pods.selected(namespace, selector);
    if pods.is_empty() {
        return None;
    }
    let ready = pods.iter().filter(|(_, pod)| pod.phase == Phase::Running && pod.ready).count();
    i64::try_from(ready).ok()
}

/// Whether every pod says how much of the resource it requests.
pub(super) fn all_request(
    state: &ClusterState,
    namespace: Symbol,
    selector: &LabelSelector,
    resource: PodResource,
) -> bool {
    let pods = state.pods.selected(namespace, selector);
    pods.iter().all(|(_, pod)| request(pod, Measured::Resource(resource)).is_some())
}

fn request(pod: &Pod, measured: Measured) -> Option<i64> {
    match measured {
        Measured::Resource(PodResource::Cpu) => pod.template.spec.container_requests.cpu_milli,
        Measured::Resource(PodResource::Memory) => {
            pod.template.spec.container_requests.memory_bytes.map(|bytes| bytes.saturating_mul(1000))
        }
        Measured::Other => Some(0),
    }
}

/// Whether a pod takes a share of the load.
fn serves(state: &ClusterState, pod: &Pod) -> bool {
    pod.ready && is_active(pod) && is_measured(state, pod)
}

/// Of a pod on a node that is down nothing is known.
fn is_measured(state: &ClusterState, pod: &Pod) -> bool {
    pod.node.and_then(|node| state.nodes.get(&node)).is_some_and(kubelet::runs)
}

fn group(state: &ClusterState, pod: &Pod, measured: Measured) -> Group {
    if pod.deletion.is_some() || pod.phase == Phase::Failed {
        return Group::Ignored;
    }
    if pod.phase == Phase::Pending {
        return Group::Unready;
    }
    if !is_measured(state, pod) || pod.phase == Phase::Succeeded {
        return Group::Missing;
    }
    if measured == Measured::Resource(PodResource::Cpu) && is_cpu_meaningless(state, pod) {
        return Group::Unready;
    }
    Group::Ready
}

fn is_cpu_meaningless(state: &ClusterState, pod: &Pod) -> bool {
    let started = pod.started_at.unwrap_or(pod.created_at);
    let changed = pod.ready_changed_at.unwrap_or(started);
    if started.after(CPU_INITIALIZATION_PERIOD) > state.now {
        !pod.ready || state.now < changed.after(METRIC_WINDOW)
    } else {
        !pod.ready && started.after(INITIAL_READINESS_DELAY) > changed
    }
}
