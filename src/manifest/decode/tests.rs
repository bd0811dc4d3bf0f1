//! Decoding of whole objects, and of types of our own.

use k8s_openapi::api::{apps, core};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use proptest::prelude::*;
use serde_json::json;

use crate::manifest::built_from_json::node;

use super::*;

fn problems<T: serde::de::DeserializeOwned + 'static>(json: &serde_json::Value) -> (T, Vec<String>) {
    let (value, problems) = decode_kubernetes::<T>(&node(json));
    (value.unwrap(), problems.iter().map(ToString::to_string).collect())
}

fn deployment(spec: serde_json::Value) -> serde_json::Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec})
}

#[test]
fn all_problems_come_out_in_one_pass_and_the_rest_is_decoded() {
    let (value, found) = problems::<apps::v1::Deployment>(&deployment(json!({
        "replicas": "3",
        "strategy": {"rollingUpdate": {"maxUnavailble": 0, "maxSurge": 1}},
        "paused": "true",
        "template": {"spec": {
            "replicas": 2,
            "containers": [{"name": 7, "image": "a", "resources": {"requests": {"cpu": 0.5, "memory": "1GB"}}}],
            "nodeSelector": {"disk": "ssd", "size": 3},
        }},
    })));
    assert_eq!(
        found,
        [
            "`spec.replicas`: expected an integer (32 bits), found the string \"3\"",
            "unknown field `spec.strategy.rollingUpdate.maxUnavailble`, did you mean \
             `spec.strategy.rollingUpdate.maxUnavailable`?",
            "`spec.paused`: expected a boolean, found the string \"true\"",
            "unknown field `spec.template.spec.replicas`, did you mean `spec.replicas`?",
            "`spec.template.spec.containers[0].name`: expected a string, found the number 7",
            "`spec.template.spec.containers[0].resources.requests.memory`: quantities must match the regular expression \
             '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'; found the string \"1GB\"",
            "`spec.template.spec.nodeSelector.size`: expected a string, found the number 3",
        ]
    );
    let spec = value.spec.unwrap();
    assert_eq!(spec.replicas, None);
    assert_eq!(spec.strategy.unwrap().rolling_update.unwrap().max_surge, Some(IntOrString::Int(1)));
    let pod = spec.template.spec.unwrap();
    let requests = pod.containers[0].resources.as_ref().unwrap().requests.as_ref().unwrap();
    assert_eq!(requests["cpu"].0, "0.5");
    assert_eq!(pod.node_selector.unwrap()["disk"], "ssd");
}

#[test]
fn a_misplaced_field_is_sent_to_where_it_is_known() {
    for (spec, expected) in [
        (json!({"maxUnavailable": 1}), "did you mean `spec.strategy.rollingUpdate.maxUnavailable`?"),
        (json!({"strategy": {"maxSurge": 1}}), "did you mean `spec.strategy.rollingUpdate.maxSurge`?"),
        (json!({"template": {"spec": {"image": "a"}}}), "did you mean `spec.template.spec.containers[].image`?"),
        (
            json!({"template": {"spec": {"containers": [{}, {"nodeSelector": {}}]}}}),
            "did you mean `spec.template.spec.nodeSelector`?",
        ),
        (
            json!({"template": {"spec": {"containers": [{}, {"limits": {}}]}}}),
            "did you mean `spec.template.spec.containers[1].resources.limits`?",
        ),
        (json!({"template": {"spec": {"labels": {}}}}), "did you mean `spec.template.metadata.labels`?"),
    ] {
        let (_, found) = problems::<apps::v1::Deployment>(&deployment(spec.clone()));
        assert_eq!(found.len(), 1, "{spec}");
        assert!(found[0].ends_with(expected), "{spec}: {found:?}");
    }
    let (_, found) = problems::<apps::v1::Deployment>(&json!({"replicas": 3}));
    assert_eq!(found, ["unknown field `replicas`, did you mean `spec.replicas`?"]);
}

#[test]
fn a_problem_is_shown_where_it_stands() {
    let json = deployment(json!({"replicas": "3", "replcas": 1, "strategy": []}));
    let root = node(&json);
    let spec = root.get("spec").unwrap();
    let (_, found) = decode_kubernetes::<apps::v1::Deployment>(&root);
    let spans: Vec<_> = found.iter().map(|problem| problem.span).collect();
    assert_eq!(
        spans,
        [
            spec.get("replicas").unwrap().span,
            spec.entry("replcas").unwrap().key_span,
            spec.get("strategy").unwrap().span
        ]
    );
}

#[test]
fn reads_as_the_go_decoder_reads() {
    let (value, found) = problems::<apps::v1::Deployment>(&deployment(json!({
        "replicas": 3.0,
        "paused": null,
        "template": {"metadata": {"creationTimestamp": null, "labels": {"a": null}}, "spec": {"containers": [null]}},
        "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1.0}},
    })));
    assert_eq!(found, [""; 0]);
    let spec = value.spec.unwrap();
    assert_eq!(spec.replicas, Some(3));
    assert_eq!(spec.strategy.unwrap().rolling_update.unwrap().max_unavailable, Some(IntOrString::Int(1)));
    assert_eq!(spec.template.metadata.unwrap().labels.unwrap()["a"], "");
    assert_eq!(spec.template.spec.unwrap().containers.len(), 1);
    for (spec, path) in [
        (json!({"replicas": 3.5}), "spec.replicas"),
        (json!({"replicas": 2_147_483_648_u64}), "spec.replicas"),
        (json!({"replicas": true}), "spec.replicas"),
        (json!({"replicas": []}), "spec.replicas"),
        (json!({"strategy": {"rollingUpdate": {"maxSurge": 0.5}}}), "spec.strategy.rollingUpdate.maxSurge"),
        (json!({"strategy": {"rollingUpdate": {"maxSurge": true}}}), "spec.strategy.rollingUpdate.maxSurge"),
        (json!({"template": {"spec": {"containers": {}}}}), "spec.template.spec.containers"),
        (json!({"template": {"spec": {"containers": ["a"]}}}), "spec.template.spec.containers[0]"),
        (json!({"template": []}), "spec.template"),
        (json!("a"), "spec"),
    ] {
        let (_, found) = decode_kubernetes::<apps::v1::Deployment>(&node(&deployment(spec.clone())));
        let paths: Vec<String> = found.iter().map(|problem| problem.path.to_string()).collect();
        assert_eq!(paths, [path], "{spec}");
    }
}

#[test]
fn a_secret_keeps_its_secrets() {
    let json = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": 3}, "type": "Opaque",
        "data": {"good": "aGk=", "lines": "aGk\n=\n", "bad": "hunter2!"}, "stringData": {"pin": 4711}});
    let (value, problems) = decode_kubernetes::<core::v1::Secret>(&node(&json));
    let data = value.unwrap().data.unwrap();
    assert_eq!(data["good"].0, b"hi");
    assert_eq!(data["lines"].0, b"hi");
    let text = format!("{problems:?}");
    assert!(!text.contains("hunter2") && !text.contains("4711"), "{text}");
    let paths: Vec<String> = problems.iter().map(|problem| problem.path.to_string()).collect();
    assert_eq!(paths, ["metadata.name", "data.bad", "stringData.pin"]);
}

#[derive(Debug, serde::Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Pools {
    pools: Vec<Pool>,
    #[serde(default)]
    currency: Option<Currency>,
}

#[derive(Debug, serde::Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Pool {
    name: Name,
    count: u32,
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, serde::Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum Currency {
    Eur,
    Usd,
}

#[derive(Debug, serde::Deserialize, PartialEq)]
#[serde(try_from = "String")]
struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() { Err("a pool needs a name".to_owned()) } else { Ok(Self(text)) }
    }
}

#[test]
fn types_of_our_own_are_decoded_with_all_their_problems() {
    let (value, found) = decode::<Pools>(&node(&json!({
        "pools": [{"name": "a", "count": 3, "label": {}}, {"name": "", "count": -1}, {"count": "2"}, null],
        "currency": "EURO",
        "pols": [],
    })));
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(value.map(|pools| pools.pools.len()), Some(1));
    assert_eq!(
        found,
        [
            "unknown field `pools[0].label`, did you mean `pools[0].labels`?",
            "`pools[1].name`: a pool needs a name; found the string \"\"",
            "`pools[1].count`: expected an integer from 0 (32 bits), found the number -1",
            "`pools[2].count`: expected an integer from 0 (32 bits), found the string \"2\"",
            "missing field `pools[2].name`",
            "`pools[3]`: expected a value, found nothing",
            "`currency`: expected one of EUR, USD; found the string \"EURO\"",
            "unknown field `pols`, did you mean `pools`?",
        ]
    );
    let (value, found) = decode::<Pools>(&node(&json!({"pools": null, "currency": "EUR"})));
    assert_eq!((value, found.len()), (None, 1));
    assert_eq!(found[0].to_string(), "missing field `pools`");
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|boolean| json!(boolean)),
        any::<i64>().prop_map(|integer| json!(integer)),
        any::<f64>().prop_map(|float| json!(float)),
        "[a-z0-9%:.-]{0,8}".prop_map(|text| json!(text)),
    ];
    let key = prop::sample::select(vec![
        "spec",
        "template",
        "containers",
        "metadata",
        "labels",
        "resources",
        "limits",
        "cpu",
        "name",
        "strategy",
        "ports",
        "rollingUpdate",
        "maxSurge",
        "other",
        "creationTimestamp",
        "affinity",
        "volumes",
        "env",
        "kind",
        "apiVersion",
    ]);
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| json!(items)),
            prop::collection::hash_map(key.clone(), inner, 0..6).prop_map(|entries| json!(entries)),
        ]
    })
}

proptest! {
    #[test]
    fn every_tree_is_decoded_and_every_problem_lies_in_it(json in any_json()) {
        let root = node(&json);
        let (value, found) = decode_kubernetes::<apps::v1::Deployment>(&root);
        prop_assert!(value.is_some());
        for problem in found {
            prop_assert!(root.at(&problem.path).is_some(), "{}", problem.path);
        }
    }

    #[test]
    fn what_was_decoded_without_problem_decodes_again_to_the_same(json in any_json()) {
        let root = node(&json!({"spec": json}));
        let (value, found) = decode_kubernetes::<apps::v1::Deployment>(&root);
        if found.is_empty() {
            let again = serde_json::to_value(&value).unwrap();
            prop_assert_eq!(decode_kubernetes::<apps::v1::Deployment>(&node(&again)), (value, found));
        }
    }
}
