//! `quorate policy test`, `list` and `docs`.

use comfy_table::{ContentArrangement, Table, TableStyle};

use super::arguments::{PolicyArguments, PolicyCommand};
use super::error::CommandError;
use super::exit_status::ExitStatus;
use super::output::to_standard_output;
use crate::policy::{PolicySet, RegoVersion, TestOutcome, TestReport, documentation_page, table};
use crate::report::{Detail, ReportError, TerminalStyle};

/// Runs the command.
///
/// # Errors
/// When policies cannot be read, or the output cannot be written.
pub(super) fn run(command: &PolicyCommand) -> Result<ExitStatus, CommandError> {
    match command {
        PolicyCommand::Test(arguments) => test(arguments),
        PolicyCommand::List(arguments) => list(arguments),
        PolicyCommand::Docs(arguments) => {
            let page = documentation_page(&policies(arguments)?);
            to_standard_output(|out| write!(out, "{page}").map_err(ReportError::from))?;
            Ok(ExitStatus::Holds)
        }
    }
}

fn policies(arguments: &PolicyArguments) -> Result<PolicySet, CommandError> {
    let version = if arguments.rego_v0 { RegoVersion::V0 } else { RegoVersion::Detect };
    let mut policies = PolicySet::builtin()?;
    for directory in &arguments.policy {
        policies = policies.with_directory(directory, version)?;
    }
    Ok(policies)
}

fn list(arguments: &PolicyArguments) -> Result<ExitStatus, CommandError> {
    let policies = policies(arguments)?;
    let style = TerminalStyle::detect(arguments.color, Detail::Normal);
    let mut rows = Table::new();
    rows.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    rows.set_width(u16::try_from(style.width).unwrap_or(u16::MAX));
    rows.set_header(["RULE", "PACK", "SEVERITY", "BY", "FINDS"]);
    for row in table(&policies) {
        rows.add_row([row.id, row.pack, row.severity, row.engine.to_owned(), row.title]);
    }
    to_standard_output(|out| writeln!(out, "{}", rows.to_string().replace(" \n", "\n")).map_err(ReportError::from))?;
    Ok(ExitStatus::Holds)
}

fn test(arguments: &PolicyArguments) -> Result<ExitStatus, CommandError> {
    let report: TestReport = policies(arguments)?.run_tests()?;
    let failed = report.results.iter().filter(|result| result.outcome != TestOutcome::Passed).count();
    to_standard_output(|out| {
        for result in &report.results {
            match &result.outcome {
                TestOutcome::Passed => {}
                TestOutcome::Failed => writeln!(out, "failed  {} {} ({})", result.package, result.name, result.path)?,
                TestOutcome::Error(why) => {
                    writeln!(out, "error   {} {} ({}): {why}", result.package, result.name, result.path)?;
                }
            }
        }
        let passed = report.results.len() - failed;
        writeln!(out, "{passed} passed, {failed} failed")?;
        Ok(())
    })?;
    Ok(if report.passed() { ExitStatus::Holds } else { ExitStatus::Violated })
}
