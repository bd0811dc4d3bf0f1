//! Volumes that decide where a pod can run.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, PodSpec as ApiPodSpec};
use quorate_sim::cluster::{ClusterState, VolumeUse};

use super::affinity;

/// Claims and volumes of the input.
#[derive(Debug, Default)]
pub(super) struct Volumes<'a> {
    /// Claims by namespace and name.
    pub claims: BTreeMap<(&'a str, &'a str), &'a PersistentVolumeClaim>,
    /// Volumes by name.
    pub volumes: BTreeMap<&'a str, &'a PersistentVolume>,
}

impl Volumes<'_> {
    /// What the volumes of a pod mean for its placement. `own_claims` are a StatefulSet's claim templates.
    pub(super) fn uses(
        &self,
        state: &mut ClusterState,
        namespace: &str,
        spec: &ApiPodSpec,
        own_claims: &[PersistentVolumeClaim],
    ) -> Vec<VolumeUse> {
        let mut uses = Vec::new();
        for own in own_claims {
            uses.extend(access(own, None));
        }
        for volume in spec.volumes.iter().flatten() {
            let Some(source) = &volume.persistent_volume_claim else { continue };
            let is_own = own_claims.iter().any(|own| own.metadata.name.as_deref() == Some(&volume.name));
            if is_own {
                continue;
            }
            let symbol = state.intern(&format!("{namespace}/{}", source.claim_name));
            match self.claims.get(&(namespace, source.claim_name.as_str())) {
                Some(claim) => {
                    uses.extend(access(claim, Some(symbol)));
                    uses.extend(self.reachable_from(state, claim));
                }
                None => uses.push(VolumeUse::Unknown(symbol)),
            }
        }
        uses
    }

    fn reachable_from(&self, state: &mut ClusterState, claim: &PersistentVolumeClaim) -> Option<VolumeUse> {
        let name = claim.spec.as_ref()?.volume_name.as_deref()?;
        let volume = self.volumes.get(name)?;
        let required = volume.spec.as_ref()?.node_affinity.as_ref()?.required.as_ref()?;
        let terms = required.node_selector_terms.iter().map(|term| affinity::node_term(state, term)).collect();
        Some(VolumeUse::OnlyOn(terms))
    }
}

fn access(claim: &PersistentVolumeClaim, name: Option<quorate_sim::cluster::Symbol>) -> Option<VolumeUse> {
    let modes = claim.spec.as_ref()?.access_modes.as_deref()?;
    let has = |mode: &str| modes.iter().any(|own| own == mode);
    if has("ReadWriteMany") || has("ReadOnlyMany") {
        None
    } else if has("ReadWriteOncePod") {
        Some(VolumeUse::ReadWriteOncePod(name))
    } else {
        Some(VolumeUse::ReadWriteOnce(name))
    }
}
