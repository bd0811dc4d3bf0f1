//! Jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::batch::v1 as batch;
use k8s_openapi::api::core::v1::{Pod as ApiPod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time as ApiTime;
use quorate_sim::cluster::{
    ClusterState, CompletionMode, Duration, ExitedContainer, Job, JobEnd, JobFailure, JobId, JobPod, JobSpec,
    JobStatus, PodFailureAction, PodFailureMatch, PodFailureRule, PodReplacementPolicy, PodSpec, RestartPolicy,
    SuccessRule, Time, WorkloadKind, WorkloadName,
};

use quorate_sim::transition::same_revision;

use super::build::Context;
use super::cron_jobs;
use super::pod_template::pod_template;
use super::workloads::named;
use crate::manifest::{EXIT_CODE_ANNOTATION, RUN_SECONDS_ANNOTATION};

/// The descheduler's: whatever their values are.
const EVICT_ANNOTATION: &str = "descheduler.alpha.kubernetes.io/evict";
const PREFER_NO_EVICTION_ANNOTATION: &str = "descheduler.alpha.kubernetes.io/prefer-no-eviction";
const SAFE_TO_EVICT_ANNOTATION: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
const INDEX_ANNOTATION: &str = "batch.kubernetes.io/job-completion-index";
const FAILURES_ANNOTATION: &str = "batch.kubernetes.io/job-index-failure-count";
const IGNORED_FAILURES_ANNOTATION: &str = "batch.kubernetes.io/job-index-ignored-failure-count";
const FINALIZER: &str = "batch.kubernetes.io/job-tracking";

/// Adds a Job as it is when it is created.
pub(super) fn add_job(state: &mut ClusterState, context: &mut Context<'_>, api: &batch::Job) -> Option<WorkloadName> {
    let spec = api.spec.as_ref()?;
    let own = named(state, &api.metadata);
    let spec = job_spec(state, context, &own.namespace, spec);
    let id = JobId(u32::try_from(state.jobs.len()).unwrap_or(u32::MAX));
    let cron_job = cron_jobs::owner(state, api);
    let job = Job { namespace: own.namespace_symbol, name: own.name, cron_job, spec, status: JobStatus::default() };
    state.jobs.insert(id, job);
    Some(WorkloadName { kind: WorkloadKind::Job, namespace: own.namespace_symbol, name: own.name })
}

/// A Job's specification, or that of a template of Jobs, in `namespace`.
pub(super) fn job_spec(
    state: &mut ClusterState,
    context: &mut Context<'_>,
    namespace: &str,
    spec: &batch::JobSpec,
) -> JobSpec {
    let completion_mode = match spec.completion_mode.as_deref() {
        Some("Indexed") => CompletionMode::Indexed,
        Some(_) | None => CompletionMode::NonIndexed,
    };
    let replacement = spec.pod_replacement_policy.as_deref();
    let failure_policy = spec.pod_failure_policy.as_ref();
    let parallelism = spec.parallelism.unwrap_or(1);
    let limit_of_all = if spec.backoff_limit_per_index.is_some() { i32::MAX } else { 6 };
    JobSpec {
        template: Arc::new(pod_template(state, context, namespace, &spec.template, &[])),
        parallelism: i64::from(parallelism),
        completions: spec.completions.or_else(|| spec.parallelism.is_none().then_some(1)).map(i64::from),
        completion_mode,
        backoff_limit: i64::from(spec.backoff_limit.unwrap_or(limit_of_all)),
        backoff_limit_per_index: spec.backoff_limit_per_index.map(i64::from),
        max_failed_indexes: spec.max_failed_indexes.map(i64::from),
        pod_failure_policy: failure_policy
            .map(|policy| policy.rules.iter().filter_map(|rule| failure_rule(rule, &spec.template)).collect()),
        success_policy: spec.success_policy.iter().flat_map(|policy| &policy.rules).map(success_rule).collect(),
        pod_replacement_policy: if replacement == Some("Failed") {
            PodReplacementPolicy::Failed
        } else {
            PodReplacementPolicy::TerminatingOrFailed
        },
        suspend: spec.suspend == Some(true),
        active_deadline_seconds: spec.active_deadline_seconds.and_then(|seconds| u64::try_from(seconds).ok()),
        ttl_seconds_after_finished: spec.ttl_seconds_after_finished.and_then(|seconds| u64::try_from(seconds).ok()),
        managed_elsewhere: spec
            .managed_by
            .as_deref()
            .is_some_and(|name| !name.is_empty() && name != "kubernetes.io/job-controller"),
    }
}

/// A rule of an unknown action or operator was reported when the object was read, and matches nothing.
fn failure_rule(rule: &batch::PodFailurePolicyRule, template: &PodTemplateSpec) -> Option<PodFailureRule> {
    let action = match rule.action.as_str() {
        "Ignore" => PodFailureAction::Ignore,
        "FailJob" => PodFailureAction::FailJob,
        "FailIndex" => PodFailureAction::FailIndex,
        _ => PodFailureAction::Count,
    };
    let on = match &rule.on_exit_codes {
        Some(codes) => {
            let first = template.spec.as_ref().and_then(|spec| spec.containers.first());
            let is_first = codes.container_name.as_ref().is_none_or(|name| first.is_some_and(|own| own.name == *name));
            let container = if is_first { ExitedContainer::First } else { ExitedContainer::Other };
            if codes.operator == "NotIn" {
                PodFailureMatch::ExitCodeNotIn(container, codes.values.clone())
            } else {
                PodFailureMatch::ExitCodeIn(container, codes.values.clone())
            }
        }
        None => {
            let mut patterns = rule.on_pod_conditions.iter().flatten();
            let is_disruption = patterns.any(|pattern| {
                pattern.type_ == "DisruptionTarget" && pattern.status.as_deref().is_none_or(|status| status == "True")
            });
            PodFailureMatch::DisruptionTarget(is_disruption)
        }
    };
    Some(PodFailureRule { action, on })
}

fn success_rule(rule: &batch::SuccessPolicyRule) -> SuccessRule {
    SuccessRule {
        indexes: rule.succeeded_indexes.as_deref().map(parse_indexes),
        count: rule.succeeded_count.map(i64::from),
    }
}

/// `1,3-5` as a status writes it; what is no number is left out.
fn parse_indexes(text: &str) -> BTreeSet<u32> {
    let mut indexes = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            indexes.extend(first..=last);
        }
    }
    indexes
}

/// What annotations of a pod or a template declare about how long its containers run. Wrong values were reported when the
/// object was read.
pub(super) fn declare_run(spec: &mut PodSpec, annotations: Option<&BTreeMap<String, String>>) {
    let annotation = |key: &str| annotations.and_then(|all| all.get(key));
    spec.descheduling.has_evict_annotation = annotation(EVICT_ANNOTATION).is_some();
    spec.descheduling.prefers_no_eviction = annotation(PREFER_NO_EVICTION_ANNOTATION).is_some();
    spec.run = annotation(RUN_SECONDS_ANNOTATION).and_then(|text| text.parse().ok()).map(Duration::from_seconds);
    // `on-completion`: the node waits until the pod has ended.
    spec.safe_to_evict = annotation(SAFE_TO_EVICT_ANNOTATION)
        .and_then(|text| if text == "on-completion" { Some(false) } else { text.parse().ok() });
    spec.exit_code = annotation(EXIT_CODE_ANNOTATION).and_then(|text| text.parse().ok()).unwrap_or(0);
}

pub(super) fn restart_policy(policy: Option<&str>) -> RestartPolicy {
    match policy {
        Some("Never") => RestartPolicy::Never,
        Some("OnFailure") => RestartPolicy::OnFailure,
        Some(_) | None => RestartPolicy::Always,
    }
}

/// A Job is applied again: it stays as far as it is. Source: `ValidateJobSpecUpdate` of
/// `pkg/apis/batch/validation/validation.go`.
///
/// # Errors
/// The field that the API server does not let a user change.
pub(super) fn keep(old: &Job, new: &mut Job) -> Result<(), &'static str> {
    let (before, after) = (&old.spec, &new.spec);
    // Of an elastic indexed Job both numbers change together.
    let is_elastic = after.is_indexed() && after.completions == Some(after.parallelism);
    // What its pods are scheduled by may change while it is suspended and has not started.
    let may_move = before.suspend && old.status.start_time.is_none();
    let fields = [
        (before.completion_mode != after.completion_mode, "spec.completionMode"),
        (before.completions != after.completions && !is_elastic, "spec.completions"),
        (!may_move && !same_revision(&before.template, &after.template), "spec.template"),
        (before.pod_failure_policy != after.pod_failure_policy, "spec.podFailurePolicy"),
        (before.success_policy != after.success_policy, "spec.successPolicy"),
        (before.backoff_limit_per_index != after.backoff_limit_per_index, "spec.backoffLimitPerIndex"),
        (before.managed_elsewhere != after.managed_elsewhere, "spec.managedBy"),
    ];
    if let Some((_, field)) = fields.into_iter().find(|(is_changed, _)| *is_changed) {
        return Err(field);
    }
    new.status.clone_from(&old.status);
    new.cron_job = old.cron_job;
    Ok(())
}

/// The times of a recorded Job, in milliseconds since 1970.
pub(super) fn recorded_times(api: &batch::Job) -> impl Iterator<Item = i64> {
    let status = api.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    let transitions = conditions.filter_map(|condition| condition.last_transition_time.as_ref());
    let start = status.and_then(|status| status.start_time.as_ref());
    start.into_iter().chain(transitions).map(|time| time.0.as_millisecond())
}

/// Takes over how far a recorded Job is; `time` makes virtual times of recorded ones.
pub(super) fn note_status(state: &mut ClusterState, api: &batch::Job, time: impl Fn(&ApiTime) -> Time) {
    let (Some(status), Some(name)) = (&api.status, api.metadata.name.as_deref()) else { return };
    let namespace = state.intern(api.metadata.namespace.as_deref().unwrap_or("default"));
    let name = state.intern(name);
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let find = |kind: &str| conditions.iter().find(|own| own.type_ == kind && own.status == "True");
    let mut end = |kind: &str| {
        let condition = find(kind)?;
        let since = condition.last_transition_time.as_ref().map_or(Time::ZERO, &time);
        let end = match kind {
            "Complete" | "SuccessCriteriaMet" => JobEnd::Complete,
            _ => {
                let reason = state.intern(condition.reason.as_deref().unwrap_or_default());
                JobEnd::Failed(JobFailure::Recorded(reason))
            }
        };
        Some((end, since))
    };
    let finished = end("Complete").or_else(|| end("Failed"));
    let target = end("SuccessCriteriaMet").or_else(|| end("FailureTarget")).map(|(end, _)| end);
    let suspended = conditions.iter().find(|own| own.type_ == "Suspended").map(|own| own.status == "True");
    let Some(job) = state.jobs.values_mut().find(|own| own.namespace == namespace && own.name == name) else { return };
    let pods = std::mem::take(&mut job.status.pods);
    job.status = JobStatus {
        start_time: status.start_time.as_ref().map(&time),
        succeeded: i64::from(status.succeeded.unwrap_or(0)),
        failed: i64::from(status.failed.unwrap_or(0)),
        completed_indexes: status.completed_indexes.as_deref().map(parse_indexes).unwrap_or_default(),
        failed_indexes: status.failed_indexes.as_deref().map(parse_indexes).unwrap_or_default(),
        suspended,
        target: target.or_else(|| finished.as_ref().map(|(end, _)| end.clone())),
        finished,
        failures_after_last_success: 0,
        last_failure: None,
        pods,
    };
}

/// The Job that `name` names, where it is in the state.
pub(super) fn find(
    state: &ClusterState,
    namespace: quorate_sim::cluster::Symbol,
    name: quorate_sim::cluster::Symbol,
) -> Option<JobId> {
    state.jobs.iter().find(|(_, own)| own.namespace == namespace && own.name == name).map(|(id, _)| *id)
}

/// What a Job knows of a recorded pod. One without the finalizer is counted already.
pub(super) fn known_pod(api: &ApiPod) -> JobPod {
    let annotation = |key: &str| api.metadata.annotations.as_ref()?.get(key)?.parse::<u32>().ok();
    let statuses = || api.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let restarts = statuses().map(|own| u32::try_from(own.restart_count).unwrap_or(0)).fold(0, u32::saturating_add);
    let codes = statuses().filter_map(|own| own.state.as_ref()?.terminated.as_ref().map(|ended| ended.exit_code));
    let has_finalizer = api.metadata.finalizers.iter().flatten().any(|own| own == FINALIZER);
    let is_live = api.metadata.uid.is_some();
    JobPod {
        index: annotation(INDEX_ANNOTATION),
        index_failures: annotation(FAILURES_ANNOTATION).unwrap_or(0),
        ignored_index_failures: annotation(IGNORED_FAILURES_ANNOTATION).unwrap_or(0),
        counted: is_live && !has_finalizer,
        restarts,
        exit_code: codes.into_iter().find(|code| *code != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_read_as_a_status_writes_them() {
        assert_eq!(parse_indexes("1,3-5,7").into_iter().collect::<Vec<_>>(), [1, 3, 4, 5, 7]);
        assert_eq!(parse_indexes("").len(), 0);
        assert_eq!(parse_indexes("x,2").into_iter().collect::<Vec<_>>(), [2]);
    }
}
