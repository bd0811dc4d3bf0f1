//! kube-scheduler 1.36, configured as the state says, as pure functions of a cluster's state.
//!
//! | file | what |
//! | --- | --- |
//! | `configuration/` | profiles: which plugins run, their weights and arguments |
//! | `framework.rs` | plugins, codes, verdicts: the words of a decision |
//! | `reasons.rs` | why a node is rejected, in upstream's texts, and the message of the PodScheduled condition |
//! | `snapshot.rs` | a cluster prepared for many decisions: what each node holds |
//! | `scheduling_cycle.rs` | one decision: PreFilter, Filter, Score |
//! | `preemption.rs` | which pods of lower priority would go, and where |
//! | `cache/` | a cluster kept ready for placing many pods, with the same answers |
//! | `queue.rs` | which pod is next |
//! | `plugins/` | one file or folder a plugin, filtering apart from scoring |
//!
//! A scheduling cycle examines every node; `cache/` also samples them as kube-scheduler does in clusters of 100 or more.
//!
//! What is left out: the choice among equally good nodes (all of them are given: Kubernetes' own depends on a race), extenders,
//! plugins that are not kube-scheduler's own, claims of devices (DynamicResources gives 0 to every node). Among victims of equal
//! priority and starting time, whose order Kubernetes leaves open, the older id is the more important one; among volumes that suit a
//! claim equally well, the one that was known first.

mod cache;
mod configuration;
mod framework;
mod plugins;
mod preemption;
mod queue;
mod reasons;
mod scheduling_cycle;
mod snapshot;

pub use cache::{Cache, Followed, Sampling};
pub use configuration::{
    AddedNodeAffinity, Arguments, DefaultSpread, ExistingPreferredTerms, ExtensionPoint, FitArguments,
    InterPodAffinityArguments, OtherSchedulers, PostFilterPlugin, PreemptionArguments, Profile, SchedulerConfiguration,
    SchedulingGates, ScorePlugin, ScoredName, ScoredResource, ScoringStrategy, ShapePoint,
};
pub use framework::{Code, Plugin, PreFilterRejection, SchedulingResult, Verdict};
pub(crate) use plugins::any_tolerates;
pub use plugins::{
    Place, VolumePlan, matching_volume, node_matches_affinity, tolerates, untolerated_taint, volume_plan,
};
pub use preemption::{NodeStatus, Preemption, Victims, preempt, preempt_candidate};
pub use queue::{SchedulingQueue, backoff};
pub use reasons::{Reason, ResourceName, unschedulable_message};
pub use scheduling_cycle::{feasible_nodes, schedule, schedule_candidate, scores};
pub use snapshot::{Candidate, NodeInfo, PlacedPod, Snapshot};

#[cfg(test)]
mod tests;
