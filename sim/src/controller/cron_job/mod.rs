//! CronJobs. Source: `pkg/controller/cronjob`.
//!
//! | file | what |
//! | --- | --- |
//! | `sync.rs` | one look: which Job is due, which go |
//! | `due.rs` | the last time that was missed |

mod due;
mod sync;

pub use due::{MostRecent, most_recent};
pub use sync::{CronSync, sync, wall_clock};
