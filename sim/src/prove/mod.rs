//! Proofs of what the simulation says, in the words of [`quorate_proof`].
//!
//! | file | what |
//! | --- | --- |
//! | `no_placement.rs` | "this pod fits on no node", one fact a node |
//! | `canonical.rs` | nodes and pods in the words of proof files |
//! | `canonical_cluster.rs` | the whole cluster in them |
//! | `groups.rs` | pods that are alike, and who replaces them |

mod adversary;
mod bound;
mod canonical;
mod canonical_cluster;
mod complete;
mod decide;
mod groups;
mod guarantee;
mod lost;
mod matching;
mod no_placement;
mod packing;
mod placed;
mod problem;
mod question;
mod scheduled;
mod search;

pub use canonical_cluster::cluster;
pub use decide::{DEFAULT_STATES, Verdict, decide};
pub use guarantee::{Guarantee, NoPromise, Origin, derived, selected};
pub use no_placement::{Unproved, no_placement};
pub use problem::Problem;
pub use scheduled::{NotPlayed, Observed, Run, run};
