//! The grammar of quantities (`k8s.io/apimachinery/pkg/api/resource/quantity.go`, `ParseQuantity`).

use std::cmp::Ordering;
use std::fmt;

/// The text of the API server's own error.
const FORMAT: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
/// How many parts of 10⁻⁹ one is.
const NANO: i128 = 1_000_000_000;
/// The largest amount that a binary suffix can give: 2⁶³ − 1.
const LARGEST_BINARY: i128 = i64::MAX as i128;

/// An amount, exact to 10⁻⁹; smaller parts are rounded away from zero, as the API server does.
///
/// Amounts are equal however they were written.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParsedQuantity {
    /// The amount in units of 10⁻⁹. Amounts beyond 10²⁹ are held at the bound.
    nanos: i128,
    suffixes: Suffixes,
}

/// The kind of suffix that an amount was written with, and is written again with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Suffixes {
    /// `k`, `M`, or none.
    #[default]
    Decimal,
    /// `Ki`, `Mi`.
    Binary,
    /// `e3`, `e6`.
    Exponent,
}

impl PartialEq for ParsedQuantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for ParsedQuantity {}

impl PartialOrd for ParsedQuantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ParsedQuantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl ParsedQuantity {
    /// The amount in thousandths, rounded up (away from zero), as CPU is counted.
    #[must_use]
    pub const fn milli(self) -> i128 {
        away_from_zero(self.nanos, 1_000_000)
    }

    /// The amount in billionths: as fine as it is kept.
    #[must_use]
    pub const fn nano(self) -> i128 {
        self.nanos
    }

    /// The amount in whole units, rounded up (away from zero), as memory and all others are counted.
    #[must_use]
    pub const fn whole(self) -> i128 {
        away_from_zero(self.nanos, NANO)
    }

    /// So many thousandths.
    #[must_use]
    pub const fn from_milli(milli: i128) -> Self {
        Self { nanos: milli.saturating_mul(1_000_000), suffixes: Suffixes::Decimal }
    }

    /// The sum of both, written as the first of them that is not zero.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        let suffixes = if self.nanos == 0 { other.suffixes } else { self.suffixes };
        Self { nanos: self.nanos.saturating_add(other.nanos), suffixes }
    }

    /// The amount as the API server writes it: with the kind of suffix that it was read with, the largest one that needs no
    /// fraction. Source: `CanonicalizeBytes` in `staging:apimachinery/pkg/api/resource/quantity.go`.
    #[must_use]
    pub fn canonical(self) -> String {
        let whole = self.nanos / NANO;
        let is_binary = self.suffixes == Suffixes::Binary && self.nanos % NANO == 0 && whole.abs() >= 1024;
        if is_binary {
            let (amount, steps) = without_factor(whole, 1024, BINARY_SUFFIXES.len() - 1);
            return format!("{amount}{}", BINARY_SUFFIXES.get(steps).copied().unwrap_or_default());
        }
        let (amount, steps) = without_factor(self.nanos, 1000, DECIMAL_SUFFIXES.len() - 1);
        match (self.suffixes, steps) {
            _ if amount == 0 => "0".to_owned(),
            (Suffixes::Exponent, WHOLE) => amount.to_string(),
            (Suffixes::Exponent, _) => format!("{amount}e{}", (steps as i64 - WHOLE as i64) * 3),
            (Suffixes::Decimal | Suffixes::Binary, _) => {
                format!("{amount}{}", DECIMAL_SUFFIXES.get(steps).copied().unwrap_or_default())
            }
        }
    }

    /// Whether it was written with a binary suffix.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        matches!(self.suffixes, Suffixes::Binary)
    }

    /// Whether the amount is below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.nanos < 0
    }
}

impl fmt::Display for ParsedQuantity {
    /// Exact, as a whole number where it is one, else in the largest of `m`, `u` and `n` that needs no fraction.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, suffix) in [(NANO, ""), (1_000_000, "m"), (1_000, "u")] {
            if self.nanos % unit == 0 {
                return write!(formatter, "{}{suffix}", self.nanos / unit);
            }
        }
        write!(formatter, "{}n", self.nanos)
    }
}

/// Why a text is not a quantity; the texts are the API server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// It is written in another way.
    #[error("{FORMAT}")]
    Format,
    /// Its digits are not a number.
    #[error("unable to parse numeric part of quantity")]
    Number,
    /// Its suffix is none of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei, n, u and e-notation.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

const BINARY_SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL_SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
/// The place of whole units among the decimal suffixes.
const WHOLE: usize = 3;

/// `amount` divided by `factor` as often as nothing remains, at most `most` times; and how often that was.
fn without_factor(mut amount: i128, factor: i128, most: usize) -> (i128, usize) {
    let mut times = 0;
    while times < most && amount != 0 && amount % factor == 0 {
        amount /= factor;
        times += 1;
    }
    (amount, times)
}

enum Scale {
    Decimal(i32),
    Binary(u32),
}

/// Reads a quantity: `500m`, `1.5Gi`, `12e6`.
///
/// # Errors
/// When the API server would refuse it, for the same reason.
pub fn parse_quantity(text: &str) -> Result<ParsedQuantity, QuantityError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(QuantityError::Format);
    }
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        Some(_) | None => (false, text),
    };
    let whole_length = digits(unsigned);
    let (whole, rest) = unsigned.split_at(whole_length);
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(after) => after.split_at(digits(after)),
        None => ("", rest),
    };
    let scale = parse_suffix(suffix)?;
    if whole.is_empty() && fraction.is_empty() && !reads_as_zero_without_digits(&scale) {
        return Err(QuantityError::Number);
    }
    let amount = scaled(whole, fraction, &scale);
    let suffixes = match scale {
        Scale::Binary(_) => Suffixes::Binary,
        Scale::Decimal(_) if suffix.len() > 1 => Suffixes::Exponent,
        Scale::Decimal(_) => Suffixes::Decimal,
    };
    Ok(ParsedQuantity { nanos: if negative { -amount } else { amount }, suffixes })
}

/// The real parser takes `m` and `Gi` for zero; only suffixes that leave its fast path need a digit.
const fn reads_as_zero_without_digits(scale: &Scale) -> bool {
    match scale {
        Scale::Decimal(power) => *power >= -9,
        Scale::Binary(power) => *power < 50,
    }
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn parse_suffix(suffix: &str) -> Result<Scale, QuantityError> {
    let letters = suffix.bytes().take_while(|byte| b"eEinumkKMGTP".contains(byte)).count();
    let after = suffix.get(letters..).unwrap_or_default();
    let exponent_digits = after.strip_prefix(['-', '+']).unwrap_or(after);
    if exponent_digits.bytes().any(|byte| !byte.is_ascii_digit()) {
        return Err(QuantityError::Format);
    }
    Ok(match suffix {
        "" => Scale::Decimal(0),
        "n" => Scale::Decimal(-9),
        "u" => Scale::Decimal(-6),
        "m" => Scale::Decimal(-3),
        "k" => Scale::Decimal(3),
        "M" => Scale::Decimal(6),
        "G" => Scale::Decimal(9),
        "T" => Scale::Decimal(12),
        "P" => Scale::Decimal(15),
        "E" => Scale::Decimal(18),
        "Ki" => Scale::Binary(10),
        "Mi" => Scale::Binary(20),
        "Gi" => Scale::Binary(30),
        "Ti" => Scale::Binary(40),
        "Pi" => Scale::Binary(50),
        "Ei" => Scale::Binary(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E']).ok_or(QuantityError::Suffix)?;
            let exponent: i64 = exponent.parse().map_err(|_| QuantityError::Suffix)?;
            Scale::Decimal(i32::try_from(exponent.clamp(-1000, 1000)).unwrap_or(0))
        }
    })
}

/// The amount in 10⁻⁹, rounded up.
fn scaled(whole: &str, fraction: &str, scale: &Scale) -> i128 {
    // 38 digits fit; what goes beyond is held at the bound above and rounded up below.
    let mut mantissa: i128 = 0;
    let mut exponent: i32 = 9;
    let mut lost = false;
    for (position, digit) in whole.bytes().chain(fraction.bytes()).enumerate() {
        let in_fraction = position >= whole.len();
        if mantissa < 10_i128.pow(28) {
            mantissa = mantissa * 10 + i128::from(digit - b'0');
            exponent -= i32::from(in_fraction);
        } else {
            lost |= digit != b'0';
            exponent += i32::from(!in_fraction);
        }
    }
    let mut amount = mantissa;
    match scale {
        Scale::Decimal(power) => exponent += power,
        // The power of two first: it makes exact what the power of ten below would round.
        Scale::Binary(power) => {
            amount = amount.checked_shl(*power).filter(|_| amount < 1_i128 << (126 - power)).unwrap_or(i128::MAX)
        }
    }
    amount = times_power_of_ten(amount, exponent, &mut lost);
    if lost && amount < i128::MAX {
        amount += 1;
    }
    match scale {
        Scale::Decimal(_) => amount,
        Scale::Binary(_) => amount.min(LARGEST_BINARY * NANO),
    }
}

fn times_power_of_ten(mut amount: i128, exponent: i32, lost: &mut bool) -> i128 {
    for _ in 0..exponent.unsigned_abs() {
        if exponent > 0 {
            match amount.checked_mul(10) {
                Some(next) => amount = next,
                None => return i128::MAX,
            }
        } else {
            *lost |= amount % 10 != 0;
            amount /= 10;
        }
        if amount == 0 {
            break;
        }
    }
    amount
}

const fn away_from_zero(amount: i128, unit: i128) -> i128 {
    let whole = amount / unit;
    match amount % unit {
        0 => whole,
        rest if rest > 0 => whole + 1,
        _ => whole - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn is_written_with_the_kind_of_suffix_that_it_was_read_with() {
        for (text, canonical) in [
            ("2G", "2G"),
            ("2000000000", "2G"),
            ("1953125Ki", "1953125Ki"),
            ("1024Mi", "1Gi"),
            ("1023", "1023"),
            ("0.5Ki", "512"),
            ("1.5Gi", "1536Mi"),
            ("0", "0"),
            ("0Mi", "0"),
            ("1500m", "1500m"),
            ("0.1", "100m"),
            ("1e3", "1e3"),
            ("2e9", "2e9"),
            ("1e1", "10"),
            ("1e-3", "1e-3"),
            ("12345u", "12345u"),
            ("-2k", "-2k"),
            ("1024k", "1024k"),
            ("1000Ki", "1000Ki"),
        ] {
            assert_eq!(parse_quantity(text).unwrap().canonical(), canonical, "{text}");
        }
        let sum = |one, other| parse_quantity(one).unwrap().plus(parse_quantity(other).unwrap()).canonical();
        assert_eq!([sum("1Gi", "1G"), sum("0", "1Gi"), sum("1M", "1Gi")], ["2073741824", "1Gi", "1074741824"]);
    }

    #[test]
    fn reads_what_the_api_server_reads() {
        for (text, milli) in [
            ("0", 0),
            ("500m", 500),
            ("1.5", 1500),
            (".5", 500),
            ("1.", 1000),
            ("+2", 2000),
            ("-2", -2000),
            ("1Ki", 1_024_000),
            ("1.5Gi", 1_610_612_736_000),
            ("12e6", 12_000_000_000),
            ("1E", 1_000_000_000_000_000_000_000),
            ("100n", 1),
            ("0.1m", 1),
            ("16Ei", 9_223_372_036_854_775_807_000),
            (" 1 ", 1000),
            ("m", 0),
            ("Gi", 0),
            ("+", 0),
            ("1e-3", 1),
        ] {
            assert_eq!(parse_quantity(text).map(ParsedQuantity::milli), Ok(milli), "{text}");
        }
    }

    #[test]
    fn refuses_what_the_api_server_refuses() {
        for text in ["", "abc", "1GB", "1 Gi", "1kb", "true", "1,5", "1.2.3", "ten", "Ei", "1gi", "5h"] {
            assert!(parse_quantity(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_are_exact(number in any::<i64>()) {
            let quantity = parse_quantity(&number.to_string()).unwrap();
            prop_assert_eq!(quantity.whole(), i128::from(number));
            prop_assert_eq!(quantity.milli(), i128::from(number) * 1000);
        }

        #[test]
        fn printed_amounts_read_back(text in "-?[0-9]{1,9}(\\.[0-9]{1,9})?(m|k|M|Ki|Mi|u|n)?") {
            let quantity = parse_quantity(&text).unwrap();
            prop_assert_eq!(parse_quantity(&quantity.to_string()), Ok(quantity));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+]?[0-9.]{0,40}[eEinumkKMGTP]{0,3}[-+]?[0-9]{0,5}") {
            let _ = parse_quantity(&text);
        }
    }
}
