//! What commands about one cluster share: input that can be read, one configuration, nodes.

use super::arguments::OutputArguments;
use super::check::MODELLED_VERSION;
use super::error::CommandError;
use super::input::{Configuration, Input};
use super::output;
use crate::finding::{Finding, Severity};
use crate::manifest::Inventory;
use crate::model::Model;
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

/// Nothing is invented: without a node whose size is known there is nothing to answer about.
pub(super) fn no_nodes(what: &str, inventory: &Inventory, model: &Model) -> CommandError {
    let ways = "add Node manifests (kubectl get nodes -o yaml), spec.nodes in quorate.yaml, or --nodes 3x4cpu,8Gi";
    let has = match model.nodes_without_room.as_slice() {
        [] => "the input has none".to_owned(),
        [first, others @ ..] => {
            let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
            let name = &inventory.get(*first).reference.name;
            format!("node {name}{more} of the input gives no status.allocatable, so that its size is unknown")
        }
    };
    CommandError::Usage(format!("{what} needs nodes, and {has}; {ways}"))
}
