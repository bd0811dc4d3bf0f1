//! `quorate explain`.

use super::arguments::ExplainArguments;
use super::error::CommandError;
use super::exit_status::ExitStatus;
use super::output::to_standard_output;
use crate::policy::{PolicySet, RegoVersion, explain};
use crate::report::{Detail, ReportError, TerminalStyle};

/// Runs the command.
///
/// # Errors
/// When there is no such rule.
pub(super) fn run(arguments: &ExplainArguments) -> Result<ExitStatus, CommandError> {
    let mut policies = PolicySet::builtin()?;
    for directory in &arguments.policy {
        policies = policies.with_directory(directory, RegoVersion::Detect)?;
    }
    let explanation = explain(&policies, &arguments.rule).map_err(|near| {
        let hint =
            near.map_or_else(|| "quorate policy list shows all".to_owned(), |near| format!("did you mean {near}?"));
        CommandError::Usage(format!("there is no rule {}; {hint}", arguments.rule))
    })?;
    let style = TerminalStyle::detect(arguments.color, Detail::Normal);
    let text = explanation.for_terminal(style.width);
    to_standard_output(|out| writeln!(out, "{text}").map_err(ReportError::from))?;
    Ok(ExitStatus::Holds)
}
