//! What happens to claims and volumes as pods come and go: claims are made and bound, volumes are provisioned, and what
//! belongs to a pod goes with it.
//!
//! Sources: `pkg/controller/volume/{ephemeral,persistentvolume}`, `pkg/controller/statefulset/stateful_pod_control.go`, and the
//! sidecar external-provisioner for where a new volume can be reached from. Everything happens at once; what a driver has left
//! (CSIStorageCapacity) stays as it was.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cluster::{
    BindingMode, ClaimBinding, ClaimName, ClaimTemplate, ClusterState, CsiVolume, NodeId, NodeRequirement,
    NodeRequirementOperator, NodeSelectorTerm, Operator, Owner, PersistentVolume, PersistentVolumeClaim,
    PersistentVolumeSource, Pod, PodId, PodVolume, ProvisionerKind, StorageClass, Symbol, VolumeAssumption,
    VolumeClaim, VolumeName, VolumeSource,
};
use crate::controller::attach_detach;
use crate::scheduler::{Place, matching_volume, volume_plan};

/// The volumes of a new pod named `name`, their claims by name. Claims that its controllers make for it and that are not there
/// yet are made.
pub fn of_new_pod(
    state: &mut ClusterState,
    namespace: Symbol,
    name: &str,
    owner: Owner,
    sources: &[VolumeSource],
) -> Arc<[PodVolume]> {
    if sources.is_empty() {
        return Arc::default();
    }
    let mut volumes = Vec::with_capacity(sources.len());
    for source in sources {
        volumes.push(match source {
            VolumeSource::Claim(claim) => PodVolume::Claim(*claim),
            VolumeSource::Disk(disk) => PodVolume::Disk(disk.clone()),
            VolumeSource::SetClaim(template) => {
                let claim = set_claim_name(state, name, owner, template.name);
                create_claim(state, ClaimName { namespace, name: claim }, template.claim.clone());
                PodVolume::Claim(claim)
            }
            VolumeSource::Ephemeral(template) => {
                let (claim, pod) = (ephemeral_claim_name(state, name, template), state.intern(name));
                let made = PersistentVolumeClaim { controlled_by_pod: Some(pod), ..template.claim.clone() };
                create_claim(state, ClaimName { namespace, name: claim }, made);
                PodVolume::Ephemeral { claim, pod }
            }
        });
    }
    volumes.into()
}

/// TEMPLATE-SET-ORDINAL; the pod is named SET-ORDINAL.
fn set_claim_name(state: &mut ClusterState, pod: &str, owner: Owner, template: Symbol) -> Symbol {
    let of_set = match owner {
        Owner::StatefulSet { set, ordinal } => {
            let set = state.stateful_sets.get(&set).map(|set| state.names.text(set.name));
            set.map(|set| format!("{set}-{ordinal}"))
        }
        Owner::None
        | Owner::ReplicaSet(_)
        | Owner::DaemonSet(_)
        | Owner::Job(_)
        | Owner::Node
        | Owner::Other { .. } => None,
    };
    let name = format!("{}-{}", state.names.text(template), of_set.as_deref().unwrap_or(pod));
    state.intern(&name)
}

fn ephemeral_claim_name(state: &mut ClusterState, pod: &str, template: &ClaimTemplate) -> Symbol {
    let name = format!("{pod}-{}", state.names.text(template.name));
    state.intern(&name)
}

fn create_claim(state: &mut ClusterState, name: ClaimName, claim: PersistentVolumeClaim) {
    if !state.storage.claims.contains_key(&name) {
        Arc::make_mut(&mut state.storage).claims.insert(name, claim);
        bind_at_once(state, name);
    }
}

/// What the controller of volumes does with a claim that does not wait for its first consumer, or for which a volume is kept:
/// it is bound to a volume that suits it, else a volume is provisioned. Where neither can be, the claim stays as it is.
pub fn bind_at_once(state: &mut ClusterState, name: ClaimName) {
    let Some(claim) = state.storage.claims.get(&name) else { return };
    let class = state.storage.classes.get(&claim.class);
    let waits = class.is_some_and(|class| match class.binding_mode {
        BindingMode::WaitForFirstConsumer => true,
        BindingMode::Immediate => false,
    });
    let wanted = match claim.binding {
        ClaimBinding::Bound(_) => return,
        ClaimBinding::Requested(volume) => Some(volume),
        ClaimBinding::Unbound => None,
    };
    let is_candidate = |of_name: VolumeName, volume: &PersistentVolume| match wanted {
        Some(wanted) => of_name == wanted,
        None => volume.class == claim.class,
    };
    let place = if waits && wanted.is_none() { Place::Kept } else { Place::Anywhere };
    let candidates = state.storage.volumes.iter().filter(|(of_name, volume)| is_candidate(**of_name, volume));
    let candidates: Vec<_> = candidates.map(|(name, volume)| (*name, volume)).collect();
    let found = matching_volume(&state.names, (name, claim), &candidates, &BTreeSet::new(), place);
    match (found, class) {
        (Some(volume), _) => bind(state, name, volume),
        (None, Some(class)) if !waits && wanted.is_none() => {
            let class = class.clone();
            provision(state, name, &class, None);
        }
        (None, _) => {}
    }
}

/// What happens to the claims of `pod` when the scheduler binds it to `node`: those that wait for their first consumer get
/// their volumes.
pub fn bind_for_pod(state: &mut ClusterState, pod: PodId, node: NodeId) {
    if state.pods.get(&pod).is_none_or(|pod| pod.volumes.is_empty()) {
        return;
    }
    let plan = volume_plan(state, pod, node);
    for (claim, volume) in plan.bindings {
        bind(state, claim, volume);
    }
    for claim in plan.provisions {
        let class = state.storage.claims.get(&claim).and_then(|claim| state.storage.classes.get(&claim.class)).cloned();
        if let Some(class) = class {
            provision(state, claim, &class, Some(node));
        }
    }
}

fn bind(state: &mut ClusterState, name: ClaimName, volume: VolumeName) {
    let storage = Arc::make_mut(&mut state.storage);
    if let Some(claim) = storage.claims.get_mut(&name) {
        claim.binding = ClaimBinding::Bound(volume);
    }
    if let Some(volume) = storage.volumes.get_mut(&volume) {
        volume.claim = VolumeClaim::Of(name);
        volume.is_available = false;
    }
}

/// Provisions a volume for a claim, on `node` where its pod has one, and binds it.
fn provision(state: &mut ClusterState, name: ClaimName, class: &StorageClass, node: Option<NodeId>) {
    let driver = match class.provisioner_kind {
        ProvisionerKind::Nobody => return,
        ProvisionerKind::Assumed => return assume_volume(state, name, VolumeAssumption::ClassNotInInput),
        ProvisionerKind::InTree(_, driver) => driver,
        ProvisionerKind::External => class.provisioner,
    };
    let Some(claim) = state.storage.claims.get(&name).cloned() else { return };
    let (namespace, text) = (state.names.text(name.namespace), state.names.text(name.name));
    let volume_name = format!("pvc-{namespace}-{text}");
    let handle = state.intern(&volume_name);
    let (node_terms, assumption) = reach(state, class, driver, node);
    let volume = PersistentVolume {
        class: claim.class,
        capacity_bytes: claim.requested_bytes.unwrap_or(0),
        access_modes: claim.access_modes,
        volume_mode: claim.volume_mode,
        attributes_class: claim.attributes_class,
        node_terms,
        source: PersistentVolumeSource::Csi(CsiVolume { driver, handle }),
        assumption,
        ..PersistentVolume::default()
    };
    Arc::make_mut(&mut state.storage).volumes.insert(VolumeName(handle), volume);
    bind(state, name, VolumeName(handle));
}

/// Binds a claim of which the input does not say where its volume is to one that is usable on every node.
pub fn assume_volume(state: &mut ClusterState, name: ClaimName, assumption: VolumeAssumption) {
    let (namespace, text) = (state.names.text(name.namespace), state.names.text(name.name));
    let volume_name = format!("assumed-{namespace}-{text}");
    let volume_name = VolumeName(state.intern(&volume_name));
    let volume = PersistentVolume { assumption: Some(assumption), ..PersistentVolume::default() };
    let storage = Arc::make_mut(&mut state.storage);
    storage.claims.entry(name).or_default();
    storage.volumes.insert(volume_name, volume);
    bind(state, name, volume_name);
}

/// Provisioners that are no CSI drivers and keep a volume on the node where it was made.
const LOCAL_PROVISIONERS: &[&str] = &["rancher.io/local-path"];

type Reach = (Option<Vec<NodeSelectorTerm>>, Option<VolumeAssumption>);

/// Where a new volume can be reached from: where the class allows it; of a node, where that node's driver says that its volumes
/// can be reached from, else where the class tells places apart, else the node's zone.
fn reach(state: &ClusterState, class: &StorageClass, driver: Symbol, node: Option<NodeId>) -> Reach {
    let Some(node) = node.and_then(|node| state.nodes.get(&node)) else {
        let assumption = Some(VolumeAssumption::ReachableEverywhere);
        return match class.allowed_topologies.as_slice() {
            [] => (None, assumption),
            allowed => (Some(allowed.iter().map(topology_term).collect()), assumption),
        };
    };
    let of_node = |keys: &mut dyn Iterator<Item = Symbol>| {
        let own = |key| Some((key, node.labels.get(key)?));
        let expressions = keys
            .filter_map(own)
            .map(|(key, value)| NodeRequirement { key, operator: NodeRequirementOperator::In(vec![value]) });
        let expressions: Vec<NodeRequirement> = expressions.collect();
        (!expressions.is_empty()).then(|| vec![NodeSelectorTerm { expressions, fields: Vec::new() }])
    };
    let csi_node = state.storage.csi_nodes.get(&node.name);
    if let Some(of_driver) = csi_node.and_then(|csi_node| csi_node.drivers.get(&driver)) {
        return (of_node(&mut of_driver.topology_keys.iter().copied()), None);
    }
    if LOCAL_PROVISIONERS.contains(&state.names.text(driver)) {
        return (of_node(&mut std::iter::once(Symbol::HOSTNAME)), None);
    }
    let allowed = class.allowed_topologies.iter().find(|term| !term.is_empty() && term.matches(&node.labels));
    if let Some(term) = allowed {
        return (of_node(&mut term.requirements.iter().map(|requirement| requirement.key)), None);
    }
    let zone = of_node(&mut [Symbol::REGION, Symbol::ZONE].into_iter());
    let assumption =
        if zone.is_some() { VolumeAssumption::StaysInItsZone } else { VolumeAssumption::ReachableEverywhere };
    (zone, Some(assumption))
}

fn topology_term(term: &crate::cluster::LabelSelector) -> NodeSelectorTerm {
    let expressions = term.requirements.iter().map(|requirement| NodeRequirement {
        key: requirement.key,
        operator: match &requirement.operator {
            Operator::In(values) => NodeRequirementOperator::In(values.clone()),
            Operator::NotIn(values) => NodeRequirementOperator::NotIn(values.clone()),
            Operator::Exists => NodeRequirementOperator::Exists,
            Operator::DoesNotExist => NodeRequirementOperator::DoesNotExist,
        },
    });
    NodeSelectorTerm { expressions: expressions.collect(), fields: Vec::new() }
}

/// What goes with a pod: the claims of its ephemeral volumes with their volumes, and the attachments that no other pod of its
/// node needs.
pub(super) fn pod_removed(state: &mut ClusterState, pod: &Pod) {
    if pod.volumes.is_empty() {
        return;
    }
    detach(state, pod);
    attach_detach::pod_removed(state, pod);
    for volume in &*pod.volumes {
        let PodVolume::Ephemeral { pod: owner, .. } = volume else { continue };
        let Some(name) = volume.claim(pod.namespace) else { continue };
        let owned = state.storage.claims.get(&name).is_some_and(|claim| claim.controlled_by_pod == Some(*owner));
        if owned {
            let storage = Arc::make_mut(&mut state.storage);
            let claim = storage.claims.remove(&name);
            if let Some(volume) = claim.and_then(|claim| claim.binding.volume()) {
                storage.volumes.remove(&volume);
            }
        }
    }
}

fn detach(state: &mut ClusterState, pod: &Pod) {
    let Some((id, node)) = pod.node.and_then(|id| Some((id, state.nodes.get(&id)?.name))) else { return };
    if !state.storage.attachments.contains_key(&node) {
        return;
    }
    let others = state.pods.on_node(Some(id)).map(|(_, other)| other);
    let needed: BTreeSet<VolumeName> = others.flat_map(|other| volumes_of(state, other)).collect();
    let free: BTreeSet<VolumeName> = volumes_of(state, pod).filter(|volume| !needed.contains(volume)).collect();
    if let Some(attached) = Arc::make_mut(&mut state.storage).attachments.get_mut(&node) {
        attached.retain(|attachment| !free.contains(&attachment.volume));
    }
}

fn volumes_of<'a>(state: &'a ClusterState, pod: &'a Pod) -> impl Iterator<Item = VolumeName> + 'a {
    let claims = pod.volumes.iter().filter_map(|volume| volume.claim(pod.namespace));
    claims.filter_map(|claim| state.storage.claims.get(&claim)?.binding.volume())
}
