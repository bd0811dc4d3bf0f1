//! Playing steps on a cluster: what a user asks for, and what came of it.
//!
//! | file | what |
//! | --- | --- |
//! | `step.rs`, `settings.rs`, `report.rs` | the contract: steps, settings, reports |
//! | `engine.rs` | the loop: to a fixed point now, then on to the next event |
//! | `reactions.rs` | what happens when a controller looks, and when an event is due |
//! | `placing.rs` | the scheduler's attempts |
//! | `play.rs` | what a user does in a step |
//! | `autoscaling.rs` | autoscalers' looks, and manifests that are applied again |
//! | `cluster_autoscaling.rs` | the cluster autoscaler's looks |
//! | `descheduling.rs` | the descheduler's passes |
//! | `cron_jobs.rs` | CronJobs, which do not prolong a step |
//! | `calls.rs` | the calls of the Eviction API that a step makes |
//! | `bindings.rs` | pods that are bound without the scheduler |
//! | `lost_pods.rs` | pods of failed nodes that steps have evicted |
//! | `expected.rs` | what differs from what a step expects |
//! | `unplaced.rs` | a cluster of which no pod has a node yet |
//! | `drains.rs` | kubectl drain while it is under way |
//! | `refusals.rs` | controllers that may not create what they want to |
//! | `requests.rs` | what users ask of the API server, as webhooks see it |
//! | `moves.rs` | what can happen next, move by move |
//! | `outcome.rs` | how a step ended |
//! | `summary.rs` | a state as reports show it |
//! | `jobs.rs` | a Job as reports show it |
//! | `recorder.rs` | events and the lowest readiness |
//! | `cycle.rs` | finds a system that never comes to rest |
//! | `restless.rs` | whose doing that is |
//! | `ties.rs` | what Kubernetes leaves open |
//! | `template_change.rs` | what `setImage` and `restart` make of a template |
//! | `assumptions.rs` | what the model leaves out |

mod assumptions;
mod autoscaling;
mod bindings;
mod calls;
mod cluster_autoscaling;
mod cron_jobs;
mod cycle;
mod descheduling;
mod drains;
mod engine;
mod expected;
mod jobs;
mod lost_pods;
mod moves;
mod outcome;
mod placing;
mod play;
mod reactions;
mod recorder;
mod refusals;
mod report;
mod requests;
mod restless;
mod settings;
mod step;
mod summary;
mod template_change;
mod ties;
mod unplaced;

pub use assumptions::of_volume as volume_assumption;
pub use engine::Simulation;
pub use outcome::is_complete;
pub use play::simulate;

pub use crate::controller::endpoint_slice::EndpointCounts;
pub(crate) use calls::Call;
pub(crate) use engine::Key;
pub(crate) use lost_pods::Lost;
pub(crate) use moves::{Made, Move, words as words_of_move};
pub(crate) use outcome::{Result as StepResult, Target, livelock as livelock_result};
pub(crate) use outcome::{budget_text, pod_text};
pub use refusals::refusal_of;
pub use report::{
    BudgetSummary, JobCondition, JobSummary, Performed, PodSummary, Revision, SimulationReport, StateSummary,
    StepOutcome, StepReport, TargetReport, WorkloadSummary,
};
pub use restless::RolloutFate;
pub use settings::{ClusterAutoscalerTimes, PodTimes, SchedulerRuns, Settings, TaintEviction};
pub use step::{ApplyToState, Binding, Bound, EvictionTarget, ObjectChange, PodSelection, Step, StepAction};
pub use summary::{owner_text, summarize, workload_numbers};
pub use ties::{Script, Ties};
pub use unplaced::unplaced;
