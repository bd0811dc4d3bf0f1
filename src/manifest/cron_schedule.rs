//! The times of a schedule. Source: `github.com/robfig/cron/v3` (`parser.go`, `spec.go`), which kube-controller-manager uses, and
//! Go's `time` (`Date`, `AddDate`, `ParseDuration`, `LoadLocation`), on which it leans where clocks leap.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

/// A schedule as `ParseStandard` reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    times: Times,
    /// That of a prefix `TZ=` or `CRON_TZ=`, which the API server refuses in new objects and the controller obeys in old ones.
    zone: Option<TimeZone>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    /// `@every 90s`, in milliseconds.
    Every(i64),
    /// Five fields.
    Fields(Fields),
}

/// A bit for each value of each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both days must match when one of them is `*`, else one is enough.
    needs_both_days: bool,
}

struct Bounds {
    least: u64,
    most: u64,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// As far as a time is searched.
const YEARS: i16 = 5;
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

impl Schedule {
    /// Reads a schedule; `None` for what is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (zone, text) = match text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) {
            Some(rest) => {
                let (name, rest) = rest.split_once(' ')?;
                (Some(time_zone(name)?), rest.trim())
            }
            None => (None, text),
        };
        let fields = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            _ => match text.strip_prefix("@every ") {
                Some(every) => return Some(Self { times: Times::Every(every_milliseconds(every)?), zone }),
                None => text,
            },
        };
        Some(Self { times: Times::Fields(Fields::parse(fields)?), zone })
    }

    /// The first time after `after`; both in milliseconds since 1970-01-01T00:00:00Z. `zone` is that of a schedule without one.
    #[must_use]
    pub fn next(&self, zone: &TimeZone, after: i64) -> Option<i64> {
        match self.times {
            Times::Every(milliseconds) => {
                let next = after.saturating_add(milliseconds);
                Some(next.saturating_sub(after.rem_euclid(1000)))
            }
            Times::Fields(fields) => {
                // The second that comes next.
                let start = after.saturating_add(1000).saturating_sub(after.rem_euclid(1000));
                let start = Timestamp::from_millisecond(start).ok()?;
                let mut search =
                    Search { fields, zone: self.zone.as_ref().unwrap_or(zone), at: start, is_rounded: false };
                search.run().map(Timestamp::as_millisecond)
            }
        }
    }
}

/// A time zone as Go's `LoadLocation` finds it: the capitals count. `Local` is that of the controller, which is taken to be UTC.
#[must_use]
pub fn time_zone(name: &str) -> Option<TimeZone> {
    match name {
        "" | "UTC" | "Local" => Some(TimeZone::UTC),
        _ => {
            // It is the path of a file, in which two slashes are one.
            let path = name.replace("//", "/");
            TimeZone::get(&path).ok().filter(|zone| zone.iana_name() == Some(path.as_str()))
        }
    }
}

impl Fields {
    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = parts.as_slice() else { return None };
        let numbers = |least, most| Bounds { least, most, names: &[] };
        let (days, any_day) = field(days, &numbers(1, 31))?;
        let (weekdays, any_weekday) = field(weekdays, &Bounds { least: 0, most: 6, names: &WEEKDAYS })?;
        Some(Self {
            minutes: field(minutes, &numbers(0, 59))?.0,
            hours: field(hours, &numbers(0, 23))?.0,
            days,
            months: field(months, &Bounds { least: 1, most: 12, names: &MONTHS })?.0,
            weekdays,
            needs_both_days: any_day || any_weekday,
        })
    }

    fn has_day(&self, local: DateTime) -> bool {
        let weekday = has(self.weekdays, local.weekday().to_sunday_zero_offset());
        let day = has(self.days, local.day());
        if self.needs_both_days { day && weekday } else { day || weekday }
    }
}

fn has(bits: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|bit| bits & (1 << bit) != 0)
}

/// Goes on from month to month, then from day to day, hour to hour and minute to minute, and begins anew where one is over. Source:
/// `SpecSchedule.Next`. Where clocks leap it is not always what one would expect, and it is followed to the letter.
struct Search<'a> {
    fields: Fields,
    zone: &'a TimeZone,
    at: Timestamp,
    /// Whether what is smaller than the field that was raised has been set to its beginning.
    is_rounded: bool,
}

/// What came of raising a field.
enum Raised {
    /// It matches.
    Matches,
    /// The next larger one has changed: all are looked at again.
    Wraps,
}

impl Search<'_> {
    fn run(&mut self) -> Option<Timestamp> {
        let limit = self.local().year().saturating_add(YEARS);
        while self.local().year() <= limit {
            let raised = [Self::raise_month, Self::raise_day, Self::raise_hour, Self::raise_minute];
            let mut wraps = false;
            for raise in raised {
                if matches!(raise(self)?, Raised::Wraps) {
                    wraps = true;
                    break;
                }
            }
            if !wraps && self.at.as_second().rem_euclid(60) == 0 {
                return Some(self.at);
            }
            if !wraps {
                self.fill_minute()?;
            }
        }
        None
    }

    fn local(&self) -> DateTime {
        self.zone.to_datetime(self.at)
    }

    /// `time.Date`: a time of the local clock, whichever of two where there are two or none.
    fn set(&mut self, local: DateTime) -> Option<()> {
        let utc = TimeZone::UTC.to_timestamp(local).ok()?;
        let offset = self.zone.to_offset(utc);
        if offset.is_zero() {
            self.at = utc;
            return Some(());
        }
        let offset = self.zone.to_offset(utc.checked_sub(Span::new().seconds(offset.seconds())).ok()?);
        self.at = utc.checked_sub(Span::new().seconds(offset.seconds())).ok()?;
        Some(())
    }

    /// The first time that something is raised, what is smaller begins anew.
    fn round_to(&mut self, local: DateTime) -> Option<()> {
        if self.is_rounded {
            return Some(());
        }
        self.is_rounded = true;
        self.set(local)
    }

    fn add(&mut self, duration: SignedDuration) -> Option<()> {
        self.at = self.at.checked_add(duration).ok()?;
        Some(())
    }

    /// Where a whole day is left out (Samoa's 30 December 2011) a step may lead back to where it began. The controller hangs there;
    /// here such a schedule has no next time.
    fn goes_on_from(&self, before: Timestamp) -> Option<()> {
        (self.at > before).then_some(())
    }

    fn raise_month(&mut self) -> Option<Raised> {
        while !has(self.fields.months, self.local().month()) {
            let (local, before) = (self.local(), self.at);
            self.round_to(local.date().first_of_month().to_datetime(jiff::civil::Time::midnight()))?;
            let local = self.local();
            let first = local.date().first_of_month().checked_add(Span::new().months(1)).ok()?;
            // A day that the month does not have is one of the next.
            let date = first.checked_add(Span::new().days(i32::from(local.day()) - 1)).ok()?;
            self.set(date.to_datetime(local.time()))?;
            self.goes_on_from(before)?;
            if self.local().month() == 1 {
                return Some(Raised::Wraps);
            }
        }
        Some(Raised::Matches)
    }

    fn raise_day(&mut self) -> Option<Raised> {
        while !self.fields.has_day(self.local()) {
            let local = self.local();
            self.round_to(local.date().to_datetime(jiff::civil::Time::midnight()))?;
            let (local, before) = (self.local(), self.at);
            let tomorrow: Date = local.date().tomorrow().ok()?;
            self.set(tomorrow.to_datetime(local.time()))?;
            // Where there is no midnight.
            let hour = i64::from(self.local().hour());
            let back_to_midnight = if hour > 12 { 24 - hour } else { -hour };
            self.add(SignedDuration::from_hours(back_to_midnight))?;
            self.goes_on_from(before)?;
            if self.local().day() == 1 {
                return Some(Raised::Wraps);
            }
        }
        Some(Raised::Matches)
    }

    fn raise_hour(&mut self) -> Option<Raised> {
        while !has(self.fields.hours, self.local().hour()) {
            let local = self.local();
            self.round_to(local.date().at(local.hour(), 0, 0, 0))?;
            self.add(HOUR)?;
            if self.local().hour() == 0 {
                return Some(Raised::Wraps);
            }
        }
        Some(Raised::Matches)
    }

    fn raise_minute(&mut self) -> Option<Raised> {
        while !has(self.fields.minutes, self.local().minute()) {
            self.truncate()?;
            self.add(MINUTE)?;
            if self.local().minute() == 0 {
                return Some(Raised::Wraps);
            }
        }
        Some(Raised::Matches)
    }

    /// On to the next full minute, second by second.
    fn fill_minute(&mut self) -> Option<()> {
        self.is_rounded = true;
        let seconds = self.at.as_second().rem_euclid(60);
        self.add(SignedDuration::from_secs(60_i64.saturating_sub(seconds)))
    }

    fn truncate(&mut self) -> Option<()> {
        if !self.is_rounded {
            self.is_rounded = true;
            self.add(SignedDuration::from_secs(self.at.as_second().rem_euclid(60).saturating_neg()))?;
        }
        Some(())
    }
}

/// The bits of a field, and whether it is `*`. What is empty between commas is passed over.
fn field(text: &str, bounds: &Bounds) -> Option<(u64, bool)> {
    let (mut bits, mut any) = (0, false);
    for part in text.split(',').filter(|part| !part.is_empty()) {
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
    let mut ends = range.split('-');
    let first = ends.next()?;
    // Whatever follows a star is not looked at.
    let is_any = matches!(first, "*" | "?");
    let (first, last) = match (ends.next(), ends.next()) {
        _ if is_any => (bounds.least, bounds.most),
        (None, _) if step.is_some() => (value(first, bounds)?, bounds.most),
        (None, _) => (value(first, bounds)?, value(first, bounds)?),
        (Some(last), None) => (value(first, bounds)?, value(last, bounds)?),
        (Some(_), Some(_)) => return None,
    };
    let step = step.unwrap_or(1);
    if step == 0 || first > last || first < bounds.least || last > bounds.most {
        return None;
    }
    let bits = (first..=last).step_by(usize::try_from(step).ok()?).fold(0, |bits, bit| bits | (1_u64 << bit));
    Some((bits, is_any && step == 1))
}

fn value(text: &str, bounds: &Bounds) -> Option<u64> {
    let lower = text.to_lowercase();
    match bounds.names.iter().position(|name| *name == lower) {
        Some(position) => bounds.least.checked_add(u64::try_from(position).ok()?),
        None => number(text),
    }
}

/// Go's `Atoi`, of numbers that are not negative.
fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse::<i64>().ok())?.and_then(|number| u64::try_from(number).ok())
}

/// A duration as Go writes it, at least a second, without fractions of one.
fn every_milliseconds(text: &str) -> Option<i64> {
    let nanoseconds = go_duration(text)?;
    let seconds = nanoseconds.div_euclid(1_000_000_000).max(1);
    i64::try_from(seconds).ok()?.checked_mul(1000)
}

/// Nanoseconds. Source: `ParseDuration` of Go's `time/format.go`.
fn go_duration(text: &str) -> Option<i128> {
    let (is_negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (whole, after) = rest.split_at(end);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len())),
            None => ("", after),
        };
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        total = total.checked_add(amount(whole, fraction, unit_nanoseconds(unit)?)?)?;
        rest = next;
    }
    let limit = i128::from(i64::MAX).saturating_add(i128::from(is_negative));
    (total <= limit).then_some(if is_negative { total.saturating_neg() } else { total })
}

fn unit_nanoseconds(unit: &str) -> Option<i128> {
    match unit {
        "ns" => Some(1),
        "us" | "\u{b5}s" | "\u{3bc}s" => Some(1000),
        "ms" => Some(1_000_000),
        "s" => Some(1_000_000_000),
        "m" => Some(60_000_000_000),
        "h" => Some(3_600_000_000_000),
        _ => None,
    }
}

fn amount(whole: &str, fraction: &str, unit: i128) -> Option<i128> {
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    // Digits beyond these are less than a nanosecond of any unit.
    let digits = fraction.get(..fraction.len().min(18))?;
    let scale = 10_i128.checked_pow(u32::try_from(digits.len()).ok()?)?;
    let part: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    whole.checked_mul(unit)?.checked_add(part.checked_mul(unit)?.checked_div(scale)?)
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
    fn what_hangs_the_controller_never_runs() {
        // Samoa left out 30 December 2011.
        let after = "2011-12-29T19:12:40Z";
        assert_eq!(times("* 11-22 6-7,?/15 12,6 0/7", "Pacific/Apia", after, 1), [""; 0]);
        assert_eq!(times("0 12 * * *", "Pacific/Apia", after, 1), ["2011-12-29T22:00:00Z"]);
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
