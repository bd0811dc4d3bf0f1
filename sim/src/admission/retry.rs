//! When a controller that was refused asks again. Sources: `staging:client-go/util/workqueue/default_rate_limiters.go`
//! (`DefaultTypedControllerRateLimiter`), `pkg/controller/deployment/deployment_controller.go` (`handleErr`).
//!
//! Nothing tells a controller that there is room again: it only asks again when its own backoff is over, 5 ms after the first
//! refusal, then 10 ms after that, twice as long each time up to 1000 s.

use crate::cluster::Time;
use crate::controller::WorkloadId;

const FIRST_MILLISECONDS: u64 = 5;
const LONGEST_MILLISECONDS: u64 = 1_000_000;
/// A Deployment is dropped from its queue after so many refusals.
const DEPLOYMENT_RETRIES: u32 = 15;

/// How often a controller asks again; `None`: without end.
#[must_use]
pub const fn retries_of(workload: WorkloadId) -> Option<u32> {
    match workload {
        WorkloadId::Deployment(_) => Some(DEPLOYMENT_RETRIES),
        WorkloadId::ReplicaSet(_) | WorkloadId::StatefulSet(_) | WorkloadId::DaemonSet(_) | WorkloadId::Job(_) => None,
    }
}

/// The first retry after `now` of what was first refused at `since`; `None` after `most` retries.
#[must_use]
pub fn next_retry(since: Time, now: Time, most: Option<u32>) -> Option<Time> {
    let mut at = since.milliseconds();
    let mut wait = FIRST_MILLISECONDS;
    let mut retries: u32 = 0;
    while at <= now.milliseconds() {
        if most.is_some_and(|most| retries >= most) {
            return None;
        }
        if wait == LONGEST_MILLISECONDS {
            let behind = now.milliseconds().saturating_sub(at).checked_div(wait).unwrap_or(0).saturating_add(1);
            return Some(Time::from_milliseconds(at.saturating_add(behind.saturating_mul(wait))));
        }
        at = at.saturating_add(wait);
        wait = wait.saturating_mul(2).min(LONGEST_MILLISECONDS);
        retries = retries.saturating_add(1);
    }
    Some(Time::from_milliseconds(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{DeploymentId, ReplicaSetId};

    #[test]
    fn retries_come_ever_more_rarely() {
        let at = Time::from_milliseconds;
        let next = |now, most| next_retry(at(1000), at(now), most).map(Time::milliseconds);
        assert_eq!(next(1000, None), Some(1005));
        assert_eq!(next(1005, None), Some(1015));
        assert_eq!(next(1014, None), Some(1015));
        assert_eq!(next(1015, None), Some(1035));
        // The eighteenth retry waits for 5 · 2¹⁷ ms, all later ones for 1000 s.
        let eighteenth = 1000 + 5 * ((1 << 18) - 1);
        assert_eq!(next(eighteenth - 1, None), Some(eighteenth));
        assert_eq!(next(eighteenth, None), Some(eighteenth + 1_000_000));
        assert_eq!(next(eighteenth + 5_300_000, None), Some(eighteenth + 6_000_000));
        // Fifteen retries end after 5 · (2¹⁵ − 1) ms.
        let last = 1000 + 5 * ((1 << 15) - 1);
        assert_eq!(next(last - 1, Some(15)), Some(last));
        assert_eq!(next(last, Some(15)), None);
    }

    #[test]
    fn only_a_deployment_gives_up() {
        assert_eq!(retries_of(WorkloadId::Deployment(DeploymentId(0))), Some(15));
        assert_eq!(retries_of(WorkloadId::ReplicaSet(ReplicaSetId(0))), None);
    }
}
