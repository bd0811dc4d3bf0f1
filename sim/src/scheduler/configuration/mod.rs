//! What a KubeSchedulerConfiguration says: profiles, each with its plugins, their order, weights and arguments.
//!
//! | file | what |
//! | --- | --- |
//! | `scheduler_configuration.rs` | the whole: profiles, waiting times |
//! | `profile.rs` | which plugins run at which extension point, in which order and with which weights |
//! | `arguments.rs` | the plugins' arguments |
//! | `scoring.rs` | how NodeResourcesFit and NodeResourcesBalancedAllocation score resources |
//!
//! Source: `pkg/scheduler/apis/config`.

mod arguments;
mod profile;
mod scheduler_configuration;
mod scoring;

pub use arguments::{
    AddedNodeAffinity, Arguments, DefaultSpread, ExistingPreferredTerms, FitArguments, InterPodAffinityArguments,
    PreemptionArguments,
};
pub use profile::{ExtensionPoint, PostFilterPlugin, Profile, SchedulingGates, ScorePlugin};
pub use scheduler_configuration::{OtherSchedulers, SchedulerConfiguration};
pub use scoring::{ScoredName, ScoredResource, ScoringStrategy, ShapePoint};
