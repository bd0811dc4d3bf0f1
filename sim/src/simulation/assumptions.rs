//! What the model leaves out that could change the answer.

use std::collections::BTreeSet;

use crate::cluster::{ClusterState, Owner, Pod, PodSpec, VolumeUse};

/// The assumptions that a simulation of `state` makes.
pub(super) fn of(state: &ClusterState) -> Vec<String> {
    let mut said = BTreeSet::new();
    for pod in state.pods.values() {
        of_owner(state, pod, &mut said);
        of_spec(state, &pod.template.spec, &mut said);
    }
    let templates = state.deployments.values().map(|item| &item.template);
    let templates = templates.chain(state.stateful_sets.values().map(|item| &item.template));
    for template in templates.chain(state.daemon_sets.values().map(|item| &item.template)) {
        of_spec(state, &template.spec, &mut said);
    }
    if state.budgets.values().any(|budget| budget.status.sync_failed) {
        said.insert(
            "a budget covers pods whose controller is assumed to have no scale: it allows no disruption".into(),
        );
    }
    said.into_iter().collect()
}

fn of_owner(state: &ClusterState, pod: &Pod, said: &mut BTreeSet<String>) {
    match pod.owner {
        Owner::Other { kind, .. } => {
            let kind = state.names.text(kind);
            said.insert(format!("pods of kind {kind} are not replaced: that controller is not simulated"));
        }
        Owner::None | Owner::Node | Owner::ReplicaSet(_) | Owner::StatefulSet { .. } | Owner::DaemonSet(_) => {}
    }
}

fn of_spec(state: &ClusterState, spec: &PodSpec, said: &mut BTreeSet<String>) {
    for volume in &spec.volumes {
        match volume {
            VolumeUse::Unknown(claim) => {
                let claim = state.names.text(*claim);
                said.insert(format!("volume claim {claim} is not among the input: assumed to be usable on every node"));
            }
            VolumeUse::ReadWriteOnce(_) => {
                said.insert("volumes attach and detach at once: no attachment to a lost node holds a pod back".into());
            }
            VolumeUse::ReadWriteOncePod(_) | VolumeUse::OnlyOn(_) => {}
        }
    }
    if spec.not_scheduled_here {
        said.insert("pods that another scheduler or a scheduling gate holds stay pending".into());
    }
}
