//! Kubernetes quantities, exactly: `500m`, `1.5`, `8Gi`, `2e3`.
//!
//! Source: `staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go`. Own code, because the libraries at hand go
//! through floating point, and a verdict about capacity needs exact numbers.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// An amount, in billionths of a unit (the finest step that Kubernetes keeps; finer is rounded up).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    nanos: i128,
}

/// Why a text is not a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// Nothing there.
    #[error("a quantity must not be empty; write for example 500m or 8Gi")]
    Empty,
    /// No digits.
    #[error("a quantity begins with a number; write for example 500m or 8Gi")]
    NoNumber,
    /// The suffix is unknown.
    #[error("the suffix of a quantity is one of n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent such as e3")]
    Suffix,
    /// Too large to count.
    #[error("the quantity is too large")]
    TooLarge,
}

const NANOS: i128 = 1_000_000_000;

impl Quantity {
    /// Whole units, rounded up (`Quantity.Value`).
    #[must_use]
    pub fn value(self) -> i64 {
        clamp(round_up(self.nanos, NANOS))
    }

    /// Thousandths of a unit, rounded up (`Quantity.MilliValue`).
    #[must_use]
    pub fn milli_value(self) -> i64 {
        clamp(round_up(self.nanos, 1_000_000))
    }
}

fn round_up(nanos: i128, unit: i128) -> i128 {
    let whole = nanos.div_euclid(unit);
    if nanos.rem_euclid(unit) > 0 { whole.saturating_add(1) } else { whole }
}

fn clamp(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(QuantityError::Empty);
        }
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let number_end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(number_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(QuantityError::NoNumber);
        }
        let scale = Scale::parse(suffix)?;
        let nanos = scale.apply(whole, fraction)?;
        Ok(Self { nanos: if negative { nanos.saturating_neg() } else { nanos } })
    }
}

/// A factor of `numerator` × 10^`exponent`.
#[derive(Clone, Copy)]
struct Scale {
    numerator: i128,
    exponent: i32,
}

impl Scale {
    fn parse(suffix: &str) -> Result<Self, QuantityError> {
        let binary = |power: u32| Ok(Self { numerator: 1_i128 << (10 * power), exponent: 0 });
        let decimal = |exponent: i32| Ok(Self { numerator: 1, exponent });
        match suffix {
            "" => decimal(0),
            "n" => decimal(-9),
            "u" => decimal(-6),
            "m" => decimal(-3),
            "k" => decimal(3),
            "M" => decimal(6),
            "G" => decimal(9),
            "T" => decimal(12),
            "P" => decimal(15),
            "E" => decimal(18),
            "Ki" => binary(1),
            "Mi" => binary(2),
            "Gi" => binary(3),
            "Ti" => binary(4),
            "Pi" => binary(5),
            "Ei" => binary(6),
            _ => {
                let exponent = suffix.strip_prefix(['e', 'E']).ok_or(QuantityError::Suffix)?;
                let exponent: i32 = exponent.parse().map_err(|_| QuantityError::Suffix)?;
                if exponent.abs() > 40 { Err(QuantityError::TooLarge) } else { decimal(exponent) }
            }
        }
    }

    /// `whole`.`fraction` times this, in billionths, rounded up.
    fn apply(self, whole: &str, fraction: &str) -> Result<i128, QuantityError> {
        let fraction = fraction.trim_end_matches('0');
        let whole = whole.trim_start_matches('0');
        if whole.len() > 30 || fraction.len() > 30 {
            return Err(QuantityError::TooLarge);
        }
        let digits: i128 = match (whole, fraction) {
            ("", "") => 0,
            _ => format!("{whole}{fraction}").parse().map_err(|_| QuantityError::TooLarge)?,
        };
        let places = i32::try_from(fraction.len()).map_err(|_| QuantityError::TooLarge)?;
        let exponent = self.exponent + 9 - places;
        let scaled = digits.checked_mul(self.numerator).ok_or(QuantityError::TooLarge)?;
        let power = |exponent: u32| 10_i128.checked_pow(exponent);
        if exponent >= 0 {
            let factor = power(exponent.unsigned_abs()).ok_or(QuantityError::TooLarge)?;
            if scaled == 0 {
                return Ok(0);
            }
            scaled.checked_mul(factor).ok_or(QuantityError::TooLarge)
        } else {
            Ok(match power(exponent.unsigned_abs()) {
                Some(divisor) => round_up(scaled, divisor),
                None => i128::from(scaled > 0),
            })
        }
    }
}

impl fmt::Display for Quantity {
    /// The shortest decimal form: `4`, `500m`; sizes that are whole binary units as such: `8Gi`, `512Mi`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.nanos / NANOS;
        if self.nanos % NANOS == 0 {
            for (power, suffix) in [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")] {
                let unit = 1_i128 << power;
                if value >= unit && value % unit == 0 {
                    return write!(formatter, "{}{suffix}", value / unit);
                }
            }
            return write!(formatter, "{value}");
        }
        if self.nanos % 1_000_000 == 0 {
            return write!(formatter, "{}m", self.nanos / 1_000_000);
        }
        write!(formatter, "{}n", self.nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_suffix_exactly() {
        let values = [
            ("0", 0, 0),
            ("1", 1, 1000),
            ("500m", 1, 500),
            ("1.5", 2, 1500),
            (".5", 1, 500),
            ("1.", 1, 1000),
            ("8Gi", 8 << 30, (8 << 30) * 1000),
            ("0.5Gi", 1 << 29, (1 << 29) * 1000),
            ("2e3", 2000, 2_000_000),
            ("2E3", 2000, 2_000_000),
            ("1E", 1_000_000_000_000_000_000, i64::MAX),
            ("100n", 1, 1),
            ("-1", -1, -1000),
            ("+2k", 2000, 2_000_000),
            ("0.1m", 1, 1),
        ];
        for (text, value, milli) in values {
            let quantity: Quantity = text.parse().unwrap();
            assert_eq!((quantity.value(), quantity.milli_value()), (value, milli), "{text}");
        }
        for text in ["", "m", "1x", "1.2.3", "1 Gi", "e3", "1e", "0x1"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    #[test]
    fn prints_what_people_write() {
        for text in ["500m", "4", "8Gi", "512Mi", "1500m"] {
            assert_eq!(text.parse::<Quantity>().unwrap().to_string(), text);
        }
    }
}
