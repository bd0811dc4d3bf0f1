//! What a check reports.

use crate::finding::Finding;
use crate::manifest::FieldPath;
use crate::manifest::assemble::report::{Report, mend};
use crate::manifest::decode::nearest;

use super::at::At;

const RULE: &str = "invalid-value";

/// What the checks of one object share.
pub(in crate::manifest) struct Verdict<'r, 'a> {
    report: &'r mut Report<'a>,
    /// Where decoding found something: what is missing there was not forgotten.
    undecoded: Vec<FieldPath>,
}

impl<'r, 'a> Verdict<'r, 'a> {
    pub(in crate::manifest) fn new(report: &'r mut Report<'a>) -> Self {
        let undecoded = report.findings().iter().map(|finding| finding.path.clone()).collect();
        Self { report, undecoded }
    }

    /// The value at `at` is refused.
    pub(in crate::manifest) fn invalid(&mut self, at: &At<'_>, message: &str) -> Option<&mut Finding> {
        self.invalid_given(at, &[], message)
    }

    /// The value at `at` is refused, given the values at `others`, which are shown too.
    pub(in crate::manifest) fn invalid_given(
        &mut self,
        at: &At<'_>,
        others: &[(&At<'_>, &str)],
        message: &str,
    ) -> Option<&mut Finding> {
        let path = at.path();
        let is_decoded = |path: &FieldPath| !self.undecoded.iter().any(|other| touch(other, path));
        if !is_decoded(&path) || !others.iter().all(|(other, _)| is_decoded(&other.path())) {
            return None;
        }
        let related = others.iter().map(|(other, message)| self.report.related(other.path(), *message)).collect();
        let text = if path.is_root() { message.to_owned() } else { format!("`{path}`: {message}") };
        let finding = self.report.error(RULE, path, text);
        finding.label = message.to_owned();
        finding.related = related;
        Some(finding)
    }

    /// The field at `at` must be there.
    pub(in crate::manifest) fn required(&mut self, at: &At<'_>, value: &str) {
        if value.is_empty() {
            self.invalid(at, "is required");
        }
    }

    /// The value at `at`, if there is one, must be one of `known`.
    pub(in crate::manifest) fn one_of(&mut self, at: &At<'_>, value: Option<&str>, known: &[&str]) {
        let Some(value) = value.filter(|value| !value.is_empty() && !known.contains(value)) else { return };
        let message = format!("expected one of {}, found {value:?}", known.join(", "));
        let near = nearest(value, known.iter().copied());
        if let Some(finding) = self.invalid(at, &message) {
            finding.mends.extend(near.map(mend));
        }
    }
}

/// Whether one of the paths leads through the other.
fn touch(one: &FieldPath, other: &FieldPath) -> bool {
    one.segments().iter().zip(other.segments()).all(|(left, right)| left == right)
}
