//! Trees for tests, built from JSON, with a place of its own for every node.

use std::sync::Arc;

use super::node::{Entry, Node, Value};
use super::span::Span;

/// `json` as a tree. Every key and every value has a span of its own, in the order in which they would be read.
pub(crate) fn node(json: &serde_json::Value) -> Node {
    build(json, &mut 0)
}

fn place(next: &mut u32) -> Span {
    *next += 10;
    Span::new(*next, *next + 5)
}

fn build(json: &serde_json::Value, next: &mut u32) -> Node {
    let span = place(next);
    let value = match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(boolean) => Value::Boolean(*boolean),
        serde_json::Value::Number(number) => number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from))
            .map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Integer),
        serde_json::Value::String(text) => Value::String(Arc::from(text.as_str())),
        serde_json::Value::Array(items) => Value::Sequence(items.iter().map(|item| build(item, next)).collect()),
        serde_json::Value::Object(entries) => {
            let entry = |(key, value): (&String, &serde_json::Value)| Entry {
                key: Arc::from(key.as_str()),
                key_span: place(next),
                value: build(value, next),
            };
            Value::Mapping(entries.iter().map(entry).collect())
        }
    };
    Node { value, span }
}
