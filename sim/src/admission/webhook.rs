//! Webhooks that fail closed: a request that one wants to see is refused while nobody answers. Sources:
//! `staging:apiserver/pkg/admission/plugin/webhook/predicates/` (rules, namespace, object),
//! `staging:apiserver/pkg/admission/plugin/webhook/validating/dispatcher.go`.

use crate::cluster::{
    AdmissionWebhook, ClusterState, LabelSelector, Labels, PodTemplate, Symbol, WebhookKind, WebhookRule, WebhookScope,
};
use crate::controller::endpoint_slice::{answers, service_named};
use crate::controller::{WorkloadId, all_workloads};

/// What is done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It is created.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
}

impl Operation {
    /// As rules write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// What a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `pods`.
    Pods,
    /// `pods/eviction`.
    PodEvictions,
    /// `replicasets`.
    ReplicaSets,
    /// `deployments`.
    Deployments,
    /// `statefulsets`.
    StatefulSets,
    /// `daemonsets`.
    DaemonSets,
    /// `jobs`.
    Jobs,
    /// `nodes`.
    Nodes,
    /// `deployments/scale`.
    DeploymentScales,
    /// `replicasets/scale`.
    ReplicaSetScales,
    /// `statefulsets/scale`.
    StatefulSetScales,
    /// `pods/binding`: the scheduler.
    PodBindings,
    /// `pods/status`: the kubelet and controllers.
    PodStatuses,
    /// `leases`: heartbeats of nodes.
    Leases,
    /// `endpointslices`.
    EndpointSlices,
}

impl Resource {
    /// Its group, version, resource and subresource.
    const fn parts(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Pods => ("", "v1", "pods", ""),
            Self::PodEvictions => ("", "v1", "pods", "eviction"),
            Self::ReplicaSets => ("apps", "v1", "replicasets", ""),
            Self::Deployments => ("apps", "v1", "deployments", ""),
            Self::StatefulSets => ("apps", "v1", "statefulsets", ""),
            Self::DaemonSets => ("apps", "v1", "daemonsets", ""),
            Self::Jobs => ("batch", "v1", "jobs", ""),
            Self::Nodes => ("", "v1", "nodes", ""),
            Self::DeploymentScales => ("apps", "v1", "deployments", "scale"),
            Self::ReplicaSetScales => ("apps", "v1", "replicasets", "scale"),
            Self::StatefulSetScales => ("apps", "v1", "statefulsets", "scale"),
            Self::PodBindings => ("", "v1", "pods", "binding"),
            Self::PodStatuses => ("", "v1", "pods", "status"),
            Self::Leases => ("coordination.k8s.io", "v1", "leases", ""),
            Self::EndpointSlices => ("discovery.k8s.io", "v1", "endpointslices", ""),
        }
    }
}

/// A request to the API server, as far as webhooks are chosen by it.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What is done.
    pub operation: Operation,
    /// With what.
    pub resource: Resource,
    /// In which namespace; `None`: in none.
    pub namespace: Option<Symbol>,
    /// The object's labels.
    pub labels: &'a Labels,
}

/// Whether the webhook wants to see `request`.
#[must_use]
pub fn is_wanted(state: &ClusterState, webhook: &AdmissionWebhook, request: &Request<'_>) -> bool {
    webhook.rules.iter().any(|rule| rule_matches(rule, request))
        && is_in_namespaces(state, &webhook.namespace_selector, request.namespace)
        && webhook.object_selector.matches(request.labels)
}

fn rule_matches(rule: &WebhookRule, request: &Request<'_>) -> bool {
    let (group, version, resource, subresource) = request.resource.parts();
    let is_named = |items: &[String], wanted: &str| items.iter().any(|item| item == "*" || item == wanted);
    let in_scope = match rule.scope {
        WebhookScope::All => true,
        WebhookScope::Namespaced => request.namespace.is_some(),
        WebhookScope::Cluster => request.namespace.is_none(),
    };
    let names_resource = rule.resources.iter().any(|item| {
        let (own, sub) = item.split_once('/').unwrap_or((item, ""));
        (own == "*" || own == resource) && (sub == "*" || sub == subresource)
    });
    in_scope
        && names_resource
        && is_named(&rule.operations, request.operation.as_str())
        && is_named(&rule.api_groups, group)
        && is_named(&rule.api_versions, version)
}

/// What is in no namespace is never exempt.
fn is_in_namespaces(state: &ClusterState, selector: &LabelSelector, namespace: Option<Symbol>) -> bool {
    let Some(namespace) = namespace else { return true };
    if selector.is_empty() {
        return true;
    }
    match state.namespaces.get(&namespace) {
        Some(own) => selector.matches(&own.labels),
        None => selector.matches(&[(Symbol::NAMESPACE_NAME_LABEL, namespace)].into_iter().collect()),
    }
}

/// Whether somebody answers the webhook's calls. A Service that the state does not hold, or that has no selector, is taken to
/// have somebody.
#[must_use]
pub fn has_answer(state: &ClusterState, webhook: &AdmissionWebhook) -> bool {
    let service = service_named(state, webhook.service_namespace, webhook.service_name);
    service.and_then(|service| answers(state, service)).unwrap_or(true)
}

/// Whether a webhook that pods of the cluster answer for wants to see `request`: it is refused while they do not.
#[must_use]
pub fn rests_on_pods(state: &ClusterState, request: &Request<'_>) -> bool {
    state.admission.webhooks.iter().any(|webhook| {
        let service = || service_named(state, webhook.service_namespace, webhook.service_name);
        is_wanted(state, webhook, request) && service().and_then(|service| answers(state, service)).is_some()
    })
}

/// Whether every webhook that wants to see `request` answers: all that may change objects first.
///
/// # Errors
/// What the API server says of the first that does not.
pub fn judge(state: &ClusterState, request: &Request<'_>) -> Result<(), String> {
    for kind in [WebhookKind::Mutating, WebhookKind::Validating] {
        let own = state.admission.webhooks.iter().filter(|webhook| webhook.kind == kind);
        let mut silent = own.filter(|webhook| is_wanted(state, webhook, request) && !has_answer(state, webhook));
        if let Some(webhook) = silent.next() {
            return Err(silence(state, webhook));
        }
    }
    Ok(())
}

fn silence(state: &ClusterState, webhook: &AdmissionWebhook) -> String {
    let text = |symbol| state.names.text(symbol);
    let (name, service) = (text(webhook.name), text(webhook.service_name));
    let namespace = text(webhook.service_namespace);
    format!(
        "Internal error occurred: failed calling webhook \"{name}\": failed to call webhook: no ready endpoint of service \
         {namespace}/{service}"
    )
}

/// A webhook that has to let its own pods through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookCircle {
    /// Its place in the state's list.
    pub webhook: usize,
    /// The workloads whose pods answer it.
    pub workloads: Vec<WorkloadId>,
    /// How many pods they want together; a DaemonSet's are one a node.
    pub replicas: i64,
}

/// The webhooks of which every pod that answers is one that they want to see created: once the last is gone, none comes back.
#[must_use]
pub fn circles(state: &ClusterState) -> Vec<WebhookCircle> {
    let mut found = Vec::new();
    for (index, webhook) in state.admission.webhooks.iter().enumerate() {
        let Some(service) = service_named(state, webhook.service_namespace, webhook.service_name) else { continue };
        let Some(selector) = service.selector.as_ref().filter(|selector| !selector.is_empty()) else { continue };
        let mut circle = WebhookCircle { webhook: index, workloads: Vec::new(), replicas: 0 };
        let mut is_closed = true;
        for workload in all_workloads(state) {
            let Some((namespace, template, replicas)) = of_workload(state, workload) else { continue };
            if namespace != webhook.service_namespace || !selector.matches(&template.labels) {
                continue;
            }
            let (operation, resource) = (Operation::Create, Resource::Pods);
            let request = Request { operation, resource, namespace: Some(namespace), labels: &template.labels };
            is_closed &= is_wanted(state, webhook, &request);
            circle.workloads.push(workload);
            circle.replicas = circle.replicas.saturating_add(replicas);
        }
        if is_closed && !circle.workloads.is_empty() {
            found.push(circle);
        }
    }
    found
}

fn of_workload(state: &ClusterState, workload: WorkloadId) -> Option<(Symbol, &PodTemplate, i64)> {
    let nodes = i64::try_from(state.nodes.len()).unwrap_or(i64::MAX);
    match workload {
        WorkloadId::Deployment(id) => {
            state.deployments.get(&id).map(|own| (own.namespace, &*own.template, own.replicas))
        }
        WorkloadId::ReplicaSet(id) => {
            state.replica_sets.get(&id).map(|own| (own.namespace, &*own.template, own.replicas))
        }
        WorkloadId::StatefulSet(id) => {
            state.stateful_sets.get(&id).map(|own| (own.namespace, &*own.template, own.replicas))
        }
        WorkloadId::DaemonSet(id) => state.daemon_sets.get(&id).map(|own| (own.namespace, &*own.template, nodes)),
        WorkloadId::Job(id) => {
            state.jobs.get(&id).map(|own| (own.namespace, &*own.spec.template, own.spec.parallelism))
        }
    }
}
