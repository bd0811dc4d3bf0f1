//! Attaching and detaching: a volume for one node is attached to one node, and a pod elsewhere waits until it is detached there.
//! Sources: `pkg/controller/volume/attachdetach/reconciler/reconciler.go`,
//! `pkg/controller/volume/attachdetach/populator/desired_state_of_world_populator.go`, `pkg/volume/util/util.go`
//! (`IsPodTerminated`, `IsMultiAttachAllowed`).
//!
//! While a pod's object exists and the pod has not ended, it wants its volume: one that terminates on a dead node holds it for
//! ever, since nobody says that its containers have stopped. Once no pod of the node wants it, the volume is detached as soon as
//! the kubelet has unmounted it; where the node is down, six minutes later, or at once where the node has the taint
//! out-of-service. A node that is deleted has last said that its volumes are in use: there it takes the six minutes too
//! (`nodeDelete` in `attach_detach_controller.go`; a real control plane was seen to). Attaching and detaching themselves take no time.

use crate::cluster::{
    AccessMode, Attached, ClusterState, Duration, Node, NodeId, NodeReady, PersistentVolume, PersistentVolumeSource,
    Phase, Pod, Symbol, Time, VolumeName,
};

use super::kubelet;
use super::workload::is_terminal;

/// kube-controller-manager `--attach-detach-reconcile-max-wait-unmount-duration`.
const LONGEST_UNMOUNT: Duration = Duration::from_seconds(360);

/// A volume that a pod has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The volume.
    pub volume: VolumeName,
    /// The node that it is attached to.
    pub node: NodeId,
    /// When it is detached by force; `None`: as long as a pod there wants it.
    pub until: Option<Time>,
}

/// The first volume that keeps `pod`, which is bound, from starting.
#[must_use]
pub fn wait(state: &ClusterState, pod: &Pod) -> Option<Wait> {
    let own = pod.node?;
    exclusive_volumes(state, pod).find_map(|volume| {
        let attached = state.storage.attached.get(&volume).filter(|attached| attached.node != own)?;
        let node = state.nodes.get(&attached.node);
        let (mut wait, now) = (Wait { volume, node: attached.node, until: None }, state.now);
        if is_wanted(state, volume, attached.node) {
            return Some(wait);
        }
        let is_out_of_service = |node: &Node| node.taints.iter().any(|taint| taint.key == Symbol::OUT_OF_SERVICE_TAINT);
        if node.is_some_and(|node| kubelet::runs(node) || is_out_of_service(node)) {
            return None;
        }
        let until = attached.unwanted_since.unwrap_or(now).after(LONGEST_UNMOUNT);
        wait.until = Some(until);
        (until > now || node.is_some_and(|node| node.ready == NodeReady::True)).then_some(wait)
    })
}

/// `Multi-Attach error …`, as the event FailedAttachVolume says it (`reportMultiAttachError`), and where the volume is.
#[must_use]
pub fn text(state: &ClusterState, wait: &Wait) -> String {
    let volume = state.names.text(wait.volume.0);
    let node = state.nodes.get(&wait.node).map_or("a node that is gone", |node| state.names.text(node.name));
    let users: Vec<String> = users(state, wait.volume, wait.node).map(|pod| state.pod_name(pod)).collect();
    let why = if users.is_empty() {
        "Volume is already exclusively attached to one node and can't be attached to another".to_owned()
    } else {
        format!("Volume is already used by pod(s) {}", users.join(", "))
    };
    format!("Multi-Attach error for volume \"{volume}\" {why}: it is attached to {node}")
}

/// Takes note of where volumes are attached in a state that was made or changed from outside: where their pods run, and else
/// where a VolumeAttachment says so.
pub(crate) fn note_attached(state: &mut ClusterState) {
    let running = |pod: &Pod| !pod.volumes.is_empty() && pod.phase == Phase::Running && pod.node.is_some();
    let pods: Vec<Pod> = state.pods.values().filter(|pod| running(pod)).cloned().collect();
    for pod in pods {
        let is_known = exclusive_volumes(state, &pod).all(|volume| state.storage.attached.contains_key(&volume));
        if !is_known {
            attach(state, &pod);
        }
    }
    let recorded = state.storage.attachments.iter().flat_map(|(node, own)| own.iter().map(|own| (*node, own.volume)));
    let left: Vec<(VolumeName, Attached)> = recorded
        .filter(|(_, name)| !state.storage.attached.contains_key(name))
        .filter(|(_, name)| state.storage.volumes.get(name).is_some_and(|volume| is_exclusive(state, volume)))
        .filter_map(|(node, name)| {
            Some((name, Attached { node: state.node_named(node)?, unwanted_since: Some(state.now) }))
        })
        .collect();
    if !left.is_empty() {
        std::sync::Arc::make_mut(&mut state.storage).attached.extend(left);
    }
}

/// A pod starts: its volumes are attached to its node.
pub(crate) fn attach(state: &mut ClusterState, pod: &Pod) {
    let Some(node) = pod.node else { return };
    let volumes: Vec<VolumeName> = exclusive_volumes(state, pod).collect();
    let attached = Attached { node, unwanted_since: None };
    let changed = volumes.into_iter().filter(|volume| state.storage.attached.get(volume) != Some(&attached));
    let changed: Vec<VolumeName> = changed.collect();
    if !changed.is_empty() {
        let storage = std::sync::Arc::make_mut(&mut state.storage);
        storage.attached.extend(changed.into_iter().map(|volume| (volume, attached)));
    }
}

/// A pod's object is gone: what no other pod of its node wants is detached, at once where the kubelet can unmount it.
pub(crate) fn pod_removed(state: &mut ClusterState, pod: &Pod) {
    let Some(id) = pod.node else { return };
    let runs = state.nodes.get(&id).is_some_and(kubelet::runs);
    let volumes: Vec<VolumeName> = exclusive_volumes(state, pod).collect();
    for volume in volumes {
        let is_here = state.storage.attached.get(&volume).is_some_and(|attached| attached.node == id);
        if !is_here || is_wanted(state, volume, id) {
            continue;
        }
        let now = state.now;
        let storage = std::sync::Arc::make_mut(&mut state.storage);
        if runs {
            storage.attached.remove(&volume);
        } else if let Some(attached) = storage.attached.get_mut(&volume) {
            attached.unwanted_since.get_or_insert(now);
        }
    }
}

/// Whether a pod on the node wants the volume.
fn is_wanted(state: &ClusterState, volume: VolumeName, node: NodeId) -> bool {
    users(state, volume, node).next().is_some()
}

/// The pods on the node that want the volume.
fn users(state: &ClusterState, volume: VolumeName, node: NodeId) -> impl Iterator<Item = &Pod> {
    let pods = state.pods.on_node(Some(node)).map(|(_, pod)| pod).filter(|pod| !is_terminal(pod));
    pods.filter(|pod| pod.started_at.is_some() || pod.phase == Phase::Running)
        .filter(move |pod| exclusive_volumes(state, pod).any(|own| own == volume))
}

/// The volumes of a pod that are attached to one node at a time.
fn exclusive_volumes<'a>(state: &'a ClusterState, pod: &'a Pod) -> impl Iterator<Item = VolumeName> + 'a {
    let claims = pod.volumes.iter().filter_map(|volume| volume.claim(pod.namespace));
    let volumes = claims.filter_map(|claim| state.storage.claims.get(&claim)?.binding.volume());
    volumes.filter(|name| state.storage.volumes.get(name).is_some_and(|volume| is_exclusive(state, volume)))
}

/// Whether a volume has to be attached, and to one node only.
#[must_use]
pub fn is_exclusive(state: &ClusterState, volume: &PersistentVolume) -> bool {
    let driver = match &volume.source {
        PersistentVolumeSource::Csi(own) => Some(own.driver),
        PersistentVolumeSource::InTree(own) => own.translated.as_ref().map(|translated| translated.volume.driver),
        // Local disks, host paths, NFS: nothing is attached.
        PersistentVolumeSource::Other => None,
    };
    let is_attached = driver
        .is_some_and(|driver| state.storage.csi_drivers.get(&driver).is_none_or(|driver| !driver.attaches_nothing));
    let shared = [AccessMode::ReadOnlyMany, AccessMode::ReadWriteMany];
    is_attached && !shared.iter().any(|mode| volume.access_modes.contains(mode))
}
