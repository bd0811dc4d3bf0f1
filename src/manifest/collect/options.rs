//! What the caller of [`collect`](super::collect) decides, and why it may fail.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::super::api::KubernetesVersion;
use super::super::yaml::Limits;

/// How input is read.
#[derive(Clone, Debug)]
pub struct CollectOptions {
    /// Bounds on each source.
    pub limits: Limits,
    /// Whether an input without any object is an error.
    pub empty: EmptyInput,
    /// The version of Kubernetes that charts are rendered for. A renderer's own says what it was built with.
    pub kubernetes_version: KubernetesVersion,
    /// How long one chart or kustomization may take to render.
    pub render_time: Duration,
    /// Where programs are looked for, in the form of `PATH`; `None`: `PATH` itself.
    pub search_path: Option<OsString>,
}

impl Default for CollectOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            empty: EmptyInput::Refused,
            kubernetes_version: KubernetesVersion::default(),
            render_time: Duration::from_secs(60),
            search_path: None,
        }
    }
}

/// What to do when there is no Kubernetes object in the whole input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmptyInput {
    /// It is an error.
    #[default]
    Refused,
    /// It is fine (`--allow-empty`).
    Allowed,
}

/// Why nothing was collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// A path does not exist or may not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// No path was given.
    #[error("no path is given; name files or directories, or - for standard input")]
    NoPath,
    /// There is no object in the input.
    #[error(
        "there is no Kubernetes object in the *.yaml, *.yml and *.json files of these paths (files read: {files}, \
         other documents: {skipped}); name other paths, or add --allow-empty"
    )]
    NoObject {
        /// Sources that were read.
        files: usize,
        /// Documents that are no objects.
        skipped: usize,
    },
}
