//! What a report of `quorate simulate` is made from, and the way into every format.

use std::io;

use quorate_sim::explore::ExploredStep;
use quorate_sim::simulation::{Settings, SimulationReport};

use crate::report::check_report::ReportError;
use crate::report::format::Format;
use crate::report::terminal_style::TerminalStyle;

use super::{json, timeline};

/// Everything that a report of `quorate simulate` shows.
#[derive(Clone, Copy, Debug)]
pub struct SimulationDocument<'a> {
    /// The scenario's name, or what was asked for on the command line: `drain worker-1`.
    pub scenario: &'a str,
    /// The modelled version of Kubernetes: `1.36`.
    pub kubernetes: &'a str,
    /// The settings that it was played with.
    pub settings: &'a Settings,
    /// What came of it.
    pub report: &'a SimulationReport,
    /// Everything that can happen in each step, if that was asked for.
    pub explored: Option<&'a [ExploredStep]>,
    /// What each step was played on.
    pub order: PlayOrder,
}

/// What each step of a simulation was played on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlayOrder {
    /// On what the step before left.
    #[default]
    OneAfterTheOther,
    /// On the cluster at rest, as it was before all of them.
    EachAlone,
}

/// Writes the report of `quorate simulate` in `format`. `style` matters to [`Format::Human`] only.
///
/// # Errors
/// When `out` refuses the text, and for formats in which findings are reported.
pub fn write_simulation(
    document: &SimulationDocument<'_>,
    format: Format,
    style: &TerminalStyle,
    out: &mut dyn io::Write,
) -> Result<(), ReportError> {
    match format {
        Format::Human => Ok(timeline::write(document, style, out)?),
        Format::Json => json::write(document, out),
        Format::Sarif | Format::Github => {
            Err(ReportError::Unsupported { command: "simulate", format, instead: "human or json" })
        }
    }
}
