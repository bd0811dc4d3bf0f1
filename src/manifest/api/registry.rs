//! Every kind that is built into Kubernetes 1.36, with its scope and its decoder.

use k8s_openapi::api::{
    admissionregistration, apiserverinternal, apps, authentication, authorization, autoscaling, batch, certificates,
    coordination, core, discovery, events, flowcontrol, networking, node, policy, rbac, resource, scheduling, storage,
    storagemigration,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration;
use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope, Resource, SubResourceScope};

use crate::manifest::decode::{DecodeProblem, decode_kubernetes};
use crate::manifest::{Node, Typed};

use super::conversion;

/// Whether objects of a kind lie in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// They do.
    Namespaced,
    /// They do not.
    Cluster,
}

/// An object's typed form, before defaults, and what is wrong with its fields.
pub type Decoded = (Typed, Vec<DecodeProblem>);

/// A kind that is built into Kubernetes.
#[derive(Clone, Copy, Debug)]
pub struct BuiltInKind {
    /// `apps/v1`, `v1`.
    pub api_version: &'static str,
    /// `apps`; empty for the core group.
    pub group: &'static str,
    /// `Deployment`.
    pub kind: &'static str,
    /// Whether its objects lie in a namespace.
    pub scope: Scope,
    decode: fn(&Node) -> Decoded,
}

impl BuiltInKind {
    /// Decodes an object of this kind; `apiVersion` and `kind` of `root` are not looked at.
    #[must_use]
    pub fn decode(&self, root: &Node) -> Decoded {
        (self.decode)(root)
    }
}

trait KnownScope {
    const SCOPE: Scope;
}

impl KnownScope for ClusterResourceScope {
    const SCOPE: Scope = Scope::Cluster;
}

impl KnownScope for NamespaceResourceScope {
    const SCOPE: Scope = Scope::Namespaced;
}

impl KnownScope for SubResourceScope {
    const SCOPE: Scope = Scope::Namespaced;
}

const fn row<T: Resource>(decode: fn(&Node) -> Decoded) -> BuiltInKind
where
    T::Scope: KnownScope,
{
    BuiltInKind {
        api_version: T::API_VERSION,
        group: T::GROUP,
        kind: T::KIND,
        scope: <T::Scope as KnownScope>::SCOPE,
        decode,
    }
}

macro_rules! kinds {
    (typed { $($variant:ident $typed:ty,)* } converted { $($older:ty, $convert:path,)* } checked { $($checked:ty,)* }) => {
        &[
            $(row::<$typed>(|root| {
                let (value, problems) = decode_kubernetes::<$typed>(root);
                (value.map_or(Typed::Dynamic, |value| Typed::$variant(Box::new(value))), problems)
            }),)*
            $(row::<$older>(|root| {
                let (value, problems) = decode_kubernetes::<$older>(root);
                (value.map_or(Typed::Dynamic, $convert), problems)
            }),)*
            $(row::<$checked>(|root| {
                let (value, problems) = decode_kubernetes::<$checked>(root);
                (value.map_or(Typed::Dynamic, |_| Typed::Checked), problems)
            }),)*
        ]
    };
}

/// Every built-in kind: first those that rules and simulation read, then older versions of them,
/// then those that are only checked.
pub const fn built_in_kinds() -> &'static [BuiltInKind] {
    KINDS
}

/// The built-in kind of this name.
#[must_use]
pub fn built_in(api_version: &str, kind: &str) -> Option<&'static BuiltInKind> {
    KINDS.iter().find(|known| known.kind == kind && known.api_version == api_version)
}

const KINDS: &[BuiltInKind] = kinds! {
    typed {
        Pod core::v1::Pod,
        Deployment apps::v1::Deployment,
        ReplicaSet apps::v1::ReplicaSet,
        StatefulSet apps::v1::StatefulSet,
        DaemonSet apps::v1::DaemonSet,
        Job batch::v1::Job,
        CronJob batch::v1::CronJob,
        Node core::v1::Node,
        Namespace core::v1::Namespace,
        Service core::v1::Service,
        PersistentVolumeClaim core::v1::PersistentVolumeClaim,
        PersistentVolume core::v1::PersistentVolume,
        LimitRange core::v1::LimitRange,
        ResourceQuota core::v1::ResourceQuota,
        PodDisruptionBudget policy::v1::PodDisruptionBudget,
        PriorityClass scheduling::v1::PriorityClass,
        RuntimeClass node::v1::RuntimeClass,
        StorageClass storage::v1::StorageClass,
        CSINode storage::v1::CSINode,
        CSIDriver storage::v1::CSIDriver,
        CSIStorageCapacity storage::v1::CSIStorageCapacity,
        VolumeAttachment storage::v1::VolumeAttachment,
        HorizontalPodAutoscaler autoscaling::v2::HorizontalPodAutoscaler,
        MutatingWebhookConfiguration admissionregistration::v1::MutatingWebhookConfiguration,
        ValidatingWebhookConfiguration admissionregistration::v1::ValidatingWebhookConfiguration,
    }
    converted {
        autoscaling::v1::HorizontalPodAutoscaler, conversion::horizontal_pod_autoscaler,
    }
    checked {
        core::v1::ConfigMap,
        core::v1::Secret,
        core::v1::ServiceAccount,
        core::v1::Endpoints,
        core::v1::Event,
        core::v1::PodTemplate,
        core::v1::ReplicationController,
        core::v1::Binding,
        core::v1::ComponentStatus,
        networking::v1::Ingress,
        networking::v1::IngressClass,
        networking::v1::NetworkPolicy,
        networking::v1::IPAddress,
        networking::v1::ServiceCIDR,
        networking::v1beta1::IPAddress,
        networking::v1beta1::ServiceCIDR,
        rbac::v1::ClusterRole,
        rbac::v1::ClusterRoleBinding,
        rbac::v1::Role,
        rbac::v1::RoleBinding,
        apps::v1::ControllerRevision,
        autoscaling::v1::Scale,
        policy::v1::Eviction,
        storage::v1::VolumeAttributesClass,
        storage::v1beta1::VolumeAttributesClass,
        apiextensions::v1::CustomResourceDefinition,
        apiregistration::v1::APIService,
        admissionregistration::v1::MutatingAdmissionPolicy,
        admissionregistration::v1::MutatingAdmissionPolicyBinding,
        admissionregistration::v1::ValidatingAdmissionPolicy,
        admissionregistration::v1::ValidatingAdmissionPolicyBinding,
        admissionregistration::v1alpha1::MutatingAdmissionPolicy,
        admissionregistration::v1alpha1::MutatingAdmissionPolicyBinding,
        admissionregistration::v1beta1::MutatingAdmissionPolicy,
        admissionregistration::v1beta1::MutatingAdmissionPolicyBinding,
        apiserverinternal::v1alpha1::StorageVersion,
        authentication::v1::SelfSubjectReview,
        authentication::v1::TokenRequest,
        authentication::v1::TokenReview,
        authorization::v1::LocalSubjectAccessReview,
        authorization::v1::SelfSubjectAccessReview,
        authorization::v1::SelfSubjectRulesReview,
        authorization::v1::SubjectAccessReview,
        certificates::v1::CertificateSigningRequest,
        certificates::v1alpha1::ClusterTrustBundle,
        certificates::v1beta1::ClusterTrustBundle,
        certificates::v1beta1::PodCertificateRequest,
        coordination::v1::Lease,
        coordination::v1alpha2::LeaseCandidate,
        coordination::v1beta1::LeaseCandidate,
        discovery::v1::EndpointSlice,
        events::v1::Event,
        flowcontrol::v1::FlowSchema,
        flowcontrol::v1::PriorityLevelConfiguration,
        resource::v1::DeviceClass,
        resource::v1::ResourceClaim,
        resource::v1::ResourceClaimTemplate,
        resource::v1::ResourceSlice,
        resource::v1alpha3::DeviceTaintRule,
        resource::v1alpha3::ResourcePoolStatusRequest,
        resource::v1beta1::DeviceClass,
        resource::v1beta1::ResourceClaim,
        resource::v1beta1::ResourceClaimTemplate,
        resource::v1beta1::ResourceSlice,
        resource::v1beta2::DeviceClass,
        resource::v1beta2::DeviceTaintRule,
        resource::v1beta2::ResourceClaim,
        resource::v1beta2::ResourceClaimTemplate,
        resource::v1beta2::ResourceSlice,
        scheduling::v1alpha2::PodGroup,
        scheduling::v1alpha2::Workload,
        storagemigration::v1beta1::StorageVersionMigration,
    }
};
