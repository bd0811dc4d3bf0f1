//! Cron schedules.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A schedule as a Kubernetes CronJob takes it: five fields (minute, hour, day of month, month, day of week), or
/// `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`. Kept as written, grammar checked.
/// `@every` is refused: its times depend on when the controller started.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CronSchedule(String);

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronScheduleError {
    /// Not five fields, nor a known name.
    #[error(
        "`{0}` is no cron schedule: write five fields (minute hour day-of-month month day-of-week), for example \"0 2 * * *\", or @hourly"
    )]
    Shape(String),
    /// A field that is not understood or out of its range.
    #[error(
        "`{field}` is no {name} of a cron schedule: write *, a number from {from} to {to}, a range, a list or a step such as */15"
    )]
    Field {
        /// The field as written.
        field: String,
        /// Which field it is.
        name: &'static str,
        /// The least number allowed.
        from: u32,
        /// The greatest number allowed.
        to: u32,
    },
}

struct FieldRange {
    name: &'static str,
    from: u32,
    to: u32,
    /// Names of the numbers, the first for `from`.
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: [FieldRange; 5] = [
    FieldRange { name: "minute", from: 0, to: 59, names: &[] },
    FieldRange { name: "hour", from: 0, to: 23, names: &[] },
    FieldRange { name: "day of month", from: 1, to: 31, names: &[] },
    FieldRange { name: "month", from: 1, to: 12, names: &MONTHS },
    FieldRange { name: "day of week", from: 0, to: 6, names: &DAYS },
];
const DESCRIPTORS: [&str; 7] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

impl CronSchedule {
    /// The schedule as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FieldRange {
    fn number(&self, text: &str) -> Option<u32> {
        let lower = text.to_ascii_lowercase();
        let named = self.names.iter().position(|name| *name == lower);
        let number = match named {
            Some(position) => self.from.checked_add(u32::try_from(position).ok()?)?,
            None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok()?,
            None => return None,
        };
        (self.from..=self.to).contains(&number).then_some(number)
    }

    fn accepts_item(&self, item: &str) -> bool {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let step_valid =
            step.is_none_or(|s| s.bytes().all(|b| b.is_ascii_digit()) && s.parse::<u32>().is_ok_and(|n| n > 0));
        let range_valid = match range.split_once('-') {
            Some((first, last)) => {
                matches!((self.number(first), self.number(last)), (Some(a), Some(b)) if a <= b)
            }
            None => matches!(range, "*" | "?") || self.number(range).is_some(),
        };
        step_valid && range_valid
    }
}

impl TryFrom<String> for CronSchedule {
    type Error = CronScheduleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if DESCRIPTORS.contains(&text.as_str()) {
            return Ok(Self(text));
        }
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != FIELDS.len() {
            return Err(CronScheduleError::Shape(text));
        }
        for (field, range) in fields.iter().zip(&FIELDS) {
            if !field.split(',').all(|item| range.accepts_item(item)) {
                return Err(CronScheduleError::Field {
                    field: (*field).to_owned(),
                    name: range.name,
                    from: range.from,
                    to: range.to,
                });
            }
        }
        Ok(Self(text))
    }
}

impl From<CronSchedule> for String {
    fn from(schedule: CronSchedule) -> Self {
        schedule.0
    }
}

impl fmt::Display for CronSchedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_of_cron_jobs_are_read() {
        for text in ["0 * * * *", "*/15 0-6,12 1 jan-mar MON-FRI", "@hourly", "0 2 * * ?", "5/10 * * * *"] {
            assert!(CronSchedule::try_from(text.to_owned()).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (text, name) in [
            ("60 * * * *", "minute"),
            ("0 24 * * *", "hour"),
            ("0 0 0 * *", "day of month"),
            ("0 0 * 13 *", "month"),
            ("0 0 * * 7", "day of week"),
            ("*/0 * * * *", "minute"),
            ("5-1 * * * *", "minute"),
            ("1,,2 * * * *", "minute"),
        ] {
            let error = CronSchedule::try_from(text.to_owned()).unwrap_err().to_string();
            assert!(error.contains(&format!("no {name} of")), "{text}: {error}");
        }
        for text in ["", "* * * *", "hourly", "@every 1h", "0 0 * * * *"] {
            assert!(matches!(CronSchedule::try_from(text.to_owned()), Err(CronScheduleError::Shape(_))), "{text}");
        }
    }
}
