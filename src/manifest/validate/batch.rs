//! Job and CronJob (`pkg/apis/batch/validation/validation.go`).

use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec, PodFailurePolicyRule};

use super::amount::not_negative;
use super::at::At;
use super::labels;
use super::pod;
use super::verdict::Verdict;
use crate::manifest::{Schedule, time_zone};

pub(super) fn job(verdict: &mut Verdict<'_, '_>, job: &Job) {
    if let Some(spec) = &job.spec {
        job_spec(verdict, &At::ROOT.key("spec"), spec);
    }
}

pub(super) fn cron_job(verdict: &mut Verdict<'_, '_>, cron_job: &CronJob) {
    let at = &At::ROOT.key("spec");
    let spec = &cron_job.spec;
    verdict.required(&at.key("schedule"), &spec.schedule);
    if !spec.schedule.is_empty() {
        schedule(verdict, &at.key("schedule"), &spec.schedule);
    }
    if let Some(zone) = &spec.time_zone
        && (zone.is_empty() || zone.contains("//") || zone.eq_ignore_ascii_case("local") || time_zone(zone).is_none())
    {
        let message = format!("{zone:?} is no time zone; write for example Europe/Berlin or Etc/UTC");
        verdict.invalid(&at.key("timeZone"), &message);
    }
    verdict.one_of(&at.key("concurrencyPolicy"), spec.concurrency_policy.as_deref(), &["Allow", "Forbid", "Replace"]);
    not_negative(verdict, &at.key("startingDeadlineSeconds"), spec.starting_deadline_seconds);
    not_negative(verdict, &at.key("successfulJobsHistoryLimit"), spec.successful_jobs_history_limit);
    not_negative(verdict, &at.key("failedJobsHistoryLimit"), spec.failed_jobs_history_limit);
    if let Some(of) = &spec.job_template.spec {
        job_spec(verdict, &at.key("jobTemplate").key("spec"), of);
    }
}

/// Source: `validateScheduleFormat`.
fn schedule(verdict: &mut Verdict<'_, '_>, at: &At<'_>, schedule: &str) {
    let fields = schedule.split_whitespace().count();
    if schedule.contains("TZ") {
        verdict.invalid(at, "must not name a time zone: give it as timeZone");
    } else if !schedule.starts_with('@') && fields != 5 {
        let message = format!("must have five fields (minute, hour, day, month, weekday), and has {fields}");
        verdict.invalid(at, &message);
    } else if Schedule::parse(schedule).is_none() {
        let message =
            "is no cron schedule: write numbers, ranges, lists and steps, for example */15 0-6 * * 1, or @hourly";
        verdict.invalid(at, message);
    }
}

fn job_spec(verdict: &mut Verdict<'_, '_>, at: &At<'_>, spec: &JobSpec) {
    not_negative(verdict, &at.key("parallelism"), spec.parallelism);
    not_negative(verdict, &at.key("completions"), spec.completions);
    not_negative(verdict, &at.key("backoffLimit"), spec.backoff_limit);
    not_negative(verdict, &at.key("activeDeadlineSeconds"), spec.active_deadline_seconds);
    not_negative(verdict, &at.key("ttlSecondsAfterFinished"), spec.ttl_seconds_after_finished);
    verdict.one_of(&at.key("completionMode"), spec.completion_mode.as_deref(), &["NonIndexed", "Indexed"]);
    let replacement_policies = ["TerminatingOrFailed", "Failed"];
    verdict.one_of(&at.key("podReplacementPolicy"), spec.pod_replacement_policy.as_deref(), &replacement_policies);
    let is_indexed = spec.completion_mode.as_deref() == Some("Indexed");
    if is_indexed && spec.completions.is_none() {
        verdict.invalid(&at.key("completions"), "is required when completionMode is Indexed");
    }
    if !is_indexed && spec.backoff_limit_per_index.is_some() {
        verdict.invalid(&at.key("backoffLimitPerIndex"), "needs completionMode Indexed");
    }
    not_negative(verdict, &at.key("backoffLimitPerIndex"), spec.backoff_limit_per_index);
    not_negative(verdict, &at.key("maxFailedIndexes"), spec.max_failed_indexes);
    if spec.max_failed_indexes.is_some() && spec.backoff_limit_per_index.is_none() {
        verdict.invalid(&at.key("maxFailedIndexes"), "needs backoffLimitPerIndex");
    }
    if !is_indexed && spec.success_policy.is_some() {
        verdict.invalid(&at.key("successPolicy"), "needs completionMode Indexed");
    }
    let policy_at = at.key("podFailurePolicy");
    let rules_at = policy_at.key("rules");
    for (index, rule) in spec.pod_failure_policy.iter().flat_map(|policy| &policy.rules).enumerate() {
        pod_failure_rule(verdict, &rules_at.index(index), rule, spec);
    }
    labels::selector(verdict, &at.key("selector"), spec.selector.as_ref());
    let template_at = at.key("template");
    pod::template(verdict, &template_at, &spec.template, &[]);
    let spec_at = template_at.key("spec");
    let pod = spec.template.spec.as_ref();
    if pod.and_then(|pod| pod.restart_policy.as_deref()) == Some("Always") {
        verdict.invalid(&spec_at.key("restartPolicy"), "must be OnFailure or Never (it is Always unless it is set)");
    }
}

fn pod_failure_rule(verdict: &mut Verdict<'_, '_>, at: &At<'_>, rule: &PodFailurePolicyRule, spec: &JobSpec) {
    verdict.one_of(&at.key("action"), Some(&rule.action), &["Count", "FailIndex", "FailJob", "Ignore"]);
    if rule.action == "FailIndex" && spec.backoff_limit_per_index.is_none() {
        verdict.invalid(&at.key("action"), "FailIndex needs backoffLimitPerIndex");
    }
    if let Some(codes) = &rule.on_exit_codes {
        let codes_at = at.key("onExitCodes");
        verdict.one_of(&codes_at.key("operator"), Some(&codes.operator), &["In", "NotIn"]);
        if codes.operator == "In" && codes.values.contains(&0) {
            verdict.invalid(&codes_at.key("values"), "must not hold 0: a container that succeeds has not failed");
        }
    }
    match (&rule.on_exit_codes, &rule.on_pod_conditions) {
        (Some(_), None) | (None, Some(_)) => {}
        (Some(_), Some(_)) | (None, None) => {
            verdict.invalid(at, "needs one of onExitCodes and onPodConditions");
        }
    }
    let policy = spec.template.spec.as_ref().and_then(|pod| pod.restart_policy.as_deref());
    if policy == Some("OnFailure") {
        verdict.invalid(at, "podFailurePolicy needs restartPolicy Never");
    }
}
