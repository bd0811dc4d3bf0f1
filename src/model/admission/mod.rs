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
//! | `service_account.rs` | ServiceAccount: the account must exist |
//! | `counted.rs` | what quotas count for a pod |
//! | `objects.rs` | quotas and webhooks as the simulation reads them |

mod chain;
mod counted;
mod limit_ranger;
mod objects;
mod priority;
mod refusal;
mod resource_quota;
mod runtime_class;
mod service_account;
mod tolerations;

#[cfg(test)]
#[path = "../../../sim/tests/fresh_cases/mod.rs"]
#[allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]
mod fresh_cases;
#[cfg(test)]
mod tests;

pub(super) use chain::{Admission, Creation};
pub(super) use counted::of_pod;
pub(super) use objects::add as add_object;
pub use refusal::{Refusal, RefusalCause};
pub(super) use tolerations::add_default_tolerations;
