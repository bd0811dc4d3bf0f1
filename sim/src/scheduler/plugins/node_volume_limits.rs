//! How many volumes of a driver a node attaches. Source: `plugins/nodevolumelimits/csi.go`.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{
    ClaimName, ClassName, ClusterState, CsiVolume, MigratedDisk, PersistentVolumeClaim, PersistentVolumeSource,
    PodVolume, ProvisionerKind, Symbol,
};
use crate::scheduler::framework::{Plugin, Rejection};
use crate::scheduler::reasons::VolumeReason;
use crate::scheduler::scheduling_cycle::CycleState;
use crate::scheduler::snapshot::{Candidate, NodeInfo};

/// The pod has volumes that may count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State;

/// `None` (Skip) for a pod without volumes that a driver could count.
pub(crate) fn pre_filter(pod: &Candidate<'_>) -> Option<State> {
    let may_count = |volume: &PodVolume| match volume {
        PodVolume::Claim(_) | PodVolume::Ephemeral { .. } => true,
        PodVolume::Disk(disk) => match disk.migrated {
            MigratedDisk::As(_) | MigratedDisk::Untranslatable => true,
            MigratedDisk::NotCounted => false,
        },
    };
    pod.volumes.iter().any(may_count).then_some(State)
}

/// A volume as it is counted: once for each driver and handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Counted {
    driver: Symbol,
    handle: Handle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Handle {
    /// The driver's.
    OfVolume(Symbol),
    /// Made up for a claim that has no volume yet.
    OfClaim(ClaimName),
}

impl From<CsiVolume> for Counted {
    fn from(volume: CsiVolume) -> Self {
        Self { driver: volume.driver, handle: Handle::OfVolume(volume.handle) }
    }
}

pub(crate) fn filter(cycle: &CycleState<'_, '_>, node: &NodeInfo<'_>) -> Option<Rejection> {
    cycle.node_volume_limits?;
    let state = cycle.snapshot.state;
    if !cycle.profile.pre_filter.has(Plugin::VolumeBinding)
        && let Some(reason) = unusable_claim(state, &cycle.pod)
    {
        return Some(Rejection::unresolvable(reason.into()));
    }
    // Without a CSINode there are no limits, and no in-tree disk counts.
    let csi_node = state.storage.csi_nodes.get(&node.node.name)?;
    let counter = Counter { state };
    let mut new = BTreeSet::new();
    if counter.add(&cycle.pod, &mut new) == Translation::Failed {
        // Upstream gives up with an error here, for this node and all others.
        return Some(Rejection::unresolvable(VolumeReason::VolumeNotTranslatable.into()));
    }
    if new.is_empty() || csi_node.drivers.values().all(|driver| driver.limit.is_none()) {
        return None;
    }
    let mut attached = BTreeSet::new();
    for placed in &node.pods {
        counter.add(&placed.pod, &mut attached);
    }
    let new: BTreeSet<Counted> = new.difference(&attached).copied().collect();
    let mut used = per_driver(&attached);
    for volume in counter.attachments(node.node.name).difference(&attached) {
        // One that the new pod brings and that only an attachment shows counts twice, as upstream counts it.
        let count = used.entry(volume.driver).or_insert(0);
        *count = count.saturating_add(1);
    }
    let exceeded = per_driver(&new).into_iter().any(|(driver, count)| {
        let limit = csi_node.drivers.get(&driver).and_then(|driver| driver.limit);
        limit.is_some_and(|limit| used.get(&driver).copied().unwrap_or(0).saturating_add(count) > limit)
    });
    exceeded.then(|| Rejection::unschedulable(VolumeReason::TooManyVolumes.into()))
}

/// What VolumeBinding, where it runs, finds before.
fn unusable_claim(state: &ClusterState, pod: &Candidate<'_>) -> Option<VolumeReason> {
    let text = |symbol| state.names.text(symbol).to_owned();
    pod.volumes.iter().find_map(|volume| {
        let name = volume.claim(pod.namespace)?;
        let (namespace, claim) = (text(name.namespace), text(name.name));
        let Some(of_state) = state.storage.claims.get(&name) else {
            return Some(VolumeReason::ClaimLookup { namespace, claim });
        };
        match volume {
            // Upstream gives up with an error here, for this node and all others.
            PodVolume::Ephemeral { pod: owner, .. } if of_state.controlled_by_pod != Some(*owner) => {
                let (claim, pod) = (format!("{namespace}/{claim}"), format!("{namespace}/{}", text(*owner)));
                Some(VolumeReason::ClaimOfAnother { claim, pod })
            }
            PodVolume::Ephemeral { .. } | PodVolume::Claim(_) | PodVolume::Disk(_) => None,
        }
    })
}

fn per_driver(volumes: &BTreeSet<Counted>) -> BTreeMap<Symbol, i64> {
    let mut counts: BTreeMap<Symbol, i64> = BTreeMap::new();
    for volume in volumes {
        let count = counts.entry(volume.driver).or_insert(0);
        *count = count.saturating_add(1);
    }
    counts
}

/// Whether every inline disk of a pod could be translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Translation {
    Done,
    Failed,
}

/// Counts volumes on one node.
///
/// In-tree disks count there whatever the annotation of its CSINode says of migrated plugins.
struct Counter<'a> {
    state: &'a ClusterState,
}

impl Counter<'_> {
    /// Adds the volumes of `pod`. Claims that do not exist do not count.
    fn add(&self, pod: &Candidate<'_>, to: &mut BTreeSet<Counted>) -> Translation {
        let mut translation = Translation::Done;
        for volume in pod.volumes {
            match volume {
                PodVolume::Disk(disk) => match disk.migrated {
                    MigratedDisk::NotCounted => {}
                    MigratedDisk::As(volume) => drop(to.insert(volume.into())),
                    MigratedDisk::Untranslatable => translation = Translation::Failed,
                },
                PodVolume::Claim(_) | PodVolume::Ephemeral { .. } => {
                    let Some(name) = volume.claim(pod.namespace) else { continue };
                    let claim = self.state.storage.claims.get(&name);
                    to.extend(claim.and_then(|claim| self.of_claim(name, claim)));
                }
            }
        }
        translation
    }

    /// The volume of a claim; where it has none, or one that does not exist, the one that its class would provision.
    fn of_claim(&self, name: ClaimName, claim: &PersistentVolumeClaim) -> Option<Counted> {
        let volume = claim.binding.volume().and_then(|volume| self.state.storage.volumes.get(&volume));
        let Some(volume) = volume else { return self.of_class(name, claim) };
        let volume = match &volume.source {
            PersistentVolumeSource::Csi(volume) => *volume,
            PersistentVolumeSource::InTree(in_tree) => {
                in_tree.translated.as_ref().filter(|_| in_tree.plugin.is_migrated())?.volume
            }
            PersistentVolumeSource::Other => return None,
        };
        let named = volume.driver != Symbol::EMPTY && volume.handle != Symbol::EMPTY;
        named.then(|| volume.into())
    }

    fn of_class(&self, name: ClaimName, claim: &PersistentVolumeClaim) -> Option<Counted> {
        let class = self.state.storage.classes.get(&claim.class).filter(|_| claim.class != ClassName::NONE)?;
        let driver = match class.provisioner_kind {
            ProvisionerKind::InTree(plugin, driver) => plugin.is_migrated().then_some(driver)?,
            ProvisionerKind::Nobody | ProvisionerKind::External | ProvisionerKind::Assumed => class.provisioner,
        };
        (driver != Symbol::EMPTY).then_some(Counted { driver, handle: Handle::OfClaim(name) })
    }

    /// What is attached to the node.
    fn attachments(&self, node: Symbol) -> BTreeSet<Counted> {
        let attachments = self.state.storage.attachments.get(&node).into_iter().flatten();
        let of_attachment = |attachment: &crate::cluster::VolumeAttachment| {
            let volume = self.state.storage.volumes.get(&attachment.volume)?;
            match &volume.source {
                PersistentVolumeSource::Csi(volume) if attachment.attacher != Symbol::EMPTY => {
                    Some(Counted { driver: attachment.attacher, handle: Handle::OfVolume(volume.handle) })
                }
                PersistentVolumeSource::Csi(_) | PersistentVolumeSource::InTree(_) | PersistentVolumeSource::Other => {
                    None
                }
            }
        };
        attachments.filter_map(of_attachment).collect()
    }
}
