//! What-ifs from one state at rest, every one in turn: node and domain failures, drains, rollouts.
//!
//! | file | what |
//! | --- | --- |
//! | `failure_set.rs` | failures, failure domains and sets of them |
//! | `moment.rs` | what a reader wants to know of a state: pending pods, budgets that are short |
//! | `failure_sweep.rs` | every set of failures: right after the loss, and at rest again |
//! | `drain_sweep.rs` | every node drained alone |
//! | `drain_sequence.rs` | the shortest sequence of drains of which the last one blocks |
//! | `upgrade.rs` | nodes replaced one after the other, in an order that works |
//! | `rollout_sweep.rs` | every workload restarted alone |

mod drain_sequence;
mod drain_sweep;
mod failure_set;
mod failure_sweep;
mod moment;
mod rollout_sweep;
mod upgrade;

pub use drain_sequence::{DrainSearchLimits, DrainSequence, find_exhausting_drains};
pub use drain_sweep::{BlockReason, BlockedPod, DrainImpact, drain, sweep_drains};
pub use failure_set::{Failure, FailureScope, failures_of, sets_of};
pub use failure_sweep::{FailureImpact, FailureSweep, fail, sweep};
pub use moment::{BudgetNumbers, Moment, PendingPod};
pub use rollout_sweep::{RolloutImpact, restart, sweep_rollouts};
pub use upgrade::{Upgrade, UpgradeOrder};
