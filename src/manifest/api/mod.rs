//! The kinds that Kubernetes 1.36 serves, and the versions of them that older ones served.
//!
//! - `registry`: every built-in kind with its scope and its decoder
//! - `conversion`: older versions that are still served, as the versions that are read
//! - `lifecycle`: which versions are deprecated or removed, since when, and what replaces them
//! - `resolve`: what `apiVersion` and `kind` of a document name
//! - `version`: the version of Kubernetes that manifests are for

mod conversion;
mod lifecycle;
mod lifecycle_table;
mod registry;
mod resolve;
mod version;

pub use lifecycle::{Lifecycle, Replacement, Served, lifecycle};
pub use registry::{BuiltInKind, Decoded, Scope, built_in, built_in_kinds};
pub use resolve::{Resolved, UnknownKind, group_of, resolve};
pub use version::{KubernetesVersion, KubernetesVersionError};
