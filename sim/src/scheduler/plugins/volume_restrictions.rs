//! `ReadWriteOncePod` claims and disks given inline. Source: `plugins/volumerestrictions/volume_restrictions.go`.

use std::collections::BTreeSet;

use crate::cluster::{AccessMode, ClaimName, DiskIdentity, PodVolume, Symbol};
use crate::scheduler::framework::Rejection;
use crate::scheduler::reasons::VolumeReason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::{Candidate, NodeInfo, PlacedPod, Snapshot};

/// What Filter needs.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// The names of the pod's `ReadWriteOncePod` claims.
    claims: BTreeSet<Symbol>,
    /// How many uses of these claims by placed pods stand in the way.
    conflicts: i64,
}

/// `None` (Skip) when no claim of the pod is in use and it has no disk that must not be shared.
pub(crate) fn pre_filter(snapshot: &Snapshot<'_>, pod: &Candidate<'_>) -> Result<Option<State>, VolumeReason> {
    let mut claims = BTreeSet::new();
    for name in pod.volumes.iter().filter_map(claim_by_name) {
        let claim = snapshot.state.storage.claims.get(&ClaimName { namespace: pod.namespace, name });
        let Some(claim) = claim else {
            let name = snapshot.state.names.text(name).to_owned();
            return Err(VolumeReason::ClaimNotFound(name));
        };
        if claim.access_modes.contains(&AccessMode::ReadWriteOncePod) {
            claims.insert(name);
        }
    }
    let has_disks = pod.volumes.iter().filter_map(disk).any(is_restricted);
    let conflicts = if claims.is_empty() { 0 } else { claims_in_use(snapshot, pod.namespace, &claims) };
    Ok((has_disks || conflicts > 0).then_some(State { claims, conflicts }))
}

/// How many of `claims` a placed pod of the namespace uses, each counted once.
fn claims_in_use(snapshot: &Snapshot<'_>, namespace: Symbol, claims: &BTreeSet<Symbol>) -> i64 {
    let placed = snapshot.nodes().flat_map(|node| node.pods.iter()).filter(|placed| placed.pod.namespace == namespace);
    let used = placed.flat_map(|placed| placed.pod.volumes.iter().filter_map(claim_by_name));
    let used: BTreeSet<Symbol> = used.filter(|claim| claims.contains(claim)).collect();
    i64::try_from(used.len()).unwrap_or(i64::MAX)
}

const fn claim_by_name(volume: &PodVolume) -> Option<Symbol> {
    match volume {
        PodVolume::Claim(name) => Some(*name),
        PodVolume::Ephemeral { .. } | PodVolume::Disk(_) => None,
    }
}

const fn disk(volume: &PodVolume) -> Option<&DiskIdentity> {
    match volume {
        PodVolume::Disk(disk) => Some(&disk.identity),
        PodVolume::Claim(_) | PodVolume::Ephemeral { .. } => None,
    }
}

const fn is_restricted(disk: &DiskIdentity) -> bool {
    match disk {
        DiskIdentity::GcePersistentDisk { .. }
        | DiskIdentity::AwsElasticBlockStore(_)
        | DiskIdentity::Iscsi { .. }
        | DiskIdentity::Rbd { .. } => true,
        DiskIdentity::Shared => false,
    }
}

impl State {
    pub(crate) fn pod_added(&mut self, placed: &PlacedPod<'_>) {
        self.conflicts = self.conflicts.saturating_add(self.uses(placed));
    }

    pub(crate) fn pod_removed(&mut self, placed: &PlacedPod<'_>) {
        self.conflicts = self.conflicts.saturating_sub(self.uses(placed));
    }

    /// As upstream, which looks at the names of claims only, in whatever namespace the pod is.
    fn uses(&self, placed: &PlacedPod<'_>) -> i64 {
        let uses = placed.pod.volumes.iter().filter_map(claim_by_name).filter(|claim| self.claims.contains(claim));
        i64::try_from(uses.count()).unwrap_or(i64::MAX)
    }
}

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    let state = cycle.volume_restrictions.as_ref()?;
    let wanted = || cycle.pod.volumes.iter().filter_map(disk);
    let mut used = node.pods.iter().flat_map(|placed| placed.pod.volumes.iter().filter_map(disk));
    if used.any(|used| wanted().any(|wanted| conflict(wanted, used))) {
        return Some(Rejection::unschedulable(VolumeReason::DiskConflict.into()));
    }
    (state.conflicts > 0).then(|| Rejection::unschedulable(VolumeReason::ReadWriteOncePodInUse.into()))
}

/// Whether two pods with these disks cannot share a node: the same disk, unless both only read it.
fn conflict(one: &DiskIdentity, other: &DiskIdentity) -> bool {
    use DiskIdentity::{AwsElasticBlockStore, GcePersistentDisk, Iscsi, Rbd, Shared};
    match (one, other) {
        (GcePersistentDisk { name, read_only }, GcePersistentDisk { name: other, read_only: other_reads })
        | (Iscsi { name, read_only }, Iscsi { name: other, read_only: other_reads }) => {
            name == other && !(*read_only && *other_reads)
        }
        // Also if both only read it.
        (AwsElasticBlockStore(volume), AwsElasticBlockStore(other)) => volume == other,
        (
            Rbd { monitors, image, read_only },
            Rbd { monitors: other_monitors, image: other_image, read_only: other_reads },
        ) => image == other_image && !monitors.is_disjoint(other_monitors) && !(*read_only && *other_reads),
        (GcePersistentDisk { .. } | AwsElasticBlockStore(_) | Iscsi { .. } | Rbd { .. } | Shared, _) => false,
    }
}
