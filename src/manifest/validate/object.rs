//! Which checks an object gets.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::manifest::Typed;
use crate::manifest::assemble::report::Report;
use crate::manifest::decode::decode_kubernetes;

use super::at::At;
use super::labels::metadata;
use super::verdict::Verdict;
use super::{batch, pod, policy, service, storage, webhook, workload};

/// Reports what the API server would refuse in an object that was decoded and has its defaults.
pub(in crate::manifest) fn validate(typed: &Typed, report: &mut Report<'_>) {
    let at = At::ROOT.key("metadata");
    let root = report.root();
    let verdict = &mut Verdict::new(report);
    kind(typed, verdict);
    if let Some(of) = typed.metadata() {
        metadata(verdict, &at, of);
    } else if let Some(node) = root.get("metadata") {
        // Its problems were reported when the object was decoded.
        let (of, _) = decode_kubernetes::<ObjectMeta>(node);
        metadata(verdict, &at, &of.unwrap_or_default());
    }
}

fn kind(typed: &Typed, verdict: &mut Verdict<'_, '_>) {
    match typed {
        Typed::Deployment(object) => workload::deployment(verdict, object),
        Typed::ReplicaSet(object) => workload::replica_set(verdict, object),
        Typed::StatefulSet(object) => workload::stateful_set(verdict, object),
        Typed::DaemonSet(object) => workload::daemon_set(verdict, object),
        Typed::Job(object) => batch::job(verdict, object),
        Typed::CronJob(object) => batch::cron_job(verdict, object),
        Typed::Pod(object) => pod::pod(verdict, object),
        Typed::Node(object) => policy::node(verdict, object),
        Typed::Service(object) => service::service(verdict, object),
        Typed::PersistentVolumeClaim(object) => storage::persistent_volume_claim(verdict, &At::ROOT, object),
        Typed::PersistentVolume(object) => storage::persistent_volume(verdict, object),
        Typed::StorageClass(object) => storage::storage_class(verdict, object),
        Typed::PodDisruptionBudget(object) => policy::pod_disruption_budget(verdict, object),
        Typed::PriorityClass(object) => policy::priority_class(verdict, object),
        Typed::HorizontalPodAutoscaler(object) => policy::horizontal_pod_autoscaler(verdict, object),
        Typed::MutatingWebhookConfiguration(object) => webhook::mutating(verdict, object),
        Typed::ValidatingWebhookConfiguration(object) => webhook::validating(verdict, object),
        Typed::Namespace(_)
        | Typed::LimitRange(_)
        | Typed::ResourceQuota(_)
        | Typed::RuntimeClass(_)
        | Typed::CSINode(_)
        | Typed::CSIDriver(_)
        | Typed::CSIStorageCapacity(_)
        | Typed::VolumeAttachment(_)
        | Typed::Checked
        | Typed::Dynamic => {}
    }
}
