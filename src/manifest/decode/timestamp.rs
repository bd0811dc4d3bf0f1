//! The grammar of times: what Go's `time.Parse` takes for `metav1.Time` (RFC 3339) and `metav1.MicroTime`.

/// How many digits a fraction of a second has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fraction {
    /// Any number, or no fraction at all: `metav1.Time`.
    Any,
    /// Six: `metav1.MicroTime`.
    Six,
}

/// Whether `text` is written as `2006-01-02T15:04:05Z` or with an offset, `2006-01-02T15:04:05+01:00`. The ranges of
/// the numbers are left to the parser of dates.
pub(super) fn is_written_as_timestamp(text: &str, fraction: Fraction) -> bool {
    let Some((date_time, rest)) = text.as_bytes().split_at_checked(19) else { return false };
    let shape_fits = date_time.iter().enumerate().all(|(position, byte)| match position {
        4 | 7 => *byte == b'-',
        10 => *byte == b'T',
        13 | 16 => *byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let digits = match rest.first() {
        // Go also takes a comma.
        Some(b'.' | b',') => rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count(),
        Some(_) | None => 0,
    };
    let after = if matches!(rest.first(), Some(b'.' | b',')) { digits + 1 } else { 0 };
    let fraction_fits = match fraction {
        Fraction::Any => after == 0 || digits > 0,
        Fraction::Six => digits == 6,
    };
    shape_fits && fraction_fits && is_offset(rest.get(after..).unwrap_or_default())
}

fn is_offset(bytes: &[u8]) -> bool {
    match bytes {
        b"Z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_go_takes() {
        for text in ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05.5Z"] {
            assert!(is_written_as_timestamp(text, Fraction::Any), "{text}");
        }
        for text in ["", "2026-01-02", "2026-01-02 03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T03:04:05.Z"] {
            assert!(!is_written_as_timestamp(text, Fraction::Any), "{text}");
        }
        assert!(is_written_as_timestamp("2026-01-02T03:04:05.123456Z", Fraction::Six));
        assert!(!is_written_as_timestamp("2026-01-02T03:04:05Z", Fraction::Six));
    }
}
