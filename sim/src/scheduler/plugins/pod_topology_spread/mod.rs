//! Topology spread constraints.
//!
//! | file | what |
//! | --- | --- |
//! | `constraint.rs` | constraints with their selectors resolved, the defaults, counting |
//! | `filter.rs` | DoNotSchedule |
//! | `score.rs` | ScheduleAnyway |

mod constraint;
mod filter;
mod score;

pub(crate) use constraint::{Constraint, constraints, has_all_keys, requires_all_keys};
pub(crate) use filter::{State, filter, pre_filter};
pub(crate) use score::{normalize, score};
