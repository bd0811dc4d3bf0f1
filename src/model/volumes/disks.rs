//! Persistent volumes, and disks given inline.

use k8s_openapi::api::core::v1::{
    ObjectReference, PersistentVolume as ApiVolume, PersistentVolumeSpec, Volume as ApiPodVolume,
};
use quorate_sim::cluster::{
    AzureDiskKind, ClaimName, ClassName, ClusterState, CsiVolume, DiskIdentity, InTreeDisk, InlineDisk, MigratedDisk,
    NodeSelectorTerm, PersistentVolume, PersistentVolumeSource, VolumeClaim,
};

use super::claims::{access_modes, annotated_class, name, volume_mode};
use super::objects::Volumes;
use crate::model::{affinity, labels, requests};

/// A PersistentVolume. One that is not bound is taken as available: its controller makes it so at once.
pub(super) fn volume(state: &mut ClusterState, lookup: &Volumes<'_>, api: &ApiVolume) -> PersistentVolume {
    let spec = api.spec.clone().unwrap_or_default();
    let labels = labels::labels(state, api.metadata.labels.as_ref());
    let required = spec.node_affinity.as_ref().and_then(|affinity| affinity.required.as_ref());
    let node_terms: Option<Vec<NodeSelectorTerm>> = required
        .map(|required| required.node_selector_terms.iter().map(|term| affinity::node_term(state, term)).collect());
    let phase = api.status.as_ref().and_then(|status| status.phase.as_deref());
    let size = spec.capacity.as_ref().and_then(|capacity| capacity.get("storage"));
    let class = annotated_class(api.metadata.annotations.as_ref(), spec.storage_class_name.as_ref());
    PersistentVolume {
        class: ClassName(name(state, class)),
        capacity_bytes: size.map_or(0, |size| requests::parse(size).whole),
        access_modes: access_modes(spec.access_modes.as_deref()),
        volume_mode: volume_mode(spec.volume_mode.as_deref()),
        attributes_class: name(state, spec.volume_attributes_class_name.as_deref()),
        claim: spec.claim_ref.as_ref().map_or(VolumeClaim::None, |reference| claim(state, lookup, reference)),
        is_available: matches!(phase, None | Some("" | "Pending" | "Available")),
        is_terminating: api.metadata.deletion_timestamp.is_some(),
        source: source(state, &spec, &labels, node_terms.as_deref()),
        labels,
        node_terms,
        assumption: None,
    }
}

fn claim(state: &mut ClusterState, lookup: &Volumes<'_>, reference: &ObjectReference) -> VolumeClaim {
    let namespace = reference.namespace.as_deref().unwrap_or("default");
    let claim = reference.name.as_deref().unwrap_or_default();
    let own = lookup.claim_uids.get(&(namespace, claim));
    let wanted = reference.uid.as_deref().filter(|uid| !uid.is_empty());
    if let (Some(own), Some(wanted)) = (own, wanted)
        && *own != wanted
    {
        return VolumeClaim::Gone;
    }
    VolumeClaim::Of(ClaimName { namespace: state.intern(namespace), name: state.intern(claim) })
}

fn source(
    state: &mut ClusterState,
    spec: &PersistentVolumeSpec,
    labels: &quorate_sim::cluster::Labels,
    node_terms: Option<&[NodeSelectorTerm]>,
) -> PersistentVolumeSource {
    if let Some(csi) = &spec.csi {
        let (driver, handle) = (state.intern(&csi.driver), state.intern(&csi.volume_handle));
        return PersistentVolumeSource::Csi(CsiVolume { driver, handle });
    }
    match persistent_disk(spec) {
        Some(disk) => PersistentVolumeSource::InTree(disk.migrate(state, labels, node_terms)),
        None => PersistentVolumeSource::Other,
    }
}

fn azure<'a>(uri: &'a str, kind: Option<&str>) -> InTreeDisk<'a> {
    InTreeDisk::AzureDisk(uri, AzureDiskKind::named(kind.unwrap_or_default()))
}

fn persistent_disk(spec: &PersistentVolumeSpec) -> Option<InTreeDisk<'_>> {
    if let Some(disk) = &spec.gce_persistent_disk {
        return Some(InTreeDisk::GcePersistentDisk(&disk.pd_name));
    }
    if let Some(disk) = &spec.aws_elastic_block_store {
        return Some(InTreeDisk::AwsElasticBlockStore(&disk.volume_id));
    }
    if let Some(disk) = &spec.azure_disk {
        return Some(azure(&disk.disk_uri, disk.kind.as_deref()));
    }
    if let Some(disk) = &spec.cinder {
        return Some(InTreeDisk::Cinder(&disk.volume_id));
    }
    if let Some(disk) = &spec.portworx_volume {
        return Some(InTreeDisk::Portworx(&disk.volume_id));
    }
    if spec.azure_file.is_some() {
        return Some(InTreeDisk::AzureFile);
    }
    spec.vsphere_volume.as_ref().map(|_| InTreeDisk::Vsphere)
}

/// A disk given inline in a pod, of a kind that the scheduler looks at.
pub(super) fn inline(state: &mut ClusterState, volume: &ApiPodVolume) -> Option<InlineDisk> {
    let (identity, disk) = if let Some(disk) = &volume.gce_persistent_disk {
        let read_only = disk.read_only == Some(true);
        let identity = DiskIdentity::GcePersistentDisk { name: state.intern(&disk.pd_name), read_only };
        (identity, Some(InTreeDisk::GcePersistentDisk(&disk.pd_name)))
    } else if let Some(disk) = &volume.aws_elastic_block_store {
        let identity = DiskIdentity::AwsElasticBlockStore(state.intern(&disk.volume_id));
        (identity, Some(InTreeDisk::AwsElasticBlockStore(&disk.volume_id)))
    } else if let Some(disk) = &volume.iscsi {
        let read_only = disk.read_only == Some(true);
        (DiskIdentity::Iscsi { name: state.intern(&disk.iqn), read_only }, None)
    } else if let Some(disk) = &volume.rbd {
        let identity = DiskIdentity::Rbd {
            monitors: disk.monitors.iter().map(|monitor| state.intern(monitor)).collect(),
            image: (name(state, disk.pool.as_deref()), state.intern(&disk.image)),
            read_only: disk.read_only == Some(true),
        };
        (identity, None)
    } else if let Some(disk) = &volume.azure_disk {
        (DiskIdentity::Shared, Some(azure(&disk.disk_uri, disk.kind.as_deref())))
    } else if let Some(disk) = &volume.cinder {
        (DiskIdentity::Shared, Some(InTreeDisk::Cinder(&disk.volume_id)))
    } else {
        let disk = volume.portworx_volume.as_ref()?;
        (DiskIdentity::Shared, Some(InTreeDisk::Portworx(&disk.volume_id)))
    };
    let migrated = disk.map_or(MigratedDisk::NotCounted, |disk| disk.migrate_inline(state));
    Some(InlineDisk { identity, migrated })
}
