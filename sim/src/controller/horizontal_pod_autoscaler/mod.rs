//! HorizontalPodAutoscalers with given metrics. Source: `pkg/controller/podautoscaler`.
//!
//! | file | what |
//! | --- | --- |
//! | `sync.rs` | one look: every metric, the limits, the new number |
//! | `samples.rs` | what the pods of a target use |
//! | `replica_calculator.rs` | how many replicas a metric asks for |
//! | `behavior.rs` | stabilisation, and how fast it may scale |

mod behavior;
mod replica_calculator;
mod samples;
mod sync;

pub use behavior::{Normalization, stabilized, stabilized_with_behavior, within_limits, within_rates};
pub use replica_calculator::{
    Group, NoProposal, Sample, Tolerances, TotalTarget, plain_replicas, total_replicas, utilization_replicas,
};
pub use sync::{PERIOD, Rescale, horizon, replicas_of, rival, sync};
