//! What commands about one cluster share: input that can be read, one configuration, nodes.

use super::arguments::OutputArguments;
use super::check::MODELLED_VERSION;
use super::error::CommandError;
use super::input::{Configuration, Input};
use super::output;
use crate::finding::{Finding, Severity};
use crate::report::{CheckReport, CheckSummary, write_check};

/// Manifests that cannot be read would give an answer about another cluster: their findings are shown, and `true` says so.
pub(super) fn is_broken(arguments: &OutputArguments, input: &Input) -> Result<bool, CommandError> {
    let of_objects = input.configurations.iter().flat_map(|configuration| &configuration.findings);
    let all = input.findings.iter().chain(of_objects);
    let findings: Vec<Finding> = all.filter(|finding| finding.severity == Severity::Error).cloned().collect();
    if !findings.is_empty() {
        write_findings(arguments, input, &findings)?;
    }
    Ok(!findings.is_empty())
}

/// Shows findings as `quorate check` does.
pub(super) fn write_findings(
    arguments: &OutputArguments,
    input: &Input,
    findings: &[Finding],
) -> Result<(), CommandError> {
    let summary = CheckSummary {
        files: input.counts.files,
        documents: input.counts.documents,
        skipped: input.skipped,
        objects: input.object_count(),
        configurations: input.configurations.len(),
        kubernetes: MODELLED_VERSION.to_owned(),
        ..CheckSummary::default()
    };
    let report = CheckReport {
        sources: &input.sources,
        findings,
        not_evaluated: &[],
        summary: &summary,
        rules: &[],
        secrets: &input.secrets,
    };
    let style = output::style(arguments);
    output::write_all(arguments, &style, |format, style, out| write_check(&report, format, style, out))
}

/// The only configuration. `what` is `a simulation`.
pub(super) fn only<'a>(input: &'a Input, what: &str) -> Result<&'a Configuration, CommandError> {
    match input.configurations.as_slice() {
        [only] => Ok(only),
        several => {
            let names: Vec<&str> = several.iter().filter_map(|own| own.name.as_deref()).collect();
            let message = format!("{what} is of one configuration; name one of {}", names.join(", "));
            Err(CommandError::Usage(message))
        }
    }
}

/// What to say of an input without nodes.
pub(super) fn no_nodes(what: &str) -> CommandError {
    let ways = "add Node manifests (kubectl get nodes -o yaml), spec.nodes in quorate.yaml, or --nodes 3x4cpu,8Gi";
    CommandError::Usage(format!("{what} needs nodes, and the input has none; {ways}"))
}
