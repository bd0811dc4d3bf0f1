//! What came of a simulation, with names as users write them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cluster::Time;
use crate::controller::endpoint_slice::EndpointCounts;

/// What came of a whole scenario.
#[derive(Clone, Debug)]
pub struct SimulationReport {
    /// The state before the first step, after everything that was pending had come to rest.
    pub initial: StateSummary,
    /// The steps, in order.
    pub steps: Vec<StepReport>,
    /// What the model left out that could change the answer.
    pub assumptions: Vec<String>,
}

/// What came of one step.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// Its description.
    pub action: String,
    /// The outcome; of several targets the worst.
    pub outcome: StepOutcome,
    /// Why, in one sentence; empty when there is nothing to say.
    pub detail: String,
    /// When it began.
    pub started_at: Time,
    /// When nothing more happened on its own.
    pub ended_at: Time,
    /// The lowest readiness of each workload at any moment from the step's beginning to its end.
    pub min_ready: BTreeMap<String, i64>,
    /// The fewest ready endpoints of each Service at any moment of the step, by `NS/NAME`.
    pub min_endpoints: BTreeMap<String, i64>,
    /// Each node of a drain, each pod of an eviction, in the order in which they were tried.
    pub targets: Vec<TargetReport>,
    /// The Deployments that report then that they made no progress for `progressDeadlineSeconds`: `deployment/NS/NAME`, sorted.
    pub past_deadline: Vec<String>,
    /// The state when nothing more happened.
    pub after: StateSummary,
    /// What differs from the scenario's `expect`; empty when it was met or there was none.
    pub unexpected: Vec<String>,
    /// What the scenario expected to be available, and is.
    pub met: Vec<String>,
    /// The events that led here, oldest first, each a sentence with its time.
    pub events: Vec<(Time, String)>,
}

/// How one step ended.
#[derive(Clone, Debug)]
pub struct Performed {
    /// The outcome; of several targets the worst.
    pub outcome: StepOutcome,
    /// Why, in one sentence; empty when there is nothing to say.
    pub detail: String,
    /// Each node of a drain, each pod of an eviction, in the order in which they were tried.
    pub targets: Vec<TargetReport>,
    /// When it began.
    pub started_at: Time,
    /// When nothing more happened on its own.
    pub ended_at: Time,
}

/// The outcome of one target.
#[derive(Clone, Debug, Serialize)]
pub struct TargetReport {
    /// A node's or pod's name.
    pub target: String,
    /// Its outcome.
    pub outcome: StepOutcome,
    /// Why.
    pub detail: String,
}

/// How a step ended; the worst sorts last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// Everything that was asked for happened.
    Completed,
    /// An eviction was granted.
    Allowed,
    /// An eviction was refused because the budget is used up.
    #[serde(rename = "denied-429")]
    Denied429,
    /// An eviction failed because more than one budget covers the pod.
    #[serde(rename = "denied-500")]
    Denied500,
    /// A drain gave up before it evicted anything.
    Refused,
    /// A drain met an error.
    Failed,
    /// A drain retries without end.
    Blocked,
    /// A rollout or scaling makes no more progress.
    Stuck,
    /// The system never comes to rest.
    Livelock,
}

impl StepOutcome {
    /// All outcomes, the worst last.
    pub const ALL: [Self; 9] = [
        Self::Completed,
        Self::Allowed,
        Self::Denied429,
        Self::Denied500,
        Self::Refused,
        Self::Failed,
        Self::Blocked,
        Self::Stuck,
        Self::Livelock,
    ];

    /// Its name in every output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Allowed => "allowed",
            Self::Denied429 => "denied-429",
            Self::Denied500 => "denied-500",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Stuck => "stuck",
            Self::Livelock => "livelock",
        }
    }
}

/// A cluster at one moment, as reports show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StateSummary {
    /// By `deployment/NS/NAME`.
    pub workloads: BTreeMap<String, WorkloadSummary>,
    /// Sorted by owner, then bound ones by node, then unbound ones.
    pub pods: Vec<PodSummary>,
    /// By `NS/NAME`.
    pub pdbs: BTreeMap<String, BudgetSummary>,
    /// By `NS/NAME`; their pods' numbers are among those of workloads.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<String, JobSummary>,
    /// The endpoints of each Service with a selector, by `NS/NAME`.
    pub services: BTreeMap<String, EndpointCounts>,
    /// What controllers may not create, by `replicaset/NS/NAME`: why.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
}

/// A workload's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkloadSummary {
    /// `spec.replicas`; of a DaemonSet the number of eligible nodes; of a Job how many pods it wants to run now.
    pub desired: i64,
    /// Pods that exist, have not ended and do not terminate.
    pub replicas: i64,
    /// Those of the newest revision.
    pub updated: i64,
    /// Those that are ready.
    pub ready: i64,
    /// Those that have been ready for `minReadySeconds`.
    pub available: i64,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodSummary {
    /// `deployment/NS/NAME`, or `pod/NS/NAME` of a bare pod.
    pub owner: String,
    /// The node it is bound to.
    pub node: Option<String>,
    /// `Pending`, `Running`, `Succeeded`, `Failed`.
    pub phase: &'static str,
    /// The Ready condition.
    pub ready: bool,
    /// Whether deletion was asked for.
    pub terminating: bool,
    /// Whether its template is its workload's newest.
    pub revision: Revision,
    /// Why the scheduler found no node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unschedulable_reason: Option<String>,
    /// Why it does not start on its node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting_reason: Option<String>,
}

/// Which revision a pod has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Revision {
    /// An older one.
    Old,
    /// The newest.
    New,
}

/// How far a Job is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JobSummary {
    /// `status.active`.
    pub active: i64,
    /// `status.succeeded`.
    pub succeeded: i64,
    /// `status.failed`.
    pub failed: i64,
    /// `status.terminating`.
    pub terminating: i64,
    /// What it has come to.
    pub condition: JobCondition,
    /// Why it has failed, or will: the reason of its condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a Job has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum JobCondition {
    /// It is under way.
    #[default]
    Active,
    /// `Suspended`.
    Suspended,
    /// `SuccessCriteriaMet`: complete once its pods are gone.
    SuccessCriteriaMet,
    /// `Complete`.
    Complete,
    /// `FailureTarget`: failed once its pods are gone.
    FailureTarget,
    /// `Failed`.
    Failed,
}

/// A budget's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetSummary {
    /// `status.expectedPods`.
    pub expected_pods: i64,
    /// `status.currentHealthy`.
    pub current_healthy: i64,
    /// `status.desiredHealthy`.
    pub desired_healthy: i64,
    /// `status.disruptionsAllowed`.
    pub disruptions_allowed: i64,
}
