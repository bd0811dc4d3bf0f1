//! Admission webhooks: ValidatingWebhookConfigurations and MutatingWebhookConfigurations, as far as they can refuse a request
//! because nobody answers. Source: `staging:api/admissionregistration/v1/types.go`.

use super::labels::LabelSelector;
use super::name::Symbol;

/// One webhook that fails closed (`failurePolicy: Fail`) and is served by a Service of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmissionWebhook {
    /// The configuration that it is part of.
    pub configuration: Symbol,
    /// Its name, a domain: `pods.policy.example.com`.
    pub name: Symbol,
    /// Whether it may change objects; all that may are asked before all that only judge.
    pub kind: WebhookKind,
    /// The namespace of the Service that answers.
    pub service_namespace: Symbol,
    /// The Service's name.
    pub service_name: Symbol,
    /// Requests that it wants to see: one of the rules.
    pub rules: Vec<WebhookRule>,
    /// Namespaces by label; an empty selector: every one, and what is in none.
    pub namespace_selector: LabelSelector,
    /// Objects by label; an empty selector: every one.
    pub object_selector: LabelSelector,
}

/// What a webhook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WebhookKind {
    /// MutatingWebhookConfiguration.
    Mutating,
    /// ValidatingWebhookConfiguration.
    Validating,
}

/// Requests by what they are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRule {
    /// `operations`; `*` is all of them.
    pub operations: Vec<String>,
    /// `apiGroups`, `*` is every one.
    pub api_groups: Vec<String>,
    /// `apiVersions`, `*` is every one.
    pub api_versions: Vec<String>,
    /// `resources`: `pods`, `pods/eviction`, `pods/*`, `*`, `*/*`, `*/scale`.
    pub resources: Vec<String>,
    /// `scope`.
    pub scope: WebhookScope,
}

/// Whether a rule is about objects in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookScope {
    /// Both.
    All,
    /// Only those.
    Namespaced,
    /// Only the others.
    Cluster,
}
