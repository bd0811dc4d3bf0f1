//! `quorate prove` and `quorate verify-proof`.
//!
//! | file | what |
//! | --- | --- |
//! | `run.rs` | the command: read, decide, check, write |
//! | `guarantees.rs` | what is asked: declared, and derived |
//! | `stores.rs`, `replication.rs` | what declared data stores need to take writes, in pods |
//! | `deciding.rs` | all claims about one cluster |
//! | `verdicts.rs` | a claim becomes a verdict, its proof checked |
//! | `scheduled.rs` | placement `scheduled`: runs of the scheduler, and its scores |
//! | `progress.rs`, `hostile.rs` | whether rollouts and drains end, from the simulation |
//! | `rule.rs`, `rule_finding.rs` | rules of `quorate check` about guarantees |
//! | `repair/` | changes with which a violated guarantee is proved to hold |
//! | `files.rs` | proof files |
//! | `scenario.rs` | scenario files of witnesses |
//! | `verify.rs` | `quorate verify-proof` |

mod deciding;
mod files;
mod guarantees;
mod hostile;
mod progress;
mod repair;
mod replication;
mod rule;
mod rule_finding;
mod run;
mod scenario;
mod scheduled;
mod stores;
mod verdicts;
mod verify;

pub(super) use rule::evaluate as guarantee_rules;
pub(super) use run::run;
pub(super) use verify::run as verify;
