//! How many pods a Job wants now, which it creates and which it deletes. Source: `manageJob` of
//! `pkg/controller/job/job_controller.go`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::cluster::{Duration, JobSpec, Phase, PodId, Time};

use super::backoff::{self, Backoff};
use super::failure_policy;
use super::indexes::{Indexes, failures};
use super::pods::{OwnPod, View, count, finished_at};

/// At most so many pods are created or deleted in one sync.
const MOST_OF_A_SYNC: i64 = 500;

/// What is done about a Job's pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// Nothing.
    Keep,
    /// These are too many: they go, and do not count as failed.
    Delete(Vec<PodId>),
    /// These are missing.
    Create(Vec<NewPod>),
    /// Some are missing, and have to wait so long after a failure.
    Wait(Duration),
}

/// A pod that is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NewPod {
    pub(super) index: Option<u32>,
    pub(super) index_failures: u32,
    pub(super) ignored_index_failures: u32,
}

/// How many pods are to be active, `active` being so.
#[must_use]
pub fn active_wanted(spec: &JobSpec, succeeded: i64, active: i64) -> i64 {
    match spec.completions {
        // What runs may run on once one has succeeded.
        None if succeeded > 0 => active,
        None => spec.parallelism,
        Some(completions) => completions.saturating_sub(succeeded).min(spec.parallelism).max(0),
    }
}

pub(super) fn placement(view: &View<'_>, indexes: &Indexes<'_>, succeeded: i64, backoff: Backoff) -> Placement {
    let (spec, mut active) = (&view.job.spec, view.active());
    let active_count = count(active.len());
    if spec.suspend {
        let doomed = for_removal(view, active, active_count);
        return if doomed.is_empty() { Placement::Keep } else { Placement::Delete(doomed) };
    }
    let wanted = active_wanted(spec, succeeded, active_count);
    active.sort_by_key(|own| own.id);
    let mut doomed = for_removal(view, active, active_count.saturating_sub(wanted).max(0));
    doomed.truncate(usize::try_from(MOST_OF_A_SYNC).unwrap_or(usize::MAX));
    if !doomed.is_empty() {
        return Placement::Delete(doomed);
    }
    let terminating = if spec.replaces_only_failed_pods() { view.terminating() } else { 0 };
    let missing = wanted.saturating_sub(terminating).saturating_sub(active_count);
    if missing <= 0 {
        return Placement::Keep;
    }
    if spec.backoff_limit_per_index.is_none() {
        let remaining = backoff.remaining(view.now);
        if remaining > Duration::ZERO {
            return Placement::Wait(remaining);
        }
    }
    let missing = usize::try_from(missing.min(MOST_OF_A_SYNC)).unwrap_or(0);
    if !spec.is_indexed() {
        return Placement::Create(vec![NewPod::default(); missing]);
    }
    of_indexes(view, indexes, indexes.pending(view, missing))
}

/// Source: `getPodCreationInfoForIndependentIndexes`, `getNewIndexFailureCounts`.
fn of_indexes(view: &View<'_>, indexes: &Indexes<'_>, pending: Vec<u32>) -> Placement {
    let (mut new, mut shortest) = (Vec::new(), None);
    for index in pending {
        let last = indexes.delayed.get(&index);
        let wait = last.map_or(Duration::ZERO, |last| {
            backoff::remaining(failures(last).saturating_add(1), Some(finished_at(last.pod)), view.now)
        });
        if wait > Duration::ZERO {
            shortest = Some(shortest.map_or(wait, |least: Duration| least.min(wait)));
            continue;
        }
        let (index_failures, ignored_index_failures) = last.map_or((0, 0), |last| {
            let (failed, ignored) = (last.known.index_failures, last.known.ignored_index_failures);
            if failure_policy::counts(view.job.spec.pod_failure_policy.as_deref(), last) {
                (failed.saturating_add(1), ignored)
            } else {
                (failed, ignored.saturating_add(1))
            }
        });
        new.push(NewPod { index: Some(index), index_failures, ignored_index_failures });
    }
    match (new.is_empty(), shortest) {
        (false, _) => Placement::Create(new),
        (true, Some(wait)) => Placement::Wait(wait),
        (true, None) => Placement::Keep,
    }
}

/// At least so many active pods that go: doubles of an index and pods without one first. Source: `activePodsForRemoval`.
fn for_removal(view: &View<'_>, active: Vec<OwnPod<'_>>, least: i64) -> Vec<PodId> {
    let (mut doomed, mut left) = (Vec::new(), Vec::new());
    if view.job.spec.is_indexed() {
        let mut by_index: BTreeMap<Option<u32>, Vec<OwnPod<'_>>> = BTreeMap::new();
        for own in active {
            by_index.entry(view.index_of(&own)).or_default().push(own);
        }
        for (index, mut own) in by_index {
            own.sort_by_key(rank);
            if index.is_some() {
                left.extend(own.pop());
            }
            doomed.extend(own.iter().map(|own| own.id));
        }
    } else {
        left = active;
    }
    let more = usize::try_from(least.saturating_sub(count(doomed.len())).max(0)).unwrap_or(0);
    left.sort_by_key(rank);
    doomed.extend(left.iter().take(more).map(|own| own.id));
    doomed
}

/// Where a pod stands in the order of deletion; the smallest goes first. Source: `ActivePods` of
/// `pkg/controller/controller_utils.go`.
type Rank = (bool, bool, bool, Reverse<Option<Time>>, Reverse<u32>, Reverse<Time>, Reverse<PodId>);

fn rank(own: &OwnPod<'_>) -> Rank {
    let pod = own.pod;
    let ready_since = if pod.ready { pod.ready_changed_at } else { None };
    let is_running = pod.phase == Phase::Running;
    let newest_first = (Reverse(ready_since), Reverse(own.known.restarts), Reverse(pod.created_at), Reverse(own.id));
    let (ready_since, restarts, created, id) = newest_first;
    (pod.node.is_some(), is_running, pod.ready, ready_since, restarts, created, id)
}
