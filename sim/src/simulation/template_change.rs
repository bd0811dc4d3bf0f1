//! What `setImage` and `restart` make of a template, and which workloads an `apply` changes.

use crate::cluster::{ClusterState, PodTemplate, Symbol};
use crate::controller::{WorkloadId, all_workloads, workload_text};

/// Separates a template's own content from what steps have set in it.
const SEPARATOR: char = '|';

/// `template` with another image in one container.
pub(super) fn with_image(
    state: &mut ClusterState,
    template: &PodTemplate,
    container: Symbol,
    image: Symbol,
) -> PodTemplate {
    let (container, image) = (state.names.text(container).to_owned(), state.names.text(image).to_owned());
    with_setting(state, template, &format!("image of {container}="), |_| image.clone())
}

/// `template` as `kubectl rollout restart` changes it: the same, but another revision.
pub(super) fn with_restart(state: &mut ClusterState, template: &PodTemplate) -> PodTemplate {
    with_setting(state, template, "restart=", |last| {
        let count: u64 = last.and_then(|last| last.parse().ok()).unwrap_or(0);
        count.saturating_add(1).to_string()
    })
}

/// Sets one part of the content that the model does not read.
fn with_setting(
    state: &mut ClusterState,
    template: &PodTemplate,
    key: &str,
    value: impl Fn(Option<&str>) -> String,
) -> PodTemplate {
    let content = state.names.text(template.content).to_owned();
    let mut last = None;
    let mut parts = Vec::new();
    for part in content.split(SEPARATOR) {
        match part.strip_prefix(key) {
            Some(old) => last = Some(old),
            None => parts.push(part.to_owned()),
        }
    }
    parts.push(format!("{key}{}", value(last)));
    let content = state.intern(&parts.join(&SEPARATOR.to_string()));
    PodTemplate { content, ..template.clone() }
}

/// The workloads that `after` has and that are new or differ from those of `before`.
pub(super) fn changed_workloads(before: &ClusterState, after: &ClusterState) -> Vec<WorkloadId> {
    let differs = |workload: &WorkloadId| match workload {
        WorkloadId::Deployment(id) => before.deployments.get(id) != after.deployments.get(id),
        WorkloadId::ReplicaSet(id) => before.replica_sets.get(id) != after.replica_sets.get(id),
        WorkloadId::StatefulSet(id) => before.stateful_sets.get(id) != after.stateful_sets.get(id),
        WorkloadId::DaemonSet(id) => before.daemon_sets.get(id) != after.daemon_sets.get(id),
        WorkloadId::Job(id) => before.jobs.get(id) != after.jobs.get(id),
    };
    let mut changed: Vec<WorkloadId> = all_workloads(after).into_iter().filter(differs).collect();
    changed.sort_by_key(|workload| workload_text(after, *workload));
    changed
}
