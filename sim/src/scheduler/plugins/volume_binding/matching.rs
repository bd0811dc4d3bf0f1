//! The volume that suits a claim best. Source: `staging:component-helpers/storage/volume/pv_helpers.go`
//! (`FindMatchingVolume`), which the scheduler and the controller of volumes share.

use std::collections::BTreeSet;

use crate::cluster::{ClaimName, Names, Node, PersistentVolume, PersistentVolumeClaim, VolumeClaim, VolumeName};

use super::plan::in_reach;

/// For whom a volume is looked for.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// For a pod on this node.
    Node(&'a Node),
    /// For a claim whose volume is chosen before its pod: any place.
    Anywhere,
    /// For a claim that waits for its first consumer, before it has one: only a volume that is kept for it.
    Kept,
}

/// Of `volumes`, which are those of the claim's class, one that is kept for the claim, else the smallest that suits it and is
/// not in `taken`.
#[must_use]
pub fn matching_volume(
    names: &Names,
    (name, claim): (ClaimName, &PersistentVolumeClaim),
    volumes: &[(VolumeName, &PersistentVolume)],
    taken: &BTreeSet<VolumeName>,
    place: Place<'_>,
) -> Option<VolumeName> {
    let mut smallest: Option<(VolumeName, i64)> = None;
    for (volume_name, volume) in volumes {
        let is_kept = match volume.claim {
            VolumeClaim::None => false,
            VolumeClaim::Of(kept_for) if kept_for == name => true,
            VolumeClaim::Of(_) | VolumeClaim::Gone => continue,
        };
        if taken.contains(volume_name) || !is_alike(claim, volume) {
            continue;
        }
        let reachable = match place {
            Place::Node(node) => in_reach(names, volume.node_terms.as_deref(), node),
            Place::Anywhere | Place::Kept => true,
        };
        if is_kept {
            return reachable.then_some(*volume_name);
        }
        let may_take = match place {
            Place::Node(_) | Place::Anywhere => true,
            Place::Kept => false,
        };
        let smaller = smallest.is_none_or(|(_, bytes)| bytes > volume.capacity_bytes);
        if may_take && reachable && smaller && is_free_for(claim, volume) {
            smallest = Some((*volume_name, volume.capacity_bytes));
        }
    }
    smallest.map(|(name, _)| name)
}

/// What also a volume that is kept for the claim must have.
fn is_alike(claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> bool {
    volume.capacity_bytes >= claim.requested_bytes.unwrap_or(0)
        && volume.volume_mode == claim.volume_mode
        && volume.attributes_class == claim.attributes_class
        && !volume.is_terminating
}

fn is_free_for(claim: &PersistentVolumeClaim, volume: &PersistentVolume) -> bool {
    volume.is_available
        && claim.selector.as_ref().is_none_or(|selector| selector.matches(&volume.labels))
        && claim.access_modes.is_subset(&volume.access_modes)
}
