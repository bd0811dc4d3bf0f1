//! Quantities of Kubernetes resources, exactly.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Amounts by resource name (`cpu`, `memory`, `pods`, `ephemeral-storage`, …).
pub type ResourceList = BTreeMap<String, Quantity>;

/// A non-negative quantity in Kubernetes' notation (`4`, `500m`, `8Gi`, `1e3`), kept exactly in billionths of its unit.
///
/// Smaller fractions than a billionth are refused. Source: `k8s.io/apimachinery/pkg/api/resource`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    billionths: u128,
}

const BILLION: u128 = 1_000_000_000;

/// Why a text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no quantity: write a number with an optional suffix, for example 500m, 4 or 8Gi")]
pub struct QuantityError(String);

impl Quantity {
    /// The quantity in thousandths of its unit, rounded up as Kubernetes' `MilliValue` does.
    pub const fn milli_value(self) -> u128 {
        self.billionths.div_ceil(BILLION / 1000)
    }

    /// The quantity in its unit (cores, bytes, pods), rounded up as Kubernetes' `Value` does.
    pub const fn value(self) -> u128 {
        self.billionths.div_ceil(BILLION)
    }

    /// What remains when `other` is taken away; `None` if it is more than this.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.billionths.checked_sub(other.billionths) {
            Some(billionths) => Some(Self { billionths }),
            None => None,
        }
    }
}

/// The multiplier of a suffix as (numerator in billionths of the unit): `m` is a million billionths.
fn suffix_multiplier(suffix: &str) -> Option<u128> {
    Some(match suffix {
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "" => BILLION,
        "k" => BILLION * 1_000,
        "M" => BILLION * 1_000_000,
        "G" => BILLION * 1_000_000_000,
        "T" => BILLION * 1_000_000_000_000,
        "P" => BILLION * 1_000_000_000_000_000,
        "E" => BILLION * 1_000_000_000_000_000_000,
        "Ki" => BILLION << 10,
        "Mi" => BILLION << 20,
        "Gi" => BILLION << 30,
        "Ti" => BILLION << 40,
        "Pi" => BILLION << 50,
        "Ei" => BILLION << 60,
        exponent => return exponent_multiplier(exponent),
    })
}

fn exponent_multiplier(suffix: &str) -> Option<u128> {
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    10_u128.checked_pow(u32::try_from(exponent.checked_add(9)?).ok()?)
}

fn parse_billionths(text: &str) -> Option<u128> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let split = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, suffix) = unsigned.split_at_checked(split)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let mut digits: u128 = 0;
    for digit in whole.chars().chain(fraction.chars()) {
        digits = digits.checked_mul(10)?.checked_add(u128::from(digit.to_digit(10)?))?;
    }
    let scaled = digits.checked_mul(suffix_multiplier(suffix)?)?;
    let divisor = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    (scaled % divisor == 0).then(|| scaled / divisor)
}

impl TryFrom<&str> for Quantity {
    type Error = QuantityError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        parse_billionths(text).map(|billionths| Self { billionths }).ok_or_else(|| QuantityError(text.to_owned()))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (suffix, multiplier) in
            [("Gi", BILLION << 30), ("Mi", BILLION << 20), ("", BILLION), ("m", 1_000_000), ("u", 1_000)]
        {
            if self.billionths >= multiplier && self.billionths.is_multiple_of(multiplier) {
                return write!(formatter, "{}{suffix}", self.billionths / multiplier);
            }
        }
        match self.billionths {
            0 => formatter.write_str("0"),
            billionths => write!(formatter, "{billionths}n"),
        }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

struct QuantityVisitor;

impl Visitor<'_> for QuantityVisitor {
    type Value = Quantity;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a quantity such as 500m, 4 or 8Gi")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
        Quantity::try_from(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, units: u64) -> Result<Quantity, E> {
        Quantity::try_from(units.to_string().as_str()).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, units: i64) -> Result<Quantity, E> {
        Quantity::try_from(units.to_string().as_str()).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Quantity, E> {
        // The shortest decimal that reads back equal is what was written, as in Kubernetes' own decoding.
        Quantity::try_from(number.to_string().as_str()).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        Quantity::try_from(text).unwrap()
    }

    #[test]
    fn every_notation_of_kubernetes_is_read_exactly() {
        for (text, milli) in [
            ("4", 4000),
            ("500m", 500),
            ("0.5", 500),
            ("1.5", 1500),
            ("1e3", 1_000_000),
            ("2E-3", 2),
            ("1u", 1),
            (".5", 500),
            ("5.", 5000),
        ] {
            assert_eq!(quantity(text).milli_value(), milli, "{text}");
        }
        assert_eq!(quantity("8Gi").value(), 8 << 30);
        assert_eq!(quantity("1G").value(), 1_000_000_000);
        assert_eq!(quantity("1E").value(), 1_000_000_000_000_000_000);
        assert_eq!(serde_json::from_str::<Quantity>("4").unwrap(), quantity("4000m"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "-1", "4 Gi", "Gi", "1.2.3", "8gb", "e3", "0.0000000001", "."] {
            assert!(Quantity::try_from(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writing_and_reading_is_the_identity() {
        for text in ["0", "4", "3800m", "7000Mi", "75Gi", "1u", "7n", "1000"] {
            assert_eq!(quantity(text).to_string(), text);
        }
        assert_eq!(quantity("7800Mi").checked_sub(quantity("800Mi")), Some(quantity("7000Mi")));
        assert_eq!(quantity("1").checked_sub(quantity("2")), None);
    }
}
