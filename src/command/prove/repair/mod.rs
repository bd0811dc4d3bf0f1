//! Changes with which a violated guarantee is proved to hold.
//!
//! | file | what |
//! | --- | --- |
//! | `search.rs` | candidates are tried, single ones first, then pairs |
//! | `base.rs` | the input as it is, and what is violated in it |
//! | `candidate.rs` | a change: edits of texts, nodes, a price |
//! | `workload_changes.rs`, `request_changes.rs`, `budget_changes.rs`, `new_nodes.rs` | which changes there are |
//! | `attempt.rs` | a candidate is made in the texts, read back, and proved |
//! | `patch.rs` | what a repair writes |

mod attempt;
mod base;
mod budget_changes;
mod candidate;
mod new_nodes;
mod patch;
mod request_changes;
mod search;
mod workload_changes;

pub(super) use base::Base;
pub(super) use patch::Patch;
pub(super) use search::{Effort, Found, search};
