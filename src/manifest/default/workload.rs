//! Deployment, ReplicaSet, StatefulSet, DaemonSet (`pkg/apis/apps/v1/defaults.go`).

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::absent::{items, pointer, text};
use super::{pod, storage};

const ROLLING_UPDATE: &str = "RollingUpdate";

fn percent(text: &str) -> IntOrString {
    IntOrString::String(text.to_owned())
}

pub(super) fn deployment(deployment: &mut Deployment) {
    let spec = deployment.spec.get_or_insert_default();
    pointer(&mut spec.replicas, 1);
    let strategy = spec.strategy.get_or_insert_default();
    text(&mut strategy.type_, ROLLING_UPDATE);
    if strategy.type_.as_deref() == Some(ROLLING_UPDATE) {
        let rolling_update = strategy.rolling_update.get_or_insert_default();
        pointer(&mut rolling_update.max_unavailable, percent("25%"));
        pointer(&mut rolling_update.max_surge, percent("25%"));
    }
    pointer(&mut spec.revision_history_limit, 10);
    pointer(&mut spec.progress_deadline_seconds, 600);
    pod::template(&mut spec.template);
}

pub(super) fn replica_set(replica_set: &mut ReplicaSet) {
    let spec = replica_set.spec.get_or_insert_default();
    pointer(&mut spec.replicas, 1);
    pod::template(spec.template.get_or_insert_default());
}

pub(super) fn stateful_set(stateful_set: &mut StatefulSet) {
    let spec = stateful_set.spec.get_or_insert_default();
    text(&mut spec.pod_management_policy, "OrderedReady");
    let strategy = spec.update_strategy.get_or_insert_default();
    if strategy.type_.as_deref().is_none_or(str::is_empty) {
        strategy.type_ = Some(ROLLING_UPDATE.to_owned());
        strategy.rolling_update.get_or_insert_default();
    }
    if strategy.type_.as_deref() == Some(ROLLING_UPDATE) {
        // maxUnavailable has no default: its feature gate is off in 1.36.
        if let Some(rolling_update) = &mut strategy.rolling_update {
            pointer(&mut rolling_update.partition, 0);
        }
    }
    let retention = spec.persistent_volume_claim_retention_policy.get_or_insert_default();
    text(&mut retention.when_deleted, "Retain");
    text(&mut retention.when_scaled, "Retain");
    pointer(&mut spec.replicas, 1);
    pointer(&mut spec.revision_history_limit, 10);
    pod::template(&mut spec.template);
    items(&mut spec.volume_claim_templates).for_each(storage::persistent_volume_claim);
}

pub(super) fn daemon_set(daemon_set: &mut DaemonSet) {
    let spec = daemon_set.spec.get_or_insert_default();
    let strategy = spec.update_strategy.get_or_insert_default();
    text(&mut strategy.type_, ROLLING_UPDATE);
    if strategy.type_.as_deref() == Some(ROLLING_UPDATE) {
        let rolling_update = strategy.rolling_update.get_or_insert_default();
        pointer(&mut rolling_update.max_unavailable, IntOrString::Int(1));
        pointer(&mut rolling_update.max_surge, IntOrString::Int(0));
    }
    pointer(&mut spec.revision_history_limit, 10);
    pod::template(&mut spec.template);
}
