//! `quorate schedule`.
//!
//! | file | what |
//! | --- | --- |
//! | `run.rs` | the command: read, place, answer, write |
//! | `question.rs` | which pods are asked about |
//! | `cluster.rs` | the cluster that they are asked about, and where its pods are |
//! | `decision.rs` | the scheduler's answer, in names |
//! | `blame.rs` | the findings of a pod that is refused or fits nowhere |

mod blame;
mod cluster;
mod decision;
mod question;
mod run;

pub(super) use run::run;
