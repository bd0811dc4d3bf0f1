//! ValidatingWebhookConfiguration and MutatingWebhookConfiguration
//! (`pkg/apis/admissionregistration/validation/validation.go`), as far as the simulation relies on them.

use std::collections::BTreeSet;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, RuleWithOperations, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::at::At;
use super::labels;
use super::verdict::Verdict;

const OPERATIONS: [&str; 5] = ["CREATE", "UPDATE", "DELETE", "CONNECT", "*"];

/// One webhook of either kind.
struct Webhook<'a> {
    name: &'a str,
    client: &'a WebhookClientConfig,
    failure_policy: Option<&'a str>,
    match_policy: Option<&'a str>,
    side_effects: &'a str,
    selectors: [(&'static str, Option<&'a LabelSelector>); 2],
    rules: &'a [RuleWithOperations],
    timeout_seconds: Option<i32>,
}

macro_rules! webhook {
    ($webhook:expr) => {
        Webhook {
            name: &$webhook.name,
            client: &$webhook.client_config,
            failure_policy: $webhook.failure_policy.as_deref(),
            match_policy: $webhook.match_policy.as_deref(),
            side_effects: &$webhook.side_effects,
            selectors: [
                ("namespaceSelector", $webhook.namespace_selector.as_ref()),
                ("objectSelector", $webhook.object_selector.as_ref()),
            ],
            rules: $webhook.rules.as_deref().unwrap_or_default(),
            timeout_seconds: $webhook.timeout_seconds,
        }
    };
}

pub(super) fn validating(verdict: &mut Verdict<'_, '_>, configuration: &ValidatingWebhookConfiguration) {
    let webhooks: Vec<Webhook<'_>> = configuration.webhooks.iter().flatten().map(|own| webhook!(own)).collect();
    check_all(verdict, &webhooks);
}

pub(super) fn mutating(verdict: &mut Verdict<'_, '_>, configuration: &MutatingWebhookConfiguration) {
    let webhooks: Vec<Webhook<'_>> = configuration.webhooks.iter().flatten().map(|own| webhook!(own)).collect();
    check_all(verdict, &webhooks);
}

fn check_all(verdict: &mut Verdict<'_, '_>, webhooks: &[Webhook<'_>]) {
    let list = At::ROOT.key("webhooks");
    let mut names = BTreeSet::new();
    for (index, webhook) in webhooks.iter().enumerate() {
        let at = &list.index(index);
        if !webhook.name.is_empty() && !names.insert(webhook.name) {
            verdict.invalid(&at.key("name"), &format!("two webhooks are named {:?}", webhook.name));
        }
        check(verdict, at, webhook);
    }
}

fn check(verdict: &mut Verdict<'_, '_>, at: &At<'_>, webhook: &Webhook<'_>) {
    if webhook.name.split('.').filter(|part| !part.is_empty()).count() < 3 {
        let message =
            format!("should be a domain with at least three segments separated by dots, and is {:?}", webhook.name);
        verdict.invalid(&at.key("name"), &message);
    }
    verdict.one_of(&at.key("failurePolicy"), webhook.failure_policy, &["Ignore", "Fail"]);
    verdict.one_of(&at.key("matchPolicy"), webhook.match_policy, &["Exact", "Equivalent"]);
    verdict.one_of(&at.key("sideEffects"), Some(webhook.side_effects), &["None", "NoneOnDryRun"]);
    if let Some(seconds) = webhook.timeout_seconds.filter(|seconds| !(1..=30).contains(seconds)) {
        verdict.invalid(&at.key("timeoutSeconds"), &format!("must be between 1 and 30, and is {seconds}"));
    }
    for (key, selector) in webhook.selectors {
        labels::selector(verdict, &at.key(key), selector);
    }
    client(verdict, &at.key("clientConfig"), webhook.client);
    let rules = at.key("rules");
    for (index, own) in webhook.rules.iter().enumerate() {
        rule(verdict, &rules.index(index), own);
    }
}

fn client(verdict: &mut Verdict<'_, '_>, at: &At<'_>, client: &WebhookClientConfig) {
    if client.url.is_some() == client.service.is_some() {
        verdict.invalid(at, "exactly one of url or service is required");
    }
}

fn rule(verdict: &mut Verdict<'_, '_>, at: &At<'_>, rule: &RuleWithOperations) {
    let lists = [
        ("operations", &rule.operations),
        ("apiGroups", &rule.api_groups),
        ("apiVersions", &rule.api_versions),
        ("resources", &rule.resources),
    ];
    for (key, list) in lists {
        let items = list.as_deref().unwrap_or_default();
        let here = at.key(key);
        if items.is_empty() {
            verdict.invalid(&here, "is required");
        } else if key != "resources" && items.len() > 1 && items.iter().any(|item| item == "*") {
            verdict.invalid(&here, "if '*' is present, nothing else may be");
        }
    }
    let operations = at.key("operations");
    for (index, operation) in rule.operations.iter().flatten().enumerate() {
        verdict.one_of(&operations.index(index), Some(operation), &OPERATIONS);
    }
    verdict.one_of(&at.key("scope"), rule.scope.as_deref(), &["Cluster", "Namespaced", "*"]);
}
