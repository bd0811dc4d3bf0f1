//! References to workloads and other objects.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Kinds of workload that a reference may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `apps/v1` ReplicaSet.
    ReplicaSet,
    /// `batch/v1` Job.
    Job,
    /// `batch/v1` CronJob.
    CronJob,
    /// A Pod without controller.
    Pod,
}

impl WorkloadKind {
    const ALL: [Self; 7] =
        [Self::Deployment, Self::StatefulSet, Self::DaemonSet, Self::ReplicaSet, Self::Job, Self::CronJob, Self::Pod];

    /// The kind as a reference writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::ReplicaSet => "replicaset",
            Self::Job => "job",
            Self::CronJob => "cronjob",
            Self::Pod => "pod",
        }
    }
}

/// A workload as `kind/namespace/name`, for example `deployment/default/backend`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkloadReference {
    /// The workload's kind.
    pub kind: WorkloadKind,
    /// The workload's namespace.
    pub namespace: String,
    /// The workload's name.
    pub name: String,
}

/// Why a text refers to no workload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkloadReferenceError {
    /// Not three parts that are names.
    #[error("`{0}` refers to no workload: write kind/namespace/name, for example deployment/default/backend")]
    Shape(String),
    /// A kind that is no workload.
    #[error("`{0}` is no kind of workload: write deployment, statefulset, daemonset, replicaset, job, cronjob or pod")]
    Kind(String),
}

/// An object or an element of the dependency graph, as `kind/namespace/name`, or `kind/name` where it has no namespace:
/// `node/worker-1`, `store/data/postgresql`, `external/cloudflare`. The kind is in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectReference {
    /// The object's kind, in lower case.
    pub kind: String,
    /// The object's namespace, if it has one.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
}

/// Why a text refers to no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` refers to no object: write kind/namespace/name, or kind/name for an object without namespace, for example node/worker-1"
)]
pub struct ObjectReferenceError(String);

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 253 && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn is_namespace(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_kind(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-'))
}

impl TryFrom<String> for WorkloadReference {
    type Error = WorkloadReferenceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts: Vec<&str> = text.split('/').collect();
        let &[kind, namespace, name] = parts.as_slice() else {
            return Err(WorkloadReferenceError::Shape(text));
        };
        if !is_namespace(namespace) || !is_name(name) {
            return Err(WorkloadReferenceError::Shape(text));
        }
        let kind = WorkloadKind::ALL
            .into_iter()
            .find(|known| known.as_str() == kind)
            .ok_or_else(|| WorkloadReferenceError::Kind(kind.to_owned()))?;
        Ok(Self { kind, namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for WorkloadReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.kind.as_str(), self.namespace, self.name)
    }
}

impl From<WorkloadReference> for String {
    fn from(reference: WorkloadReference) -> Self {
        reference.to_string()
    }
}

impl TryFrom<String> for ObjectReference {
    type Error = ObjectReferenceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match *parts.as_slice() {
            [kind, name] => (kind, None, name),
            [kind, namespace, name] => (kind, Some(namespace), name),
            _ => return Err(ObjectReferenceError(text)),
        };
        if !is_kind(kind) || !namespace.is_none_or(is_namespace) || !is_name(name) {
            return Err(ObjectReferenceError(text));
        }
        Ok(Self { kind: kind.to_owned(), namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }
}

impl fmt::Display for ObjectReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(formatter, "{}/{namespace}/{}", self.kind, self.name),
            None => write!(formatter, "{}/{}", self.kind, self.name),
        }
    }
}

impl From<ObjectReference> for String {
    fn from(reference: ObjectReference) -> Self {
        reference.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_read_and_written() {
        let backend = WorkloadReference::try_from("deployment/default/backend".to_owned()).unwrap();
        assert_eq!(backend.kind, WorkloadKind::Deployment);
        assert_eq!(backend.to_string(), "deployment/default/backend");
    }

    #[test]
    fn what_is_no_workload_says_what_to_write() {
        for text in ["backend", "deployment/backend", "deployment//backend", "deployment/Default/x", "a/b/c/d"] {
            let error = WorkloadReference::try_from(text.to_owned()).unwrap_err();
            assert!(matches!(error, WorkloadReferenceError::Shape(_)), "{text}");
        }
        let error = WorkloadReference::try_from("service/default/x".to_owned()).unwrap_err();
        assert_eq!(error, WorkloadReferenceError::Kind("service".to_owned()));
    }

    #[test]
    fn objects_with_and_without_namespace_are_read() {
        for text in ["node/worker-1", "store/data/postgresql", "clusterrole/system:node"] {
            assert_eq!(ObjectReference::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        for text in ["", "node", "node/", "Node/x", "a/b/c/d", "node/worker 1"] {
            assert!(ObjectReference::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
