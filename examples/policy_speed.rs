//! How long the built-in Rego rules take: `cargo run --release --example policy_speed [OBJECTS [RULE]]`.
//!
//! The objects are made here: namespaces of ten objects each, of the kinds that a repository of manifests has, with the
//! facts that every rule needs. The best of several runs is shown; the first one also pays for cold caches.
#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::time::Instant;

use quorate::manifest::{Entry, Inventory, Node, Object, ObjectReference, Origin, SourceMap, Span, Typed, Value};
use quorate::policy::{Configuration, PolicySet};
use serde_json::{Value as Json, json};

const RUNS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(3_500), |text| text.parse())?;
    let mut sources = SourceMap::default();
    let source = sources.add("generated", "", Origin::Rendered);
    let mut inventory = Inventory::default();
    for json in (0..).flat_map(namespace).take(count) {
        inventory.add(Object { reference: reference(&json), root: node(&json), source, typed: Typed::Dynamic });
    }
    let start = Instant::now();
    let set = PolicySet::builtin()?;
    let include = std::env::args().skip(2).collect();
    let set = set.configure(&Configuration { include, ..Configuration::default() })?;
    println!("{} rules loaded in {:.1?}", set.rules().len(), start.elapsed());
    let facts = facts();
    let mut best = None;
    for run in 0..RUNS {
        let start = Instant::now();
        let evaluation = set.evaluate(&inventory, &facts);
        let taken = start.elapsed();
        println!("run {run}: {count} objects, {} findings in {taken:.1?}", evaluation.findings.len());
        best = best.map_or(Some(taken), |known| Some(taken.min(known)));
    }
    println!("best: {:.1?}", best.unwrap_or_default());
    Ok(())
}

fn facts() -> Json {
    json!({
        "nodes": [{"name": "worker", "count": 3, "instanceType": "CX31"}],
        "prices": {"currency": "EUR", "catalogue": {"CX31": "10.00"}, "monthlyLimit": "46.00"},
        "backups": [{"name": "a", "dataStore": "store/team-0/store", "schedule": "0 * * * *"}],
        "recovery": {"rpo": "1h"},
        "secrets": {"sealing": "sealedSecrets"},
        "delivery": {"approval": "required", "tagForm": "semanticVersion"},
        "exposure": {"ports": [{"port": 443}]},
        "alerts": [{"name": "HighErrorRate", "severity": "critical"}],
    })
}

/// The ten objects of namespace `index`.
fn namespace(index: usize) -> Vec<Json> {
    let name = format!("team-{index}");
    let of = |api_version: &str, kind: &str, object: &str, spec: Json| json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": object, "namespace": name}, "spec": spec});
    let selector = json!({"matchLabels": {"app": "web"}});
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
        of("apps/v1", "Deployment", "web", workload("web", 3, "registry.example/web:1.4.2")),
        of("apps/v1", "Deployment", "api", workload("api", 2, "registry.example/api:v2.0.0")),
        of("apps/v1", "StatefulSet", "store", store()),
        of("v1", "Service", "web", json!({"selector": {"app": "web"}, "ports": [{"port": 80}]})),
        of("policy/v1", "PodDisruptionBudget", "web", json!({"maxUnavailable": 1, "selector": selector})),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": name},
            "data": {"a": "1", "b": "2", "c": "a longer text ".repeat(40)}}),
        of("networking.k8s.io/v1", "NetworkPolicy", "deny", json!({"podSelector": {}, "policyTypes": ["Ingress"]})),
        of("networking.k8s.io/v1", "Ingress", "web", json!({"rules": [{"host": "web.example"}]})),
        of(
            "batch/v1",
            "CronJob",
            "clean",
            json!({"schedule": "0 2 * * *",
            "jobTemplate": {"spec": workload("clean", 1, "registry.example/clean:1.0.0")}}),
        ),
    ]
}

fn workload(name: &str, replicas: u32, image: &str) -> Json {
    json!({"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {
        "metadata": {"labels": {"app": name}},
        "spec": {
            "securityContext": {"runAsNonRoot": true, "runAsUser": 10_000},
            "containers": [container(name, image), container("proxy", "registry.example/proxy:3.1.0")],
        },
    }})
}

fn container(name: &str, image: &str) -> Json {
    json!({"name": name, "image": image, "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
        "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}})
}

fn store() -> Json {
    let mut store = workload("store", 3, "postgres:17.2.0");
    store["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}}]);
    store
}

fn reference(json: &Json) -> ObjectReference {
    let text = |value: &Json| std::sync::Arc::from(value.as_str().unwrap_or_default());
    let metadata = &json["metadata"];
    ObjectReference {
        api_version: text(&json["apiVersion"]),
        kind: text(&json["kind"]),
        namespace: metadata.get("namespace").map(text),
        name: text(&metadata["name"]),
    }
}

fn node(json: &Json) -> Node {
    let value = match json {
        Json::Null => Value::Null,
        Json::Bool(boolean) => Value::Boolean(*boolean),
        Json::Number(number) => Value::Integer(number.as_i64().unwrap_or_default().into()),
        Json::String(text) => Value::String(text.as_str().into()),
        Json::Array(items) => Value::Sequence(items.iter().map(node).collect()),
        Json::Object(entries) => Value::Mapping(
            entries
                .iter()
                .map(|(key, value)| Entry { key: key.as_str().into(), key_span: Span::default(), value: node(value) })
                .collect(),
        ),
    };
    Node { value, span: Span::default() }
}
