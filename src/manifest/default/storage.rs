//! PersistentVolume, PersistentVolumeClaim, StorageClass and CSIDriver (`pkg/apis/core/v1`, `pkg/apis/storage/v1`).

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec};
use k8s_openapi::api::storage::v1::{CSIDriver, StorageClass};

use super::absent::{pointer, text};
use super::resource_list::round_up;
use super::volume::{azure_disk, host_path};

pub(super) fn persistent_volume_claim(claim: &mut PersistentVolumeClaim) {
    let status = claim.status.get_or_insert_default();
    text(&mut status.phase, "Pending");
    round_up(&mut status.capacity);
    round_up(&mut status.allocated_resources);
    claim_spec(claim.spec.get_or_insert_default());
}

pub(super) fn claim_spec(spec: &mut PersistentVolumeClaimSpec) {
    pointer(&mut spec.volume_mode, "Filesystem");
    if let Some(resources) = &mut spec.resources {
        round_up(&mut resources.limits);
        round_up(&mut resources.requests);
    }
}

pub(super) fn persistent_volume(volume: &mut PersistentVolume) {
    text(&mut volume.status.get_or_insert_default().phase, "Pending");
    let spec = volume.spec.get_or_insert_default();
    text(&mut spec.persistent_volume_reclaim_policy, "Retain");
    pointer(&mut spec.volume_mode, "Filesystem");
    round_up(&mut spec.capacity);
    spec.host_path.iter_mut().for_each(host_path);
    spec.azure_disk.iter_mut().for_each(azure_disk);
    if let Some(rbd) = &mut spec.rbd {
        text(&mut rbd.pool, "rbd");
        text(&mut rbd.user, "admin");
        text(&mut rbd.keyring, "/etc/ceph/keyring");
    }
    if let Some(iscsi) = &mut spec.iscsi {
        text(&mut iscsi.iscsi_interface, "default");
    }
    if let Some(scale_io) = &mut spec.scale_io {
        text(&mut scale_io.storage_mode, "ThinProvisioned");
        text(&mut scale_io.fs_type, "xfs");
    }
}

pub(super) fn storage_class(class: &mut StorageClass) {
    pointer(&mut class.reclaim_policy, "Delete");
    pointer(&mut class.volume_binding_mode, "Immediate");
}

pub(super) fn csi_driver(driver: &mut CSIDriver) {
    let spec = &mut driver.spec;
    pointer(&mut spec.attach_required, true);
    pointer(&mut spec.pod_info_on_mount, false);
    pointer(&mut spec.storage_capacity, false);
    pointer(&mut spec.fs_group_policy, "ReadWriteOnceWithFSType");
    pointer(&mut spec.requires_republish, false);
    pointer(&mut spec.se_linux_mount, false);
    if spec.volume_lifecycle_modes.as_ref().is_none_or(Vec::is_empty) {
        spec.volume_lifecycle_modes = Some(vec!["Persistent".to_owned()]);
    }
}
