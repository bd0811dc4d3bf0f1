//! Custom resources against their definitions.

use serde_json::{Value, json};

use crate::finding::Finding;
use crate::manifest::assemble::{Assembled, DecodeOptions, assemble};
use crate::manifest::built_from_json::node;
use crate::manifest::{Origin, SourceMap};

fn definition(scope: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": scope, "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [
                {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                    "type": "object", "required": ["spec"],
                    "properties": {"spec": spec, "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}},
                }}},
                {"name": "v1alpha1", "served": false, "storage": false, "schema": {"openAPIV3Schema": {"type": "object"}}},
            ],
        },
    })
}

fn widget(version: &str, spec: Value) -> Value {
    json!({"apiVersion": format!("example.com/{version}"), "kind": "Widget", "metadata": {"name": "w"}, "spec": spec})
}

fn assembled(documents: &[Value]) -> Assembled {
    let source = SourceMap::default().add("a.yaml", "", Origin::Written);
    assemble(documents.iter().map(|json| (source, node(json))), &DecodeOptions::default())
}

fn found(schema: Value, spec: Value) -> Vec<String> {
    let assembled = assembled(&[widget("v1", spec), definition("Namespaced", schema)]);
    assembled.findings.iter().map(|finding: &Finding| format!("{}: {}", finding.rule, finding.message)).collect()
}

#[test]
fn each_keyword_is_found_at_its_path() {
    let schema = json!({
        "type": "object", "required": ["size", "mode"],
        "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 5},
            "mode": {"type": "string", "default": "a"},
            "kind": {"type": "string", "enum": ["Fast", "Slow"]},
            "name": {"type": "string", "pattern": "^[a-z]+$"},
            "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
            "note": {"type": "string", "nullable": true},
            "items": {"type": "array", "maxItems": 1, "items": {"type": "object", "properties": {"a": {"type": "boolean"}}}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    });
    assert_eq!(
        found(
            schema.clone(),
            json!({"size": 3.0, "kind": "Fast", "name": "a", "port": "http", "note": null,
            "items": [{"a": true}], "free": {"b": 1}, "labels": {"x": "y"}})
        ),
        [""; 0]
    );
    assert_eq!(
        found(
            schema,
            json!({"size": 9, "kind": "Fsat", "name": "A", "port": true, "note": 1,
            "items": [{"a": 1, "bb": 2}, {}], "free": {}, "labels": {"x": 1}, "nmae": "a"})
        ),
        [
            "unknown-field: unknown field `spec.items[0].bb`",
            "unknown-field: unknown field `spec.nmae`, did you mean `spec.name`?",
            "custom-resource-invalid: `spec.size`: must be at most 5",
            "custom-resource-invalid: `spec.kind`: must be one of Fast, Slow",
            "custom-resource-invalid: `spec.name`: must match ^[a-z]+$",
            "custom-resource-invalid: `spec.port`: must be of type integer or string",
            "custom-resource-invalid: `spec.note`: must be of type null or string",
            "custom-resource-invalid: `spec.items`: must have at most 1 items",
            "custom-resource-invalid: `spec.items[0].a`: must be of type boolean",
            "custom-resource-invalid: `spec.labels.x`: must be of type string",
        ]
    );
    let schema = json!({"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}});
    assert_eq!(found(schema, json!({})), ["custom-resource-invalid: `spec.size`: is required"]);
}

#[test]
fn scope_and_versions_come_from_the_definition() {
    let spec = json!({"type": "object", "x-kubernetes-validations": [{"rule": "true"}]});
    let cluster =
        assembled(&[definition("Cluster", spec.clone()), widget("v1", json!({})), widget("v1alpha1", json!({}))]);
    let names: Vec<String> = cluster.inventory.iter().map(|(_, object)| object.reference.to_string()).collect();
    assert_eq!(names[1], "widget/w");
    let rules: Vec<&str> = cluster.findings.iter().map(|finding| &*finding.rule).collect();
    assert_eq!(rules, ["unknown-kind", "duplicate-object"]);
    assert_eq!(cluster.not_evaluated.len(), 1);
    assert!(cluster.not_evaluated[0].needs.contains("CEL"), "{:?}", cluster.not_evaluated);
    let namespaced = assembled(&[definition("Namespaced", spec), widget("v1", json!({}))]);
    let names: Vec<String> = namespaced.inventory.iter().map(|(_, object)| object.reference.to_string()).collect();
    assert_eq!(names[1], "widget/default/w");
}

#[test]
fn metadata_is_checked_without_a_definition_too_and_what_is_missing_is_said() {
    let mut json = widget("v1", json!({"anything": 1}));
    json["metadata"]["lables"] = json!({});
    let assembled = assembled(&[json]);
    let messages: Vec<&str> = assembled.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["unknown field `metadata.lables`, did you mean `metadata.labels`?"]);
    assert_eq!(assembled.not_evaluated[0].needs, "the CustomResourceDefinition of Widget (example.com)");
}

#[test]
fn a_list_that_keeps_unknown_fields_keeps_them_in_its_items() {
    let schema = json!({
        "type": "object",
        "properties": {
            "kept": {"type": "array", "x-kubernetes-preserve-unknown-fields": true, "items": {
                "type": "object", "properties": {"known": {"type": "object"}},
            }},
            "dropped": {"type": "array", "items": {"type": "object"}},
        },
    });
    let items = json!([{"pipeline.id": "main", "known": {"unknown": 1}}]);
    assert_eq!(
        found(schema, json!({"kept": items.clone(), "dropped": items})),
        [
            "unknown-field: unknown field `spec.kept[0].known.unknown`",
            "unknown-field: unknown field `spec.dropped[0][pipeline.id]`",
            "unknown-field: unknown field `spec.dropped[0].known`",
        ]
    );
}
