//! Everything that can happen in a scenario: every order in which controllers, the scheduler, kubelets and users' calls act at
//! one moment, and every way in which a tie can be broken.
//!
//! | file | what |
//! | --- | --- |
//! | `exploration.rs` | what is asked and what comes of it |
//! | `search.rs` | finds the states of a step |
//! | `graph.rs` | those states, the moves between them, how the step can end |
//! | `canonical.rs` | which states are the same |
//! | `naming.rs` | which nodes have to be told apart |
//! | `independence.rs` | which orders make no difference |
//! | `waiting.rs` | pods for which the scheduler has no node, or no choice |
//! | `step_ends.rs` | the states in which one step can end |
//! | `trace.rs` | the shortest way to an outcome, played again |

mod canonical;
mod exploration;
mod graph;
mod independence;
mod naming;
mod search;
mod step_ends;
mod trace;
mod waiting;

pub use exploration::{
    Decision, Exploration, Explored, ExploredStep, Likelihood, Range, SearchLimits, TraceEvent, explore,
};
pub use step_ends::{StepEnd, StepEnds, step_ends};
