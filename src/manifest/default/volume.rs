//! The volumes of a pod (`pkg/apis/core/v1/defaults.go`).

use k8s_openapi::api::core::v1::{
    AzureDiskVolumeSource, DownwardAPIVolumeFile, HostPathVolumeSource, ProjectedVolumeSource, Volume,
};

use super::absent::{items, pointer, text};
use super::image::is_tagged_latest;
use super::{container, storage};

/// `0644`.
const FILE_MODE: i32 = 0o644;
const TOKEN_EXPIRATION_SECONDS: i64 = 3600;

pub(super) fn volume(volume: &mut Volume) {
    let nothing_but_a_name = Volume { name: volume.name.clone(), ..Volume::default() };
    if *volume == nothing_but_a_name {
        volume.empty_dir = Some(k8s_openapi::api::core::v1::EmptyDirVolumeSource::default());
    }
    if let Some(image) = &mut volume.image {
        let is_latest = is_tagged_latest(image.reference.as_deref().unwrap_or(""));
        text(&mut image.pull_policy, if is_latest { "Always" } else { "IfNotPresent" });
    }
    volume.host_path.iter_mut().for_each(host_path);
    if let Some(secret) = &mut volume.secret {
        pointer(&mut secret.default_mode, FILE_MODE);
    }
    if let Some(config_map) = &mut volume.config_map {
        pointer(&mut config_map.default_mode, FILE_MODE);
    }
    if let Some(downward_api) = &mut volume.downward_api {
        pointer(&mut downward_api.default_mode, FILE_MODE);
        downward_api_files(&mut downward_api.items);
    }
    volume.projected.iter_mut().for_each(projected);
    if let Some(claim) = volume.ephemeral.as_mut().and_then(|ephemeral| ephemeral.volume_claim_template.as_mut()) {
        storage::claim_spec(&mut claim.spec);
    }
    if let Some(iscsi) = &mut volume.iscsi {
        text(&mut iscsi.iscsi_interface, "default");
    }
    if let Some(rbd) = &mut volume.rbd {
        text(&mut rbd.pool, "rbd");
        text(&mut rbd.user, "admin");
        text(&mut rbd.keyring, "/etc/ceph/keyring");
    }
    volume.azure_disk.iter_mut().for_each(azure_disk);
    if let Some(scale_io) = &mut volume.scale_io {
        text(&mut scale_io.storage_mode, "ThinProvisioned");
        text(&mut scale_io.fs_type, "xfs");
    }
}

pub(super) fn host_path(source: &mut HostPathVolumeSource) {
    pointer(&mut source.type_, "");
}

pub(super) fn azure_disk(source: &mut AzureDiskVolumeSource) {
    pointer(&mut source.caching_mode, "ReadWrite");
    pointer(&mut source.fs_type, "ext4");
    pointer(&mut source.read_only, false);
    pointer(&mut source.kind, "Shared");
}

fn downward_api_files(files: &mut Option<Vec<DownwardAPIVolumeFile>>) {
    for file in items(files) {
        file.field_ref.iter_mut().for_each(container::field_selector);
    }
}

fn projected(source: &mut ProjectedVolumeSource) {
    pointer(&mut source.default_mode, FILE_MODE);
    for projection in items(&mut source.sources) {
        if let Some(downward_api) = &mut projection.downward_api {
            downward_api_files(&mut downward_api.items);
        }
        if let Some(token) = &mut projection.service_account_token {
            pointer(&mut token.expiration_seconds, TOKEN_EXPIRATION_SECONDS);
        }
    }
}
