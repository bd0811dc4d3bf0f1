//! Workloads as people write them: `deployment/default/backend`, `deploy/backend` with a namespace.

use std::str::FromStr;

use quorate_sim::cluster::{ClusterState, WorkloadKind, WorkloadName};
use thiserror::Error;

use crate::manifest::decode::nearest;

/// `KIND/NAMESPACE/NAME`, or `KIND/NAME` with the namespace from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadReference {
    /// The kind.
    pub kind: WorkloadKind,
    /// The namespace, if it was written.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// Why a text is not a workload reference.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WorkloadReferenceError {
    /// Too few or too many parts.
    #[error("{0:?} is not a workload; write kind/namespace/name, for example deployment/default/backend")]
    Form(String),
    /// Another kind.
    #[error("{0:?} is not a kind of workload; write deployment, statefulset, daemonset, replicaset or job")]
    Kind(String),
}

impl FromStr for WorkloadReference {
    type Err = WorkloadReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [kind, name] => (kind, None, name),
            [kind, namespace, name] => (kind, Some((*namespace).to_owned()), name),
            _ => return Err(WorkloadReferenceError::Form(text.to_owned())),
        };
        if name.is_empty() || namespace.as_ref().is_some_and(String::is_empty) {
            return Err(WorkloadReferenceError::Form(text.to_owned()));
        }
        // kubectl's short names are accepted.
        let kind = match kind.to_lowercase().as_str() {
            "deployment" | "deployments" | "deploy" => WorkloadKind::Deployment,
            "statefulset" | "statefulsets" | "sts" => WorkloadKind::StatefulSet,
            "daemonset" | "daemonsets" | "ds" => WorkloadKind::DaemonSet,
            "replicaset" | "replicasets" | "rs" => WorkloadKind::ReplicaSet,
            "job" | "jobs" => WorkloadKind::Job,
            _ => return Err(WorkloadReferenceError::Kind((*kind).to_owned())),
        };
        Ok(Self { kind, namespace, name: (*name).to_owned() })
    }
}

/// The workload that `reference` names; `namespace` fills in where it names none.
///
/// # Errors
/// A sentence with the nearest workload that is there.
pub fn find_workload(
    state: &ClusterState,
    reference: &WorkloadReference,
    namespace: &str,
) -> Result<WorkloadName, String> {
    let namespace = reference.namespace.as_deref().unwrap_or(namespace);
    let all = workload_names(state);
    let wanted = format!("{}/{namespace}/{}", reference.kind.as_str(), reference.name);
    if let Some((name, _)) = all.iter().find(|(_, text)| *text == wanted) {
        return Ok(*name);
    }
    let texts = all.iter().map(|(_, text)| text.as_str());
    Err(match nearest(&wanted, texts) {
        Some(near) => format!("did you mean {near}?"),
        None if all.is_empty() => "the input holds no workload".to_owned(),
        None => format!("the input holds {} workloads, none with a name like it", all.len()),
    })
}

/// Every workload with its text.
pub(super) fn workload_names(state: &ClusterState) -> Vec<(WorkloadName, String)> {
    let mut names = Vec::new();
    let mut add = |kind, namespace, name| {
        let text = format!("{}/{}/{}", WorkloadKind::as_str(kind), state.names.text(namespace), state.names.text(name));
        names.push((WorkloadName { kind, namespace, name }, text));
    };
    for own in state.deployments.values() {
        add(WorkloadKind::Deployment, own.namespace, own.name);
    }
    for own in state.stateful_sets.values() {
        add(WorkloadKind::StatefulSet, own.namespace, own.name);
    }
    for own in state.daemon_sets.values() {
        add(WorkloadKind::DaemonSet, own.namespace, own.name);
    }
    for own in state.replica_sets.values().filter(|own| own.owner.is_none()) {
        add(WorkloadKind::ReplicaSet, own.namespace, own.name);
    }
    for own in state.jobs.values() {
        add(WorkloadKind::Job, own.namespace, own.name);
    }
    names
}
