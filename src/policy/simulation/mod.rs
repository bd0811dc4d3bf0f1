//! Rules backed by simulation: what happens to these workloads on these nodes, played as Kubernetes plays it.
//!
//! | file | what |
//! | --- | --- |
//! | `evaluate.rs` | all rules on one configuration; without nodes their requirements |
//! | `context.rs` | what the rules are given; the cluster at rest, from which each question branches |
//! | `drains.rs`, `losses.rs` | drains and losses of single nodes, played once |
//! | `words.rs` | names, reasons and steps as findings say them |
//! | `mend.rs` | ways out, each tried before it is named, with its price |
//! | `pods_stay_pending.rs` … | one rule a file, named after what it finds |
//! | `progress.rs`, `drain_progress.rs` | whether the rollout of one workload ends, and drains that evict its pods, for proofs |
//! | `requirement.rs` | what a workload needs, where no nodes are given |

mod context;
mod drain_progress;
mod drains;
mod drains_exhaust_pdb;
mod evaluate;
mod losses;
mod mend;
mod node_loss_breaks_pdb;
mod node_loss_leaves_pods_pending;
mod pdb_allows_nothing;
mod pdb_blocks_drain;
mod pods_refused_by_admission;
mod pods_stay_pending;
mod progress;
mod replicas_share_a_node;
mod requirement;
mod rollout_deadlock;
mod single_point_of_failure;
mod volume_blocks_surge;
mod webhook_blocks_its_own_pods;
mod words;

pub use context::Context;
pub use evaluate::{GUARANTEE_UNDECIDED, GUARANTEE_VIOLATED, evaluate};
pub use mend::{currency, monthly_price};
pub use progress::{Before, Progress, Start, Stuck, StuckStep, progress};
