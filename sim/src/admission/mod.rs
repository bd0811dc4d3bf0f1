//! Admission: what the API server refuses, and what a controller does about it.
//!
//! | file | what |
//! | --- | --- |
//! | `judge.rs` | whether a change is let through |
//! | `quota.rs` | ResourceQuota: what is used, and whether a pod still fits |
//! | `webhook.rs` | webhooks that fail closed while nobody answers |
//! | `retry.rs` | when a controller asks again |

mod judge;
mod quota;
mod retry;
mod webhook;

pub use judge::{judge, judge_pod};
pub use quota::{may_refuse as quota_may_refuse, next_release, used};
pub use retry::{next_retry, retries_of};
pub use webhook::{
    Operation, Request, Resource, WebhookCircle, circles, has_answer, is_wanted, judge as judge_request, rests_on_pods,
};
