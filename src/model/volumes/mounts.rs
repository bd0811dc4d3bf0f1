//! The volumes of pods.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim as ApiClaim, PodSpec as ApiPodSpec, Volume as ApiVolume};
use quorate_sim::cluster::{
    ClaimName, ClaimTemplate, ClassName, ClusterState, ProvisionerKind, Symbol, VolumeAssumption, VolumeSource,
};
use quorate_sim::simulation::volume_assumption;
use quorate_sim::transition::assume_volume;

use super::objects::{Volumes, ensure_class};
use super::{claims, disks};

/// The volumes of a pod of `namespace` that decide where it can run. `own_claims` are a StatefulSet's claim templates; they take the
/// place of volumes of their name. A claim that is not in the input is added with a volume that is usable everywhere.
pub(in crate::model) fn sources(
    state: &mut ClusterState,
    lookup: &Volumes<'_>,
    namespace: Symbol,
    spec: &ApiPodSpec,
    own_claims: &[ApiClaim],
) -> Vec<VolumeSource> {
    let mut sources = Vec::new();
    for own in own_claims {
        let claim = claims::claim(state, lookup, own);
        ensure_class(state, claim.class);
        let name = claims::name(state, own.metadata.name.as_deref());
        sources.push(VolumeSource::SetClaim(Arc::new(ClaimTemplate { name, claim })));
    }
    for volume in spec.volumes.iter().flatten() {
        let is_own = own_claims.iter().any(|own| own.metadata.name.as_deref() == Some(&volume.name));
        if !is_own {
            sources.extend(source(state, lookup, namespace, volume));
        }
    }
    sources
}

fn source(
    state: &mut ClusterState,
    lookup: &Volumes<'_>,
    namespace: Symbol,
    volume: &ApiVolume,
) -> Option<VolumeSource> {
    if let Some(source) = &volume.persistent_volume_claim {
        let name = state.intern(&source.claim_name);
        let claim = ClaimName { namespace, name };
        if !state.storage.claims.contains_key(&claim) {
            assume_volume(state, claim, VolumeAssumption::ClaimNotInInput);
        }
        return Some(VolumeSource::Claim(name));
    }
    if let Some(ephemeral) = &volume.ephemeral {
        let template = ephemeral.volume_claim_template.as_ref()?;
        let claim = claims::of_template(state, lookup, template);
        ensure_class(state, claim.class);
        let name = state.intern(&volume.name);
        return Some(VolumeSource::Ephemeral(Arc::new(ClaimTemplate { name, claim })));
    }
    disks::inline(state, volume).map(VolumeSource::Disk)
}

/// What is taken for granted about `sources`, in sentences.
pub(in crate::model) fn assumptions_of(
    state: &ClusterState,
    namespace: Symbol,
    sources: &[VolumeSource],
) -> Vec<String> {
    let of_class = |class: ClassName| {
        let kind = state.storage.classes.get(&class)?.provisioner_kind;
        (kind == ProvisionerKind::Assumed).then_some(VolumeAssumption::ClassNotInInput)
    };
    let sentence = |source: &VolumeSource| match source {
        VolumeSource::Claim(name) => {
            let name = ClaimName { namespace, name: *name };
            let claim = state.storage.claims.get(&name)?;
            let volume = claim.binding.volume().and_then(|volume| state.storage.volumes.get(&volume))?;
            Some(volume_assumption(state, name, claim.class, volume.assumption?))
        }
        VolumeSource::SetClaim(template) | VolumeSource::Ephemeral(template) => {
            let name = ClaimName { namespace, name: template.name };
            let class = template.claim.class;
            Some(volume_assumption(state, name, class, of_class(class)?))
        }
        VolumeSource::Disk(_) => None,
    };
    sources.iter().filter_map(sentence).collect()
}
