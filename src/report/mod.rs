//! Reports: human, JSON, SARIF and GitHub, from findings and verdicts, and nothing else. Reports never decide.
//!
//! | file | what |
//! | --- | --- |
//! | `check_report.rs` | what a report of `quorate check` is made from, and the way into every format |
//! | `format.rs` | the formats' names; `FORMAT[=FILE]` |
//! | `terminal_style.rs` | what the terminal can show |
//! | `printable.rs` | foreign text made safe to print |
//! | `redaction.rs` | values of Secrets |
//! | `human/` | for people |
//! | `json.rs`, `location.rs` | for programs: `fixtures/schemas/check.schema.json` |
//! | `prose.rs` | a finding as plain text, for formats that carry one message |
//! | `sarif.rs` | for code scanning |
//! | `simulation/` | the timeline of a simulation, for people and programs |
//! | `proof/` | what is proved and what breaks, for people and programs |
//! | `schedule/` | where a pod can go, for people and programs |
//! | `github.rs` | annotations on a pull request |

mod check_report;
mod format;
mod github;
mod human;
mod json;
mod location;
mod printable;
mod proof;
mod prose;
mod redaction;
mod sarif;
mod schedule;
mod simulation;
mod terminal_style;

#[cfg(test)]
mod tests;

pub use check_report::{CheckReport, CheckSummary, FindingCounts, ReportError, RuleDocumentation, write_check};
pub use format::{Format, FormatError, Output};
pub use proof::words as proof_words;
pub use proof::{
    AtPlacement, GuaranteeReport, GuaranteeSubject, NoPromise, PhaseWord, Promiser, ProofDocument, Repair, Repairs,
    Replayable, VerdictWord, WitnessReport, write_proof,
};
pub use redaction::secret_spans;
pub use schedule::{
    Decision, ExcludedNodes, NodeVerdict, PlacedFirst, PreFilterVerdict, PreemptionSummary, RefusedPod, ScheduleAnswer,
    ScheduleDocument, SchedulePlacement, VictimsSummary, write_schedule, write_schedule_line,
};
pub use simulation::{PlayOrder, SimulationDocument, write_simulation};
pub use terminal_style::{Characters, Colour, ColourChoice, Detail, Links, TerminalStyle};
