//! Claims that keep the pod off every node, and which of the others are bound.
//!
//! That a claim of a pod is missing is found by VolumeRestrictions, which runs first; here it is found for ephemeral volumes.

use crate::cluster::{
    BindingMode, ClaimBinding, ClaimName, ClassName, ClusterState, PersistentVolume, PersistentVolumeClaim, PodVolume,
    Storage, VolumeName,
};
use crate::scheduler::reasons::VolumeReason;
use crate::scheduler::snapshot::Candidate;

/// The claims of a pod.
#[derive(Clone, Debug)]
pub(crate) struct State<'a> {
    /// The volumes of those that are bound.
    pub(super) bound: Vec<VolumeName>,
    /// Those that wait for their first consumer.
    pub(super) waiting: Vec<WaitingClaim<'a>>,
}

/// A claim that is bound where its pod goes.
#[derive(Clone, Debug)]
pub(super) struct WaitingClaim<'a> {
    pub(super) name: ClaimName,
    pub(super) claim: &'a PersistentVolumeClaim,
    /// The volumes of its class.
    pub(super) volumes: Vec<(VolumeName, &'a PersistentVolume)>,
}

/// `None` (Skip) for a pod without claims.
pub(crate) fn pre_filter<'a>(state: &'a ClusterState, pod: &Candidate<'a>) -> Result<Option<State<'a>>, VolumeReason> {
    let claims = claims_of(state, pod)?;
    if claims.is_empty() {
        return Ok(None);
    }
    let storage = &*state.storage;
    let mut sorted = State { bound: Vec::new(), waiting: Vec::new() };
    for (name, claim) in claims {
        match claim.binding {
            ClaimBinding::Bound(volume) => sorted.bound.push(volume),
            ClaimBinding::Unbound if waits(storage, claim.class) => {
                let of_class = storage.volumes.iter().filter(|(_, volume)| volume.class == claim.class);
                let volumes = of_class.map(|(name, volume)| (*name, volume)).collect();
                sorted.waiting.push(WaitingClaim { name, claim, volumes });
            }
            ClaimBinding::Unbound | ClaimBinding::Requested(_) => {
                return Err(VolumeReason::UnboundImmediateClaims);
            }
        }
    }
    Ok(Some(sorted))
}

/// Whether claims of `class` wait for their first consumer; those of a class that does not exist do not.
fn waits(storage: &Storage, class: ClassName) -> bool {
    storage.classes.get(&class).is_some_and(|class| match class.binding_mode {
        BindingMode::WaitForFirstConsumer => true,
        BindingMode::Immediate => false,
    })
}

type Claims<'a> = Vec<(ClaimName, &'a PersistentVolumeClaim)>;

fn claims_of<'a>(state: &'a ClusterState, pod: &Candidate<'a>) -> Result<Claims<'a>, VolumeReason> {
    let text = |symbol| state.names.text(symbol).to_owned();
    let mut claims = Vec::new();
    for volume in pod.volumes {
        let Some(name) = volume.claim(pod.namespace) else { continue };
        let Some(claim) = state.storage.claims.get(&name) else {
            return Err(match volume {
                PodVolume::Claim(_) | PodVolume::Disk(_) => VolumeReason::ClaimNotFound(text(name.name)),
                PodVolume::Ephemeral { .. } => VolumeReason::EphemeralClaimNotFound(text(name.name)),
            });
        };
        if claim.is_lost {
            let volume = claim.binding.volume().map_or_else(String::new, |volume| text(volume.0));
            return Err(VolumeReason::ClaimLost { claim: text(name.name), volume });
        }
        if claim.is_terminating {
            return Err(VolumeReason::ClaimTerminating(text(name.name)));
        }
        match volume {
            PodVolume::Ephemeral { pod: owner, .. } if claim.controlled_by_pod != Some(*owner) => {
                let namespace = text(pod.namespace);
                let claim = format!("{namespace}/{}", text(name.name));
                return Err(VolumeReason::ClaimOfAnother { claim, pod: format!("{namespace}/{}", text(*owner)) });
            }
            PodVolume::Ephemeral { .. } | PodVolume::Claim(_) | PodVolume::Disk(_) => {}
        }
        claims.push((name, claim));
    }
    Ok(claims)
}
