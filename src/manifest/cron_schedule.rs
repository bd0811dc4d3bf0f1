//! The times of a schedule. Source: `github.com/robfig/cron/v3` (`parser.go`, `spec.go`), which kube-controller-manager uses.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A schedule as `ParseStandard` reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// `@every 90s`, in milliseconds.
    Every(i64),
    /// Five fields.
    Fields(Fields),
}

/// A bit for each value of each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both days must match when one of them is `*`, else one is enough.
    needs_both_days: bool,
}

struct Bounds {
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// As far as a time is searched.
const YEARS: i64 = 5;

impl Schedule {
    /// Reads a schedule; `None` for what is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => match text.strip_prefix("@every ") {
                Some(every) => return Some(Self::Every(every_milliseconds(every)?)),
                None => text,
            },
        };
        let parts: Vec<&str> = fields.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = parts.as_slice() else { return None };
        let numbers = |least, most| Bounds { least, most, names: &[] };
        let (days, any_day) = field(days, &numbers(1, 31))?;
        let (weekdays, any_weekday) = field(weekdays, &Bounds { least: 0, most: 6, names: &WEEKDAYS })?;
        Some(Self::Fields(Fields {
            minutes: field(minutes, &numbers(0, 59))?.0,
            hours: field(hours, &numbers(0, 23))?.0,
            days,
            months: field(months, &Bounds { least: 1, most: 12, names: &MONTHS })?.0,
            weekdays,
            needs_both_days: any_day || any_weekday,
        }))
    }

    /// The first time after `after`; both in milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn next(&self, zone: &TimeZone, after: i64) -> Option<i64> {
        match self {
            Self::Every(milliseconds) => {
                let next = after.saturating_add(*milliseconds);
                Some(next.saturating_sub(next.rem_euclid(1000)))
            }
            Self::Fields(fields) => fields.next(zone, after),
        }
    }
}

impl Fields {
    fn next(&self, zone: &TimeZone, after: i64) -> Option<i64> {
        let minute = 60_000;
        let start = after.div_euclid(minute).checked_add(1)?.checked_mul(minute)?;
        let end = start.saturating_add(YEARS.saturating_mul(366 * 24 * 60 * minute));
        let mut time = Timestamp::from_millisecond(start).ok()?;
        while time.as_millisecond() <= end {
            let local = zone.to_datetime(time);
            let has = |bits: u64, value: i8| u32::try_from(value).is_ok_and(|bit| bits & (1 << bit) != 0);
            let weekday = has(self.weekdays, local.weekday().to_sunday_zero_offset());
            let day = has(self.days, local.day());
            let is_day = if self.needs_both_days { day && weekday } else { day || weekday };
            if !is_day || !has(self.months, local.month()) || !has(self.hours, local.hour()) {
                // On to the next hour of the local clock.
                let left = 60_i64.saturating_sub(i64::from(local.minute()));
                time = time.checked_add(SignedDuration::from_mins(left)).ok()?;
            } else if has(self.minutes, local.minute()) {
                return Some(time.as_millisecond());
            } else {
                time = time.checked_add(SignedDuration::from_mins(1)).ok()?;
            }
        }
        None
    }
}

/// The bits of a field, and whether it is `*`.
fn field(text: &str, bounds: &Bounds) -> Option<(u64, bool)> {
    let (mut bits, mut any) = (0, false);
    for part in text.split(',') {
        let (own, is_any) = range(part, bounds)?;
        bits |= own;
        any |= is_any;
    }
    Some((bits, any))
}

fn range(text: &str, bounds: &Bounds) -> Option<(u64, bool)> {
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, Some(number(step)?)),
        None => (text, None),
    };
    let is_any = matches!(range, "*" | "?");
    let (first, last) = match range.split_once('-') {
        _ if is_any => (bounds.least, bounds.most),
        Some((first, last)) => (value(first, bounds)?, value(last, bounds)?),
        // A step from a number goes on to the end.
        None if step.is_some() => (value(range, bounds)?, bounds.most),
        None => (value(range, bounds)?, value(range, bounds)?),
    };
    let step = step.unwrap_or(1);
    if step == 0 || first > last || first < bounds.least || last > bounds.most {
        return None;
    }
    let bits = (first..=last).step_by(usize::try_from(step).ok()?).fold(0, |bits, bit| bits | (1_u64 << bit));
    Some((bits, is_any && step == 1))
}

fn value(text: &str, bounds: &Bounds) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    match bounds.names.iter().position(|name| *name == lower) {
        Some(position) => bounds.least.checked_add(u32::try_from(position).ok()?),
        None => number(text),
    }
}

fn number(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// A duration as Go writes it, at least a second.
fn every_milliseconds(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0_i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let factor = match unit {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(factor)?)?;
        rest = next;
    }
    // Delays of less than a second are rounded up, and fractions of one are dropped.
    (!text.is_empty()).then(|| total.max(1000) - total.max(1000) % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(schedule: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(schedule).unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let mut time = after.parse::<Timestamp>().unwrap().as_millisecond();
        let mut found = Vec::new();
        for _ in 0..count {
            let Some(next) = schedule.next(&zone, time) else { break };
            time = next;
            found.push(Timestamp::from_millisecond(time).unwrap().to_string());
        }
        found
    }

    #[test]
    fn times_follow_the_fields() {
        let after = "2026-11-27T05:07:26Z";
        assert_eq!(times("0 * * * *", "UTC", after, 2), ["2026-11-27T06:00:00Z", "2026-11-27T07:00:00Z"]);
        assert_eq!(times("@hourly", "UTC", "2026-11-27T06:00:00Z", 1), ["2026-11-27T07:00:00Z"]);
        assert_eq!(times("*/20 5 * * *", "UTC", after, 2), ["2026-11-27T05:20:00Z", "2026-11-27T05:40:00Z"]);
        assert_eq!(times("5/25 5 * * *", "UTC", after, 2), ["2026-11-27T05:30:00Z", "2026-11-27T05:55:00Z"]);
        assert_eq!(times("30 2 29 feb *", "UTC", after, 1), ["2028-02-29T02:30:00Z"]);
        assert_eq!(times("59 23 31 2 *", "UTC", after, 1), [""; 0]);
        assert_eq!(times("@every 1h30m", "UTC", after, 1), ["2026-11-27T06:37:26Z"]);
    }

    #[test]
    fn two_days_that_are_given_are_alternatives() {
        let after = "2026-11-27T05:07:26Z";
        assert_eq!(times("0 0 1 * mon", "UTC", after, 2), ["2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"]);
        assert_eq!(times("0 0 * * mon", "UTC", after, 2), ["2026-11-30T00:00:00Z", "2026-12-07T00:00:00Z"]);
        assert_eq!(times("0 0 1 * ?", "UTC", after, 1), ["2026-12-01T00:00:00Z"]);
        // A step is no star.
        assert_eq!(times("0 0 1 * */3", "UTC", after, 2), ["2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"]);
    }

    #[test]
    fn local_clocks_leap() {
        // 02:30 does not exist on 29 March, and is there twice on 25 October.
        let spring = times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 1);
        assert_eq!(spring, ["2026-03-30T00:30:00Z"]);
        let autumn = times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2);
        assert_eq!(autumn, ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for wrong in [
            "",
            "* * * *",
            "60 * * * *",
            "* * 0 * *",
            "* * * * 7",
            "5-1 * * * *",
            "*/0 * * * *",
            "@often",
            "@every x",
            "x * * * *",
        ] {
            assert_eq!(Schedule::parse(wrong), None, "{wrong}");
        }
    }
}
