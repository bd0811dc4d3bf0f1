//! Amounts of money, exactly.

use std::fmt;
use std::iter::Sum;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of money in whole cents (hundredths of the currency's unit), never negative.
///
/// Written as `"10.00"`, `"10.5"` or `10`. An unquoted `10.00` is a binary fraction in YAML and is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    cents: u64,
}

/// Why a text is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no amount of money: write units and at most two decimals in quotes, for example \"10.00\"")]
pub struct MoneyError(String);

impl Money {
    /// No money.
    pub const ZERO: Self = Self { cents: 0 };

    /// An amount of this many cents.
    pub const fn from_cents(cents: u64) -> Self {
        Self { cents }
    }

    /// The amount in cents.
    pub const fn cents(self) -> u64 {
        self.cents
    }

    /// The sum, capped at the largest amount that can be written.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self { cents: self.cents.saturating_add(other.cents) }
    }

    /// The amount `count` times, capped at the largest amount that can be written.
    #[must_use]
    pub const fn saturating_mul(self, count: u64) -> Self {
        Self { cents: self.cents.saturating_mul(count) }
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

fn parse_cents(text: &str) -> Option<u64> {
    let (units, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(units) || !digits(decimals) || decimals.len() > 2 {
        return None;
    }
    let units: u64 = units.parse().ok()?;
    let hundredths: u64 = format!("{decimals:0<2}").parse().ok()?;
    units.checked_mul(100)?.checked_add(hundredths)
}

impl TryFrom<&str> for Money {
    type Error = MoneyError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        parse_cents(text).map(Self::from_cents).ok_or_else(|| MoneyError(text.to_owned()))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:02}", self.cents / 100, self.cents % 100)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct MoneyVisitor;

impl Visitor<'_> for MoneyVisitor {
    type Value = Money;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an amount of money such as \"10.00\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Money, E> {
        Money::try_from(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, units: u64) -> Result<Money, E> {
        Money::try_from(units.to_string().as_str()).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, units: i64) -> Result<Money, E> {
        Money::try_from(units.to_string().as_str()).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Money, E> {
        Err(E::custom(MoneyError(number.to_string())))
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MoneyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, cents) in [("\"10.00\"", 1000), ("\"4.5\"", 450), ("10", 1000), ("\"0.01\"", 1)] {
            assert_eq!(serde_json::from_str::<Money>(text).unwrap().cents(), cents, "{text}");
        }
        assert_eq!(Money::from_cents(1005).to_string(), "10.05");
    }

    #[test]
    fn fractions_of_a_cent_signs_and_binary_fractions_are_refused() {
        for text in ["\"1.005\"", "\"-1\"", "-1", "10.5", "\"\"", "\"1.\"", "\".5\"", "\"1e3\"", "\"€1\""] {
            let error = serde_json::from_str::<Money>(text).unwrap_err().to_string();
            assert!(error.contains("\"10.00\""), "{text}: {error}");
        }
    }
}
