//! Counting arguments for VeriPB: a formula that every violation would satisfy, and a proof that nothing does.
//!
//! What is so of every violation is an axiom and comes from the cluster and the claim; weights, thresholds and cases are in the proof.
//!
//! | module | what |
//! | --- | --- |
//! | `export` | a proof file as two files for VeriPB |
//! | `formula`, `steps` | OPB and VeriPB as text |
//! | `failures` | what fails |
//! | `counting` | evidence `counting` |
//! | `bound` | evidence `bound`: its formula, and the proof by shares |
//! | `waiting` | the formula: a pod waits |
//! | `room`, `cut` | the proof: none does |
//! | `lost` | pods that a failure takes: formula and proof |
//! | `threshold` | sums of the largest and of the smallest |

mod bound;
mod counting;
mod cut;
mod export;
mod failures;
mod formula;
mod lost;
mod room;
mod steps;
mod threshold;
mod waiting;

pub use bound::Keeps;
pub use export::{Export, Limits, Unexported};
pub use formula::{Constraint, Formula, Meaning};
