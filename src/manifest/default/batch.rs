//! Job and CronJob (`pkg/apis/batch/v1/defaults.go`).

use k8s_openapi::api::batch::v1::{CronJob, Job, JobSpec};

use super::absent::{items, pointer, text};
use super::pod;

pub(super) fn job(job: &mut Job) {
    let spec = job.spec.get_or_insert_default();
    if spec.parallelism.is_none() {
        pointer(&mut spec.completions, 1);
        spec.parallelism = Some(1);
    }
    let backoff_limit = if spec.backoff_limit_per_index.is_some() { i32::MAX } else { 6 };
    pointer(&mut spec.backoff_limit, backoff_limit);
    pointer(&mut spec.completion_mode, "NonIndexed");
    pointer(&mut spec.suspend, false);
    let replacement_policy = if spec.pod_failure_policy.is_some() { "Failed" } else { "TerminatingOrFailed" };
    pointer(&mut spec.pod_replacement_policy, replacement_policy);
    pointer(&mut spec.manual_selector, false);
    let template_labels = spec.template.metadata.as_ref().and_then(|metadata| metadata.labels.clone());
    if template_labels.is_some() && job.metadata.labels.as_ref().is_none_or(std::collections::BTreeMap::is_empty) {
        job.metadata.labels = template_labels;
    }
    pod_failure_policy_and_template(spec);
}

pub(super) fn cron_job(cron_job: &mut CronJob) {
    let spec = &mut cron_job.spec;
    text(&mut spec.concurrency_policy, "Allow");
    pointer(&mut spec.suspend, false);
    pointer(&mut spec.successful_jobs_history_limit, 3);
    pointer(&mut spec.failed_jobs_history_limit, 1);
    // The Job's own defaults are set when it is made.
    pod_failure_policy_and_template(spec.job_template.spec.get_or_insert_default());
}

fn pod_failure_policy_and_template(spec: &mut JobSpec) {
    for rule in spec.pod_failure_policy.iter_mut().flat_map(|policy| &mut policy.rules) {
        for pattern in items(&mut rule.on_pod_conditions) {
            text(&mut pattern.status, "True");
        }
    }
    pod::template(&mut spec.template);
}
