//! From documents to objects.

use serde_json::json;

use crate::finding::Severity;
use crate::manifest::built_from_json::node;
use crate::manifest::{Node, Origin, SourceId, SourceMap, Typed};

use super::*;

pub(super) fn assembled(documents: &[serde_json::Value]) -> Assembled {
    let source = source();
    assemble(documents.iter().map(|json| (source, node(json))), &DecodeOptions::default())
}

fn source() -> SourceId {
    SourceMap::default().add("a.yaml", "", Origin::Written)
}

fn rules(assembled: &Assembled) -> Vec<(String, String)> {
    assembled.findings.iter().map(|finding| (finding.rule.to_string(), finding.path.to_string())).collect()
}

fn names(assembled: &Assembled) -> Vec<String> {
    assembled.inventory.iter().map(|(_, object)| object.reference.to_string()).collect()
}

fn config_map(name: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
}

#[test]
fn objects_are_named_by_their_scope() {
    let assembled = assembled(&[
        config_map("a"),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}}),
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "b", "namespace": "c"}}),
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "a-"},
               "spec": {"template": {"metadata": {}, "spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a"}]}}}}),
        json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}),
    ]);
    assert_eq!(
        names(&assembled),
        ["configmap/default/a", "configmap/b/a", "namespace/b", "job/default/a-*", "widget/w"]
    );
    assert_eq!(rules(&assembled), []);
    let kinds: Vec<bool> =
        assembled.inventory.iter().map(|(_, object)| matches!(object.typed, Typed::Dynamic)).collect();
    assert_eq!(kinds, [false, false, false, false, true]);
}

#[test]
fn lists_are_taken_apart() {
    let pod = json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "a"}]}});
    let assembled = assembled(&[
        json!({"apiVersion": "v1", "kind": "List", "items": [config_map("a"), config_map("b"), {"apiVersion": "v1", "kind": "List", "items": [config_map("c")]}]}),
        json!({"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [pod]}),
        json!({"apiVersion": "v1", "kind": "List", "items": []}),
    ]);
    assert_eq!(
        names(&assembled),
        ["configmap/default/a", "configmap/default/b", "configmap/default/c", "pod/default/a"]
    );
    assert_eq!(rules(&assembled), []);
}

#[test]
fn what_is_no_object_is_counted_and_what_is_half_one_is_found() {
    let assembled = assembled(&[
        json!({"replicas": 3}),
        json!(["a"]),
        json!({"apiVersion": "v2", "name": "chart"}),
        json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": []}),
        json!({"apiVersion": "v1", "kind": "Config", "clusters": []}),
        json!({"apiVersion": "quorate.dev/v1alpha1", "kind": "Scenario", "metadata": {"name": "a"}}),
        json!({"apiversion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}),
        json!({"apiVersion": "v1", "kind": 3, "metadata": {"name": "a"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "A_B", "namespace": "a.b"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": 3}}),
    ]);
    assert_eq!(assembled.skipped, 6);
    let found = rules(&assembled);
    let found: Vec<(&str, &str)> = found.iter().map(|(rule, path)| (rule.as_str(), path.as_str())).collect();
    assert_eq!(
        found,
        [
            ("missing-field", "apiVersion"),
            ("wrong-type", "kind"),
            ("missing-field", "metadata.name"),
            ("invalid-name", "metadata.name"),
            ("invalid-name", "metadata.namespace"),
            ("wrong-type", "metadata.name"),
        ]
    );
    assert_eq!(assembled.findings[0].mends[0].change, "write `apiVersion` in place of `apiversion`");
}

#[test]
fn the_same_object_twice_is_found_with_the_first_place() {
    let documents = [config_map("a"), config_map("b"), config_map("a")];
    let trees: Vec<Node> = documents.iter().map(node).collect();
    let assembled = assembled(&documents);
    let [finding] = assembled.findings.as_slice() else { panic!("{:?}", assembled.findings) };
    assert_eq!((&*finding.rule, finding.severity), ("duplicate-object", Severity::Error));
    let name = trees[0].get("metadata").unwrap().get("name").unwrap().span;
    assert_eq!(finding.place.unwrap().span, name);
    assert_eq!(finding.related[0].place.unwrap().span, name);
    assert_eq!(finding.object.as_ref().unwrap().to_string(), "configmap/default/a");
}

#[test]
fn the_same_object_in_two_files_is_a_warning_where_they_differ() {
    let mut sources = SourceMap::default();
    let files = ["a.yaml", "b.yaml", "c.yaml"].map(|name| sources.add(name, "", Origin::Written));
    let changed = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "b"}});
    let documents = [config_map("a"), config_map("a"), changed];
    let found = assemble(files.into_iter().zip(documents.iter().map(node)), &DecodeOptions::default());
    let severities: Vec<Severity> = found.findings.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Info, Severity::Warning]);
    let applied: Vec<SourceId> = found.inventory.applied().map(|(_, object)| object.source).collect();
    assert_eq!(applied, [files[2]]);
}

#[test]
fn encrypted_values_are_not_judged_and_placeholders_are_warnings() {
    let secret = |more: serde_json::Value| {
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"k": "ENC[AES256_GCM,data:a]"}});
        secret.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        secret
    };
    let found = assembled(&[
        secret(json!({"sops": {"mac": "ENC[…]", "version": "3.9.0"}})),
        secret(json!({"metadata": {"name": "b"}})),
        secret(json!({"metadata": {"name": "${NAME}"}, "data": {}})),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "labels": {"a": "{{ .Release.Name }}"}}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "Wrong_${"}}),
    ]);
    let severities: Vec<(&str, Severity)> =
        found.findings.iter().map(|finding| (&*finding.rule, finding.severity)).collect();
    assert_eq!(
        severities,
        [
            ("invalid-value", Severity::Error),
            ("invalid-name", Severity::Warning),
            ("invalid-value", Severity::Warning),
            ("invalid-name", Severity::Error),
        ]
    );
    assert!(found.findings[1].help.as_ref().unwrap().contains("placeholder"));
}

#[test]
fn files_of_programs_are_no_objects() {
    let assembled = assembled(&[
        json!({"apiVersion": "skaffold/v3", "kind": "Config", "metadata": {"name": "app"}}),
        json!({"apiVersion": "release-notes/v2", "kind": "bug-fix", "area": "traffic-management"}),
        json!({"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "a", "links": []}}),
        json!({"apiVersion": "eksctl.io/v1alpha5", "kind": "ClusterConfig", "metadata": {"name": "a", "region": "b"}}),
        json!({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "metadata": {"name": "a"}}),
        json!({"apiVersion": "v1", "kind": "Policy", "predicates": []}),
        json!({"apiVersion": "app/v1", "kind": "Deployment", "metadata": {"name": "a"}}),
    ]);
    assert_eq!(rules(&assembled), [("unknown-kind".to_owned(), "apiVersion".to_owned())]);
    assert_eq!(assembled.skipped, 6);
}

#[test]
fn removed_versions_are_found_and_decoded_as_what_replaces_them() {
    let documents = [
        json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "a"},
               "spec": {"minAvailable": 2, "selector": {"matchLabels": {"a": "b"}}}}),
        json!({"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "a"}, "spec": {"foo": 1}}),
        json!({"apiVersion": "v1", "kind": "Deployment", "metadata": {"name": "a"}}),
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "a"}}),
    ];
    let found = assembled(&documents);
    let rules: Vec<String> = rules(&found).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules, ["removed-api-version", "removed-api-version", "unknown-kind", "deprecated-api-version"]);
    let (_, object) = found.inventory.iter().next().unwrap();
    assert!(matches!(object.typed, Typed::PodDisruptionBudget(_)));
    let old = DecodeOptions { kubernetes_version: "1.20".parse().unwrap() };
    let found = assemble(documents.iter().take(1).map(|json| (source(), node(json))), &old);
    assert!(found.findings.is_empty(), "{:?}", found.findings);
}

#[test]
fn values_of_secrets_are_marked() {
    let json = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"a": "b"}});
    let span = node(&json).get("stringData").unwrap().get("a").unwrap().span;
    let assembled = assembled(&[json]);
    assert_eq!(assembled.secret_places.iter().map(|place| place.span).collect::<Vec<_>>(), [span]);
}
