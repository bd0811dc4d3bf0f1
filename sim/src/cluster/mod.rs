//! The state of a cluster: everything that the scheduler, the controllers and the Eviction API read and change.
//!
//! | file | what |
//! | --- | --- |
//! | `name.rs` | interned names |
//! | `labels.rs` | labels and label selectors |
//! | `resources.rs` | amounts of CPU, memory, storage and extended resources |
//! | `node.rs` | nodes, taints, conditions |
//! | `node_pool.rs` | pools that a cluster autoscaler makes larger and smaller |
//! | `pod_template.rs` | what a pod asks for: requests, constraints, times |
//! | `volume.rs` | claims, volumes, classes, drivers; the volumes of pods |
//! | `csi_migration.rs` | in-tree disks as the CSI drivers in their place see them |
//! | `pod.rs` | a pod and where it is in its life |
//! | `pods.rs` | all pods, found by node, controller and label |
//! | `workload.rs` | Deployments, ReplicaSets, StatefulSets, DaemonSets, bare controllers |
//! | `job.rs` | Jobs |
//! | `cron_job.rs` | CronJobs, and the wall clock |
//! | `budget.rs` | PodDisruptionBudgets |
//! | `autoscaler.rs` | HorizontalPodAutoscalers |
//! | `quota.rs` | ResourceQuotas, and what admission reads of a pod |
//! | `webhook.rs` | admission webhooks |
//! | `refusal.rs` | what the API server refuses to create |
//! | `state.rs` | the whole |
//! | `table.rs` | objects by their ids; copies share what is equal |
//! | `time.rs` | virtual time |

mod autoscaler;
mod budget;
mod cron_job;
mod csi_migration;
mod descheduler;
mod job;
mod labels;
mod name;
mod node;
mod node_pool;
mod pod;
mod pod_template;
mod pods;
mod quota;
mod refusal;
mod resources;
mod state;
mod table;
mod time;
mod volume;
mod webhook;
mod workload;

pub use autoscaler::{
    AutoscalerId, AutoscalerMemory, AutoscalerMetric, HorizontalPodAutoscaler, MetricLoad, MetricTarget, PodResource,
    ScalingAmount, ScalingBehavior, ScalingPolicy, ScalingRules, SelectPolicy,
};
pub use budget::{BudgetId, BudgetStatus, BudgetTarget, PodDisruptionBudget, UnhealthyPodEvictionPolicy};
pub use cron_job::{ConcurrencyPolicy, CronJob, CronJobId, CronSchedule, NextTime, WallClock};
pub(crate) use csi_migration::ZONE_DELIMITER;
pub use csi_migration::{AzureDiskKind, InTreeDisk, InTreePlugin, MigratedDisk, MigratedVolume, TranslatedVolume};
pub use descheduler::{
    BalancePlugin, DefaultEvictor, DeschedulerPolicy, DeschedulerProfile, EvictionLimits, NamespaceFilter,
    PodProtection, UtilizationThreshold, UtilizedResource,
};
pub use job::{
    CompletionMode, ExitedContainer, Job, JobEnd, JobFailure, JobId, JobPod, JobSpec, JobStatus, PodEnd,
    PodFailureAction, PodFailureMatch, PodFailureRule, PodReplacementPolicy, SuccessRule,
};
pub use labels::{LabelSelector, Labels, Operator, Requirement};
pub use name::{Names, Symbol};
pub use node::{Effect, Node, NodeFeature, NodeId, NodeReady, Taint};
pub use node_pool::NodePool;
pub use pod::{Deletion, DeletionCause, DeletionOrder, Owner, Phase, Pod, PodId, PodName, Unschedulable};
pub use pod_template::{
    ContainerRequests, Descheduling, HostPort, NodeRequirement, NodeRequirementOperator, NodeSelectorTerm,
    PodAffinityTerm, PodSpec, PodTemplate, PreemptionPolicy, PreferredNodeTerm, PreferredPodTerm, ProfileId, Protocol,
    QosClass, RestartPolicy, SpreadConstraint, SpreadPolicy, Toleration, TolerationOperator, WhenUnsatisfiable,
};
pub use pods::{PodMut, Pods};
pub use quota::{PodAdmission, PriorityClassScope, QuotaAmount, QuotaScope, ResourceQuota, Suffixes};
pub use refusal::{Refusal, RefusalCause};
pub use resources::{NonZeroRequests, Resources};
pub use state::{AdmissionObjects, ClusterState, Namespace, Service, ServiceId};
pub use table::{ObjectMut, Placed, SelectorPlace, Table};
pub use time::{Duration, Time};
pub use volume::{
    AccessMode, Attached, BindingMode, ClaimBinding, ClaimName, ClaimTemplate, ClassName, CsiDriver, CsiNode,
    CsiNodeDriver, CsiStorageCapacity, CsiVolume, DiskIdentity, InlineDisk, PersistentVolume, PersistentVolumeClaim,
    PersistentVolumeSource, PodVolume, ProvisionerKind, Storage, StorageClass, VolumeAssumption, VolumeAttachment,
    VolumeClaim, VolumeMode, VolumeName, VolumeSource,
};
pub use webhook::{AdmissionWebhook, WebhookKind, WebhookRule, WebhookScope};
pub use workload::{
    DaemonSet, DaemonSetId, DaemonSetStrategy, Deployment, DeploymentId, DeploymentStrategy, IntOrPercent,
    PodManagementPolicy, ReplicaSet, ReplicaSetId, StatefulSet, StatefulSetId, StatefulSetStrategy, WorkloadKind,
    WorkloadName,
};
