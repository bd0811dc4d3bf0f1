//! What ends a command before it can say anything about the cluster.

use thiserror::Error;

use super::exit_status::ExitStatus;
use crate::manifest::collect::CollectError;
use crate::policy::PolicyError;
use crate::report::ReportError;

/// Why a command could not do its work.
#[derive(Debug, Error)]
pub enum CommandError {
    /// Nothing was named.
    #[error("name at least one file or directory of manifests, or - for standard input")]
    NoPath,
    /// Manifests could not be read.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Policies could not be read.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A report could not be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// Something named on the command line is not there, or does not go together.
    #[error("{0}")]
    Usage(String),
    /// Quorate contradicts itself.
    #[error("a defect of quorate, please report it: {0}")]
    Defect(String),
}

impl CommandError {
    /// The exit status it leads to.
    #[must_use]
    pub const fn exit_status(&self) -> ExitStatus {
        match self {
            Self::NoPath
            | Self::Collect(_)
            | Self::File { .. }
            | Self::Policy(_)
            | Self::Report(_)
            | Self::Usage(_) => ExitStatus::Usage,
            Self::Defect(_) => ExitStatus::Defect,
        }
    }
}
