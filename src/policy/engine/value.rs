//! JSON and manifest trees as Rego values.

use std::collections::BTreeMap;
use std::sync::Arc;

use regorus::Value;

use crate::manifest::{Node, Object, Value as Tree};

/// What a policy sees in place of a Secret's value.
const REDACTED: &str = "(redacted)";

/// The annotation in which `kubectl apply` keeps a copy of the whole object, a Secret's values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The object as Rego's `input`. Of a Secret the keys are there and the values are not: a policy's message, its `print` and
/// the text of an evaluation error can all carry what the policy saw.
pub(super) fn from_object(object: &Object) -> Value {
    let is_secret = &*object.reference.kind == "Secret" && &*object.reference.api_version == "v1";
    if is_secret { secret(&object.root) } else { from_node(&object.root) }
}

fn secret(root: &Node) -> Value {
    let Tree::Mapping(entries) = &root.value else { return from_node(root) };
    object_value(entries.iter().map(|entry| {
        let value = match &*entry.key {
            "data" | "stringData" => redact(&entry.value),
            "metadata" => without_last_applied(&entry.value),
            _ => from_node(&entry.value),
        };
        (Arc::clone(&entry.key), value)
    }))
}

fn redact(node: &Node) -> Value {
    match &node.value {
        Tree::Null => Value::Null,
        Tree::Mapping(entries) => {
            object_value(entries.iter().map(|entry| (Arc::clone(&entry.key), Value::from(REDACTED))))
        }
        Tree::Boolean(_) | Tree::Integer(_) | Tree::Float(_) | Tree::String(_) | Tree::Sequence(_) => {
            Value::from(REDACTED)
        }
    }
}

fn without_last_applied(metadata: &Node) -> Value {
    let mut value = from_node(metadata);
    let key = Value::from(LAST_APPLIED);
    if let Ok(fields) = value.as_object_mut()
        && let Some(annotations) = fields.get_mut(&Value::from("annotations"))
        && let Ok(annotations) = annotations.as_object_mut()
        && annotations.contains_key(&key)
    {
        annotations.insert(key, Value::from(REDACTED));
    }
    value
}

/// The tree as a Rego value; texts are shared, not copied.
pub(super) fn from_node(node: &Node) -> Value {
    match &node.value {
        Tree::Null => Value::Null,
        Tree::Boolean(boolean) => Value::Bool(*boolean),
        Tree::Integer(integer) => Value::from(*integer),
        Tree::Float(float) => Value::from(*float),
        Tree::String(text) => Value::String(Arc::clone(text)),
        Tree::Sequence(items) => Value::from(items.iter().map(from_node).collect::<Vec<_>>()),
        Tree::Mapping(entries) => {
            object_value(entries.iter().map(|entry| (Arc::clone(&entry.key), from_node(&entry.value))))
        }
    }
}

/// JSON as a Rego value.
pub(in crate::policy) fn from_json(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(boolean) => Value::Bool(*boolean),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(integer), _, _) => Value::from(integer),
            (None, Some(integer), _) => Value::from(integer),
            (None, None, Some(float)) => Value::from(float),
            (None, None, None) => Value::Null,
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(from_json).collect::<Vec<_>>()),
        Json::Object(entries) => {
            object_value(entries.iter().map(|(key, value)| (Arc::from(key.as_str()), from_json(value))))
        }
    }
}

/// A Rego object from its entries.
pub(super) fn object_value(entries: impl Iterator<Item = (Arc<str>, Value)>) -> Value {
    Value::from(entries.map(|(key, value)| (Value::String(key), value)).collect::<BTreeMap<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::engine::inventory::tests::object;

    #[test]
    fn values_of_a_secret_do_not_reach_a_policy() {
        let text = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"hunter2"}},"data":{"password":"hunter2"},"stringData":{"token":"hunter2","n":[1]}}"#;
        let value = from_object(&object(text));
        let shown = value.to_json_str().unwrap();
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("password") && shown.contains("token"), "{shown}");
    }

    #[test]
    fn other_kinds_are_whole() {
        let text = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"n":1.5,"big":18446744073709551615}}"#;
        let shown = from_object(&object(text)).to_json_str().unwrap();
        assert!(shown.contains("18446744073709551615") && shown.contains("1.5"), "{shown}");
    }
}
