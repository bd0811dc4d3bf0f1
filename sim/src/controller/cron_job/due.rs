//! The last time of a schedule that has passed. Source: `mostRecentScheduleTime` of `pkg/controller/cronjob/utils.go`.

use crate::cluster::{CronSchedule, WallClock};

/// Which times have passed since the last one that was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MostRecent {
    /// Times up to here are of no interest.
    pub earliest: WallClock,
    /// The last one that has passed.
    pub time: Option<WallClock>,
    /// Whether any has.
    pub is_missed: bool,
}

/// The last time of `schedule` between `earliest` and `now`; `None`: its times are less than a second apart, or it has none.
#[must_use]
pub fn most_recent(schedule: &CronSchedule, earliest: WallClock, now: WallClock) -> Option<MostRecent> {
    let next = |after: WallClock| (schedule.next)(after);
    let first = next(earliest)?;
    if now < first {
        return Some(MostRecent { earliest, time: None, is_missed: false });
    }
    let second = next(first)?;
    if now < second {
        return Some(MostRecent { earliest, time: Some(first), is_missed: false });
    }
    let between = second.0.saturating_sub(first.0).saturating_add(500).div_euclid(1000);
    if between < 1 {
        return None;
    }
    let missed = now.0.saturating_sub(first.0).div_euclid(1000).div_euclid(between).saturating_add(1);
    // Not all of them are looked at: a regular schedule is stepped through from shortly before now.
    let skipped = missed.saturating_sub(2).saturating_mul(between).saturating_mul(1000);
    let (mut last, mut time) = (None, next(WallClock(first.0.saturating_add(skipped))));
    while let Some(passed) = time.filter(|time| *time <= now) {
        last = Some(passed);
        time = next(passed);
    }
    Some(MostRecent { earliest, time: last, is_missed: true })
}
