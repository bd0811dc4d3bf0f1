//! Indexes of a Job: which have succeeded, failed, or are still to be done. Source:
//! `pkg/controller/job/indexed_job_utils.go`, `success_policy.go`.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::{Phase, PodFailureAction, SuccessRule};

use super::failure_policy;
use super::pods::{OwnPod, View, count, finished_at};

/// Where the indexes are.
#[derive(Default)]
pub(super) struct Indexes<'a> {
    pub(super) succeeded: BTreeSet<u32>,
    pub(super) failed: BTreeSet<u32>,
    /// Failed pods that stay until another one has their index: it takes over their count. Only with `backoffLimitPerIndex`.
    pub(super) delayed: BTreeMap<u32, OwnPod<'a>>,
}

impl<'a> Indexes<'a> {
    /// Those of an indexed Job; nothing for another.
    pub(super) fn of(view: &View<'a>) -> Self {
        let spec = &view.job.spec;
        if !spec.is_indexed() {
            return Self::default();
        }
        let done = &view.job.status;
        let exists = |index: &u32| i64::from(*index) < spec.completions.unwrap_or(0);
        let mut indexes = Self {
            succeeded: done.completed_indexes.iter().copied().filter(exists).collect(),
            failed: done.failed_indexes.iter().copied().filter(exists).collect(),
            delayed: BTreeMap::new(),
        };
        let new = view.uncounted().filter(|own| own.pod.phase == Phase::Succeeded);
        indexes.succeeded.extend(new.filter_map(|own| view.index_of(own)));
        if let Some(limit) = spec.backoff_limit_per_index {
            let new = view.uncounted().filter(|own| fails_its_index(view, own, limit));
            indexes.failed.extend(new.filter_map(|own| view.index_of(own)));
            indexes.delayed = delayed(view, &indexes);
        }
        indexes
    }

    /// The first `most` indexes that nobody works on or has worked on. Source: `firstPendingIndexes`.
    pub(super) fn pending(&self, view: &View<'_>, most: usize) -> Vec<u32> {
        let completions = u32::try_from(view.job.spec.completions.unwrap_or(0)).unwrap_or(0);
        let only_failed = view.job.spec.replaces_only_failed_pods();
        let is_taken = |own: &&OwnPod<'_>| {
            let has_ended = matches!(own.pod.phase, Phase::Succeeded | Phase::Failed);
            !has_ended && (own.pod.deletion.is_none() || only_failed)
        };
        let taken: BTreeSet<u32> = view.pods.iter().filter(is_taken).filter_map(|own| own.known.index).collect();
        let is_pending =
            |index: &u32| !taken.contains(index) && !self.succeeded.contains(index) && !self.failed.contains(index);
        (0..completions).filter(is_pending).take(most).collect()
    }

    /// Whether `successPolicy` is met. Source: `matchSuccessPolicy`.
    pub(super) fn meets(&self, rules: &[SuccessRule]) -> bool {
        let is_met = |rule: &SuccessRule| match (&rule.indexes, rule.count) {
            (Some(wanted), count_wanted) => {
                let done = count(wanted.intersection(&self.succeeded).count());
                !wanted.is_empty() && (done == count(wanted.len()) || count_wanted.is_some_and(|least| done >= least))
            }
            (None, Some(least)) => count(self.succeeded.len()) >= least,
            (None, None) => false,
        };
        !self.succeeded.is_empty() && rules.iter().any(is_met)
    }
}

/// Source: `isIndexFailed`.
fn fails_its_index(view: &View<'_>, own: &OwnPod<'_>, limit: i64) -> bool {
    if !view.is_failed(own) {
        return false;
    }
    let rules = view.job.spec.pod_failure_policy.as_deref();
    if failure_policy::judge(rules, own).is_some_and(|(action, _)| action == PodFailureAction::FailIndex) {
        return true;
    }
    failure_policy::counts(rules, own) && i64::from(own.known.index_failures) >= limit
}

/// Source: `getPodsWithDelayedDeletionPerIndex`.
fn delayed<'a>(view: &View<'a>, indexes: &Indexes<'_>) -> BTreeMap<u32, OwnPod<'a>> {
    let active: BTreeSet<u32> = view.active().iter().filter_map(|own| own.known.index).collect();
    let mut delayed: BTreeMap<u32, OwnPod<'a>> = BTreeMap::new();
    for own in view.uncounted().filter(|own| view.is_failed(own)) {
        let Some(index) = view.index_of(own) else { continue };
        if indexes.succeeded.contains(&index) || indexes.failed.contains(&index) || active.contains(&index) {
            continue;
        }
        let is_later = delayed
            .get(&index)
            .is_none_or(|last| failures(last) <= failures(own) && finished_at(own.pod) >= finished_at(last.pod));
        if is_later {
            delayed.insert(index, *own);
        }
    }
    delayed
}

/// How often a pod of its index had failed before, whether that counts or not.
pub(super) const fn failures(own: &OwnPod<'_>) -> u32 {
    own.known.index_failures.saturating_add(own.known.ignored_index_failures)
}
