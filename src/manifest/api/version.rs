//! The version of Kubernetes that manifests are for.

use std::fmt;
use std::str::FromStr;

/// A minor version of Kubernetes. Prints as `1.36`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion {
    major: u16,
    minor: u16,
}

/// Why a text is not a version of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a version of Kubernetes; write it as 1.36 or v1.36.3")]
pub struct KubernetesVersionError {
    /// What was written.
    pub text: String,
}

impl KubernetesVersion {
    /// The version whose behaviour is modelled.
    pub const MODELLED: Self = Self::one(36);

    /// `1.minor`.
    #[must_use]
    pub const fn one(minor: u16) -> Self {
        Self { major: 1, minor }
    }
}

impl Default for KubernetesVersion {
    fn default() -> Self {
        Self::MODELLED
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for KubernetesVersion {
    type Err = KubernetesVersionError;

    /// Reads `1.34`, `v1.36.3`, and what managed clusters say of themselves: `1.29+`, `v1.30.5-gke.1014001`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || KubernetesVersionError { text: text.to_owned() };
        let trimmed = text.trim();
        let bare = trimmed.strip_prefix('v').unwrap_or(trimmed);
        let (major, rest) = bare.split_once('.').ok_or_else(error)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (minor, patch) = rest.split_at(digits);
        let patch_starts_a_part = patch.is_empty() || patch.starts_with(['.', '-', '+']);
        match (major.parse(), minor.parse()) {
            (Ok(major), Ok(minor)) if patch_starts_a_part => Ok(Self { major, minor }),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => Err(error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_and_clusters_write() {
        for (text, minor) in [("1.34", 34), ("v1.36.3", 36), ("1.29+", 29), ("v1.30.5-gke.1014001", 30), (" 1.9 ", 9)] {
            assert_eq!(text.parse(), Ok(KubernetesVersion::one(minor)), "{text}");
        }
        for text in ["", "1", "latest", "1.x", "v.36", "1.36rc", "1.", "1.99999999"] {
            assert!(text.parse::<KubernetesVersion>().is_err(), "{text}");
        }
        assert!(KubernetesVersion::one(9) < KubernetesVersion::one(10));
    }
}
