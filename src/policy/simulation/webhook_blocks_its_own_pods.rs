//! `webhook-blocks-its-own-pods`: a webhook that fails closed, and that has to let its own pods through.

use quorate_sim::admission::circles;
use quorate_sim::cluster::{AdmissionWebhook, WebhookKind};
use quorate_sim::controller::workload_name;
use serde_json::json;

use super::context::{Context, finding_at, related};
use super::words;
use crate::finding::{Finding, Mend, Severity};
use crate::manifest::{Object, Typed};

/// The rule's id.
pub(super) const RULE: &str = "webhook-blocks-its-own-pods";

/// Reports webhooks of which every pod that answers is one that they want to see created. Needs no nodes.
pub(super) fn evaluate(context: &Context<'_>) -> Vec<Finding> {
    let state = &context.model.state;
    let mut findings = Vec::new();
    for circle in circles(state) {
        let Some(webhook) = state.admission.webhooks.get(circle.webhook) else { continue };
        let name = state.names.text(webhook.name);
        let (object, path) = place(context, webhook);
        let workloads: Vec<_> = circle.workloads.iter().filter_map(|id| workload_name(state, *id)).collect();
        let names: Vec<String> = workloads.iter().map(|workload| words::workload(state, *workload)).collect();
        let is_alone = circle.replicas <= 1;
        let severity = if is_alone { Severity::Error } else { Severity::Warning };
        let lost = if is_alone { "is lost" } else { "and all others are lost" };
        let message = format!("no pod of {} comes back once the last one {lost}: webhook {name}", words::list(&names));
        let mut finding = finding_at(RULE, severity, message, object, &path);
        finding.label = "covers the pods that answer it,".to_owned();
        finding.related.extend(workloads.iter().filter_map(|workload| {
            let object = context.workload_object(*workload)?;
            Some(related(object, "spec.template.metadata", "which are these"))
        }));
        finding.why = Some(
            "failurePolicy is Fail: while nobody answers, every pod that the webhook wants to see is refused"
                .to_owned(),
        );
        finding.then = vec![
            "nobody else's pods are created either, until somebody deletes the webhook's configuration".to_owned(),
        ];
        let namespace = state.names.text(webhook.service_namespace);
        finding.mends = vec![
            Mend {
                change: format!(
                    "namespaceSelector: {{matchExpressions: [{{key: kubernetes.io/metadata.name, operator: NotIn, values: [{namespace}]}}]}}"
                ),
                price: Some("its own namespace is not judged".to_owned()),
            },
            Mend {
                change: "failurePolicy: Ignore".to_owned(),
                price: Some("nothing is judged while it is down".to_owned()),
            },
        ];
        finding.evidence = json!({"webhook": name, "workloads": names, "replicas": circle.replicas});
        findings.push(finding);
    }
    findings
}

/// The webhook's configuration, and where in it the webhook stands.
fn place<'a>(context: &Context<'a>, webhook: &AdmissionWebhook) -> (Option<&'a Object>, String) {
    let text = |symbol| context.model.state.names.text(symbol);
    let (configuration, name) = (text(webhook.configuration), text(webhook.name));
    let mut objects = context.inventory.applied().map(|(_, object)| object);
    let found = objects.find_map(|object| {
        if &*object.reference.name != configuration {
            return None;
        }
        let index = match (&object.typed, webhook.kind) {
            (Typed::ValidatingWebhookConfiguration(api), WebhookKind::Validating) => {
                api.webhooks.iter().flatten().position(|own| own.name == name)
            }
            (Typed::MutatingWebhookConfiguration(api), WebhookKind::Mutating) => {
                api.webhooks.iter().flatten().position(|own| own.name == name)
            }
            _ => None,
        }?;
        Some((object, index))
    });
    match found {
        Some((object, index)) => (Some(object), format!("webhooks[{index}].rules")),
        None => (None, String::new()),
    }
}
