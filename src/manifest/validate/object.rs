//! Which checks an object gets.

use crate::manifest::Typed;
use crate::manifest::assemble::report::Report;

use super::at::At;
use super::labels::metadata;
use super::verdict::Verdict;
use super::{batch, pod, policy, service, storage, workload};

/// Reports what the API server would refuse in an object that was decoded and has its defaults.
pub(in crate::manifest) fn validate(typed: &Typed, report: &mut Report<'_>) {
    let verdict = &mut Verdict::new(report);
    let at = &At::ROOT;
    let of = match typed {
        Typed::Deployment(object) => {
            workload::deployment(verdict, object);
            &object.metadata
        }
        Typed::ReplicaSet(object) => {
            workload::replica_set(verdict, object);
            &object.metadata
        }
        Typed::StatefulSet(object) => {
            workload::stateful_set(verdict, object);
            &object.metadata
        }
        Typed::DaemonSet(object) => {
            workload::daemon_set(verdict, object);
            &object.metadata
        }
        Typed::Job(object) => {
            batch::job(verdict, object);
            &object.metadata
        }
        Typed::CronJob(object) => {
            batch::cron_job(verdict, object);
            &object.metadata
        }
        Typed::Pod(object) => {
            pod::pod(verdict, object);
            &object.metadata
        }
        Typed::Node(object) => {
            policy::node(verdict, object);
            &object.metadata
        }
        Typed::Service(object) => {
            service::service(verdict, object);
            &object.metadata
        }
        Typed::PersistentVolumeClaim(object) => {
            storage::persistent_volume_claim(verdict, at, object);
            &object.metadata
        }
        Typed::PersistentVolume(object) => {
            storage::persistent_volume(verdict, object);
            &object.metadata
        }
        Typed::StorageClass(object) => {
            storage::storage_class(verdict, object);
            &object.metadata
        }
        Typed::PodDisruptionBudget(object) => {
            policy::pod_disruption_budget(verdict, object);
            &object.metadata
        }
        Typed::PriorityClass(object) => {
            policy::priority_class(verdict, object);
            &object.metadata
        }
        Typed::HorizontalPodAutoscaler(object) => {
            policy::horizontal_pod_autoscaler(verdict, object);
            &object.metadata
        }
        Typed::Namespace(object) => &object.metadata,
        Typed::LimitRange(object) => &object.metadata,
        Typed::ResourceQuota(object) => &object.metadata,
        Typed::Checked | Typed::Dynamic => return,
    };
    metadata(verdict, &at.key("metadata"), of);
}
