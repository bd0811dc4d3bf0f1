//! Playing steps on a cluster: what a user asks for, and what came of it.

mod report;
mod settings;
mod step;

pub use report::{
    BudgetSummary, PodSummary, Revision, SimulationReport, StateSummary, StepOutcome, StepReport, TargetReport,
    WorkloadSummary,
};
pub use settings::{PodTimes, Settings};
pub use step::{EvictionTarget, ObjectChange, PodSelection, Step, StepAction};
