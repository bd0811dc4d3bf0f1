//! The admission plugins, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{LimitRange, PodSpec as ApiPodSpec, ResourceQuota};
use k8s_openapi::api::node::v1::RuntimeClass;
use k8s_openapi::api::scheduling::v1::PriorityClass;

use super::refusal::Refusal;
use super::runtime_class::Overhead;
use super::{limit_ranger, priority, resource_quota, runtime_class, service_account, tolerations};
use crate::manifest::{ObjectId, Typed};

/// The objects that admission reads.
#[derive(Debug, Default)]
pub(in crate::model) struct Admission<'a> {
    /// LimitRanges by namespace.
    limit_ranges: BTreeMap<&'a str, Vec<(ObjectId, &'a LimitRange)>>,
    /// ResourceQuotas by namespace.
    resource_quotas: BTreeMap<&'a str, Vec<(ObjectId, &'a ResourceQuota)>>,
    /// PriorityClasses by name.
    pub(super) priority_classes: BTreeMap<&'a str, &'a PriorityClass>,
    /// RuntimeClasses by name.
    pub(super) runtime_classes: BTreeMap<&'a str, &'a RuntimeClass>,
    /// ServiceAccounts by namespace.
    pub(super) service_accounts: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// Whether a pod still has to be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Creation {
    /// It is about to be created.
    New,
    /// It was read from a cluster, where it was admitted when it was created.
    Admitted,
}

/// What became of a pod's specification.
#[derive(Debug)]
pub(in crate::model) struct Admitted {
    /// The specification with all that admission adds. After a refusal it holds what was added until then.
    pub(in crate::model) spec: ApiPodSpec,
    /// Why the pod is not created.
    pub(in crate::model) refusal: Option<Box<Refusal>>,
    /// Whether the pod has an overhead and names no RuntimeClass that would explain it.
    pub(in crate::model) unexplained_overhead: bool,
    /// Quotas that count the pod, by name; whether it still fits into them is another question.
    pub(in crate::model) quotas: Vec<String>,
}

impl<'a> Admission<'a> {
    /// Takes note of an object.
    pub(in crate::model) fn read(&mut self, id: ObjectId, namespace: &'a str, name: &'a str, object: &'a Typed) {
        match object {
            Typed::LimitRange(range) => self.limit_ranges.entry(namespace).or_default().push((id, range)),
            Typed::ResourceQuota(quota) => self.resource_quotas.entry(namespace).or_default().push((id, quota)),
            Typed::PriorityClass(class) => drop(self.priority_classes.insert(name, class)),
            Typed::RuntimeClass(class) => drop(self.runtime_classes.insert(name, class)),
            _ => {}
        }
    }

    /// Takes note of a ServiceAccount.
    pub(in crate::model) fn read_service_account(&mut self, namespace: &'a str, name: &'a str) {
        self.service_accounts.entry(namespace).or_default().insert(name);
    }

    /// Whether the input says which PriorityClasses there are.
    pub(in crate::model) fn knows_priority_classes(&self) -> bool {
        !self.priority_classes.is_empty()
    }

    /// Whether the input says which RuntimeClasses there are.
    pub(in crate::model) fn knows_runtime_classes(&self) -> bool {
        !self.runtime_classes.is_empty()
    }

    /// What becomes of `spec`, which has the API server's defaults, in `namespace`.
    pub(in crate::model) fn admit(&self, namespace: &str, spec: &ApiPodSpec, creation: Creation) -> Admitted {
        let mut admitted =
            Admitted { spec: spec.clone(), refusal: None, unexplained_overhead: false, quotas: Vec::new() };
        match creation {
            Creation::Admitted => return admitted,
            Creation::New => {}
        }
        let ranges = self.limit_ranges.get(namespace).map(Vec::as_slice).unwrap_or_default();
        let quotas = self.resource_quotas.get(namespace).map(Vec::as_slice).unwrap_or_default();
        for (_, range) in ranges {
            limit_ranger::mutate(range, &mut admitted.spec);
        }
        let refused = service_account::admit(self, namespace, spec)
            .and_then(|()| priority::admit(self, &mut admitted.spec))
            .map(|()| tolerations::add_default_tolerations(&mut admitted.spec))
            .and_then(|()| runtime_class::admit(self, &mut admitted.spec))
            .map(|overhead| admitted.unexplained_overhead = overhead == Overhead::AsWritten)
            .and_then(|()| ranges.iter().try_for_each(|(id, range)| limit_ranger::validate(*id, range, &admitted.spec)))
            .and_then(|()| runtime_class::validate(self, &admitted.spec))
            .and_then(|()| {
                quotas.iter().try_for_each(|(id, quota)| resource_quota::validate(*id, quota, &admitted.spec))
            });
        admitted.refusal = refused.err();
        let counted = quotas.iter().filter(|(_, quota)| resource_quota::is_about_pods(quota));
        admitted.quotas = counted.filter_map(|(_, quota)| quota.metadata.name.clone()).collect();
        admitted
    }
}
