//! ResourceQuotas and webhooks as the simulation reads them.

use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::{RuleWithOperations, WebhookClientConfig};
use k8s_openapi::api::core::v1::{ResourceQuota as ApiQuota, ScopedResourceSelectorRequirement};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector as ApiSelector;
use quorate_sim::cluster::{
    AdmissionObjects, AdmissionWebhook, ClusterState, PriorityClassScope, QuotaScope, ResourceQuota, Symbol,
    WebhookKind, WebhookRule, WebhookScope,
};

use super::counted::quota_amount;
use super::resource_quota;
use crate::manifest::{Object, Typed};
use crate::model::build::{Assumption, Context};
use crate::model::{labels, requests};

/// Adds what `object` holds requests to, in the place of what an object of the same name has held them to.
pub(in crate::model) fn add(state: &mut ClusterState, context: &Context<'_>, object: &Object) {
    let name = state.intern(&object.reference.name);
    match &object.typed {
        Typed::ResourceQuota(api) => {
            let namespace = state.intern(object.reference.namespace.as_deref().unwrap_or("default"));
            let quota = quota(state, api, namespace, name);
            note_quota(context, api, object.reference.namespace.as_deref().unwrap_or("default"));
            replace(state, |objects| {
                objects.quotas.retain(|own| (own.namespace, own.name) != (namespace, name));
                objects.quotas.push(quota);
            });
        }
        Typed::MutatingWebhookConfiguration(api) => {
            let webhooks = api.webhooks.iter().flatten().map(|own| Read {
                name: &own.name,
                client: &own.client_config,
                fails: own.failure_policy.as_deref() != Some("Ignore"),
                rules: own.rules.as_deref().unwrap_or_default(),
                namespaces: own.namespace_selector.as_ref(),
                objects: own.object_selector.as_ref(),
                has_conditions: own.match_conditions.as_ref().is_some_and(|list| !list.is_empty()),
            });
            let webhooks = webhooks.collect();
            add_webhooks(state, context, (name, WebhookKind::Mutating), webhooks);
        }
        Typed::ValidatingWebhookConfiguration(api) => {
            let webhooks = api.webhooks.iter().flatten().map(|own| Read {
                name: &own.name,
                client: &own.client_config,
                fails: own.failure_policy.as_deref() != Some("Ignore"),
                rules: own.rules.as_deref().unwrap_or_default(),
                namespaces: own.namespace_selector.as_ref(),
                objects: own.object_selector.as_ref(),
                has_conditions: own.match_conditions.as_ref().is_some_and(|list| !list.is_empty()),
            });
            let webhooks = webhooks.collect();
            add_webhooks(state, context, (name, WebhookKind::Validating), webhooks);
        }
        _ => {}
    }
}

fn replace(state: &mut ClusterState, change: impl FnOnce(&mut AdmissionObjects)) {
    let names = Arc::clone(&state.names);
    let objects = Arc::make_mut(&mut state.admission);
    change(objects);
    objects.quotas.sort_by_key(|own| (own.namespace, names.text(own.name).to_owned()));
    objects.webhooks.sort_by_key(|own| (own.kind, names.text(own.configuration).to_owned()));
}

/// What is not counted, or counted of the input alone.
fn note_quota(context: &Context<'_>, api: &ApiQuota, namespace: &str) {
    let name = format!("{namespace}/{}", api.metadata.name.as_deref().unwrap_or_default());
    if resource_quota::is_about_pods(api) {
        assume(context, format!("resourcequota/{name} is taken to be used by the pods of the input alone"));
    }
    if resource_quota::hard(api).any(is_about_other_objects) {
        assume(
            context,
            format!("resourcequota/{name} is taken to have room for claims and ReplicaSets: only pods are counted"),
        );
    }
}

fn assume(context: &Context<'_>, sentence: String) {
    context.assume(Assumption::Sentence(sentence));
}

/// Objects that controllers create, beside pods.
fn is_about_other_objects(name: &str) -> bool {
    matches!(name, "persistentvolumeclaims" | "requests.storage" | "count/persistentvolumeclaims")
        || name.starts_with("count/replicasets")
        || name.contains(".storageclass.storage.k8s.io/")
}

fn quota(state: &mut ClusterState, api: &ApiQuota, namespace: Symbol, name: Symbol) -> ResourceQuota {
    let spec = api.spec.as_ref();
    let hard = requests::amounts(spec.and_then(|spec| spec.hard.as_ref())).into_iter();
    let hard = hard.filter(|(resource, _)| resource_quota::is_of_pods(resource));
    let hard = hard.map(|(resource, amount)| (state.intern(&resource), quota_amount(amount))).collect();
    let mut scopes: Vec<QuotaScope> = Vec::new();
    for scope in spec.iter().flat_map(|spec| spec.scopes.iter().flatten()) {
        scopes.push(plain_scope(scope));
    }
    let selector = spec.and_then(|spec| spec.scope_selector.as_ref());
    for requirement in selector.iter().flat_map(|selector| selector.match_expressions.iter().flatten()) {
        scopes.push(selected_scope(state, requirement));
    }
    ResourceQuota { namespace, name, hard, scopes }
}

fn plain_scope(scope: &str) -> QuotaScope {
    match scope {
        "Terminating" => QuotaScope::Terminating,
        "NotTerminating" => QuotaScope::NotTerminating,
        "BestEffort" => QuotaScope::BestEffort,
        "NotBestEffort" => QuotaScope::NotBestEffort,
        "CrossNamespacePodAffinity" => QuotaScope::CrossNamespacePodAffinity,
        "PriorityClass" => QuotaScope::PriorityClass(PriorityClassScope::Exists),
        _ => QuotaScope::NoPod,
    }
}

fn selected_scope(state: &mut ClusterState, requirement: &ScopedResourceSelectorRequirement) -> QuotaScope {
    if requirement.scope_name != "PriorityClass" {
        return plain_scope(&requirement.scope_name);
    }
    let classes = requirement.values.iter().flatten().map(|class| state.intern(class)).collect();
    QuotaScope::PriorityClass(match requirement.operator.as_str() {
        "NotIn" => PriorityClassScope::NotIn(classes),
        "Exists" => PriorityClassScope::Exists,
        "DoesNotExist" => PriorityClassScope::DoesNotExist,
        _ => PriorityClassScope::In(classes),
    })
}

/// What both kinds of webhooks say.
struct Read<'a> {
    name: &'a str,
    client: &'a WebhookClientConfig,
    fails: bool,
    rules: &'a [RuleWithOperations],
    namespaces: Option<&'a ApiSelector>,
    objects: Option<&'a ApiSelector>,
    has_conditions: bool,
}

fn add_webhooks(
    state: &mut ClusterState,
    context: &Context<'_>,
    (configuration, kind): (Symbol, WebhookKind),
    webhooks: Vec<Read<'_>>,
) {
    let mut read = Vec::new();
    for webhook in webhooks.iter().filter(|webhook| webhook.fails) {
        let Some(service) = &webhook.client.service else {
            let name = webhook.name;
            assume(
                context,
                format!("webhook {name} is served from outside of the cluster: it is taken to answer always"),
            );
            continue;
        };
        if webhook.has_conditions {
            let name = webhook.name;
            assume(context, format!("the matchConditions of webhook {name} are taken to hold for every request"));
        }
        read.push(AdmissionWebhook {
            configuration,
            name: state.intern(webhook.name),
            kind,
            service_namespace: state.intern(&service.namespace),
            service_name: state.intern(&service.name),
            rules: webhook.rules.iter().map(rule).collect(),
            namespace_selector: webhook.namespaces.map(|own| labels::selector(state, own)).unwrap_or_default(),
            object_selector: webhook.objects.map(|own| labels::selector(state, own)).unwrap_or_default(),
        });
    }
    replace(state, |objects| {
        objects.webhooks.retain(|own| (own.configuration, own.kind) != (configuration, kind));
        objects.webhooks.extend(read);
    });
}

fn rule(api: &RuleWithOperations) -> WebhookRule {
    WebhookRule {
        operations: api.operations.clone().unwrap_or_default(),
        api_groups: api.api_groups.clone().unwrap_or_default(),
        api_versions: api.api_versions.clone().unwrap_or_default(),
        resources: api.resources.clone().unwrap_or_default(),
        scope: match api.scope.as_deref() {
            Some("Namespaced") => WebhookScope::Namespaced,
            Some("Cluster") => WebhookScope::Cluster,
            Some(_) | None => WebhookScope::All,
        },
    }
}
