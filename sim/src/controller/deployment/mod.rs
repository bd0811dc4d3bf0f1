//! Deployments: rolling and recreating updates over ReplicaSets. Source: `pkg/controller/deployment`.
//!
//! | file | what |
//! | --- | --- |
//! | `sync.rs` | one sync: which strategy takes the next step |
//! | `rolling.rs` | RollingUpdate |
//! | `recreate.rs` | Recreate |
//! | `scale.rs` | changes of `spec.replicas`, in proportion during a rollout |
//! | `revisions.rs` | a Deployment's ReplicaSets and their numbers |
//! | `progress.rs` | the progress deadline |

mod progress;
mod recreate;
mod revisions;
mod rolling;
mod scale;
mod sync;

pub use progress::Progress;
pub use revisions::{Revisions, max_surge, max_unavailable};
pub use sync::sync;
