//! Claims.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim as ApiClaim, PersistentVolumeClaimSpec, PersistentVolumeClaimTemplate,
};
use quorate_sim::cluster::{
    AccessMode, ClaimBinding, ClusterState, PersistentVolumeClaim, Symbol, VolumeMode, VolumeName,
};

use super::objects::Volumes;
use crate::model::{labels, requests};

const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";

/// A claim of the input, or a claim template of a StatefulSet.
pub(super) fn claim(state: &mut ClusterState, lookup: &Volumes<'_>, api: &ApiClaim) -> PersistentVolumeClaim {
    let metadata = &api.metadata;
    let spec = api.spec.clone().unwrap_or_default();
    let mut claim = of_spec(state, lookup, metadata.annotations.as_ref(), &spec);
    let annotation = |name: &str| metadata.annotations.as_ref().and_then(|own| own.get(name));
    let volume = spec.volume_name.as_deref().filter(|name| !name.is_empty());
    claim.binding = match volume.map(|name| VolumeName(state.intern(name))) {
        None => ClaimBinding::Unbound,
        Some(volume) if annotation(BIND_COMPLETED).is_some() => ClaimBinding::Bound(volume),
        Some(volume) => ClaimBinding::Requested(volume),
    };
    claim.is_lost = api.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Lost");
    claim.is_terminating = metadata.deletion_timestamp.is_some();
    claim.selected_node = annotation(SELECTED_NODE).map(|node| state.intern(node));
    let controller = metadata.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
    claim.controlled_by_pod = controller.filter(|owner| owner.kind == "Pod").map(|owner| state.intern(&owner.name));
    claim
}

/// The claim that is made for a generic ephemeral volume.
pub(super) fn of_template(
    state: &mut ClusterState,
    lookup: &Volumes<'_>,
    template: &PersistentVolumeClaimTemplate,
) -> PersistentVolumeClaim {
    let annotations = template.metadata.as_ref().and_then(|metadata| metadata.annotations.as_ref());
    of_spec(state, lookup, annotations, &template.spec)
}

fn of_spec(
    state: &mut ClusterState,
    lookup: &Volumes<'_>,
    annotations: Option<&BTreeMap<String, String>>,
    spec: &PersistentVolumeClaimSpec,
) -> PersistentVolumeClaim {
    let requested = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    let class = annotated_class(annotations, spec.storage_class_name.as_ref());
    PersistentVolumeClaim {
        class: lookup.class_of(state, class),
        requested_bytes: requested.and_then(|amounts| amounts.get("storage")).map(|size| requests::parse(size).whole),
        access_modes: access_modes(spec.access_modes.as_deref()),
        volume_mode: volume_mode(spec.volume_mode.as_deref()),
        selector: spec.selector.as_ref().map(|selector| labels::selector(state, selector)),
        attributes_class: name(state, spec.volume_attributes_class_name.as_deref()),
        ..PersistentVolumeClaim::default()
    }
}

/// A name that may be absent.
pub(super) fn name(state: &mut ClusterState, text: Option<&str>) -> Symbol {
    text.map_or(Symbol::EMPTY, |text| state.intern(text))
}

/// Access modes; one that is not known was reported when the object was validated.
pub(super) fn access_modes(modes: Option<&[String]>) -> BTreeSet<AccessMode> {
    modes.into_iter().flatten().filter_map(|mode| AccessMode::named(mode)).collect()
}

pub(super) fn volume_mode(mode: Option<&str>) -> VolumeMode {
    match mode {
        Some("Block") => VolumeMode::Block,
        Some(_) | None => VolumeMode::Filesystem,
    }
}

/// The class that a claim or volume names, by annotation first.
pub(super) fn annotated_class<'a>(
    annotations: Option<&'a BTreeMap<String, String>>,
    field: Option<&'a String>,
) -> Option<&'a str> {
    annotations.and_then(|own| own.get(CLASS_ANNOTATION)).or(field).map(String::as_str)
}
