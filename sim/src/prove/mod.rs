//! Proofs of what the simulation says, in the words of [`quorate_proof`].
//!
//! | file | what |
//! | --- | --- |
//! | `guarantee.rs` | what is promised |
//! | `decide.rs` | a claim becomes a verdict: bounds, then an adversary, then exact search |
//! | `bound.rs`, `placed.rs`, `question.rs`, `holding.rs`, `spread.rs`, `even.rs`, `values.rs`, `lost.rs` | how many pods remain in every case, whatever others do |
//! | `adversary.rs` | placements that someone who means ill would choose |
//! | `search.rs`, `followed.rs`, `complete.rs` | every state that placing can reach, for clusters that are small enough |
//! | `progress.rs` | rollouts and drains that end |
//! | `scheduled.rs`, `placed_by_scheduler.rs`, `scores.rs` | runs of the scheduler, and its scores for searches that follow them |
//! | `smallest.rs` | a witness made smaller |
//! | `replay.rs`, `replay_run.rs` | a witness, or a run, as steps that can be played |
//! | `problem.rs`, `classes.rs`, `twins.rs`, `relations.rs`, `packing.rs`, `outage.rs`, `matching.rs` | a canonical cluster by numbers, pods on its nodes and what failures do to them, selectors |
//! | `canonical.rs`, `canonical_cluster.rs`, `groups.rs`, `refused.rs`, `revisions.rs` | a cluster in the words of proof files |
//! | `no_placement.rs` | "this pod fits on no node", one fact a node |
//!
//! docs/proofs.md says what claims mean and why bounds hold.

mod adversary;
mod bound;
mod canonical;
mod canonical_cluster;
mod classes;
mod complete;
mod decide;
mod even;
mod followed;
mod groups;
mod guarantee;
mod holding;
mod lost;
mod matching;
mod no_placement;
mod outage;
mod packing;
mod placed;
mod placed_by_scheduler;
mod problem;
mod progress;
mod question;
mod refused;
mod relations;
mod replay;
mod replay_run;
mod revisions;
mod scheduled;
mod scores;
mod search;
mod smallest;
mod spread;
mod twins;
mod values;

pub use canonical_cluster::cluster;
pub use decide::{DEFAULT_STATES, Verdict, decide, decide_by_score};
pub use guarantee::{Guarantee, NoPromise, Origin, derived, selected, workloads_of};
pub use no_placement::{Unproved, no_placement};
pub use placed_by_scheduler::{Placed, placed as placed_by_scheduler};
pub use problem::Problem;
pub use replay::{Replay, Start, replay};
pub use replay_run::{Hanging, Standstill, replay_run, replay_standstill};
pub use scheduled::{NotPlayed, Observed, Run, bound_as, run, run_from};
pub use scores::SchedulerScores;
pub use smallest::{moved, smallest};
