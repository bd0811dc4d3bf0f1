//! `quorate simulate`.
//!
//! | file | what |
//! | --- | --- |
//! | `run.rs` | the command |
//! | `plan.rs` | what is played, as flags or a scenario say it |
//! | `scenario_file.rs` | a scenario file and what it applies |
//! | `saved_state.rs` | a state that is saved, and resumed |

mod plan;
mod run;
mod saved_state;
mod scenario_file;

pub(super) use run::run;
