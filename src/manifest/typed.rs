//! Typed forms of the built-in kinds that rules and simulation read.

use k8s_openapi::api::{admissionregistration, apps, autoscaling, batch, core, node, policy, scheduling, storage};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// An object's typed form.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each variant is the kind of its name")]
pub enum Typed {
    Deployment(Box<apps::v1::Deployment>),
    ReplicaSet(Box<apps::v1::ReplicaSet>),
    StatefulSet(Box<apps::v1::StatefulSet>),
    DaemonSet(Box<apps::v1::DaemonSet>),
    Job(Box<batch::v1::Job>),
    CronJob(Box<batch::v1::CronJob>),
    Pod(Box<core::v1::Pod>),
    Node(Box<core::v1::Node>),
    Namespace(Box<core::v1::Namespace>),
    Service(Box<core::v1::Service>),
    PersistentVolumeClaim(Box<core::v1::PersistentVolumeClaim>),
    PersistentVolume(Box<core::v1::PersistentVolume>),
    LimitRange(Box<core::v1::LimitRange>),
    ResourceQuota(Box<core::v1::ResourceQuota>),
    PodDisruptionBudget(Box<policy::v1::PodDisruptionBudget>),
    PriorityClass(Box<scheduling::v1::PriorityClass>),
    RuntimeClass(Box<node::v1::RuntimeClass>),
    StorageClass(Box<storage::v1::StorageClass>),
    CSINode(Box<storage::v1::CSINode>),
    CSIDriver(Box<storage::v1::CSIDriver>),
    CSIStorageCapacity(Box<storage::v1::CSIStorageCapacity>),
    VolumeAttachment(Box<storage::v1::VolumeAttachment>),
    HorizontalPodAutoscaler(Box<autoscaling::v2::HorizontalPodAutoscaler>),
    MutatingWebhookConfiguration(Box<admissionregistration::v1::MutatingWebhookConfiguration>),
    ValidatingWebhookConfiguration(Box<admissionregistration::v1::ValidatingWebhookConfiguration>),
    /// A built-in kind of which only its fields' names and types were checked.
    Checked,
    /// A kind that is not built in, kept as its tree; or one that could not be decoded.
    Dynamic,
}

impl Typed {
    /// The object's metadata, where there is a typed form.
    #[must_use]
    pub fn metadata(&self) -> Option<&ObjectMeta> {
        Some(match self {
            Self::Deployment(object) => &object.metadata,
            Self::ReplicaSet(object) => &object.metadata,
            Self::StatefulSet(object) => &object.metadata,
            Self::DaemonSet(object) => &object.metadata,
            Self::Job(object) => &object.metadata,
            Self::CronJob(object) => &object.metadata,
            Self::Pod(object) => &object.metadata,
            Self::Node(object) => &object.metadata,
            Self::Namespace(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::PersistentVolumeClaim(object) => &object.metadata,
            Self::PersistentVolume(object) => &object.metadata,
            Self::LimitRange(object) => &object.metadata,
            Self::ResourceQuota(object) => &object.metadata,
            Self::PodDisruptionBudget(object) => &object.metadata,
            Self::PriorityClass(object) => &object.metadata,
            Self::RuntimeClass(object) => &object.metadata,
            Self::StorageClass(object) => &object.metadata,
            Self::CSINode(object) => &object.metadata,
            Self::CSIDriver(object) => &object.metadata,
            Self::CSIStorageCapacity(object) => &object.metadata,
            Self::VolumeAttachment(object) => &object.metadata,
            Self::HorizontalPodAutoscaler(object) => &object.metadata,
            Self::MutatingWebhookConfiguration(object) => &object.metadata,
            Self::ValidatingWebhookConfiguration(object) => &object.metadata,
            Self::Checked | Self::Dynamic => return None,
        })
    }
}
