//! Numbers and percentages.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::at::At;
use super::verdict::Verdict;

/// How large a percentage may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Percentage {
    /// Any.
    Any,
    /// At most all.
    AtMostAll,
}

/// The number in `25%`, if that is what `text` is.
fn percentage(text: &str) -> Option<u32> {
    let digits = text.strip_suffix('%')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The plain number or the number before the percent sign; `None` when it is neither.
pub(super) fn written_number(value: &IntOrString) -> Option<i64> {
    match value {
        IntOrString::Int(number) => Some(i64::from(*number)),
        IntOrString::String(text) => percentage(text).map(i64::from),
    }
}

/// `value` is a count that is not negative, or a percentage.
pub(super) fn count_or_percentage(
    verdict: &mut Verdict<'_, '_>,
    at: &At<'_>,
    value: Option<&IntOrString>,
    limit: Percentage,
) {
    match value {
        Some(IntOrString::Int(number)) if *number < 0 => {
            verdict.invalid(at, &format!("must not be negative, and is {number}"));
        }
        Some(IntOrString::String(text)) => match percentage(text) {
            None => {
                let message = format!("must be a number, or a percentage such as 25%, and is {text:?}");
                verdict.invalid(at, &message);
            }
            Some(percent) if percent > 100 && limit == Percentage::AtMostAll => {
                verdict.invalid(at, &format!("must not be more than 100%, and is {text}"));
            }
            Some(_) => {}
        },
        Some(IntOrString::Int(_)) | None => {}
    }
}

/// `value`, if there is one, is not negative.
pub(super) fn not_negative(verdict: &mut Verdict<'_, '_>, at: &At<'_>, value: Option<impl Into<i64>>) {
    if let Some(number) = value.map(Into::into).filter(|number| *number < 0) {
        verdict.invalid(at, &format!("must not be negative, and is {number}"));
    }
}

/// `value` is a port.
pub(super) fn port(verdict: &mut Verdict<'_, '_>, at: &At<'_>, value: i32) {
    if !(1..=65535).contains(&value) {
        verdict.invalid(at, &format!("must be from 1 to 65535, and is {value}"));
    }
}
