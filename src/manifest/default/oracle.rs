//! Agreement with the real defaults: `fixtures/oracle/1.36.3/defaults.jsonl` holds what they made of objects.

use serde_json::{Map, Value, json};

use crate::manifest::Typed;
use crate::manifest::api::built_in;
use crate::manifest::built_from_json::node;
use crate::manifest::decode::parse_quantity;

use super::apply;

/// Structs and maps of which Go or k8s-openapi cannot say whether they are absent or empty.
const EMPTY_IS_ABSENT: &[&str] = &[
    "metadata",
    "spec",
    "status",
    "resources",
    "strategy",
    "updateStrategy",
    "loadBalancer",
    "template",
    "requests",
    "default",
    "selector",
    "daemonEndpoints",
    "kubeletEndpoint",
    "nodeInfo",
];
/// Texts whose default is empty; any other empty text is an absent one.
const EMPTY_IS_A_DEFAULT: &[&str] = &["type", "service"];
/// Where amounts stand: the real decoder writes them in another form.
const AMOUNTS: &[&str] = &[
    "limits",
    "requests",
    "capacity",
    "allocatable",
    "hard",
    "used",
    "max",
    "min",
    "default",
    "defaultRequest",
    "maxLimitRequestRatio",
    "overhead",
    "allocatedResources",
];

/// Brings what Go writes and what k8s-openapi writes to one form.
fn normal(value: Value, key: &str) -> Value {
    match value {
        Value::Object(entries) => {
            let is_amounts = AMOUNTS.contains(&key);
            let mut normal_entries = Map::new();
            for (name, value) in entries {
                let value = if is_amounts { amount(value) } else { normal(value, &name) };
                if !is_nothing(&name, &value, key) {
                    normal_entries.insert(name, value);
                }
            }
            normal_entries.sort_keys();
            Value::Object(normal_entries)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| normal(item, key)).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn is_nothing(name: &str, value: &Value, parent: &str) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty() && EMPTY_IS_ABSENT.contains(&name),
        Value::String(text) if name == "divisor" => text == "0",
        // k8s-openapi writes them for the objects inside an object too.
        Value::String(_) if parent == "volumeClaimTemplates" => matches!(name, "apiVersion" | "kind"),
        Value::String(text) => text.is_empty() && !EMPTY_IS_A_DEFAULT.contains(&name),
        // Counts that no one has set yet.
        Value::Number(number) => number.as_i64() == Some(0) && (parent == "status" || name == "Port"),
        Value::Bool(_) => false,
    }
}

fn amount(value: Value) -> Value {
    match value.as_str().map(parse_quantity) {
        Some(Ok(quantity)) => json!(format!("{} milli", quantity.milli())),
        Some(Err(_)) | None => value,
    }
}

fn json_of(typed: &Typed) -> Option<Value> {
    let json = match typed {
        Typed::Deployment(object) => serde_json::to_value(object),
        Typed::ReplicaSet(object) => serde_json::to_value(object),
        Typed::StatefulSet(object) => serde_json::to_value(object),
        Typed::DaemonSet(object) => serde_json::to_value(object),
        Typed::Job(object) => serde_json::to_value(object),
        Typed::CronJob(object) => serde_json::to_value(object),
        Typed::Pod(object) => serde_json::to_value(object),
        Typed::Node(object) => serde_json::to_value(object),
        Typed::Namespace(object) => serde_json::to_value(object),
        Typed::Service(object) => serde_json::to_value(object),
        Typed::PersistentVolumeClaim(object) => serde_json::to_value(object),
        Typed::PersistentVolume(object) => serde_json::to_value(object),
        Typed::LimitRange(object) => serde_json::to_value(object),
        Typed::ResourceQuota(object) => serde_json::to_value(object),
        Typed::PodDisruptionBudget(object) => serde_json::to_value(object),
        Typed::PriorityClass(object) => serde_json::to_value(object),
        Typed::RuntimeClass(object) => serde_json::to_value(object),
        Typed::StorageClass(object) => serde_json::to_value(object),
        Typed::CSINode(object) => serde_json::to_value(object),
        Typed::CSIDriver(object) => serde_json::to_value(object),
        Typed::CSIStorageCapacity(object) => serde_json::to_value(object),
        Typed::VolumeAttachment(object) => serde_json::to_value(object),
        Typed::HorizontalPodAutoscaler(object) => serde_json::to_value(object),
        Typed::MutatingWebhookConfiguration(object) => serde_json::to_value(object),
        Typed::ValidatingWebhookConfiguration(object) => serde_json::to_value(object),
        Typed::Checked | Typed::Dynamic => return None,
    };
    Some(json.unwrap())
}

/// The paths at which the two differ, with both values.
fn differences(path: &str, wanted: &Value, found: &Value, into: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(left), Value::Object(right)) => {
            let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let (left, right) = (left.get(key), right.get(key));
                differences(
                    &format!("{path}.{key}"),
                    left.unwrap_or(&Value::Null),
                    right.unwrap_or(&Value::Null),
                    into,
                );
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                differences(&format!("{path}[{index}]"), left, right, into);
            }
        }
        (left, right) if left == right => {}
        (left, right) => into.push(format!("{path}: wanted {left}, found {right}")),
    }
}

#[test]
fn agrees_with_the_real_defaults() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/oracle/1.36.3/defaults.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let (mut compared, mut all) = (0, Vec::new());
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let input = &case["input"];
        let name = |key: &str| input[key].as_str().unwrap_or_default();
        let Some(known) =
            built_in(name("apiVersion"), name("kind")).filter(|known| known.api_version != "autoscaling/v1")
        else {
            continue;
        };
        let (mut typed, problems) = known.decode(&node(input));
        assert!(problems.is_empty(), "{}: {problems:?}", case["id"]);
        apply(&mut typed);
        let Some(found) = json_of(&typed) else { continue };
        compared += 1;
        let id = case["id"].as_str().unwrap_or_default();
        differences(id, &normal(case["output"].clone(), ""), &normal(found, ""), &mut all);
    }
    assert!(all.is_empty(), "{} differences in {compared} objects:\n{}", all.len(), all.join("\n"));
    assert!(compared > 100, "only {compared} objects were compared");
}
