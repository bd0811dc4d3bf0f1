//! Facts that annotations of a pod or a pod template declare.

use std::collections::BTreeMap;

use super::at::At;
use super::verdict::Verdict;

/// How many seconds the containers of a pod run that need not run for ever.
pub const RUN_SECONDS_ANNOTATION: &str = "quorate.dev/run-seconds";
/// The exit code of its first container then; 0 unless it is declared.
pub const EXIT_CODE_ANNOTATION: &str = "quorate.dev/exit-code";

pub(super) fn annotations(verdict: &mut Verdict<'_, '_>, at: &At<'_>, annotations: &BTreeMap<String, String>) {
    if let Some(text) = annotations.get(RUN_SECONDS_ANNOTATION)
        && text.parse::<u64>().is_err()
    {
        let message = format!("must be a number of seconds, for example \"90\", and is {text:?}");
        verdict.invalid(&at.key(RUN_SECONDS_ANNOTATION), &message);
    }
    if let Some(text) = annotations.get(EXIT_CODE_ANNOTATION)
        && text.parse::<u8>().is_err()
    {
        let message = format!("must be an exit code from 0 to 255, and is {text:?}");
        verdict.invalid(&at.key(EXIT_CODE_ANNOTATION), &message);
    }
}
