//! What `apiVersion` and `kind` of a document name.

use crate::finding::{Finding, Mend, Severity};
use crate::manifest::FieldPath;
use crate::manifest::decode::nearest;

use super::lifecycle::{Lifecycle, Replacement, lifecycle};
use super::lifecycle_table::LIFECYCLES;
use super::registry::{BuiltInKind, built_in, built_in_kinds};

/// What `apiVersion` and `kind` name.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// A kind that Kubernetes 1.36 serves.
    BuiltIn(&'static BuiltInKind),
    /// A kind of a version that 1.36 does not serve; this one has the same fields.
    StandIn(&'static BuiltInKind, &'static Lifecycle),
    /// A kind of a version that 1.36 does not serve, and whose fields are not known any more.
    Gone(&'static Lifecycle),
    /// A kind that does not exist, in a group that is built in.
    Unknown(UnknownKind),
    /// A kind of a group that is not built in.
    Custom,
}

/// A kind that does not exist, and the one that was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKind {
    /// The version as written.
    pub api_version: String,
    /// The kind as written.
    pub kind: String,
    /// The version and kind that were probably meant.
    pub nearest: Option<(String, String)>,
}

impl UnknownKind {
    /// The finding of this kind.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let Self { api_version, kind, nearest } = self;
        let message = format!("there is no kind {kind} in {api_version}");
        let mut finding = Finding::new("unknown-kind", Severity::Error, message);
        finding.path = FieldPath::root().key("kind");
        if let Some((near_version, near_kind)) = nearest {
            finding.label = format!("did you mean {near_kind} of {near_version}?");
            let change = match (near_version == api_version, near_kind == kind) {
                (true, _) => format!("kind: {near_kind}"),
                (false, true) => {
                    finding.path = FieldPath::root().key("apiVersion");
                    format!("apiVersion: {near_version}")
                }
                (false, false) => format!("apiVersion: {near_version}, kind: {near_kind}"),
            };
            finding.mends.push(Mend { change, price: None });
        }
        finding
    }
}

/// The group of `api_version`: `apps` of `apps/v1`, empty of `v1`.
#[must_use]
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// What `api_version` and `kind` name.
#[must_use]
pub fn resolve(api_version: &str, kind: &str) -> Resolved {
    if let Some(known) = built_in(api_version, kind) {
        return Resolved::BuiltIn(known);
    }
    if let Some(end) = lifecycle(api_version, kind) {
        return match end.replacement {
            Replacement::SameFields(version) => {
                built_in(version, kind).map_or(Resolved::Gone(end), |known| Resolved::StandIn(known, end))
            }
            Replacement::OtherFields(_) | Replacement::Other(_) | Replacement::Nothing => Resolved::Gone(end),
        };
    }
    let group = group_of(api_version);
    // A group without a dot cannot be a custom one: a CustomResourceDefinition's group must have one.
    let is_built_in = built_in_kinds().iter().any(|known| known.group == group)
        || LIFECYCLES.iter().any(|row| group_of(row.api_version) == group)
        || !group.contains('.');
    if !is_built_in {
        return Resolved::Custom;
    }
    let nearest = nearest_kind(api_version, kind);
    Resolved::Unknown(UnknownKind { api_version: api_version.to_owned(), kind: kind.to_owned(), nearest })
}

fn nearest_kind(api_version: &str, kind: &str) -> Option<(String, String)> {
    let same_kind = || built_in_kinds().iter().filter(|known| known.kind == kind);
    // The stable versions stand before the others of their group in the registry's order of kinds.
    let group = group_of(api_version);
    if let Some(known) = same_kind().find(|known| known.group == group).or_else(|| same_kind().next()) {
        return Some((known.api_version.to_owned(), kind.to_owned()));
    }
    let near = |kinds: &mut dyn Iterator<Item = &'static BuiltInKind>| {
        let kinds: Vec<&'static BuiltInKind> = kinds.collect();
        let name = nearest(kind, kinds.iter().map(|known| known.kind))?;
        kinds.iter().find(|known| known.kind == name).map(|known| (known.api_version.to_owned(), name.to_owned()))
    };
    near(&mut built_in_kinds().iter().filter(|known| known.api_version == api_version))
        .or_else(|| near(&mut built_in_kinds().iter().filter(|known| known.group == group)))
        .or_else(|| near(&mut built_in_kinds().iter()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::api::{KubernetesVersion, Scope, Served};

    fn unknown(api_version: &str, kind: &str) -> Option<(String, String)> {
        match resolve(api_version, kind) {
            Resolved::Unknown(unknown) => unknown.nearest,
            other => panic!("{api_version} {kind}: {other:?}"),
        }
    }

    #[test]
    fn built_in_kinds_are_found_with_their_scope() {
        for (api_version, kind, scope) in [
            ("v1", "Pod", Scope::Namespaced),
            ("v1", "Node", Scope::Cluster),
            ("apps/v1", "Deployment", Scope::Namespaced),
            ("rbac.authorization.k8s.io/v1", "ClusterRole", Scope::Cluster),
            ("apiregistration.k8s.io/v1", "APIService", Scope::Cluster),
        ] {
            match resolve(api_version, kind) {
                Resolved::BuiltIn(known) => assert_eq!(known.scope, scope, "{kind}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn unknown_kinds_of_built_in_groups_have_a_nearest() {
        let pair = |version: &str, kind: &str| Some((version.to_owned(), kind.to_owned()));
        assert_eq!(unknown("apps/v1", "Deploymnet"), pair("apps/v1", "Deployment"));
        assert_eq!(unknown("v1", "Deployment"), pair("apps/v1", "Deployment"));
        assert_eq!(unknown("app/v1", "Deployment"), pair("apps/v1", "Deployment"));
        assert_eq!(unknown("apps/v2", "StatefulSet"), pair("apps/v1", "StatefulSet"));
        assert_eq!(unknown("v1", "deployment"), pair("apps/v1", "Deployment"));
        assert_eq!(unknown("v1", "Frobnicator"), None);
        assert!(matches!(resolve("example.com/v1", "Frobnicator"), Resolved::Custom));
    }

    #[test]
    fn versions_end_when_kubernetes_says() {
        let served =
            |api_version, kind, minor| lifecycle(api_version, kind).unwrap().served_by(KubernetesVersion::one(minor));
        assert_eq!(served("policy/v1beta1", "PodDisruptionBudget", 20), Served::Yes);
        assert_eq!(served("policy/v1beta1", "PodDisruptionBudget", 24), Served::Deprecated);
        assert_eq!(served("policy/v1beta1", "PodDisruptionBudget", 25), Served::Removed);
        assert_eq!(served("v1", "Endpoints", 36), Served::Deprecated);
        assert!(
            matches!(resolve("policy/v1beta1", "PodDisruptionBudget"), Resolved::StandIn(known, _) if known.api_version == "policy/v1")
        );
        assert!(matches!(resolve("extensions/v1beta1", "Ingress"), Resolved::Gone(_)));
        let finding = lifecycle("batch/v1beta1", "CronJob").unwrap().finding("CronJob", KubernetesVersion::MODELLED);
        let finding = finding.unwrap();
        assert_eq!(&*finding.rule, "removed-api-version");
        assert_eq!(finding.message, "CronJob in batch/v1beta1 is not served by Kubernetes 1.36 (removed in 1.25)");
        assert_eq!(finding.mends[0].change, "apiVersion: batch/v1");
    }

    #[test]
    fn every_replacement_with_the_same_fields_is_built_in() {
        for row in LIFECYCLES {
            for kind in row.kinds {
                match row.replacement {
                    Replacement::SameFields(version) | Replacement::OtherFields(version) => {
                        assert!(built_in(version, kind).is_some(), "{version} {kind}");
                    }
                    Replacement::Other(_) | Replacement::Nothing => {}
                }
            }
        }
    }
}
