//! Deployment, ReplicaSet, StatefulSet, DaemonSet (`pkg/apis/apps/validation/validation.go`).

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, DeploymentStrategy, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::amount::{Percentage, count_or_percentage, not_negative, written_number};
use super::at::At;
use super::labels::{self, is_empty, matches};
use super::pod;
use super::storage;
use super::verdict::Verdict;

pub(super) fn deployment(verdict: &mut Verdict<'_, '_>, deployment: &Deployment) {
    let at = &At::ROOT.key("spec");
    let Some(spec) = &deployment.spec else { return };
    not_negative(verdict, &at.key("replicas"), spec.replicas);
    not_negative(verdict, &at.key("minReadySeconds"), spec.min_ready_seconds);
    not_negative(verdict, &at.key("revisionHistoryLimit"), spec.revision_history_limit);
    let min_ready_seconds = spec.min_ready_seconds.unwrap_or(0);
    if spec.progress_deadline_seconds.is_some_and(|deadline| deadline <= min_ready_seconds) {
        let message = format!("must be greater than minReadySeconds, which is {min_ready_seconds}");
        verdict.invalid(&at.key("progressDeadlineSeconds"), &message);
    }
    if let Some(strategy) = &spec.strategy {
        deployment_strategy(verdict, &at.key("strategy"), strategy);
    }
    selects_its_pods(verdict, at, &spec.selector, &spec.template);
    template(verdict, &at.key("template"), &spec.template, &[]);
}

fn deployment_strategy(verdict: &mut Verdict<'_, '_>, at: &At<'_>, strategy: &DeploymentStrategy) {
    let type_ = strategy.type_.as_deref();
    verdict.one_of(&at.key("type"), type_, &["RollingUpdate", "Recreate"]);
    let at = &at.key("rollingUpdate");
    match (type_, &strategy.rolling_update) {
        (Some("Recreate"), Some(_)) => {
            verdict.invalid(at, "must not be there when the strategy's type is Recreate");
        }
        (Some("RollingUpdate"), Some(rolling)) => {
            let (unavailable, surge) = (rolling.max_unavailable.as_ref(), rolling.max_surge.as_ref());
            let (unavailable_at, surge_at) = (at.key("maxUnavailable"), at.key("maxSurge"));
            count_or_percentage(verdict, &unavailable_at, unavailable, Percentage::AtMostAll);
            count_or_percentage(verdict, &surge_at, surge, Percentage::Any);
            if is_zero(unavailable) && is_zero(surge) {
                let message = "must not be 0 when maxSurge is 0: no pod could ever be replaced";
                verdict.invalid_given(&unavailable_at, &[(&surge_at, "maxSurge is 0")], message);
            }
        }
        (_, Some(_) | None) => {}
    }
}

fn is_zero(value: Option<&IntOrString>) -> bool {
    value.is_some_and(|value| written_number(value) == Some(0))
}

pub(super) fn replica_set(verdict: &mut Verdict<'_, '_>, replica_set: &ReplicaSet) {
    let at = &At::ROOT.key("spec");
    let Some(spec) = &replica_set.spec else { return };
    not_negative(verdict, &at.key("replicas"), spec.replicas);
    not_negative(verdict, &at.key("minReadySeconds"), spec.min_ready_seconds);
    if let Some(of) = &spec.template {
        selects_its_pods(verdict, at, &spec.selector, of);
        template(verdict, &at.key("template"), of, &[]);
    }
}

pub(super) fn stateful_set(verdict: &mut Verdict<'_, '_>, stateful_set: &StatefulSet) {
    let at = &At::ROOT.key("spec");
    let Some(spec) = &stateful_set.spec else { return };
    not_negative(verdict, &at.key("replicas"), spec.replicas);
    not_negative(verdict, &at.key("minReadySeconds"), spec.min_ready_seconds);
    let management_policies = ["OrderedReady", "Parallel"];
    verdict.one_of(&at.key("podManagementPolicy"), spec.pod_management_policy.as_deref(), &management_policies);
    if let Some(strategy) = &spec.update_strategy {
        let at = &at.key("updateStrategy");
        verdict.one_of(&at.key("type"), strategy.type_.as_deref(), &["RollingUpdate", "OnDelete"]);
        let at = &at.key("rollingUpdate");
        if let Some(rolling) = &strategy.rolling_update {
            if strategy.type_.as_deref() == Some("OnDelete") {
                verdict.invalid(at, "must not be there when the strategy's type is OnDelete");
            }
            not_negative(verdict, &at.key("partition"), rolling.partition);
            let unavailable = rolling.max_unavailable.as_ref();
            count_or_percentage(verdict, &at.key("maxUnavailable"), unavailable, Percentage::AtMostAll);
        }
    }
    if let Some(policy) = &spec.persistent_volume_claim_retention_policy {
        let at = &at.key("persistentVolumeClaimRetentionPolicy");
        verdict.one_of(&at.key("whenDeleted"), policy.when_deleted.as_deref(), &["Retain", "Delete"]);
        verdict.one_of(&at.key("whenScaled"), policy.when_scaled.as_deref(), &["Retain", "Delete"]);
    }
    let claims = spec.volume_claim_templates.as_deref().unwrap_or_default();
    for (index, claim) in claims.iter().enumerate() {
        storage::persistent_volume_claim(verdict, &at.key("volumeClaimTemplates").index(index), claim);
    }
    let volumes: Vec<&str> = claims.iter().filter_map(|claim| claim.metadata.name.as_deref()).collect();
    selects_its_pods(verdict, at, &spec.selector, &spec.template);
    template(verdict, &at.key("template"), &spec.template, &volumes);
}

pub(super) fn daemon_set(verdict: &mut Verdict<'_, '_>, daemon_set: &DaemonSet) {
    let at = &At::ROOT.key("spec");
    let Some(spec) = &daemon_set.spec else { return };
    not_negative(verdict, &at.key("minReadySeconds"), spec.min_ready_seconds);
    if let Some(strategy) = &spec.update_strategy {
        let at = &at.key("updateStrategy");
        verdict.one_of(&at.key("type"), strategy.type_.as_deref(), &["RollingUpdate", "OnDelete"]);
        let rolling = strategy.rolling_update.as_ref();
        if let Some(rolling) = rolling.filter(|_| strategy.type_.as_deref() == Some("RollingUpdate")) {
            let at = &at.key("rollingUpdate");
            let (unavailable, surge) = (rolling.max_unavailable.as_ref(), rolling.max_surge.as_ref());
            let (unavailable_at, surge_at) = (at.key("maxUnavailable"), at.key("maxSurge"));
            count_or_percentage(verdict, &unavailable_at, unavailable, Percentage::AtMostAll);
            count_or_percentage(verdict, &surge_at, surge, Percentage::AtMostAll);
            match (is_zero(unavailable), is_zero(surge)) {
                (true, true) => {
                    let message = "must not be 0 when maxSurge is 0: no pod could ever be replaced";
                    verdict.invalid_given(&unavailable_at, &[(&surge_at, "maxSurge is 0")], message);
                }
                (false, false) => {
                    let message = "must not be set when maxUnavailable is not 0 (it is 1 unless it is set)";
                    verdict.invalid_given(&surge_at, &[(&unavailable_at, "maxUnavailable")], message);
                }
                (true, false) | (false, true) => {}
            }
        }
    }
    selects_its_pods(verdict, at, &spec.selector, &spec.template);
    template(verdict, &at.key("template"), &spec.template, &[]);
}

/// The selector is there, and selects what the template makes.
fn selects_its_pods(verdict: &mut Verdict<'_, '_>, at: &At<'_>, selector: &LabelSelector, template: &PodTemplateSpec) {
    let selector_at = at.key("selector");
    if is_empty(selector) {
        verdict.invalid(&selector_at, "is required: which pods belong to this workload");
        return;
    }
    labels::selector(verdict, &selector_at, Some(selector));
    let none = labels::Labels::new();
    let of_template = template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref()).unwrap_or(&none);
    if !matches(selector, of_template) {
        let template_at = at.key("template");
        let metadata_at = template_at.key("metadata");
        let message = "do not match the selector: the workload would not own its own pods";
        verdict.invalid_given(&metadata_at.key("labels"), &[(&selector_at, "this selector")], message);
    }
}

/// A template of pods that always run.
fn template(verdict: &mut Verdict<'_, '_>, at: &At<'_>, template: &PodTemplateSpec, volumes: &[&str]) {
    pod::template(verdict, at, template, volumes);
    let Some(spec) = &template.spec else { return };
    let spec_at = at.key("spec");
    if matches!(spec.restart_policy.as_deref(), Some("OnFailure" | "Never")) {
        verdict.invalid(&spec_at.key("restartPolicy"), "must be Always: this workload's pods always run");
    }
    if spec.active_deadline_seconds.is_some() {
        verdict.invalid(&spec_at.key("activeDeadlineSeconds"), "must not be there: this workload's pods always run");
    }
}
