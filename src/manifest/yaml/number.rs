//! Numbers as Go's `strconv` reads and writes them, for go-yaml's scalars and keys.

/// A whole number in Go's base-0 syntax, with the underscores already taken out: a sign, then a prefix `0x`, `0o`, `0b`
/// or `0` for another base. `None` for anything else and beyond 64 bits (with a sign: 63 and the sign).
pub(super) fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = split_sign(text);
    let bytes = digits.as_bytes();
    let (radix, digits) = match bytes {
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0'] => (10, digits),
        [b'0', ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    magnitude(sign, digits, radix)
}

/// A number in base 2 that may have a sign, as go-yaml reads what follows `0b`.
pub(super) fn binary_integer(text: &str) -> Option<i128> {
    let (sign, digits) = split_sign(text);
    magnitude(sign, digits, 2)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    None,
    Plus,
    Minus,
}

fn split_sign(text: &str) -> (Sign, &str) {
    if let Some(rest) = text.strip_prefix('-') {
        (Sign::Minus, rest)
    } else if let Some(rest) = text.strip_prefix('+') {
        (Sign::Plus, rest)
    } else {
        (Sign::None, text)
    }
}

fn magnitude(sign: Sign, digits: &str, radix: u32) -> Option<i128> {
    // `from_str_radix` takes a sign of its own, which Go does not.
    if !digits.starts_with(|first: char| first.is_digit(radix)) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    match sign {
        Sign::None => Some(magnitude),
        Sign::Plus => (magnitude <= i128::from(i64::MAX)).then_some(magnitude),
        Sign::Minus => (magnitude <= -i128::from(i64::MIN)).then_some(-magnitude),
    }
}

/// A number in the form `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`; `None` for others and beyond a double's
/// range.
pub(super) fn float(text: &str) -> Option<f64> {
    let rest = split_sign(text).1;
    let whole = digits(rest);
    let mut rest = &rest[whole..];
    let mut fraction = 0;
    if let Some(after) = rest.strip_prefix('.') {
        fraction = digits(after);
        rest = &after[fraction..];
    }
    if whole == 0 && fraction == 0 {
        return None;
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = split_sign(exponent).1;
        let length = digits(exponent);
        rest = &exponent[length..];
        if length == 0 {
            return None;
        }
    }
    if !rest.is_empty() {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// A number that starts with a dot, in which Go lets underscores stand between digits.
pub(super) fn float_with_leading_dot(text: &str) -> Option<f64> {
    if !text.contains('_') {
        return float(text);
    }
    let bytes = text.as_bytes();
    let digit_at = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let separates = |at: usize| digit_at(at.checked_sub(1)) && digit_at(at.checked_add(1));
    let well_placed = bytes.iter().enumerate().all(|(at, byte)| *byte != b'_' || separates(at));
    if well_placed { float(&text.replace('_', "")) } else { None }
}

/// A float key as text: Go's `FormatFloat(value, 'g', -1, 32)`, and YAML's words for what is no number.
#[expect(clippy::cast_possible_truncation, reason = "keys are written in single precision")]
pub(super) fn float_key(value: f64) -> String {
    let single = value as f32;
    if single.is_nan() {
        return ".nan".to_owned();
    }
    if single.is_infinite() {
        return if single > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{single:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Go writes the shortest form with an exponent from 7 digits before the point on.
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    format!("{single}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_numbers_as_go_does() {
        for (text, value) in [
            ("0", Some(0)),
            ("0644", Some(420)),
            ("0o644", Some(420)),
            ("-0x1F", Some(-31)),
            ("+0b101", Some(5)),
            ("08", None),
            ("0x", None),
            ("+-1", None),
            ("18446744073709551615", Some(i128::from(u64::MAX))),
            ("18446744073709551616", None),
            ("+9223372036854775808", None),
            ("-9223372036854775808", Some(i128::from(i64::MIN))),
            ("", None),
        ] {
            assert_eq!(integer(text), value, "{text}");
        }
    }

    #[test]
    fn reads_floats_as_go_yaml_does() {
        for (text, value) in [
            ("1.", Some(1.0)),
            (".5", Some(0.5)),
            (".", None),
            ("1e", None),
            ("1e400", None),
            ("-1E-2", Some(-0.01)),
            ("1.5.2", None),
        ] {
            assert_eq!(float(text), value, "{text}");
        }
        assert_eq!(float_with_leading_dot(".1_5"), Some(0.15));
        assert_eq!(float_with_leading_dot("._5"), None);
    }

    #[test]
    fn writes_float_keys_as_go_does() {
        for (value, text) in [
            (0.5, "0.5"),
            (1.0, "1"),
            (100_000.5, "100000.5"),
            (1e6, "1e+06"),
            (123_456_789.5, "1.2345679e+08"),
            (1e-5, "1e-05"),
            (1e300, ".inf"),
        ] {
            assert_eq!(float_key(value), text);
        }
    }
}
