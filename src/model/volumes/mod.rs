//! Storage: what claims, volumes, classes and drivers of the input mean, and what is taken for granted where it says nothing.
//!
//! | file | what |
//! | --- | --- |
//! | `objects.rs` | objects, and what the controller of volumes would do with them |
//! | `claims.rs` | claims and their classes |
//! | `disks.rs` | persistent volumes, disks given inline |
//! | `drivers.rs` | classes, CSINodes, CSIDrivers, capacities, attachments |
//! | `mounts.rs` | the volumes of pods |
//!
//! Manifests rarely show volumes: they are made in the cluster. So a claim that is not in the input, one whose volume is not
//! in the input, and one whose class is neither a StorageClass of the input nor serves a PersistentVolume of it, have volumes that
//! are usable on every node, and that is said. Wherever the input does show classes or volumes, Kubernetes' own rules decide.

mod claims;
mod disks;
mod drivers;
mod mounts;
mod objects;

pub(super) use mounts::{assumptions_of, sources};
pub(super) use objects::{Volumes, add_all, add_one};
