//! Objects of the input, and what the controller of volumes would do with them at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::storage::v1::StorageClass as ApiStorageClass;
use quorate_sim::cluster::{
    BindingMode, ClaimBinding, ClaimName, ClassName, ClusterState, PersistentVolumeClaim, ProvisionerKind, Storage,
    StorageClass, Symbol, VolumeAssumption, VolumeName,
};
use quorate_sim::transition::{assume_volume, bind_at_once};

use super::{claims, disks, drivers};
use crate::manifest::{Inventory, Object, Typed};

/// What the conversion of claims and volumes looks up.
#[derive(Debug, Default)]
pub(in crate::model) struct Volumes<'a> {
    /// `metadata.uid` of claims, by namespace and name.
    pub(super) claim_uids: BTreeMap<(&'a str, &'a str), &'a str>,
    /// The class of claims that name none.
    default_class: Option<&'a ApiStorageClass>,
}

impl<'a> Volumes<'a> {
    /// Takes note of `object`.
    pub(in crate::model) fn note(&mut self, object: &'a Object) {
        match &object.typed {
            Typed::PersistentVolumeClaim(claim) => {
                let namespace = object.reference.namespace.as_deref().unwrap_or("default");
                let uid = claim.metadata.uid.as_deref();
                self.claim_uids.extend(uid.map(|uid| ((namespace, &*object.reference.name), uid)));
            }
            Typed::StorageClass(class) if is_default(class) => {
                // Of several the newest, as admission takes it.
                let rank = |class: &ApiStorageClass| {
                    let created = class.metadata.creation_timestamp.as_ref().map(|time| time.0);
                    (std::cmp::Reverse(created), class.metadata.name.clone())
                };
                if self.default_class.is_none_or(|known| rank(class) < rank(known)) {
                    self.default_class = Some(class);
                }
            }
            _ => {}
        }
    }

    /// The class of a claim: the one it names, else the default class of the input. Where neither is there it has no class,
    /// although the cluster may give it one.
    pub(super) fn class_of(&self, state: &mut ClusterState, named: Option<&str>) -> ClassName {
        let default = self.default_class.and_then(|class| class.metadata.name.as_deref());
        ClassName(named.or(default).map_or(Symbol::EMPTY, |name| state.intern(name)))
    }
}

fn is_default(class: &ApiStorageClass) -> bool {
    let names = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];
    let annotations = class.metadata.annotations.as_ref();
    annotations.is_some_and(|own| names.iter().any(|name| own.get(*name).is_some_and(|value| value == "true")))
}

/// Adds everything about storage that `inventory` holds.
pub(in crate::model) fn add_all(state: &mut ClusterState, lookup: &Volumes<'_>, inventory: &Inventory) {
    for (_, object) in inventory.applied() {
        match &object.typed {
            Typed::PersistentVolumeClaim(_) => {}
            _ => add_object(state, lookup, object),
        }
    }
    assume_classes_without_volumes(Arc::make_mut(&mut state.storage));
    // Behind all volumes, so that each finds its own.
    for (_, object) in inventory.applied() {
        if let Typed::PersistentVolumeClaim(_) = &object.typed {
            add_object(state, lookup, object);
        }
    }
}

/// Adds an object that is applied to a running cluster. A claim or volume that is there already keeps what has become of it.
pub(in crate::model) fn add_one(state: &mut ClusterState, lookup: &Volumes<'_>, object: &Object) {
    let name = state.intern(&object.reference.name);
    let is_there = match &object.typed {
        Typed::PersistentVolumeClaim(_) => {
            let namespace = state.intern(object.reference.namespace.as_deref().unwrap_or("default"));
            state.storage.claims.contains_key(&ClaimName { namespace, name })
        }
        Typed::PersistentVolume(_) => state.storage.volumes.contains_key(&VolumeName(name)),
        _ => false,
    };
    if !is_there {
        add_object(state, lookup, object);
        bind_all_at_once(state);
    }
}

/// A new volume or class may serve claims that are there already.
fn bind_all_at_once(state: &mut ClusterState) {
    let names: Vec<ClaimName> = state.storage.claims.keys().copied().collect();
    for name in names {
        bind_at_once(state, name);
    }
}

fn add_object(state: &mut ClusterState, lookup: &Volumes<'_>, object: &Object) {
    let namespace = object.reference.namespace.as_deref().unwrap_or("default");
    match &object.typed {
        Typed::PersistentVolumeClaim(api) => {
            let claim = claims::claim(state, lookup, api);
            let namespace = state.intern(namespace);
            let name = ClaimName { namespace, name: state.intern(&object.reference.name) };
            Arc::make_mut(&mut state.storage).claims.insert(name, claim);
            settle(state, name);
        }
        Typed::PersistentVolume(api) => {
            let volume = disks::volume(state, lookup, api);
            let name = VolumeName(state.intern(&object.reference.name));
            Arc::make_mut(&mut state.storage).volumes.insert(name, volume);
        }
        Typed::StorageClass(api) => {
            let class = drivers::class(state, api);
            let name = ClassName(state.intern(&object.reference.name));
            Arc::make_mut(&mut state.storage).classes.insert(name, class);
        }
        Typed::CSINode(api) => drivers::add_csi_node(state, api),
        Typed::CSIDriver(api) => drivers::add_csi_driver(state, api),
        Typed::CSIStorageCapacity(api) => drivers::add_capacity(state, api),
        Typed::VolumeAttachment(api) => drivers::add_attachment(state, api),
        _ => {}
    }
}

/// A class that nobody provisions for, and of which the input holds no volume: its volumes are made outside of the input.
fn assume_classes_without_volumes(storage: &mut Storage) {
    let volumes = &storage.volumes;
    for (name, class) in &mut storage.classes {
        let is_served = volumes.values().any(|volume| volume.class == *name);
        if class.provisioner_kind == ProvisionerKind::Nobody && !is_served {
            *class = assumed_class();
        }
    }
}

/// A class of which the input does not say where its volumes are.
fn assumed_class() -> StorageClass {
    StorageClass {
        provisioner: Symbol::EMPTY,
        provisioner_kind: ProvisionerKind::Assumed,
        binding_mode: BindingMode::Immediate,
        allowed_topologies: Vec::new(),
    }
}

/// Makes sure that something serves claims of `class`.
pub(super) fn ensure_class(state: &mut ClusterState, class: ClassName) {
    if !state.storage.classes.contains_key(&class) {
        Arc::make_mut(&mut state.storage).classes.insert(class, assumed_class());
    }
}

/// What becomes of a claim of the input at once.
fn settle(state: &mut ClusterState, name: ClaimName) {
    let Some(claim) = state.storage.claims.get(&name) else { return };
    let PersistentVolumeClaim { class, binding, is_lost, .. } = *claim;
    match binding {
        _ if is_lost => {}
        ClaimBinding::Bound(volume) | ClaimBinding::Requested(volume)
            if !state.storage.volumes.contains_key(&volume) =>
        {
            assume_volume(state, name, VolumeAssumption::VolumeNotInInput);
        }
        ClaimBinding::Bound(_) => {}
        ClaimBinding::Requested(_) => bind_at_once(state, name),
        ClaimBinding::Unbound => {
            ensure_class(state, class);
            bind_at_once(state, name);
        }
    }
}
