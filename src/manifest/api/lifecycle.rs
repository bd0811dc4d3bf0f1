//! Which versions of an API are deprecated or removed, since when, and what replaces them.

use crate::finding::{Finding, Mend, Severity};

use super::lifecycle_table::LIFECYCLES;
use super::version::KubernetesVersion;

/// The end of one version of some kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// `policy/v1beta1`.
    pub api_version: &'static str,
    /// The kinds of that version that end together.
    pub kinds: &'static [&'static str],
    /// The version of Kubernetes that first called it deprecated.
    pub deprecated: KubernetesVersion,
    /// The version of Kubernetes that first does not serve it.
    pub removed: Option<KubernetesVersion>,
    /// What to use instead.
    pub replacement: Replacement,
}

/// What to use instead of a deprecated version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// The same kind in this version; objects need no other change that decoding would not report.
    SameFields(&'static str),
    /// The same kind in this version, whose fields differ.
    OtherFields(&'static str),
    /// Something else, in words.
    Other(&'static str),
    /// Nothing that is served.
    Nothing,
}

/// Whether a version is served by some version of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It is.
    Yes,
    /// It is, with a warning.
    Deprecated,
    /// It is not any more.
    Removed,
}

impl Lifecycle {
    /// Whether `version` serves it.
    #[must_use]
    pub fn served_by(&self, version: KubernetesVersion) -> Served {
        match self.removed {
            Some(removed) if version >= removed => Served::Removed,
            Some(_) | None if version >= self.deprecated => Served::Deprecated,
            Some(_) | None => Served::Yes,
        }
    }

    /// The finding on an object of this version and `kind`, where `version` of Kubernetes no longer serves it or warns.
    #[must_use]
    pub fn finding(&self, kind: &str, version: KubernetesVersion) -> Option<Finding> {
        let api_version = self.api_version;
        let mut finding = match (self.served_by(version), self.removed) {
            (Served::Yes, _) => return None,
            (Served::Removed, removed) => {
                let since = removed.map_or_else(String::new, |removed| format!(" in {removed}"));
                let message = format!("{kind} in {api_version} is not served by Kubernetes {version} (removed{since})");
                Finding::new("removed-api-version", Severity::Error, message)
            }
            (Served::Deprecated, removed) => {
                let until = removed.map_or_else(String::new, |removed| format!(" and removed in {removed}"));
                let since = self.deprecated;
                let message = format!("{kind} in {api_version} is deprecated since Kubernetes {since}{until}");
                Finding::new("deprecated-api-version", Severity::Warning, message)
            }
        };
        let (label, change) = match self.replacement {
            Replacement::SameFields(with) => (format!("{with} replaces it"), Some(format!("apiVersion: {with}"))),
            Replacement::OtherFields(with) => (
                format!("{with} replaces it"),
                Some(format!("apiVersion: {with}; some of its fields differ, see the deprecated API migration guide")),
            ),
            Replacement::Other(what) => (String::new(), Some(what.to_owned())),
            Replacement::Nothing => (String::new(), None),
        };
        finding.label = label;
        finding.mends = change.into_iter().map(|change| Mend { change, price: None }).collect();
        finding.path = crate::manifest::FieldPath::root().key("apiVersion");
        Some(finding)
    }
}

/// What is known of the end of `kind` in `api_version`.
#[must_use]
pub fn lifecycle(api_version: &str, kind: &str) -> Option<&'static Lifecycle> {
    LIFECYCLES.iter().find(|row| row.api_version == api_version && row.kinds.contains(&kind))
}
