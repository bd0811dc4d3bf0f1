//! A structural schema (OpenAPI v3 as CustomResourceDefinitions have it) as JSON Schema draft 4, which it is a dialect
//! of: `k8s.io/apiextensions-apiserver/pkg/apiserver/{schema,validation}`.

use serde_json::{Map, Value, json};

/// Formats that both sides check alike.
const FORMATS: &[&str] = &["ipv4", "ipv6"];

/// `schema` as JSON Schema.
pub(super) fn to_json_schema(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut out = Map::new();
    for (key, value) in fields {
        let translated = match key.as_str() {
            "properties" | "patternProperties" => each_value(value),
            "items" | "not" | "additionalProperties" => to_json_schema(value),
            "allOf" | "oneOf" => each_item(value),
            "anyOf" if is_int_or_string(value) => continue,
            "anyOf" => each_item(value),
            "required" => match required(value, fields.get("properties")) {
                Some(required) => required,
                None => continue,
            },
            "type" => types(value, fields),
            "enum" => options(value, fields),
            "format" if value.as_str().is_some_and(|format| FORMATS.contains(&format)) => value.clone(),
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" | "pattern"
            | "minLength" | "maxLength" | "minItems" | "maxItems" | "uniqueItems" | "minProperties"
            | "maxProperties" => value.clone(),
            // Descriptions, defaults, examples and extensions judge nothing.
            _ => continue,
        };
        out.insert(key.clone(), translated);
    }
    if is_set(fields, "x-kubernetes-int-or-string") {
        out.insert("type".to_owned(), types(&json!(["integer", "string"]), fields));
    }
    Value::Object(out)
}

/// Whether `schema` has `x-kubernetes-validations` anywhere.
pub(super) fn has_expressions(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.get("x-kubernetes-validations").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty())
                || fields.values().any(has_expressions)
        }
        Value::Array(items) => items.iter().any(has_expressions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether `key` is set to true in a schema.
pub(super) fn is_set(fields: &Map<String, Value>, key: &str) -> bool {
    fields.get(key) == Some(&Value::Bool(true))
}

fn each_value(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), to_json_schema(value))).collect())
        }
        other => other.clone(),
    }
}

fn each_item(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(to_json_schema).collect()),
        other => other.clone(),
    }
}

/// The `anyOf` that goes with `x-kubernetes-int-or-string`.
fn is_int_or_string(any_of: &Value) -> bool {
    any_of == &json!([{"type": "integer"}, {"type": "string"}])
}

/// The required fields that no default supplies.
fn required(required: &Value, properties: Option<&Value>) -> Option<Value> {
    let has_default = |name: &Value| {
        let property = name.as_str().and_then(|name| properties?.get(name));
        property.is_some_and(|property| property.get("default").is_some())
    };
    let needed: Vec<Value> = required.as_array()?.iter().filter(|name| !has_default(name)).cloned().collect();
    (!needed.is_empty()).then_some(Value::Array(needed))
}

fn types(written: &Value, fields: &Map<String, Value>) -> Value {
    if !is_set(fields, "nullable") {
        return written.clone();
    }
    let mut types = match written {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    types.push(json!("null"));
    Value::Array(types)
}

fn options(written: &Value, fields: &Map<String, Value>) -> Value {
    match written {
        Value::Array(options) if is_set(fields, "nullable") && !options.contains(&Value::Null) => {
            let mut options = options.clone();
            options.push(Value::Null);
            Value::Array(options)
        }
        other => other.clone(),
    }
}
