//! Jobs: pods until enough of them have succeeded. Source: `pkg/controller/job`.
//!
//! | file | what |
//! | --- | --- |
//! | `sync.rs` | one look at a Job: how it ends, what it counts |
//! | `pods.rs` | its pods: active, ended, not counted yet |
//! | `placement.rs` | how many pods it wants now, which it creates and which it deletes |
//! | `failure_policy.rs` | `podFailurePolicy` |
//! | `backoff.rs` | how long it waits after failures |
//! | `indexes.rs` | indexes that have succeeded, failed or are still to be done; `successPolicy` |
//! | `finalizer.rs` | pods stay until they are counted |

mod backoff;
mod failure_policy;
mod finalizer;
mod indexes;
mod placement;
mod pods;
mod sync;

pub use finalizer::{holds, is_released};
pub use placement::active_wanted;
pub use sync::{BATCH_PERIOD, JobSync, sync};
