//! Jobs: work that ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::cron_job::CronJobId;
use super::name::Symbol;
use super::pod::{Phase, PodId};
use super::pod_template::PodTemplate;
use super::time::Time;

/// Names a Job; the order is the order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u32);

/// A Job (`batch/v1`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its namespace.
    pub namespace: Symbol,
    /// Its name.
    pub name: Symbol,
    /// The CronJob that made it.
    pub cron_job: Option<CronJobId>,
    /// What it asks for.
    pub spec: JobSpec,
    /// How far it is.
    pub status: JobStatus,
}

/// A Job's `spec`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// `template`.
    pub template: Arc<PodTemplate>,
    /// `parallelism`.
    pub parallelism: i64,
    /// `completions`; `None`: it is complete once a pod has succeeded and none is left.
    pub completions: Option<i64>,
    /// `completionMode`.
    pub completion_mode: CompletionMode,
    /// `backoffLimit`.
    pub backoff_limit: i64,
    /// `backoffLimitPerIndex`.
    pub backoff_limit_per_index: Option<i64>,
    /// `maxFailedIndexes`.
    pub max_failed_indexes: Option<i64>,
    /// The rules of `podFailurePolicy`.
    pub pod_failure_policy: Option<Vec<PodFailureRule>>,
    /// The rules of `successPolicy`.
    pub success_policy: Vec<SuccessRule>,
    /// `podReplacementPolicy`.
    pub pod_replacement_policy: PodReplacementPolicy,
    /// `suspend`.
    pub suspend: bool,
    /// `activeDeadlineSeconds`.
    pub active_deadline_seconds: Option<u64>,
    /// `ttlSecondsAfterFinished`.
    pub ttl_seconds_after_finished: Option<u64>,
    /// `managedBy` names another controller: the one of Kubernetes leaves it alone.
    pub managed_elsewhere: bool,
}

/// Whether a Job's pods are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionMode {
    /// They are all the same.
    NonIndexed,
    /// Each index from 0 to `completions − 1` is done once.
    Indexed,
}

/// When a pod that goes is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodReplacementPolicy {
    /// As soon as it terminates, or once it has failed.
    TerminatingOrFailed,
    /// Only once it has failed.
    Failed,
}

/// A rule of `podFailurePolicy`: the first that matches decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodFailureRule {
    /// What it does.
    pub action: PodFailureAction,
    /// Which failures it is for.
    pub on: PodFailureMatch,
}

/// What a rule does with a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodFailureAction {
    /// It does not count.
    Ignore,
    /// It counts.
    Count,
    /// The Job fails.
    FailJob,
    /// The pod's index fails.
    FailIndex,
}

/// Which failures a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodFailureMatch {
    /// A container's exit code, which is not 0, is one of these.
    ExitCodeIn(ExitedContainer, Vec<i32>),
    /// A container's exit code is neither 0 nor one of these.
    ExitCodeNotIn(ExitedContainer, Vec<i32>),
    /// The pod has a condition of this type: whether `DisruptionTarget: True` is one of them. No other condition is modelled.
    DisruptionTarget(bool),
}

/// Whose exit code a rule asks about. A declared exit code is the first container's; a pod that is killed takes all with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitedContainer {
    /// Any container's, or the first one's by name.
    First,
    /// Another one's by name.
    Other,
}

/// A rule of `successPolicy`: so many of these indexes have succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuccessRule {
    /// `succeededIndexes`; `None`: all.
    pub indexes: Option<BTreeSet<u32>>,
    /// `succeededCount`; `None`: all of `indexes`.
    pub count: Option<i64>,
}

/// A Job's `status`, and what its controller remembers of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobStatus {
    /// `startTime`.
    pub start_time: Option<Time>,
    /// `succeeded`.
    pub succeeded: i64,
    /// `failed`.
    pub failed: i64,
    /// `completedIndexes`.
    pub completed_indexes: BTreeSet<u32>,
    /// `failedIndexes`.
    pub failed_indexes: BTreeSet<u32>,
    /// The condition Suspended, where there is one.
    pub suspended: Option<bool>,
    /// The condition FailureTarget or SuccessCriteriaMet: it will end so once its pods are gone.
    pub target: Option<JobEnd>,
    /// The condition Failed or Complete, and since when.
    pub finished: Option<(JobEnd, Time)>,
    /// Failures since the last success; the next pod waits the longer.
    pub failures_after_last_success: u32,
    /// When the last of them was.
    pub last_failure: Option<Time>,
    /// Its pods, those that have ended included.
    pub pods: BTreeMap<PodId, JobPod>,
}

/// How a Job ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobEnd {
    /// As many pods as asked for have succeeded, or those that `successPolicy` asks for.
    Complete,
    /// It has failed.
    Failed(JobFailure),
}

/// Why a Job has failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobFailure {
    /// `BackoffLimitExceeded`.
    BackoffLimitExceeded,
    /// `DeadlineExceeded`.
    DeadlineExceeded,
    /// `PodFailurePolicy`: the rule of this number matched a pod.
    PodFailurePolicy(usize),
    /// `FailedIndexes`.
    FailedIndexes,
    /// `MaxFailedIndexesExceeded`.
    MaxFailedIndexesExceeded,
    /// As a recorded status says.
    Recorded(Symbol),
}

/// What a Job knows of one of its pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobPod {
    /// Annotation `batch.kubernetes.io/job-completion-index`.
    pub index: Option<u32>,
    /// Annotation `batch.kubernetes.io/job-index-failure-count`.
    pub index_failures: u32,
    /// Annotation `batch.kubernetes.io/job-index-ignored-failure-count`.
    pub ignored_index_failures: u32,
    /// Whether it is counted, and its finalizer taken away.
    pub counted: bool,
    /// How often the kubelet has restarted its containers.
    pub restarts: u32,
    /// The exit code, not 0, with which it has failed, where that is known.
    pub exit_code: Option<i32>,
}

/// How a pod's containers have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodEnd {
    /// `Succeeded` or `Failed`.
    pub phase: Phase,
    /// The exit code; `None` where nobody knows.
    pub exit_code: Option<i32>,
}

impl JobFailure {
    /// The reason of the condition Failed; a recorded one is in the table of names.
    #[must_use]
    pub const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::BackoffLimitExceeded => Some("BackoffLimitExceeded"),
            Self::DeadlineExceeded => Some("DeadlineExceeded"),
            Self::PodFailurePolicy(_) => Some("PodFailurePolicy"),
            Self::FailedIndexes => Some("FailedIndexes"),
            Self::MaxFailedIndexesExceeded => Some("MaxFailedIndexesExceeded"),
            Self::Recorded(_) => None,
        }
    }
}

impl JobSpec {
    /// Whether a pod that terminates is not replaced until it has ended. Source: `onlyReplaceFailedPods`.
    #[must_use]
    pub fn replaces_only_failed_pods(&self) -> bool {
        self.pod_replacement_policy == PodReplacementPolicy::Failed || self.pod_failure_policy.is_some()
    }

    /// Whether its pods have indexes.
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        self.completion_mode == CompletionMode::Indexed
    }
}
