//! Which defaults an object gets.

use crate::manifest::Typed;

use super::{autoscaling, batch, cluster, pod, service, storage, webhook, workload};

/// Sets every field that the API server would set when it decodes the object. Admission and what controllers set later
/// are no part of it.
pub fn apply(typed: &mut Typed) {
    match typed {
        Typed::Deployment(deployment) => workload::deployment(deployment),
        Typed::ReplicaSet(replica_set) => workload::replica_set(replica_set),
        Typed::StatefulSet(stateful_set) => workload::stateful_set(stateful_set),
        Typed::DaemonSet(daemon_set) => workload::daemon_set(daemon_set),
        Typed::Job(job) => batch::job(job),
        Typed::CronJob(cron_job) => batch::cron_job(cron_job),
        Typed::Pod(one) => pod::pod(one),
        Typed::Node(node) => cluster::node(node),
        Typed::Namespace(namespace) => cluster::namespace(namespace),
        Typed::Service(one) => service::service(one),
        Typed::PersistentVolumeClaim(claim) => storage::persistent_volume_claim(claim),
        Typed::PersistentVolume(volume) => storage::persistent_volume(volume),
        Typed::LimitRange(limit_range) => cluster::limit_range(limit_range),
        Typed::ResourceQuota(quota) => cluster::resource_quota(quota),
        Typed::PriorityClass(class) => cluster::priority_class(class),
        Typed::RuntimeClass(class) => cluster::runtime_class(class),
        Typed::StorageClass(class) => storage::storage_class(class),
        Typed::CSIDriver(driver) => storage::csi_driver(driver),
        Typed::HorizontalPodAutoscaler(autoscaler) => autoscaling::horizontal_pod_autoscaler(autoscaler),
        Typed::MutatingWebhookConfiguration(object) => webhook::mutating(object),
        Typed::ValidatingWebhookConfiguration(object) => webhook::validating(object),
        // These have none.
        Typed::PodDisruptionBudget(_)
        | Typed::CSINode(_)
        | Typed::CSIStorageCapacity(_)
        | Typed::VolumeAttachment(_)
        | Typed::Checked
        | Typed::Dynamic => {}
    }
}
