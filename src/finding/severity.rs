//! How bad a finding is.

use serde::{Deserialize, Serialize};

/// How bad a finding is; the worst sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A promise is or will be broken.
    Error,
    /// A risk.
    Warning,
    /// Good to know; a requirement.
    Info,
}

impl Severity {
    /// Its name in every output: `error`, `warning`, `info`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}
