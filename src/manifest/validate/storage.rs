//! Volumes, claims and classes (`pkg/apis/core/validation`, `pkg/apis/storage/validation`).

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use k8s_openapi::api::storage::v1::StorageClass;

use super::at::At;
use super::labels;
use super::verdict::Verdict;

const ACCESS_MODES: &[&str] = &["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

pub(super) fn persistent_volume_claim(verdict: &mut Verdict<'_, '_>, at: &At<'_>, claim: &PersistentVolumeClaim) {
    let at = &at.key("spec");
    let Some(spec) = &claim.spec else { return };
    access_modes(verdict, &at.key("accessModes"), spec.access_modes.as_deref().unwrap_or_default());
    verdict.one_of(&at.key("volumeMode"), spec.volume_mode.as_deref(), &["Filesystem", "Block"]);
    labels::selector(verdict, &at.key("selector"), spec.selector.as_ref());
    let requests = spec.resources.as_ref().and_then(|resources| resources.requests.as_ref());
    if requests.is_none_or(|requests| !requests.contains_key("storage")) {
        let resources_at = at.key("resources");
        verdict.invalid(&resources_at.key("requests").key("storage"), "is required: how much a claim asks for");
    }
}

fn access_modes(verdict: &mut Verdict<'_, '_>, at: &At<'_>, modes: &[String]) {
    if modes.is_empty() {
        verdict.invalid(at, "must have at least one access mode");
    }
    for (index, mode) in modes.iter().enumerate() {
        verdict.one_of(&at.index(index), Some(mode), ACCESS_MODES);
    }
}

pub(super) fn persistent_volume(verdict: &mut Verdict<'_, '_>, volume: &PersistentVolume) {
    let at = &At::ROOT.key("spec");
    let Some(spec) = &volume.spec else { return };
    access_modes(verdict, &at.key("accessModes"), spec.access_modes.as_deref().unwrap_or_default());
    verdict.one_of(&at.key("volumeMode"), spec.volume_mode.as_deref(), &["Filesystem", "Block"]);
    let policies = ["Retain", "Recycle", "Delete"];
    verdict.one_of(
        &at.key("persistentVolumeReclaimPolicy"),
        spec.persistent_volume_reclaim_policy.as_deref(),
        &policies,
    );
    if spec.capacity.as_ref().is_none_or(|capacity| !capacity.contains_key("storage")) {
        verdict.invalid(&at.key("capacity").key("storage"), "is required: how much the volume holds");
    }
}

pub(super) fn storage_class(verdict: &mut Verdict<'_, '_>, class: &StorageClass) {
    let at = &At::ROOT;
    verdict.required(&at.key("provisioner"), &class.provisioner);
    verdict.one_of(&at.key("reclaimPolicy"), class.reclaim_policy.as_deref(), &["Delete", "Retain"]);
    let modes = ["Immediate", "WaitForFirstConsumer"];
    verdict.one_of(&at.key("volumeBindingMode"), class.volume_binding_mode.as_deref(), &modes);
}
