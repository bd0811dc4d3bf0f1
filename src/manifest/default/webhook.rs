//! ValidatingWebhookConfiguration and MutatingWebhookConfiguration (`pkg/apis/admissionregistration/v1/defaults.go`).

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, RuleWithOperations, ValidatingWebhookConfiguration, WebhookClientConfig,
};

use super::absent::{items, pointer};

const SERVICE_PORT: i32 = 443;
const TIMEOUT_SECONDS: i32 = 10;

/// Sets what a webhook leaves out; both kinds have these fields.
macro_rules! defaults {
    ($webhook:expr) => {{
        let webhook = $webhook;
        pointer(&mut webhook.failure_policy, "Fail");
        pointer(&mut webhook.match_policy, "Equivalent");
        webhook.namespace_selector.get_or_insert_default();
        webhook.object_selector.get_or_insert_default();
        pointer(&mut webhook.timeout_seconds, TIMEOUT_SECONDS);
        client(&mut webhook.client_config);
        items(&mut webhook.rules).for_each(rule);
    }};
}

pub(super) fn validating(configuration: &mut ValidatingWebhookConfiguration) {
    for webhook in items(&mut configuration.webhooks) {
        defaults!(webhook);
    }
}

pub(super) fn mutating(configuration: &mut MutatingWebhookConfiguration) {
    for webhook in items(&mut configuration.webhooks) {
        defaults!(&mut *webhook);
        pointer(&mut webhook.reinvocation_policy, "Never");
    }
}

fn client(client: &mut WebhookClientConfig) {
    if let Some(service) = &mut client.service {
        pointer(&mut service.port, SERVICE_PORT);
    }
}

fn rule(rule: &mut RuleWithOperations) {
    pointer(&mut rule.scope, "*");
}
