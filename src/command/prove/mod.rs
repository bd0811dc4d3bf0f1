//! `quorate prove` and `quorate verify-proof`.
//!
//! | file | what |
//! | --- | --- |
//! | `run.rs` | the command: read, decide, check, write |
//! | `guarantees.rs` | what is asked: declared, and derived |
//! | `verdicts.rs` | a claim becomes a verdict, its proof checked |
//! | `files.rs` | proof files |
//! | `scenario.rs` | scenario files of witnesses |
//! | `verify.rs` | `quorate verify-proof` |

mod files;
mod guarantees;
mod run;
mod scenario;
mod verdicts;
mod verify;

pub(super) use run::run;
pub(super) use verify::run as verify;
