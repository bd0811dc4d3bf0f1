//! What an unquoted or tagged text means, as go-yaml v2 (`resolve.go`) has it.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

use super::number;
use super::problem::ProblemKind;

/// A tag, as far as it changes what a scalar means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarTag {
    /// None.
    Absent,
    /// `!`: the value is text, and `<<` still merges.
    NonSpecific,
    /// `!!str`.
    String,
    /// `!!bool`.
    Boolean,
    /// `!!int`.
    Integer,
    /// `!!float`.
    Float,
    /// `!!null`.
    Null,
    /// `!!timestamp`.
    Timestamp,
    /// `!!binary`.
    Binary,
    /// `!!merge`.
    Merge,
    /// Any other: the value is text.
    Other,
}

impl ScalarTag {
    /// The tag whose full name is `handle` and `suffix` together.
    pub(super) fn new(handle: &str, suffix: &str) -> Self {
        const CORE: &str = "tag:yaml.org,2002:";
        let name = if handle == CORE {
            suffix
        } else if handle.is_empty() {
            match suffix.strip_prefix(CORE) {
                Some(name) => name,
                None if suffix == "!" => return Self::NonSpecific,
                None => return Self::Other,
            }
        } else {
            return if handle == "!" && suffix.is_empty() { Self::NonSpecific } else { Self::Other };
        };
        match name {
            "str" => Self::String,
            "bool" => Self::Boolean,
            "int" => Self::Integer,
            "float" => Self::Float,
            "null" => Self::Null,
            "timestamp" => Self::Timestamp,
            "binary" => Self::Binary,
            "merge" => Self::Merge,
            _ => Self::Other,
        }
    }
}

/// How a scalar is written, as far as it matters for its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// Without quotes.
    Plain,
    /// In quotes or as a block.
    Quoted,
}

/// What a scalar means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    /// The text as it is.
    Text,
    /// Another text.
    Decoded(String),
}

/// Resolves `text`.
///
/// # Errors
/// When the tag does not fit the text.
pub(super) fn resolve(text: &str, writing: Writing, tag: ScalarTag) -> Result<Scalar, ProblemKind> {
    match tag {
        ScalarTag::Absent if writing == Writing::Quoted => Ok(Scalar::Text),
        ScalarTag::Absent => Ok(plain(text)),
        ScalarTag::NonSpecific | ScalarTag::String | ScalarTag::Merge | ScalarTag::Other => Ok(Scalar::Text),
        ScalarTag::Boolean => match plain(text) {
            found @ Scalar::Boolean(_) => Ok(found),
            _other => Err(ProblemKind::Tag("boolean")),
        },
        ScalarTag::Integer => match plain(text) {
            found @ Scalar::Integer(_) => Ok(found),
            _other => Err(ProblemKind::Tag("whole number")),
        },
        ScalarTag::Float => match plain(text) {
            found @ Scalar::Float(_) => Ok(found),
            Scalar::Integer(integer) => i64::try_from(integer).map_or(Err(ProblemKind::Tag("number")), float_from),
            _other => Err(ProblemKind::Tag("number")),
        },
        ScalarTag::Null => match plain(text) {
            Scalar::Null => Ok(Scalar::Null),
            _other => Err(ProblemKind::Tag("null")),
        },
        ScalarTag::Timestamp if is_timestamp(text) => Ok(Scalar::Text),
        ScalarTag::Timestamp => Err(ProblemKind::Tag("timestamp")),
        ScalarTag::Binary => binary(text).ok_or(ProblemKind::Tag("base64 text")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "as in Go")]
#[expect(clippy::unnecessary_wraps, reason = "the arm of a match over results")]
const fn float_from(integer: i64) -> Result<Scalar, ProblemKind> {
    Ok(Scalar::Float(integer as f64))
}

/// What an unquoted text without a tag means. Dates stay text, numbers in base 60 too.
pub(super) fn plain(text: &str) -> Scalar {
    let Some(first) = text.bytes().next() else { return Scalar::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'.' => match text {
            ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" => Scalar::Float(f64::INFINITY),
            _ => number::float_with_leading_dot(text).map_or(Scalar::Text, Scalar::Float),
        },
        b'0'..=b'9' | b'+' | b'-' => match text {
            "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
            "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
            _ if text.contains('_') => numeric(&text.replace('_', "")),
            _ => numeric(text),
        },
        _ => Scalar::Text,
    }
}

fn word(text: &str) -> Scalar {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Boolean(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Boolean(false),
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        _ => Scalar::Text,
    }
}

fn numeric(text: &str) -> Scalar {
    if let Some(integer) = number::integer(text) {
        return Scalar::Integer(integer);
    }
    if let Some(float) = number::float(text) {
        return Scalar::Float(float);
    }
    // go-yaml's own reading of base 2 lets a sign stand behind the prefix.
    text.strip_prefix("0b").and_then(number::binary_integer).map_or(Scalar::Text, Scalar::Integer)
}

/// Base64 with padding and line breaks, as Go reads it; bytes that are not UTF-8 become U+FFFD, each its own, as in
/// Go's JSON.
fn binary(text: &str) -> Option<Scalar> {
    const ENGINE: GeneralPurpose =
        GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));
    let encoded: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let bytes = ENGINE.decode(encoded).ok()?;
    let mut decoded = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        decoded.push_str(chunk.valid());
        decoded.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Some(Scalar::Decoded(decoded))
}

/// Whether go-yaml takes `text` for a date or a time: `2006-1-2`, with `T`, `t` or a space a time `15:4:5` with an
/// optional fraction, and behind `T` and `t` a zone `Z` or `±07:00`.
fn is_timestamp(text: &str) -> bool {
    date(text).is_some_and(|rest| match rest.as_bytes().first() {
        None => true,
        Some(b'T' | b't') => time(&rest[1..]).is_some_and(is_zone),
        Some(b' ') => time(&rest[1..]).is_some_and(str::is_empty),
        Some(_) => false,
    })
}

fn date(text: &str) -> Option<&str> {
    let (year, rest) = field(text, 4)?;
    let (month, rest) = field(rest.strip_prefix('-')?, 1)?;
    let (day, rest) = field(rest.strip_prefix('-')?, 1)?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(rest)
}

fn time(text: &str) -> Option<&str> {
    let (hour, rest) = field(text, 1)?;
    let (minute, rest) = field(rest.strip_prefix(':')?, 1)?;
    let (second, rest) = field(rest.strip_prefix(':')?, 1)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let Some(fraction) = rest.strip_prefix(['.', ',']) else { return Some(rest) };
    let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
    (length > 0).then(|| &fraction[length..])
}

fn is_zone(text: &str) -> bool {
    if text == "Z" {
        return true;
    }
    let Some(offset) = text.strip_prefix(['+', '-']) else { return false };
    let bytes = offset.as_bytes();
    let two =
        |at: usize| bytes.get(at..at + 2).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u32>().ok());
    bytes.len() == 5
        && bytes.get(2) == Some(&b':')
        && offset.bytes().filter(u8::is_ascii_digit).count() == 4
        && two(0).is_some_and(|hours| hours <= 24)
        && two(3).is_some_and(|minutes| minutes < 60)
}

/// A number of exactly 4 digits, or of 1 or 2, and what follows it.
fn field(text: &str, digits: usize) -> Option<(u32, &str)> {
    let most = if digits == 4 { 4 } else { 2 };
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(length);
    if length < digits {
        return None;
    }
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_yaml_1_1_as_go_yaml_does() {
        for (text, meaning) in [
            ("yes", Scalar::Boolean(true)),
            ("Off", Scalar::Boolean(false)),
            ("yEs", Scalar::Text),
            ("", Scalar::Null),
            ("NULL", Scalar::Null),
            ("0644", Scalar::Integer(420)),
            ("0x_1F", Scalar::Integer(31)),
            ("0b-101", Scalar::Integer(-5)),
            ("1_000", Scalar::Integer(1000)),
            ("1:30", Scalar::Text),
            ("2001-12-14", Scalar::Text),
            ("089", Scalar::Float(89.0)),
            ("1e3", Scalar::Float(1000.0)),
            ("1e400", Scalar::Text),
            ("-.Inf", Scalar::Float(f64::NEG_INFINITY)),
            ("512Mi", Scalar::Text),
            ("500m", Scalar::Text),
        ] {
            assert_eq!(plain(text), meaning, "{text}");
        }
    }

    #[test]
    fn tags_must_fit() {
        let tagged = |tag, text| resolve(text, Writing::Quoted, tag);
        assert_eq!(tagged(ScalarTag::Integer, "12"), Ok(Scalar::Integer(12)));
        assert_eq!(tagged(ScalarTag::Integer, "x"), Err(ProblemKind::Tag("whole number")));
        assert_eq!(ScalarTag::new("", "!"), ScalarTag::NonSpecific);
        assert_eq!(tagged(ScalarTag::Binary, "aGk="), Ok(Scalar::Decoded("hi".to_owned())));
        assert_eq!(tagged(ScalarTag::Timestamp, "2001-2-29"), Err(ProblemKind::Tag("timestamp")));
        assert_eq!(tagged(ScalarTag::Timestamp, "2001-12-14t21:59:43.10-05:00"), Ok(Scalar::Text));
    }
}
