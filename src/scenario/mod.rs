//! Scenario files: unvalidated → steps on a cluster.
//!
//! | file | what |
//! | --- | --- |
//! | `file.rs` | the file's own types, as written |
//! | `resolve.rs` | names in it become nodes and workloads of the cluster |
//! | `workload_reference.rs` | `deployment/default/backend` |
//! | `bindings.rs` | the step `bind` |
//! | `settings.rs` | control-plane flags |
//! | `descheduler/` | the descheduler's policy |
//! | `metrics.rs` | values of autoscalers' metrics |
//! | `problem.rs` | what can be wrong, with the place |

mod bindings;
mod descheduler;
mod file;
mod metrics;
mod problem;
mod resolve;
mod settings;
mod workload_reference;

pub use problem::{Problem, ProblemKind};
pub use resolve::{
    AppliedObjects, ApplyObjects, ReadFile, Scenario, drain_step, fail_step, find_node, resolve, restart_step,
};
pub use workload_reference::{WorkloadReference, WorkloadReferenceError, find_workload};
