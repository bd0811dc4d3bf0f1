//! One node: whether bound volumes are in reach, and where the volumes of the other claims would come from.

use std::collections::BTreeSet;

use crate::cluster::{
    ClaimName, ClusterState, CsiNode, Names, Node, NodeId, NodeSelectorTerm, PersistentVolumeClaim,
    PersistentVolumeSource, PodId, ProvisionerKind, VolumeName,
};
use crate::scheduler::plugins::node_affinity::labels_match;
use crate::scheduler::reasons::VolumeReason;
use crate::scheduler::snapshot::Candidate;

use super::matching::{Place, matching_volume};
use super::pre_filter::{State, WaitingClaim, pre_filter};

/// Where the volumes of claims that wait for their first consumer come from on one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumePlan {
    /// Volumes that are there.
    pub bindings: Vec<(ClaimName, VolumeName)>,
    /// Claims for which a volume is provisioned.
    pub provisions: Vec<ClaimName>,
}

/// Where the volumes of `pod` come from when it is bound to `node`; nothing where they are all bound, or the node does not
/// suit them.
#[must_use]
pub fn volume_plan(state: &ClusterState, pod: PodId, node: NodeId) -> VolumePlan {
    let (Some(of_state), Some(node)) = (state.pods.get(&pod), state.nodes.get(&node)) else {
        return VolumePlan::default();
    };
    let claims = pre_filter(state, &Candidate::of_pod(pod, of_state)).ok().flatten();
    claims.and_then(|claims| examine(state, &claims, node).ok()).unwrap_or_default()
}

/// The plan for `node`, or why there is none: at most one reason for bound claims that are out of reach, one for the others,
/// and one for volumes that do not exist.
pub(super) fn examine(state: &ClusterState, claims: &State<'_>, node: &Node) -> Result<VolumePlan, Vec<VolumeReason>> {
    let bound = check_bound(state, &claims.bound, node);
    let waiting = plan_waiting(state, &claims.waiting, node);
    let (before, behind) = match bound {
        Ok(()) => (None, None),
        Err(missing @ VolumeReason::BoundVolumeNotFound) => (None, Some(missing)),
        Err(reason) => (Some(reason), None),
    };
    match (before, waiting, behind) {
        (None, Ok(plan), None) => Ok(plan),
        (before, waiting, behind) => Err(before.into_iter().chain(waiting.err()).chain(behind).collect()),
    }
}

/// The first volume that does not exist or cannot be reached from the node decides.
fn check_bound(state: &ClusterState, volumes: &[VolumeName], node: &Node) -> Result<(), VolumeReason> {
    let csi_node = state.storage.csi_nodes.get(&node.name);
    for name in volumes {
        let volume = state.storage.volumes.get(name).ok_or(VolumeReason::BoundVolumeNotFound)?;
        let terms = match &volume.source {
            PersistentVolumeSource::InTree(in_tree) if is_migrated_on(csi_node, in_tree.plugin) => {
                // Upstream gives up with an error here, for this node and all others.
                let translated = in_tree.translated.as_ref().ok_or(VolumeReason::VolumeNotTranslatable)?;
                &translated.node_terms
            }
            PersistentVolumeSource::InTree(_) | PersistentVolumeSource::Csi(_) | PersistentVolumeSource::Other => {
                &volume.node_terms
            }
        };
        if !in_reach(&state.names, terms.as_deref(), node) {
            return Err(VolumeReason::VolumeNodeAffinity);
        }
    }
    Ok(())
}

fn is_migrated_on(csi_node: Option<&CsiNode>, plugin: crate::cluster::InTreePlugin) -> bool {
    plugin.is_migrated() && csi_node.is_some_and(|csi_node| csi_node.migrated_plugins.contains(&plugin))
}

/// Of a volume's node affinity upstream looks at labels only.
pub(super) fn in_reach(names: &Names, terms: Option<&[NodeSelectorTerm]>, node: &Node) -> bool {
    let reaches = |term: &NodeSelectorTerm| {
        let empty = term.expressions.is_empty() && term.fields.is_empty();
        !empty && labels_match(names, &term.expressions, &node.labels)
    };
    terms.is_none_or(|terms| terms.iter().any(reaches))
}

/// The smallest claims choose first among the volumes that are there; what is left is provisioned, behind what is being
/// provisioned for this node already.
fn plan_waiting(state: &ClusterState, waiting: &[WaitingClaim<'_>], node: &Node) -> Result<VolumePlan, VolumeReason> {
    let mut plan = VolumePlan::default();
    let (mut to_provision, mut to_match) = (Vec::new(), Vec::new());
    for claim in waiting {
        match claim.claim.selected_node {
            Some(selected) if selected != node.name => return Err(VolumeReason::NoVolumeToBind),
            Some(_) => to_provision.push(claim),
            None => to_match.push(claim),
        }
    }
    to_match.sort_by_key(|claim| claim.claim.requested_bytes.unwrap_or(0));
    let mut taken = BTreeSet::new();
    for waiting in to_match {
        let claim = (waiting.name, waiting.claim);
        match matching_volume(&state.names, claim, &waiting.volumes, &taken, Place::Node(node)) {
            Some(volume) => {
                taken.insert(volume);
                plan.bindings.push((waiting.name, volume));
            }
            None => to_provision.push(waiting),
        }
    }
    for waiting in to_provision {
        check_provision(state, waiting.claim, node)?;
        plan.provisions.push(waiting.name);
    }
    Ok(plan)
}

/// Whether a volume can be provisioned for `claim` within reach of `node`.
fn check_provision(state: &ClusterState, claim: &PersistentVolumeClaim, node: &Node) -> Result<(), VolumeReason> {
    let class = state.storage.classes.get(&claim.class).ok_or(VolumeReason::NoVolumeToBind)?;
    match class.provisioner_kind {
        ProvisionerKind::Nobody => return Err(VolumeReason::NoVolumeToBind),
        ProvisionerKind::InTree(..) | ProvisionerKind::External | ProvisionerKind::Assumed => {}
    }
    let mut allowed = class.allowed_topologies.iter();
    let anywhere = class.allowed_topologies.is_empty();
    if !anywhere && !allowed.any(|term| !term.is_empty() && term.matches(&node.labels)) {
        return Err(VolumeReason::NoVolumeToBind);
    }
    let driver = state.storage.csi_drivers.get(&class.provisioner);
    let Some(bytes) = claim.requested_bytes.filter(|_| driver.is_some_and(|driver| driver.storage_capacity)) else {
        return Ok(());
    };
    let enough = state.storage.capacities.iter().any(|capacity| {
        capacity.class == claim.class
            && capacity.limit_bytes.is_some_and(|limit| limit >= bytes)
            && capacity.node_topology.as_ref().is_some_and(|topology| topology.matches(&node.labels))
    });
    if enough { Ok(()) } else { Err(VolumeReason::NotEnoughStorage) }
}
