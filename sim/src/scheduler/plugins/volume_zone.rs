//! Zones of bound volumes. Source: `plugins/volumezone/volume_zone.go`.
//!
//! Ephemeral volumes are not looked at. Of the rejections before the nodes are looked at only that of a missing volume can be
//! met in the default profile: the others are VolumeBinding's, which runs first there.

use crate::cluster::{BindingMode, ClassName, ClusterState, PodVolume, Symbol, ZONE_DELIMITER};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::VolumeReason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::{Candidate, NodeInfo};

const TOPOLOGY_LABELS: [Symbol; 4] = [Symbol::BETA_ZONE, Symbol::BETA_REGION, Symbol::ZONE, Symbol::REGION];

/// What Filter needs: for each label of a volume, the values that a node may have.
#[derive(Clone, Debug)]
pub(crate) struct State<'a> {
    topologies: Vec<(Symbol, Vec<&'a str>)>,
    /// Why these are not known, where no PreFilter has rejected the pod for it.
    unknown: Option<VolumeReason>,
}

/// What Filter finds out for itself where there is no PreFilter.
pub(crate) fn without_pre_filter<'a>(state: &'a ClusterState, pod: &Candidate<'a>) -> Option<State<'a>> {
    match pre_filter(state, pod) {
        Ok(known) => known,
        Err(reason) => Some(State { topologies: Vec::new(), unknown: Some(reason) }),
    }
}

/// `None` (Skip) when no volume of the pod says where it is.
pub(crate) fn pre_filter<'a>(state: &'a ClusterState, pod: &Candidate<'a>) -> Result<Option<State<'a>>, VolumeReason> {
    let storage = &*state.storage;
    let mut topologies = Vec::new();
    for volume in pod.volumes {
        let name = match volume {
            PodVolume::Claim(_) => volume.claim(pod.namespace),
            PodVolume::Ephemeral { .. } | PodVolume::Disk(_) => None,
        };
        let Some(name) = name else { continue };
        let Some(claim) = storage.claims.get(&name) else {
            return Err(VolumeReason::ClaimNotFound(state.names.text(name.name).to_owned()));
        };
        let Some(volume) = claim.binding.volume() else {
            unbound(state, claim.class)?;
            continue;
        };
        let Some(volume) = storage.volumes.get(&volume) else {
            return Err(VolumeReason::VolumeNotFound(state.names.text(volume.0).to_owned()));
        };
        for key in TOPOLOGY_LABELS {
            let values = volume.labels.get(key).and_then(|label| zones_of(state.names.text(label)));
            topologies.extend(values.map(|values| (key, values)));
        }
    }
    Ok((!topologies.is_empty()).then_some(State { topologies, unknown: None }))
}

/// Whether a claim of `class` that has no volume may be passed over: it waits for its first consumer.
fn unbound(state: &ClusterState, class: ClassName) -> Result<(), VolumeReason> {
    if class == ClassName::NONE {
        return Err(VolumeReason::NeitherVolumeNorClass);
    }
    match state.storage.classes.get(&class).map(|class| class.binding_mode) {
        None => Err(VolumeReason::ClassNotFound(state.names.text(class.0).to_owned())),
        Some(BindingMode::WaitForFirstConsumer) => Ok(()),
        Some(BindingMode::Immediate) => Err(VolumeReason::VolumeWithoutName),
    }
}

/// The zones that a label names; `None` where one of them is empty: the label is ignored then.
fn zones_of(label: &str) -> Option<Vec<&str>> {
    let zones: Vec<&str> = label.split(ZONE_DELIMITER).map(str::trim).collect();
    zones.iter().all(|zone| !zone.is_empty()).then_some(zones)
}

/// A node without any of the labels takes every volume.
pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    let state = cycle.volume_zone.as_ref()?;
    if let Some(reason) = &state.unknown {
        return Some(Rejection::unresolvable(reason.clone().into()));
    }
    let labels = &node.node.labels;
    if TOPOLOGY_LABELS.into_iter().all(|key| labels.get(key).is_none()) {
        return None;
    }
    let names = &cycle.snapshot.state.names;
    let matches = |(key, values): &(Symbol, Vec<&str>)| {
        let value = labels.get(*key).or_else(|| labels.get(current(*key)));
        value.is_some_and(|value| values.contains(&names.text(value)))
    };
    (!state.topologies.iter().all(matches)).then(|| Rejection::unresolvable(VolumeReason::VolumeZone.into()))
}

/// The label of today in place of a beta one.
fn current(key: Symbol) -> Symbol {
    if key == Symbol::BETA_ZONE {
        Symbol::ZONE
    } else if key == Symbol::BETA_REGION {
        Symbol::REGION
    } else {
        key
    }
}
