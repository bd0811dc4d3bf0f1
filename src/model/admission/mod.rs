//! What admission makes of a pod before the scheduler sees it, and why it may refuse the pod.
//!
//! The plugins that are on by default and matter to scheduling, in their order (`pkg/kubeapiserver/options/plugins.go`).
//!
//! | file | what |
//! | --- | --- |
//! | `chain.rs` | all of them, one after the other |
//! | `limit_ranger.rs` | LimitRanger: requests and limits by default; least, most and ratio |
//! | `priority.rs` | Priority: the number of a PriorityClass |
//! | `tolerations.rs` | DefaultTolerationSeconds; tolerations merged |
//! | `runtime_class.rs` | RuntimeClass: overhead, node selector, tolerations |
//! | `resource_quota.rs` | ResourceQuota: what every container must say, and what is left |
//! | `refusal.rs` | a pod that is refused |

mod chain;
mod limit_ranger;
mod priority;
mod refusal;
mod resource_quota;
mod runtime_class;
mod tolerations;

#[cfg(test)]
#[path = "../../../sim/tests/fresh_cases/mod.rs"]
#[allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]
mod fresh_cases;
#[cfg(test)]
mod tests;

pub(super) use chain::{Admission, Creation};
pub use refusal::{Refusal, RefusalCause};
pub(super) use tolerations::add_default_tolerations;
