//! How long a Job waits after failures: 10 s, doubled by each, at most 10 minutes. Source:
//! `pkg/controller/job/backoff_utils.go`.

use crate::cluster::{Duration, JobStatus, Time};

/// After the first failure.
const FIRST: Duration = Duration::from_seconds(10);
/// However many there were.
const LONGEST: Duration = Duration::from_seconds(600);

/// Failures since the last success, and when the last one was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backoff {
    pub(super) failures: u32,
    pub(super) last_failure: Option<Time>,
}

impl Backoff {
    pub(super) const fn of(status: &JobStatus) -> Self {
        Self { failures: status.failures_after_last_success, last_failure: status.last_failure }
    }

    /// With pods that have newly succeeded and failed at these times. Source: `newBackoffRecord`.
    pub(super) fn after(self, succeeded: &[Time], failed: &[Time]) -> Self {
        let failures = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let Some(last_success) = succeeded.iter().max() else {
            return match failed.iter().max() {
                None => self,
                Some(last) => {
                    Self { failures: self.failures.saturating_add(failures(failed.len())), last_failure: Some(*last) }
                }
            };
        };
        let later = || failed.iter().filter(|time| *time > last_success);
        Self { failures: failures(later().count()), last_failure: later().max().copied() }
    }

    /// How long a new pod has to wait still.
    pub(super) fn remaining(self, now: Time) -> Duration {
        remaining(self.failures, self.last_failure, now)
    }
}

/// How long to wait still, so many failures after the last success. Source: `getRemainingTimeForFailuresCount`.
pub(super) fn remaining(failures: u32, last_failure: Option<Time>, now: Time) -> Duration {
    let Some(last_failure) = last_failure.filter(|_| failures > 0) else { return Duration::ZERO };
    let doublings = failures.saturating_sub(1);
    let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
    let wait = FIRST.milliseconds().saturating_mul(factor).min(LONGEST.milliseconds());
    Duration::from_milliseconds(wait.saturating_sub(now.since(last_failure).milliseconds()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_milliseconds(seconds * 1000)
    }

    #[test]
    fn waits_double_up_to_ten_minutes() {
        let wait = |failures| remaining(failures, Some(at(100)), at(100)).milliseconds() / 1000;
        let waits: Vec<u64> = [0, 1, 2, 3, 6, 7, 8, 64, u32::MAX].into_iter().map(wait).collect();
        assert_eq!(waits, [0, 10, 20, 40, 320, 600, 600, 600, 600]);
        assert_eq!(remaining(2, Some(at(100)), at(115)), Duration::from_seconds(5));
        assert_eq!(remaining(2, Some(at(100)), at(120)), Duration::ZERO);
        assert_eq!(remaining(2, Some(at(100)), at(500)), Duration::ZERO);
        assert_eq!(remaining(2, None, at(500)), Duration::ZERO);
    }

    #[test]
    fn a_success_forgets_the_failures_before_it() {
        let none = Backoff { failures: 0, last_failure: None };
        let two = none.after(&[], &[at(5), at(3)]);
        assert_eq!(two, Backoff { failures: 2, last_failure: Some(at(5)) });
        assert_eq!(two.after(&[], &[]), two);
        assert_eq!(two.after(&[], &[at(9)]), Backoff { failures: 3, last_failure: Some(at(9)) });
        assert_eq!(two.after(&[at(6)], &[]), none);
        // Of the failures of the same look only those after the last success count.
        assert_eq!(
            two.after(&[at(6), at(2)], &[at(6), at(7), at(8)]),
            Backoff { failures: 2, last_failure: Some(at(8)) }
        );
        assert_eq!(two.after(&[at(9)], &[at(7)]), none);
    }
}
