//! Lengths of time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A length of time in whole seconds, longer than none, written as `30d`, `4h` or `1h30m` (w, d, h, m, s, each at most
/// once, largest first; a day is 24 hours).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    seconds: u64,
}

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no length of time: write a number and a unit (w, d, h, m, s), for example 30d, 4h or 1h30m")]
pub struct PeriodError(String);

const UNITS: [(char, u64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Period {
    /// The length in seconds.
    pub const fn seconds(self) -> u64 {
        self.seconds
    }
}

fn parse_seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut units = UNITS.iter();
    let mut digits = String::new();
    for character in text.chars() {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let (_, seconds) = units.find(|(unit, _)| *unit == character)?;
        let count: u64 = digits.parse().ok()?;
        total = total.checked_add(count.checked_mul(*seconds)?)?;
        digits.clear();
    }
    (digits.is_empty() && total > 0).then_some(total)
}

impl TryFrom<String> for Period {
    type Error = PeriodError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match parse_seconds(&text) {
            Some(seconds) => Ok(Self { seconds }),
            None => Err(PeriodError(text)),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.seconds;
        // Days, not weeks: "30d" and "7d" are what people write.
        for (unit, seconds) in UNITS.iter().skip(1) {
            if rest >= *seconds {
                write!(formatter, "{}{unit}", rest / seconds)?;
                rest %= seconds;
            }
        }
        Ok(())
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_written() {
        for (text, seconds, written) in [
            ("4h", 14_400, "4h"),
            ("90d", 7_776_000, "90d"),
            ("1h30m", 5_400, "1h30m"),
            ("1w", 604_800, "7d"),
            ("90m", 5_400, "1h30m"),
        ] {
            let period = Period::try_from(text.to_owned()).unwrap();
            assert_eq!((period.seconds(), period.to_string().as_str()), (seconds, written), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "4", "h", "0h", "4 hours", "30m1h", "1h1h", "-1h", "1.5h", "99999999999999999999w"] {
            assert!(Period::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
