//! Storage: claims, volumes and classes, what drivers say of themselves and of nodes, and the volumes that pods mount.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::csi_migration::{InTreePlugin, MigratedDisk, MigratedVolume};
use super::labels::{LabelSelector, Labels};
use super::name::Symbol;
use super::node::NodeId;
use super::pod_template::NodeSelectorTerm;
use super::time::Time;

/// Names a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimName {
    /// `metadata.namespace`.
    pub namespace: Symbol,
    /// `metadata.name`.
    pub name: Symbol,
}

/// Names a PersistentVolume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VolumeName(pub Symbol);

/// Names a StorageClass; [`Symbol::EMPTY`] is "no class".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassName(pub Symbol);

impl ClassName {
    /// No class.
    pub const NONE: Self = Self(Symbol::EMPTY);
}

/// All storage of a cluster. It changes seldom and states are copied often, so the state shares it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Storage {
    /// PersistentVolumeClaims.
    pub claims: BTreeMap<ClaimName, PersistentVolumeClaim>,
    /// PersistentVolumes, in the order in which their names became known: the first of several that suit a claim equally
    /// well is taken, where Kubernetes leaves the choice to the order of a Go map.
    pub volumes: BTreeMap<VolumeName, PersistentVolume>,
    /// StorageClasses.
    pub classes: BTreeMap<ClassName, StorageClass>,
    /// CSINodes, by the node's name.
    pub csi_nodes: BTreeMap<Symbol, CsiNode>,
    /// CSIDrivers, by name.
    pub csi_drivers: BTreeMap<Symbol, CsiDriver>,
    /// CSIStorageCapacities.
    pub capacities: Vec<CsiStorageCapacity>,
    /// VolumeAttachments, by the node's name.
    pub attachments: BTreeMap<Symbol, Vec<VolumeAttachment>>,
    /// Where volumes for one node are attached.
    pub attached: BTreeMap<VolumeName, Attached>,
}

impl Storage {
    /// The same claims with volumes that can be reached, provisioned and attached everywhere: for nodes that are made up.
    #[must_use]
    pub fn everywhere(&self) -> Self {
        let mut storage = Self { claims: self.claims.clone(), ..Self::default() };
        for (name, volume) in &self.volumes {
            let volume = PersistentVolume {
                labels: Labels::default(),
                node_terms: None,
                source: PersistentVolumeSource::Other,
                ..volume.clone()
            };
            storage.volumes.insert(*name, volume);
        }
        for (name, class) in &self.classes {
            storage.classes.insert(*name, StorageClass { allowed_topologies: Vec::new(), ..class.clone() });
        }
        storage
    }
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersistentVolumeClaim {
    /// Its class, by annotation or field.
    pub class: ClassName,
    /// The volume that it has or names.
    pub binding: ClaimBinding,
    /// `status.phase` is `Lost`: its volume is gone.
    pub is_lost: bool,
    /// It is being deleted.
    pub is_terminating: bool,
    /// `spec.resources.requests.storage`, in bytes.
    pub requested_bytes: Option<i64>,
    /// Access modes.
    pub access_modes: BTreeSet<AccessMode>,
    /// `spec.volumeMode`.
    pub volume_mode: VolumeMode,
    /// Which volumes may be bound to it; `None`: any.
    pub selector: Option<LabelSelector>,
    /// `spec.volumeAttributesClassName`; [`Symbol::EMPTY`] is none.
    pub attributes_class: Symbol,
    /// The node that the scheduler has chosen for its provisioning (annotation `volume.kubernetes.io/selected-node`).
    pub selected_node: Option<Symbol>,
    /// The name of the pod that controls it: it was made for an ephemeral volume of that pod.
    pub controlled_by_pod: Option<Symbol>,
}

impl Default for PersistentVolumeClaim {
    fn default() -> Self {
        Self {
            class: ClassName::NONE,
            binding: ClaimBinding::Unbound,
            is_lost: false,
            is_terminating: false,
            requested_bytes: None,
            access_modes: BTreeSet::new(),
            volume_mode: VolumeMode::Filesystem,
            selector: None,
            attributes_class: Symbol::EMPTY,
            selected_node: None,
            controlled_by_pod: None,
        }
    }
}

/// Whether a claim has a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimBinding {
    /// It has none and names none.
    #[default]
    Unbound,
    /// `spec.volumeName` is set, and binding is not complete.
    Requested(VolumeName),
    /// Bound: `spec.volumeName` is set and the annotation `pv.kubernetes.io/bind-completed` is there.
    Bound(VolumeName),
}

impl ClaimBinding {
    /// `spec.volumeName`.
    #[must_use]
    pub const fn volume(self) -> Option<VolumeName> {
        match self {
            Self::Unbound => None,
            Self::Requested(volume) | Self::Bound(volume) => Some(volume),
        }
    }
}

/// How a volume may be mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessMode {
    /// Read and written on one node.
    ReadWriteOnce,
    /// Read on many nodes.
    ReadOnlyMany,
    /// Read and written on many nodes.
    ReadWriteMany,
    /// Read and written by one pod.
    ReadWriteOncePod,
}

impl AccessMode {
    /// The mode of this name.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        match text {
            "ReadWriteOnce" => Some(Self::ReadWriteOnce),
            "ReadOnlyMany" => Some(Self::ReadOnlyMany),
            "ReadWriteMany" => Some(Self::ReadWriteMany),
            "ReadWriteOncePod" => Some(Self::ReadWriteOncePod),
            _ => None,
        }
    }
}

/// Files or a raw device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VolumeMode {
    /// A file system.
    #[default]
    Filesystem,
    /// A block device.
    Block,
}

/// A PersistentVolume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistentVolume {
    /// Its class, by annotation or field.
    pub class: ClassName,
    /// `spec.capacity.storage`, in bytes.
    pub capacity_bytes: i64,
    /// Access modes.
    pub access_modes: BTreeSet<AccessMode>,
    /// `spec.volumeMode`.
    pub volume_mode: VolumeMode,
    /// Labels.
    pub labels: Labels,
    /// `spec.volumeAttributesClassName`; [`Symbol::EMPTY`] is none.
    pub attributes_class: Symbol,
    /// `spec.claimRef`.
    pub claim: VolumeClaim,
    /// `status.phase` is `Available`.
    pub is_available: bool,
    /// It is being deleted.
    pub is_terminating: bool,
    /// `spec.nodeAffinity.required`: one of the terms, of which only the labels count. `None`: every node.
    pub node_terms: Option<Vec<NodeSelectorTerm>>,
    /// What it is.
    pub source: PersistentVolumeSource,
    /// What is taken for granted about it.
    pub assumption: Option<VolumeAssumption>,
}

impl Default for PersistentVolume {
    fn default() -> Self {
        Self {
            class: ClassName::NONE,
            capacity_bytes: 0,
            access_modes: BTreeSet::new(),
            volume_mode: VolumeMode::Filesystem,
            labels: Labels::default(),
            attributes_class: Symbol::EMPTY,
            claim: VolumeClaim::None,
            is_available: false,
            is_terminating: false,
            node_terms: None,
            source: PersistentVolumeSource::Other,
            assumption: None,
        }
    }
}

/// The claim that a volume belongs to or is kept for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VolumeClaim {
    /// None.
    #[default]
    None,
    /// This one.
    Of(ClaimName),
    /// One that is gone, also where another of the same name has taken its place (the uid differs).
    Gone,
}

/// What a PersistentVolume is, as far as anybody counts it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PersistentVolumeSource {
    /// A driver's volume.
    Csi(CsiVolume),
    /// A disk of a driver that was once part of Kubernetes.
    InTree(MigratedVolume),
    /// Something that nobody counts: a local disk, a host path, NFS, iSCSI, RBD …
    Other,
}

/// A volume of a CSI driver. The same driver and handle are the same volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CsiVolume {
    /// `spec.csi.driver`.
    pub driver: Symbol,
    /// `spec.csi.volumeHandle`.
    pub handle: Symbol,
}

/// What is taken for granted about a volume that the input does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VolumeAssumption {
    /// The claim itself is not in the input.
    ClaimNotInInput,
    /// The claim names a PersistentVolume that is not in the input.
    VolumeNotInInput,
    /// No StorageClass and no PersistentVolume of the input says where the claim's volume is.
    ClassNotInInput,
    /// Provisioned: its driver does not say what it is bound to, and its node lies in a zone.
    StaysInItsZone,
    /// Provisioned: its driver does not say what it is bound to, and its node lies in no zone.
    ReachableEverywhere,
}

/// A StorageClass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageClass {
    /// `provisioner`.
    pub provisioner: Symbol,
    /// What kind of provisioner that is.
    pub provisioner_kind: ProvisionerKind,
    /// `volumeBindingMode`.
    pub binding_mode: BindingMode,
    /// `allowedTopologies`: one of the terms; empty: anywhere. A term without requirements allows nothing.
    pub allowed_topologies: Vec<LabelSelector>,
}

/// Who provisions the volumes of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvisionerKind {
    /// Nobody (`kubernetes.io/no-provisioner`).
    Nobody,
    /// An in-tree plugin, and the CSI driver that has taken its place.
    InTree(InTreePlugin, Symbol),
    /// A driver.
    External,
    /// The class is not in the input: its volumes are taken to be there and usable on every node.
    Assumed,
}

/// When the volume of a claim is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BindingMode {
    /// As soon as the claim is there.
    Immediate,
    /// Together with the node of its first pod.
    WaitForFirstConsumer,
}

/// What the drivers of a node say (CSINode).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsiNode {
    /// Drivers by name.
    pub drivers: BTreeMap<Symbol, CsiNodeDriver>,
    /// Annotation `storage.alpha.kubernetes.io/migrated-plugins`.
    pub migrated_plugins: BTreeSet<InTreePlugin>,
}

/// A driver on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsiNodeDriver {
    /// `allocatable.count`: how many volumes it attaches there; `None`: any number.
    pub limit: Option<i64>,
    /// `topologyKeys`: the labels that say where its volumes can be reached from.
    pub topology_keys: Vec<Symbol>,
}

/// A CSIDriver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsiDriver {
    /// `spec.storageCapacity`: it publishes how much storage it has left, and where.
    pub storage_capacity: bool,
    /// `spec.attachRequired` is false: its volumes are not attached.
    pub attaches_nothing: bool,
}

/// How much storage a driver has left somewhere (CSIStorageCapacity).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsiStorageCapacity {
    /// For volumes of this class.
    pub class: ClassName,
    /// On nodes of these labels; `None`: on none.
    pub node_topology: Option<LabelSelector>,
    /// The largest volume, in bytes: `maximumVolumeSize`, else `capacity`.
    pub limit_bytes: Option<i64>,
}

/// A volume that is attached to a node (VolumeAttachment).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeAttachment {
    /// `spec.attacher`: the driver.
    pub attacher: Symbol,
    /// `spec.source.persistentVolumeName`.
    pub volume: VolumeName,
}

/// Where a volume for one node is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The node.
    pub node: NodeId,
    /// Since when no pod of the node wants it, though the node, being down, has not unmounted it.
    pub unwanted_since: Option<Time>,
}

/// A volume of a pod template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VolumeSource {
    /// A claim of the pod's namespace by name.
    Claim(Symbol),
    /// A claim template of a StatefulSet: the claim is named TEMPLATE-SET-ORDINAL and outlives the pod.
    SetClaim(Arc<ClaimTemplate>),
    /// A generic ephemeral volume: the claim is named POD-VOLUME, belongs to the pod and goes with it.
    Ephemeral(Arc<ClaimTemplate>),
    /// A disk given inline.
    Disk(InlineDisk),
}

/// From what a claim is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimTemplate {
    /// The name of the template or of the volume.
    pub name: Symbol,
    /// The claim.
    pub claim: PersistentVolumeClaim,
}

/// A volume of a pod, its claim by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PodVolume {
    /// A claim of the pod's namespace.
    Claim(Symbol),
    /// The claim of an ephemeral volume.
    Ephemeral {
        /// The claim.
        claim: Symbol,
        /// The pod's name.
        pod: Symbol,
    },
    /// A disk given inline.
    Disk(InlineDisk),
}

impl PodVolume {
    /// The claim that it mounts, in `namespace`.
    #[must_use]
    pub const fn claim(&self, namespace: Symbol) -> Option<ClaimName> {
        match self {
            Self::Claim(name) | Self::Ephemeral { claim: name, .. } => Some(ClaimName { namespace, name: *name }),
            Self::Disk(_) => None,
        }
    }
}

/// A disk given inline in a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InlineDisk {
    /// What tells whether two are the same.
    pub identity: DiskIdentity,
    /// How the driver that has taken the in-tree plugin's place counts it.
    pub migrated: MigratedDisk,
}

/// Which disk it is, for those that two pods of a node cannot share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DiskIdentity {
    /// `gcePersistentDisk`.
    GcePersistentDisk {
        /// `pdName`.
        name: Symbol,
        /// `readOnly`.
        read_only: bool,
    },
    /// `awsElasticBlockStore`: `volumeID`.
    AwsElasticBlockStore(Symbol),
    /// `iscsi`.
    Iscsi {
        /// `iqn`.
        name: Symbol,
        /// `readOnly`.
        read_only: bool,
    },
    /// `rbd`.
    Rbd {
        /// `monitors`.
        monitors: BTreeSet<Symbol>,
        /// `pool` and `image`.
        image: (Symbol, Symbol),
        /// `readOnly`.
        read_only: bool,
    },
    /// One that pods may share as far as the scheduler knows.
    Shared,
}
