//! `quorate explain`.

use super::arguments::ExplainArguments;
use super::error::CommandError;
use super::exit_status::ExitStatus;
use super::output::to_standard_output;
use crate::manifest::decode::nearest;
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
    // A pack before the rule is as good: `security/privileged-container`.
    let id = arguments.rule.rsplit('/').next().unwrap_or(&arguments.rule);
    let Some(rule) = policies.rule(id) else {
        let near = nearest(id, policies.rules().iter().map(|rule| &*rule.id));
        let hint = near.map_or_else(|| "quorate policy list shows all".to_owned(), |near| format!("did you mean {near}?"));
        return Err(CommandError::Usage(format!("there is no rule {id}; {hint}")));
    };
    let style = TerminalStyle::detect(arguments.color, Detail::Normal);
    let text = explain(rule, style.width);
    to_standard_output(|out| out.write_all(text.as_bytes()).map_err(ReportError::from))?;
    Ok(ExitStatus::Holds)
}
