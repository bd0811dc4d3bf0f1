//! What a report of `quorate check` is made from, and the way into every format.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::finding::{Finding, NotEvaluated, Severity};
use crate::manifest::{Place, SourceMap};

use super::format::Format;
use super::redaction::Redactor;
use super::terminal_style::TerminalStyle;
use super::{github, human, json, sarif};

/// Everything that a report of `quorate check` shows.
#[derive(Clone, Copy, Debug)]
pub struct CheckReport<'a> {
    /// The texts that places refer to.
    pub sources: &'a SourceMap,
    /// What was found, in the order of [`crate::finding::sort`].
    pub findings: &'a [Finding],
    /// Rules that could not be evaluated.
    pub not_evaluated: &'a [NotEvaluated],
    /// What was read.
    pub summary: &'a CheckSummary,
    /// The rules' documentation; SARIF carries it, terminals link to it. Rules without an entry are named only.
    pub rules: &'a [RuleDocumentation],
    /// What must never be shown: [`super::secret_spans`] of the inventory.
    pub secrets: &'a [Place],
}

/// What was read and evaluated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckSummary {
    /// Files read; a rendered chart or overlay counts as one.
    pub files: usize,
    /// Documents in them.
    pub documents: usize,
    /// Documents that are no Kubernetes objects.
    pub skipped: usize,
    /// Kubernetes objects.
    pub objects: usize,
    /// Configurations checked each on its own: 1, or the number of overlays.
    pub configurations: usize,
    /// Rules that were evaluated.
    pub rules_evaluated: usize,
    /// The modelled version of Kubernetes: `1.36`.
    pub kubernetes: String,
    /// Nodes; `None` when none were given.
    pub nodes: Option<usize>,
    /// How long it took; shown to people only, so that machine-readable output is the same from run to run.
    pub elapsed: Option<Duration>,
}

/// A rule, as reports document it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDocumentation {
    /// The rule's id: `rollout-deadlock`.
    pub id: Arc<str>,
    /// What it finds, in a few words.
    pub title: String,
    /// What it finds and why that matters.
    pub description: String,
    /// What to do about it.
    pub help: String,
    /// Its severity where nothing else is configured.
    pub severity: Severity,
    /// Where its documentation stands on the web.
    pub help_uri: Option<String>,
}

/// How many findings there are of each severity; waived ones are counted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FindingCounts {
    /// Not waived, severity error.
    pub errors: usize,
    /// Not waived, severity warning.
    pub warnings: usize,
    /// Not waived, severity info.
    pub infos: usize,
    /// Waived, of any severity.
    pub waived: usize,
}

impl FindingCounts {
    /// Counts findings.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        findings.iter().fold(Self::default(), |mut counts, finding| {
            let counter = match (&finding.waived, finding.severity) {
                (Some(_), _) => &mut counts.waived,
                (None, Severity::Error) => &mut counts.errors,
                (None, Severity::Warning) => &mut counts.warnings,
                (None, Severity::Info) => &mut counts.infos,
            };
            *counter += 1;
            counts
        })
    }
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The output does not take it.
    #[error("the report could not be written: {0}; see that the output is open and its disk is not full")]
    Write(#[from] io::Error),
    /// The command has no output in this format.
    #[error("{command} has no {format} output; choose {instead}")]
    Unsupported {
        /// The command: `simulate`.
        command: &'static str,
        /// What was asked for.
        format: Format,
        /// What it can give: `human or json`.
        instead: &'static str,
    },
    /// Values of Secrets could not be kept out of it, so nothing is written.
    #[error("values of Secrets could not be kept out of the report: {0}; check fewer Secrets at once")]
    Redaction(#[from] aho_corasick::BuildError),
    /// A defect: some part has no JSON form.
    #[error("the report could not be turned into JSON: {0}; this is a defect of quorate, please report it")]
    Json(#[from] serde_json::Error),
}

/// Writes the report of `quorate check` in `format`. `style` matters to [`Format::Human`] only. Findings appear in the
/// order given, but for the human report, which has the worst last. Values of Secrets appear in no format.
///
/// # Errors
/// When `out` refuses the text, or values of Secrets could not be kept out of it; then nothing is written.
pub fn write_check(
    report: &CheckReport<'_>,
    format: Format,
    style: &TerminalStyle,
    out: &mut dyn io::Write,
) -> Result<(), ReportError> {
    let redactor = Redactor::new(report.sources, report.secrets)?;
    let findings: Vec<Finding> = report.findings.iter().map(|finding| redactor.finding(finding)).collect();
    match format {
        Format::Human => human::write(report, &findings, &redactor, style, out)?,
        Format::Json => json::write(report, &findings, out)?,
        Format::Sarif => sarif::write(report, &findings, out)?,
        Format::Github => github::write(report, &findings, out)?,
    }
    Ok(())
}
