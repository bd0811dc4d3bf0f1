//! Which pods may be evicted. Source: `pkg/framework/plugins/defaultevictor` of the descheduler.

use crate::cluster::{ClusterState, DefaultEvictor, Owner, Phase, Pod, PodId, PodProtection, PodVolume, VolumeSource};
use crate::eviction::budgets_of;

use super::node_fit::fits_any_other_node;
use super::pass::ready_nodes;

/// Priority of `system-cluster-critical`.
const SYSTEM_CRITICAL_PRIORITY: i32 = 2_000_000_000;

/// Whether `pod` may be evicted by any plugin.
pub(super) fn filter(state: &ClusterState, evictor: &DefaultEvictor, pod: &Pod) -> bool {
    let spec = &pod.template.spec;
    if spec.descheduling.has_evict_annotation {
        return true;
    }
    if evictor.obeys_no_eviction && spec.descheduling.prefers_no_eviction {
        return false;
    }
    // Mirror and static pods, and those that go already.
    if pod.owner == Owner::Node || pod.deletion.is_some() {
        return false;
    }
    let is_selected = evictor.label_selector.as_ref().is_none_or(|selector| selector.matches(&pod.labels));
    let is_old_enough =
        evictor.min_pod_age.is_none_or(|age| pod.started_at.is_some_and(|started| started.after(age) <= state.now));
    is_selected && is_old_enough && has_replicas(state, evictor, pod) && !is_protected(state, evictor, pod)
}

/// Whether its controller has as many pods as it takes, those that terminate or have ended counted.
fn has_replicas(state: &ClusterState, evictor: &DefaultEvictor, pod: &Pod) -> bool {
    if evictor.min_replicas < 2 || pod.owner == Owner::None {
        return true;
    }
    let same_owner = |other: &&Pod| match (pod.owner, other.owner) {
        (Owner::StatefulSet { set, .. }, Owner::StatefulSet { set: other, .. }) => set == other,
        (own, other) => own == other,
    };
    let count = state.pods.values().filter(same_owner).count();
    u64::try_from(count).is_ok_and(|count| count >= evictor.min_replicas)
}

fn is_protected(state: &ClusterState, evictor: &DefaultEvictor, pod: &Pod) -> bool {
    let has = |protection| evictor.protections.contains(&protection);
    let spec = &pod.template.spec;
    if pod.owner == Owner::None && (has(PodProtection::FailedBarePods) || pod.phase != Phase::Failed) {
        return true;
    }
    let threshold = evictor.priority_threshold.unwrap_or(SYSTEM_CRITICAL_PRIORITY).min(SYSTEM_CRITICAL_PRIORITY);
    // Without the protection of critical pods no threshold is looked at.
    (has(PodProtection::SystemCriticalPods) && spec.priority >= threshold)
        || (has(PodProtection::PodsWithLocalStorage) && spec.descheduling.has_local_storage)
        || (has(PodProtection::DaemonSetPods) && is_of_daemon_set(state, pod))
        || (has(PodProtection::PodsWithPvc) && has_claim(pod))
        || (has(PodProtection::PodsWithoutPdb) && budgets_of(state, pod).next().is_none())
}

fn is_of_daemon_set(state: &ClusterState, pod: &Pod) -> bool {
    match pod.owner {
        Owner::DaemonSet(_) => true,
        Owner::Other { kind, .. } => state.names.text(kind) == "DaemonSet",
        Owner::None | Owner::ReplicaSet(_) | Owner::StatefulSet { .. } | Owner::Job(_) | Owner::Node => false,
    }
}

fn has_claim(pod: &Pod) -> bool {
    let of_spec = pod.template.spec.volumes.iter().any(|volume| match volume {
        VolumeSource::Claim(_) | VolumeSource::SetClaim(_) => true,
        VolumeSource::Ephemeral(_) | VolumeSource::Disk(_) => false,
    });
    of_spec || pod.volumes.iter().any(|volume| matches!(volume, PodVolume::Claim(_)))
}

/// Whether `pod` may be evicted now: there seems to be another node for it, and its namespace is one of those.
pub(super) fn pre_eviction_filter(state: &ClusterState, evictor: &DefaultEvictor, id: PodId, pod: &Pod) -> bool {
    if evictor.node_fit {
        let nodes = ready_nodes(state, evictor.node_selector.as_ref());
        if !fits_any_other_node(state, id, pod, &nodes) {
            return false;
        }
    }
    evictor.namespace_label_selector.as_ref().is_none_or(|selector| {
        state.namespaces.get(&pod.namespace).is_some_and(|namespace| selector.matches(&namespace.labels))
    })
}
