//! Times, as Go's `time.ParseDuration` reads them: `1h30m`, `500ms`.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A length of time, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(pub i64);

impl GoDuration {
    pub(super) const SECOND: i64 = 1_000_000_000;
}

const UNITS: &[(&str, f64)] =
    &[("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];

/// The duration that `text` writes.
fn parse(text: &str) -> Option<GoDuration> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if unsigned == "0" {
        return Some(GoDuration(0));
    }
    if unsigned.is_empty() {
        return None;
    }
    let mut rest = unsigned;
    let mut sum = 0.0_f64;
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at(end);
        let end = behind.find(|character: char| character.is_ascii_digit() || character == '.').unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        let is_number = number.chars().any(|character| character.is_ascii_digit()) && number.matches('.').count() <= 1;
        let (_, nanoseconds) = UNITS.iter().find(|(name, _)| *name == unit).filter(|_| is_number)?;
        sum += number_of(number)? * nanoseconds;
        rest = behind;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "checked to fit")]
    (sum <= i64::MAX as f64).then_some(GoDuration((sign * sum) as i64))
}

/// `.5` and `5.` are numbers too.
fn number_of(digits: &str) -> Option<f64> {
    format!("0{}", digits.strip_suffix('.').unwrap_or(digits)).parse().ok()
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = GoDuration;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a duration such as 10s")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<GoDuration, E> {
                parse(text).ok_or_else(|| E::custom("is no duration; write one such as 10s or 1m30s"))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let nanoseconds = |text| parse(text).map(|duration| duration.0);
        assert_eq!(nanoseconds("10s"), Some(10_000_000_000));
        assert_eq!(nanoseconds("1m30s"), Some(90_000_000_000));
        assert_eq!(nanoseconds("1.5h"), Some(5_400_000_000_000));
        assert_eq!(nanoseconds(".5s"), Some(500_000_000));
        assert_eq!(nanoseconds("5.s"), Some(5_000_000_000));
        assert_eq!(nanoseconds("-2ms"), Some(-2_000_000));
        assert_eq!(nanoseconds("0"), Some(0));
        for wrong in ["", "10", "s", "1d", "1 s", "..s", "1e3s", "-"] {
            assert_eq!(nanoseconds(wrong), None, "{wrong}");
        }
    }
}
